"""Shapes are checked in every test; nothing reaches the network or the user's cache."""

import itertools
import os
import signal
import socket

import numpy as np
import pytest
from hypothesis import settings

from annotation_checks import check_annotations_of

check_annotations_of("cogspeech")

from cogspeech.types import EmbeddedRecording  # noqa: E402

# Timing never decides a test, and CI draws the same examples every time.
settings.register_profile("cogspeech", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("cogspeech")

# What is started in the background passes over Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

from digit_corpora import real_speech_folder  # noqa: E402

_TESTS = itertools.count()


@pytest.fixture(autouse=True, scope="session")
def _no_users_cache(tmp_path_factory):
    """For fixtures that live longer than a test: what a user has kept decides no test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(tmp_path_factory.mktemp("cache-of-session")))
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    # Not made: the few tests that keep something make it, and `mktemp` reads all names before.
    folder = tmp_path_factory.getbasetemp() / "caches" / str(next(_TESTS))
    monkeypatch.setenv("COGSPEECH_CACHE", str(folder))
    monkeypatch.setenv("COGSPEECH_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    connect = socket.socket.connect

    def refuse(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] != "127.0.0.1":
            raise AssertionError(f"a test reached for the network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def real_speech():
    """The folder with recordings of human voices. In CI it must be there."""
    folder = real_speech_folder()
    if folder is None:
        message = "no real speech: neither COGSPEECH_REAL_SPEECH nor ../shared/data has it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


def make_embedded(name="r1", *, words=6, d_audio=5, d_text=3, seed=0, tokens_per_word=2):
    """An embedded recording of random numbers: a pause before every third word."""
    generator = np.random.default_rng(seed)
    event_word, is_pause = [], []
    for word in range(words):
        if word % 3 == 1:
            event_word.append(word)
            is_pause.append(True)
        event_word.append(word)
        is_pause.append(False)
    events = len(event_word)
    token_word = np.repeat(np.arange(words), tokens_per_word)
    duration_s = generator.uniform(0.1, 0.9, events)
    return EmbeddedRecording(
        recording_id=name,
        event_vectors=generator.standard_normal((events, d_audio)).astype(np.float32),
        event_word=np.array(event_word),
        event_is_pause=np.array(is_pause),
        event_start_s=np.cumsum(duration_s) - duration_s,
        event_duration_s=duration_s,
        token_vectors=generator.standard_normal((len(token_word), d_text)).astype(np.float32),
        token_word=token_word,
    )


@pytest.fixture
def embedded():
    return make_embedded
