"""What every engine promises, with real processes and a real Ray."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from checkpoints import save_audio_checkpoint, save_text_checkpoint
from cogspeech.cache import ContentCache
from cogspeech.embeddings.dispatch import groups_of
from cogspeech.embeddings.extract import embed_recordings, fill_cache
from cogspeech.embeddings.huggingface import HuggingFaceAudioEncoder, HuggingFaceTextEncoder
from cogspeech.engines.base import ENGINES, Engine, EngineOptions, Slot, build_engine
from cogspeech.errors import ConfigError, EncoderError, MissingExtra

ENGINES_AND_WORKERS = [("local", 1), ("local", 2), ("ray", 1), ("ray", 2)]
OTHER_PROCESSES = [("local", 2), pytest.param("ray", 2, marks=pytest.mark.slow)]
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Ray's workers find the encoder of the tests."""
    monkeypatch.setenv(
        "PYTHONPATH", f"{Path(__file__).parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    )
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def engine(name, workers):
    return build_engine(name, EngineOptions(workers=workers))


def problems(outcomes):
    return {o.recording_id: o.problem for o in outcomes if o.problem}


def contents(cache):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in cache.folder.glob("??/*.safetensors")
    }


@pytest.mark.slow
def test_all_engines_write_the_same_bytes(make_jobs, encoders, tmp_path):
    jobs = make_jobs(*[f"fine{i}" for i in range(9)])
    written = []
    for name, workers in ENGINES_AND_WORKERS:
        cache = ContentCache(tmp_path / f"{name}{workers}")

        outcomes = fill_cache(jobs, encoders, cache=cache, engine=engine(name, workers))

        assert [o.recording_id for o in outcomes] == [j.recording.recording_id for j in jobs]
        assert not problems(outcomes)
        written.append(contents(cache))

    assert len(written[0]) == 9 * 2 + 1  # the words are the same, hence one entry of tokens
    assert all(found == written[0] for found in written[1:])


@pytest.mark.slow
def test_one_and_two_workers_give_transformers_the_same_numbers(make_jobs, tmp_path):
    audio = HuggingFaceAudioEncoder.Options(
        model=str(save_audio_checkpoint("wav2vec2", tmp_path / "audio"))
    )
    text = HuggingFaceTextEncoder.Options(
        model=str(save_text_checkpoint("roberta", tmp_path / "text"))
    )
    jobs = make_jobs(*[f"fine{i}" for i in range(5)])
    made = [
        embed_recordings(
            jobs,
            (HuggingFaceAudioEncoder(audio), HuggingFaceTextEncoder(text)),
            cache=ContentCache(tmp_path / f"cache{workers}"),
            engine=engine("local", workers),
        )
        for workers in (1, 2)
    ]

    for one, two in zip(*made, strict=True):
        np.testing.assert_allclose(one.event_vectors, two.event_vectors, atol=1e-5)
        np.testing.assert_allclose(one.token_vectors, two.token_vectors, atol=1e-5)


@pytest.mark.parametrize(("name", "workers"), OTHER_PROCESSES)
def test_a_recording_that_kills_its_worker_is_given_up_after_two_tries(
    name, workers, make_jobs, encoders, cache, diary
):
    names = [
        "fine0",
        "fine1",
        "kills",
        "fine2",
        "raises",
        "broken",
        *[f"fine{i}" for i in range(3, 20)],
    ]

    outcomes = fill_cache(make_jobs(*names), encoders, cache=cache, engine=engine(name, workers))

    found = problems(outcomes)
    assert set(found) == {"kills", "raises", "broken"}
    assert "recordings.csv:4: given up after two tries (WorkerDied: its process" in found["kills"]
    assert "given up after two tries (RuntimeError: cannot bear it)" in found["raises"]
    assert "recordings.csv:7: " in found["broken"]
    assert "breaks off" in found["broken"]
    assert diary("encode kills") == ["encode kills"] * 3  # once among others, twice alone
    assert diary("encode raises") == ["encode raises"] * 2  # its group died before it


@pytest.mark.parametrize(("name", "workers"), OTHER_PROCESSES)
def test_every_worker_loads_the_weights_once(name, workers, make_jobs, encoders, cache, diary):
    fill_cache(
        make_jobs(*[f"fine{i}" for i in range(16)]),
        encoders,
        cache=cache,
        engine=engine(name, workers),
    )

    loads = diary("load")
    assert 1 <= len(loads) <= workers
    assert len(set(loads)) == len(loads)
    assert f"load {os.getpid()}" not in loads


def test_an_error_that_no_recording_is_to_blame_for_ends_the_work(make_jobs, encoders, cache):
    jobs = make_jobs("fine0", "unloadable", "fine1")

    with pytest.raises(EncoderError, match="weights cannot be loaded"):
        fill_cache(jobs, encoders, cache=cache, engine=engine("local", 2))


def test_alone_in_this_process_an_unexpected_failure_is_given_up_too(
    make_jobs, encoders, cache, diary
):
    outcomes = fill_cache(
        make_jobs("fine0", "raises", "fine1"), encoders, cache=cache, engine=engine("local", 1)
    )

    assert set(problems(outcomes)) == {"raises"}
    assert len(diary("encode raises")) == 3  # once among others, twice alone


