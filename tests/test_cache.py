"""The cache gives the right arrays or none; a file is written whole or not at all."""

import contextlib
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cogspeech import cache as cache_module
from cogspeech.cache import (
    ContentCache,
    cache_folder,
    content_key,
    file_digest,
    remembered_digest,
    write_atomically,
)
from cogspeech.errors import CacheError

KEY = "ab" * 32
ARRAYS = {
    "events": np.arange(6, dtype=np.float32).reshape(3, 2),
    "word_index": np.array([0, 1, 1], dtype=np.int64),
}
MADE = {"kind": "audio", "maker": "acoustic", "participant_id": "p1"}
DTYPES = [np.float32, np.float64, np.int64, np.bool_]


def _assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def cache(tmp_path: Path) -> ContentCache:
    return ContentCache(tmp_path / "cache")


@pytest.fixture
def entry(tmp_path: Path, cache: ContentCache) -> Path:
    """The file of one stored entry."""
    cache.write(KEY, ARRAYS, **MADE)
    return tmp_path / "cache" / "ab" / f"{KEY}.safetensors"


def test_what_is_written_is_read_again(cache: ContentCache, entry: Path) -> None:
    _assert_same(cache.read(KEY), ARRAYS)


@settings(deadline=None, max_examples=50)
@given(
    arrays=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
            lambda name: name != "__metadata__"
        ),
        hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=1, min_side=0, max_side=4)),
        max_size=3,
    )
)
def test_any_arrays_come_back_exactly(tmp_path_factory, arrays: dict[str, np.ndarray]) -> None:
    cache = ContentCache(tmp_path_factory.mktemp("any"))

    cache.write(KEY, arrays, **MADE)

    _assert_same(cache.read(KEY), arrays)


def test_arrays_that_are_views_come_back_exactly(cache: ContentCache) -> None:
    turned = np.arange(12.0).reshape(3, 4).T[::2]

    cache.write(KEY, {"turned": turned}, **MADE)

    _assert_same(cache.read(KEY), {"turned": turned})


def test_a_missing_entry_is_none(cache: ContentCache) -> None:
    assert cache.read(KEY) is None


def test_a_flipped_bit_never_gives_wrong_arrays(cache: ContentCache, entry: Path) -> None:
    whole = entry.read_bytes()

    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        entry.write_bytes(damaged)

        found = cache.read(KEY)

        if found is None:
            assert not entry.exists(), position
        else:
            _assert_same(found, ARRAYS)


@settings(deadline=None, max_examples=50)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_is_made_good_by_the_next_write(
    tmp_path_factory, position: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    cache = ContentCache(folder)
    cache.write(KEY, ARRAYS, **MADE)
    (entry,) = folder.rglob("*.safetensors")
    damaged = bytearray(entry.read_bytes())
    damaged[position % len(damaged)] ^= 1 << bit
    entry.write_bytes(damaged)

    if cache.read(KEY) is None:
        cache.write(KEY, ARRAYS, **MADE)

    _assert_same(cache.read(KEY), ARRAYS)


def test_an_entry_that_was_cut_off_anywhere_is_missing(cache: ContentCache, entry: Path) -> None:
    whole = entry.read_bytes()

    for length in range(len(whole)):
        entry.write_bytes(whole[:length])

        assert cache.read(KEY) is None
        assert not entry.exists()


def test_an_entry_without_a_digest_is_missing(cache: ContentCache, entry: Path) -> None:
    from safetensors.numpy import save

    entry.write_bytes(save(ARRAYS))

    assert cache.read(KEY) is None


def test_eight_writers_of_one_key_leave_one_whole_entry(
    tmp_path: Path, cache: ContentCache
) -> None:
    many = {"events": np.arange(50_000, dtype=np.float32)}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: cache.write(KEY, many, **MADE), range(32)))

    _assert_same(cache.read(KEY), many)
    assert len(list((tmp_path / "cache").glob("??/*"))) == 1


def test_readers_beside_writers_see_the_whole_entry_or_none(cache: ContentCache) -> None:
    many = {"events": np.arange(50_000, dtype=np.float32)}

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(cache.write, KEY, many, **MADE) for _ in range(16)]
        found = list(pool.map(lambda _: cache.read(KEY), range(32)))
        for writer in writers:
            writer.result()

    for arrays in found:
        if arrays is not None:
            _assert_same(arrays, many)


def test_entries_and_their_folder_are_the_owners_only(tmp_path: Path, entry: Path) -> None:
    assert _mode(entry) == 0o600
    assert _mode(tmp_path / "cache") == 0o700


