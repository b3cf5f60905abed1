"""Several processes find the same words as one, and outlive what kills one of them."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import popen_fork
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.base import write_recordings_table
from cogspeech.delivery.cli import main
from cogspeech.errors import ConfigError
from cogspeech.settings import Component
from cogspeech.transcripts.base import SOURCES
from cogspeech.transcripts.transcribe import Untranscribed, transcribe
from cogspeech.types import Recording
from mortal import MortalSource

RATE_HZ = 16_000


@pytest.fixture(autouse=True)
def _mortal(monkeypatch):
    SOURCES.names()
    monkeypatch.setitem(SOURCES._entries, "mortal", MortalSource)


@pytest.fixture
def section(tmp_path):
    return TranscriptsSection(source=Component(name="mortal", diary=str(tmp_path / "diary")))


@pytest.fixture
def make(tmp_path):
    """Recordings by name."""

    def recordings(*names):
        made = []
        for number, name in enumerate(names):
            path = tmp_path / f"{name}.wav"
            samples = 0.1 * np.random.default_rng(number).standard_normal(RATE_HZ)
            soundfile.write(path, samples, RATE_HZ)
            made.append(
                Recording(
                    recording_id=name,
                    participant_id=f"person of {name}",
                    audio_path=path,
                    where=f"table:{number}",
                )
            )
        return made

    return recordings


def diary(tmp_path):
    return [line.split(":") for line in (tmp_path / "diary").read_text().split()]


def test_one_and_three_processes_find_the_same_in_the_same_order(make, section, tmp_path):
    recordings = make("one", "silent", "two", "three", "four", "five")
    told = []

    alone = transcribe(recordings, section, cache=ContentCache(tmp_path / "cache1"))
    many = transcribe(
        recordings,
        section,
        cache=ContentCache(tmp_path / "cache3"),
        workers=3,
        progress=lambda stage, done, total, audio_s: told.append((stage, done, total, audio_s)),
    )

    assert many == alone
    assert many[1] == Untranscribed(recording_id="silent", problem="table:1: nothing is heard")
    assert told == [("transcripts", done, 6, 1.0) for done in range(1, 7)]
    processes = {process for _, process in diary(tmp_path)[6:]}
    assert str(os.getpid()) not in processes
    assert 1 <= len(processes) <= 3
    keys = [
        sorted(entry.key for entry in ContentCache(tmp_path / f"cache{n}").entries())
        for n in (1, 3)
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 5


def test_a_recording_that_kills_its_process_twice_is_given_up_and_the_others_go_on(
    make, section, tmp_path
):
    names = ["one", "kills", "two", "trips", "three", "four"]

    found = transcribe(make(*names), section, cache=ContentCache(tmp_path / "cache"), workers=2)

    given_up = [each for each in found if isinstance(each, Untranscribed)]
    assert given_up == [
        Untranscribed(
            recording_id="kills",
            problem="table:1: given up after two tries (its process ended, perhaps for want of "
            "memory)",
        )
    ]
    assert [each.recording_id for each in found] == names
    tried = [name for name, _ in diary(tmp_path)]
    assert tried.count("kills") == tried.count("trips") == 2
    assert all(tried.count(name) == 1 for name in ("one", "two", "three", "four"))
    assert set(tried[-2:]) == {"kills", "trips"}  # once more, when nothing else runs


def poll_slowly(process, flag=os.WNOHANG):
    """What multiprocessing does, slow between seeing the end of a process and noting it."""
    if process.returncode is None:
        try:
            found, status = os.waitpid(process.pid, flag)
        except ChildProcessError:
            return None
        if found == process.pid:
            time.sleep(0.3 * (threading.current_thread() != threading.main_thread()))
            process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


@pytest.mark.parametrize("poll", [popen_fork.Popen.poll, poll_slowly])
def test_an_error_that_no_recording_is_to_blame_for_ends_the_work(
    poll, make, section, tmp_path, monkeypatch
):
    monkeypatch.setattr(popen_fork.Popen, "poll", poll)
    with pytest.raises(ConfigError, match="the model cannot be loaded"):
        transcribe(
            make("one", "bare", "slow"), section, cache=ContentCache(tmp_path / "c"), workers=2
        )
    assert multiprocessing.active_children() == []


def test_what_is_known_needs_no_process(make, section, tmp_path, monkeypatch):
    *recordings, another = make("one", "two", "three", "four")
    cache = ContentCache(tmp_path / "cache")
    first = transcribe(recordings, section, cache=cache)
    monkeypatch.setattr(
        "cogspeech.transcripts.transcribe.in_processes",
        lambda *_, **__: pytest.fail("a process was started"),
    )

    assert transcribe(recordings, section, cache=cache, workers=2) == first
    found = transcribe([*recordings, another], section, cache=cache, workers=2)
    assert found[3].words[0].text == "four"


@pytest.mark.parametrize("workers", ["0", "-1", "two", "2000"])
@pytest.mark.parametrize("command", [["transcribe"], ["run", "--out", "x"]])
def test_a_number_of_workers_that_is_none_is_one_line(workers, command, capsys):
    assert main([*command, "study.yaml", "--workers", workers]) == 2

    error = capsys.readouterr().err
    assert f"expected 1 to 1024, found '{workers}'" in error
    assert error.count("\n") == 1


def test_the_workers_of_run_reach_the_study(make, tmp_path, monkeypatch):
    (tmp_path / "study.yaml").write_text("corpus: {path: recordings.csv}\n")
    asked = []
    monkeypatch.setattr(
        "cogspeech.delivery.study_commands.run_study",
        lambda *_, **how: asked.append(how["workers"]),
    )
    monkeypatch.setattr("cogspeech.delivery.study_commands.print_summary", lambda *_: None)

    for words in ([], ["--workers", "3"]):
        assert main(["run", str(tmp_path / "study.yaml"), "--out", str(tmp_path), *words]) == 0

    assert asked == [1, 3]


@pytest.fixture
def long_study(tmp_path, real_speech):
    """Four recordings that take the recogniser seconds each."""
    clips = sorted((real_speech / "librivox").glob("*.wav"))
    samples = np.concatenate([soundfile.read(clip)[0] for clip in clips])
    rows = []
    for number in range(4):
        soundfile.write(tmp_path / f"r{number}.wav", np.roll(samples, 999 * number), RATE_HZ)
        rows.append(
            {
                "recording_id": f"r{number}",
                "participant_id": f"p{number}",
                "audio_path": f"r{number}.wav",
                "diagnosis": ("control", "dementia")[number % 2],
            }
        )
    write_recordings_table(tmp_path / "recordings.csv", rows)
    path = tmp_path / "study.yaml"
    path.write_text("corpus: {path: recordings.csv}\ntranscripts: {source: pocketsphinx}\n")
    return path


@pytest.mark.real_speech
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    "end", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_an_interrupted_transcription_leaves_no_process(end, long_study):
    running = subprocess.Popen(
        [sys.executable, "-m", "cogspeech", "transcribe", str(long_study), "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    while sum(_has_begun(child) for child in _children(running.pid)) < 2:
        assert running.poll() is None
        time.sleep(0.05)
    children = _children(running.pid)

    running.send_signal(end)
    _, error = running.communicate(timeout=60)

    if end == signal.SIGINT:
        assert (running.returncode, error) == (130, "interrupted\n")
    for _ in range(200):
        if not any(_command(child) for child in children):
            break
        time.sleep(0.05)
    assert not any(_command(child) for child in children)


def _children(parent):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(process)
    return found


def _has_begun(process):
    """Whether it is a worker that leaves interrupts to its parent."""
    try:
        ignored = (process / "status").read_text().partition("SigIgn:")[2].split()[0]
    except (OSError, IndexError):
        return False
    is_ignored = bool(int(ignored, 16) & 1 << (signal.SIGINT - 1))
    return is_ignored and b"spawn_main" in _command(process)


def _command(process):
    """Empty where the process is gone."""
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