def test_groups_are_the_same_for_every_engine_and_hold_everybody_once(make_jobs):
    jobs = make_jobs(*[f"fine{i}" for i in range(90)])

    for audio_s in (0.1, 7.0, 60.0, 1e9):
        groups = list(groups_of(jobs, audio_s=audio_s))
        assert [job for group in groups for job in group] == list(jobs)
        assert max(map(len, groups)) <= 64
        for group in groups[:-1]:
            total_s = sum(job.duration_s for job in group)
            assert total_s - group[-1].duration_s < audio_s


def test_a_missing_ray_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[ray\]'"):
        engine("ray", 1)


@pytest.mark.parametrize("address", ["10.0.0.1:6379", "ray://head.example:10001", "auto"])
def test_a_cluster_in_the_environment_alone_is_refused(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)

    with pytest.raises(ConfigError, match=f"add --cluster {address}, or unset RAY_ADDRESS"):
        engine("ray", 1)


def test_a_cluster_that_is_not_there_is_one_clear_error(make_jobs, encoders, cache):
    asked = build_engine("ray", EngineOptions(cluster="127.0.0.1:1"))

    with pytest.raises(ConfigError, match=r"--cluster 127\.0\.0\.1:1: nobody answers there"):
        fill_cache(make_jobs("fine0"), encoders, cache=cache, engine=asked)


def test_a_cluster_does_not_belong_to_the_local_engine(make_jobs, encoders, cache):
    asked = build_engine("local", EngineOptions(cluster="127.0.0.1:6379"))

    with pytest.raises(ConfigError, match="--cluster belongs to --engine ray"):
        fill_cache(make_jobs("fine0"), encoders, cache=cache, engine=asked)


def _sockets_of_ray():
    """Inodes of the sockets of every process that Ray has started."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"/ray/" in (process / "cmdline").read_bytes():
                found |= {str(each.readlink()) for each in (process / "fd").iterdir()}
        except OSError:
            continue
    return {name[8:-1] for name in found if name.startswith("socket:[")}


def _listening():
    """Local addresses of all listening sockets, by inode, from the kernel's own table."""
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A":
                found[cells[9]] = cells[1].partition(":")[0]
    return found


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's tables")
def test_ray_listens_on_loopback_only(make_jobs, encoders, cache):
    asked = engine("ray", 1)
    from cogspeech.embeddings.worker import Worker

    with asked.opened(Worker(encoders, cache)) as open_slot:
        (job,) = make_jobs("fine0")
        open_slot().submit((job,)).result()
        listening, of_ray = _listening(), _sockets_of_ray()
        found = {listening[inode] for inode in of_ray & listening.keys()}

    assert found
    assert found <= LOOPBACK


def test_a_worker_that_is_interrupted_while_it_begins_is_ended_too():
    ended = []

    class Begins(Slot):
        def submit(self, work):
            raise KeyboardInterrupt

        def close(self):
            ended.append(self)

    class OfThat(Engine):
        def opened(self, worker):
            return contextlib.nullcontext(Begins)

    with pytest.raises(KeyboardInterrupt):
        list(OfThat(EngineOptions()).run(str, deque(["work"])))

    assert len(ended) == 1


def test_every_engine_is_tested_here():
    assert set(ENGINES.names()) == {name for name, _ in ENGINES_AND_WORKERS}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_embedding_leaves_no_process_and_no_wrong_entry(
    make_jobs, encoders, cache, tmp_path
):
    """SIGKILL of the first process; the pool's processes end by themselves."""
    jobs = make_jobs(*[f"fine{i}" for i in range(8)])
    script = (
        "import sys, pickle, pathlib\n"
        "from cogspeech.cache import ContentCache\n"
        "from cogspeech.engines.base import EngineOptions, build_engine\n"
        "from cogspeech.embeddings.extract import fill_cache\n"
        "if __name__ == '__main__':\n"
        "    jobs, encoders, folder = pickle.load(open(sys.argv[1], 'rb'))\n"
        "    engine = build_engine('local', EngineOptions(workers=2))\n"
        "    fill_cache(jobs, encoders, cache=ContentCache(pathlib.Path(folder)), engine=engine)\n"
    )
    import pickle

    (tmp_path / "main.py").write_text(script)
    (tmp_path / "work").write_bytes(pickle.dumps((jobs, encoders, str(cache.folder))))
    running = subprocess.Popen([sys.executable, str(tmp_path / "main.py"), str(tmp_path / "work")])
    while not list(cache.folder.glob("??/*.safetensors")):
        assert running.poll() is None
        time.sleep(0.01)
    workers = [pid for pid in Path("/proc").glob("[0-9]*") if _parent(pid) == running.pid]
    assert workers
    running.send_signal(signal.SIGKILL)
    running.wait()

    for _ in range(600):
        alive = [pid for pid in workers if _is_alive(pid)]
        if not alive:
            break
        time.sleep(0.05)
    assert not alive
    for entry in cache.entries():
        assert cache.read(entry.key) is not None
    outcomes = fill_cache(jobs, encoders, cache=cache, engine=engine("local", 1))
    assert not problems(outcomes)


def _is_alive(process):
    """A process that has ended has no command line any more, even if nobody asked for its end."""
    try:
        return bool((process / "cmdline").read_bytes())
    except OSError:
        return False


def _parent(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
