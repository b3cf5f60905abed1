"""The benchmark of planted leaks at the smallest size that means something."""

import numpy as np
import pytest

import planted_leaks
from cogspeech.audit.base import known_codes
from cogspeech.cache import ContentCache
from leak_corpora import real_corpus
from leak_kinds import KINDS

WITH_FEW = [kind for kind in KINDS if kind.codes[0] in ("same_audio", "similar_audio")]
WITH_MANY = [k for k in KINDS if k.name in ("loudness_normalised", "narrow_band", "codec", "older")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return ContentCache(tmp_path_factory.mktemp("heard"))


@pytest.fixture(scope="module")
def corpus(real_speech):
    return real_corpus(real_speech, np.random.default_rng(3))


def test_there_are_enough_kinds_and_each_has_a_code_that_exists():
    assert len(KINDS) >= 20
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {code for kind in KINDS for code in kind.codes} <= set(known_codes())


@pytest.mark.real_speech
@pytest.mark.parametrize("kind", WITH_FEW, ids=lambda kind: kind.name)
def test_a_copy_is_found_among_few_recordings(kind, corpus, cache):
    assert planted_leaks.is_found(kind, corpus.copy(8), cache, draw=0)


@pytest.mark.slow
@pytest.mark.real_speech
@pytest.mark.parametrize("kind", WITH_MANY, ids=lambda kind: kind.name)
def test_what_differs_by_class_is_found_among_many(kind, corpus, cache):
    assert planted_leaks.is_found(kind, corpus, cache, draw=0)


@pytest.mark.real_speech
def test_what_cannot_be_planted_is_no_miss(corpus, cache):
    (kind,) = (kind for kind in KINDS if kind.name == "same_transcript")

    assert planted_leaks.is_found(kind, corpus, cache, draw=0) is None


@pytest.mark.real_speech
def test_sound_corpora_are_sound(corpus, cache):
    found = planted_leaks.false_alarms_of("real", lambda _: corpus.copy(), cache, bases=1, deals=8)

    assert (found.alarms, found.draws) == (0, 8)