def test_a_cache_folder_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CacheError, match=r"file: cannot make .* set COGSPEECH_CACHE to a folder"):
        ContentCache(tmp_path / "file")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"COGSPEECH_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/cogspeech"),
        ({"HOME": "/home/u"}, "/home/u/.cache/cogspeech"),
    ],
)
def test_the_cache_lies_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("COGSPEECH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert cache_folder() == Path(expected)


def test_the_same_parts_in_any_order_give_the_same_key() -> None:
    assert content_key(a=1, b=[1.5, "x"]) == content_key(b=[1.5, "x"], a=1)
    assert content_key(a=1) != content_key(a=2)
    assert content_key(a=1) != content_key(b=1)


def test_a_key_never_holds_what_is_not_a_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_key(a=float("nan"))


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    assert file_digest(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_file_is_written_with_its_folders_and_for_its_owner_only(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "c.json", b"{}")

    assert (tmp_path / "a" / "b" / "c.json").read_bytes() == b"{}"
    assert _mode(tmp_path / "a" / "b" / "c.json") == 0o600


def test_an_open_file_becomes_the_owners_only_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    path.chmod(0o644)

    write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert _mode(path) == 0o600


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def fail(_descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rename_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)

    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"new")

    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


WRITER = """
import sys
from pathlib import Path
import numpy as np
from cogspeech.cache import ContentCache
cache = ContentCache(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    key = f"{number % 7:02d}" * 32
    cache.write(key, {"a": np.arange(40_000.0)}, kind="audio", maker="m", participant_id="p")
"""


def _writer(folder: Path, num_writes: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(num_writes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def _start(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.flush()


def _end(process: subprocess.Popen[bytes]) -> int:
    code = process.wait()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()
    return code


def test_eight_processes_that_write_the_same_keys_leave_whole_entries(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, 21) for _ in range(8)]
    for writer in writers:
        _start(writer)

    assert [_end(writer) for writer in writers] == [0] * 8

    cache = ContentCache(tmp_path)
    found = list(cache.entries())
    assert len(found) == 7
    for entry in found:
        _assert_same(cache.read(entry.key), {"a": np.arange(40_000.0)})
    assert not list(tmp_path.rglob(".tmp-*"))
    assert len(cache.keys_of("p")) == 7


def test_killed_at_any_moment_a_writer_leaves_no_wrong_entry_and_no_entry_without_owner(
    tmp_path: Path,
) -> None:
    cache = ContentCache(tmp_path)
    for attempt in range(12):
        writer = _writer(tmp_path, 10_000)
        _start(writer)
        time.sleep(0.003 * attempt)
        writer.kill()
        assert _end(writer) == -signal.SIGKILL

        for entry in cache.entries():
            assert entry.kind == "audio"
            assert entry.key in cache.keys_of("p")
            _assert_same(cache.read(entry.key), {"a": np.arange(40_000.0)})


def test_a_cache_that_cannot_be_written_is_one_clear_error(
    cache: ContentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(CacheError, match=r"cannot write the cache \(No space left on device\)"):
        cache.write(KEY, ARRAYS, **MADE)

    assert cache.read(KEY) is None


def _age(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """As if that much time had passed."""
    now = time.time() + seconds
    monkeypatch.setattr(cache_module.time, "time", lambda: now)


def test_the_digest_of_a_settled_file_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    _age(monkeypatch, 10)
    first = remembered_digest(tmp_path / "a")
    monkeypatch.setattr(cache_module, "file_digest", lambda _path: pytest.fail("read again"))

    assert remembered_digest(tmp_path / "a") == first


@pytest.mark.parametrize("waits", [0.0, 10.0])
def test_a_file_that_changes_has_another_digest_whatever_its_times_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: float
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    status = path.stat()
    _age(monkeypatch, waits)
    first = remembered_digest(path)
    time.sleep(0.02)  # one tick of the file system's clock
    path.write_bytes(b"xyz")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert remembered_digest(path) == file_digest(path) != first


def test_a_damaged_note_of_a_digest_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    _age(monkeypatch, 10)
    first = remembered_digest(tmp_path / "a")
    (note,) = (cache_folder() / "files").iterdir()
    note.write_text("half")

    assert remembered_digest(tmp_path / "a") == first
    assert note.read_text() == first


def num_open_files(folder):
    """Other threads of this process open and close files, too."""
    found = 0
    for each in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            found += each.readlink().is_relative_to(folder.resolve())
    return found


def test_arrays_on_the_disk_keep_no_file_open_and_writing_to_one_changes_a_copy(tmp_path):
    cache, large = ContentCache(tmp_path), np.arange(60_000, dtype=np.float32)
    keys = [content_key(number=number) for number in range(40)]
    for key in keys:
        cache.write(key, {"b": large}, kind="x", maker="x", participant_id="p")

    found = [cache.read(key, maps=True)["b"] for key in keys]

    assert num_open_files(tmp_path) == 0
    found[0][:] = 0.0
    assert not found[0].any()
    np.testing.assert_array_equal(cache.read(keys[0])["b"], large)
    part = pickle.loads(pickle.dumps(found[1][5:9]))
    np.testing.assert_array_equal(part, [5, 6, 7, 8])


def test_large_arrays_can_stay_on_the_disk(tmp_path):
    cache, key = ContentCache(tmp_path), content_key(kind="x")
    large = np.arange(60_000, dtype=np.float32).reshape(300, 200)
    small = np.arange(7)
    cache.write(key, {"b": large, "a": small}, kind="x", maker="x", participant_id="p")

    found = cache.read(key, maps=True)

    assert type(found["b"]) is not np.ndarray
    assert type(found["a"]) is np.ndarray
    np.testing.assert_array_equal(found["b"], large)
    np.testing.assert_array_equal(found["a"], small)
    sent = pickle.dumps(found["b"])
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent), large)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found["b"][10:20])), large[10:20])
    found["b"][0, 0] = 5.0
    np.testing.assert_array_equal(cache.read(key)["b"], large)


def test_a_damaged_entry_is_not_mapped(tmp_path):
    cache, key = ContentCache(tmp_path), content_key(kind="x")
    large = {"a": np.zeros((300, 200), dtype=np.float32)}
    cache.write(key, large, kind="x", maker="x", participant_id="p")
    (path,) = tmp_path.glob("??/*.safetensors")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)

    assert cache.read(key, maps=True) is None
    assert not path.exists()
