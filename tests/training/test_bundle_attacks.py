"""Bundles that an enemy made: refused in one line, before anything is run or allocated."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch

from bundle_mutations import count_outcomes, sound_bundle
from cogspeech.errors import BundleError
from cogspeech.training.bundle import _digest, load_bundle
from cogspeech.training.bundle_files import MAX_TENSORS

WEIGHTS, FACTS = "model.safetensors", "bundle.json"


class Bomb:
    """Tells by a file that it was unpickled."""

    def __reduce__(self):
        return (open, ("exploded", "w"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bundle"
    sound_bundle(folder)
    return folder


def refusal(folder):
    with pytest.raises(BundleError) as error:
        load_bundle(folder)
    assert "\n" not in str(error.value)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1000
    assert not Path("exploded").exists()
    return str(error.value)


def write(folder, content):
    """The weights, with a description that fits their digest."""
    (folder / WEIGHTS).write_bytes(content)
    plain = json.loads((folder / FACTS).read_text())
    (folder / FACTS).write_text(json.dumps(plain | {"weights_sha256": _digest(content)}))


def with_header(folder, change, data=None):
    """The weights with another header, from what a function makes of the sound one."""
    content = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    changed = change(json.loads(content[8 : 8 + length]))
    header = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    body = content[8 + length :] if data is None else data(content[8 + length :])
    write(folder, len(header).to_bytes(8, "little") + header + body)


def first(header, **changes):
    name = min(header)
    return header | {name: header[name] | changes}


def saved(content, **options):
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))
    return stream.getvalue()


FOREIGN = {
    "pickle": (lambda: pickle.dumps(Bomb()), "is a pickle; only .safetensors bundles are loaded"),
    "pickle of protocol 0": (
        lambda: b"cos\nsystem\n(S'touch exploded'\ntR.",
        "is a pickle; only .safetensors bundles",
    ),
    "pickle of a dictionary": (
        lambda: pickle.dumps({"a": Bomb()}, protocol=0),
        "is a pickle; only .safetensors bundles",
    ),
    "torch.save": (lambda: saved({"a": torch.zeros(2)}), "is a zip archive, as torch.save and"),
    "torch.save of old": (
        lambda: saved({"a": torch.zeros(2)}, _use_new_zipfile_serialization=False),
        "is a pickle; only",
    ),
    "tar": (tar, "is a tar archive, as early versions of torch.save wrote; only"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(40), "is a gzip archive; only"),
    "keras": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(40), "is an HDF5 file; only"),
    "gguf": (lambda: b"GGUF" + bytes(40), "is a GGUF file; only"),
    "numpy": (lambda: b"\x93NUMPY\x01\x00" + bytes(40), "is a numpy array; only"),
    "text": (lambda: b"hello, world, again", "is no safetensors file; only"),
    "too short": (lambda: b"\x01", "is no safetensors file; only"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_kind_of_file_is_refused_by_its_first_bytes(folder, name):
    content, found = FOREIGN[name]
    write(folder, content())

    assert f"{folder / WEIGHTS}: {found}" in refusal(folder)


def test_a_pickle_in_place_of_a_folder_is_told_what_it_is(folder):
    path = folder / "model.pt"
    path.write_bytes(pickle.dumps(Bomb()))

    assert refusal(path) == (
        f"{path}: is a pickle; give the folder of a bundle: only .safetensors bundles are loaded "
        "and nothing is ever unpickled, see docs/bundles.md"
    )


def test_a_folder_of_pickles_is_told_what_it_is(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))

    assert "holds 'pytorch_model.bin', but no bundle.json; only .safetensors" in refusal(tmp_path)


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def sparse(path):
    os.truncate(path, 10 << 40)


KINDS = {
    "link": (link, "is a link; copy the file itself (cp -L)"),
    "fifo": (lambda p: (p.unlink(), os.mkfifo(p)), "is no regular file"),
    "directory": (lambda p: (p.unlink(), p.mkdir()), "is no regular file"),
    "device": (lambda p: (p.unlink(), p.symlink_to("/dev/zero")), "is a link"),
    "link in a ring": (lambda p: (p.unlink(), p.symlink_to(p)), "is a link"),
    "missing": (lambda p: p.unlink(), None),
    "empty": (lambda p: p.write_bytes(b""), "has 0 bytes, expected 1 to"),
    "sparse file of 10 TB": (sparse, "has 10995116277760 bytes, expected 1 to"),
}


@pytest.mark.parametrize("name", [WEIGHTS, FACTS, "README.md"])
@pytest.mark.parametrize("kind", KINDS)
def test_only_regular_files_of_a_sensible_size_are_read(folder, kind, name):
    damage, found = KINDS[kind]
    (folder / "README.md").write_text("# A card\n")
    damage(folder / name)

    if found:
        assert f"{folder / name}: {found}" in refusal(folder)
    elif name == "README.md":
        assert load_bundle(folder).card is None
    else:
        missing = "cannot be opened (No such file" if name == WEIGHTS else "no such bundle; give"
        assert missing in refusal(folder)


def test_a_device_is_never_read(folder):
    assert "/dev/zero: is no regular file" in refusal_of_weights("/dev/zero")


def refusal_of_weights(path):
    from cogspeech.training.bundle_files import read_weights

    with pytest.raises(BundleError) as error:
        read_weights(Path(path), lambda _: None)
    return str(error.value)


def many(count):
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return {f"t{n}": entry for n in range(count)}


UNSOUND = "its header does not describe"
HEADERS = {
    "header longer than the file": (
        lambda f: write(f, struct.pack("<Q", 1 << 40) + b"{}" + bytes(99)),
        "is no safetensors file",
    ),
    "header of 2 MB": (
        lambda f: with_header(f, lambda h: json.dumps(h).encode().ljust(2 << 20)),
        "has a header of 2097152 bytes, expected at most 1048576",
    ),
    "header that is a list": (
        lambda f: with_header(f, lambda _: b'{"a": [1, 2]}'),
        f"{UNSOUND} 'a' soundly",
    ),
    "header that is no json": (lambda f: with_header(f, lambda _: b"{no}"), "not valid json"),
    "header in latin-1": (lambda f: with_header(f, lambda _: b'{"\xe9": 1}'), "is not UTF-8"),
    "header of depth": (
        lambda f: with_header(f, lambda _: b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}"),
        "nested deeper than 32 levels",
    ),
    "tensor named twice": (
        lambda f: with_header(f, lambda h: json.dumps(h).encode()[:-1] + b', "a": 1, "a": 2}'),
        "has the key 'a' twice",
    ),
    "100,000 tensors": (
        lambda f: with_header(f, lambda _: many(10_000), lambda _: b""),
        f"holds 10000 tensors, expected at most {MAX_TENSORS}",
    ),
    "no tensor at all": (lambda f: with_header(f, lambda _: {}, lambda _: b""), "it lacks"),
    "trailing bytes": (
        lambda f: with_header(f, lambda h: h, lambda d: d + b"#!/bin/sh"),
        "bytes of data where its header describes",
    ),
    "cut short": (
        lambda f: with_header(f, lambda h: h, lambda d: d[:-1]),
        "bytes of data where its header describes",
    ),
    "a hole": (
        lambda f: with_header(f, shifted, lambda d: bytes(4) + d),
        "tensors overlap or leave a hole at byte 0 of the data",
    ),
    "an overlap": (lambda f: with_header(f, overlapping), "overlap or leave a hole"),
    "another type": (
        lambda f: with_header(f, lambda h: first(h, dtype="I32")),
        "is int32 (1,), expected float32 (1,)",
    ),
    "an unknown type": (
        lambda f: with_header(f, lambda h: first(h, dtype="F8_E4M3")),
        f"{UNSOUND} 'pause.head.linear.bias' soundly",
    ),
    "a type that is no text": (lambda f: with_header(f, lambda h: first(h, dtype=[])), UNSOUND),
    "negative shape": (lambda f: with_header(f, lambda h: first(h, shape=[-1, -4])), UNSOUND),
    "shape of true": (lambda f: with_header(f, lambda h: first(h, shape=[4, True])), UNSOUND),
    "shape whose product overflows": (
        lambda f: with_header(f, lambda h: first(h, shape=[1 << 32, 1 << 32, 4])),
        UNSOUND,
    ),
    "shape of 5,000 digits": (
        lambda f: with_header(
            f, lambda h: json.dumps(h).replace("[4]", f"[{'9' * 5000}]").encode()
        ),
        "holds an integer of 5000 digits",
    ),
    "offsets backwards": (
        lambda f: with_header(f, lambda h: first(h, data_offsets=[16, 0])),
        UNSOUND,
    ),
    "a key more": (lambda f: with_header(f, lambda h: first(h, more=1)), UNSOUND),
    "a name that moves the cursor": (
        lambda f: with_header(f, lambda h: {f"\x1b[2J{min(h)}": h.pop(min(h)), **h}),
        "it has '?[2J",
    ),
}


def shifted(header):
    for entry in header.values():
        entry["data_offsets"] = [at + 4 for at in entry["data_offsets"]]
    return header


def overlapping(header):
    one, other = sorted(header, key=lambda name: header[name]["data_offsets"])[:2]
    start, stop = header[one]["data_offsets"]
    header[one]["data_offsets"] = [start, stop]
    header[other]["data_offsets"] = [at - 4 for at in header[other]["data_offsets"]]
    return header


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_is_refused_before_a_tensor_is_read(folder, name, monkeypatch):
    damage, found = HEADERS[name]
    damage(folder)
    monkeypatch.setattr("cogspeech.training.bundle.load", None)  # nobody gets that far

    assert found in refusal(folder)


def test_the_first_five_differences_are_told(folder):
    with_header(folder, lambda h: {f"other.{name}": entry for name, entry in h.items()})

    told = refusal(folder)

    assert told.count("it lacks") + told.count("which the fusion does not know") == 5
    assert "; and 21 more; copy both again" in told


def test_a_bit_that_flipped_is_found(folder):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)

    assert "not the weights that bundle.json describes" in refusal(folder)


def describe(**changes):
    return lambda plain: json.dumps(plain | changes)


def inserted(text):
    return lambda plain: json.dumps(plain)[:-1] + f", {text}}}"


DESCRIPTIONS = {
    "no json": (lambda _: "{", r":1: not valid json"),
    "a list": (lambda _: "[]", ": expected a json object of facts, found a list"),
    "text": (lambda _: '"text"', ": expected a json object of facts, found text"),
    "nothing": (lambda _: "null", "expected a json object of facts, found nothing"),
    "a key twice": (inserted('"study": "t"'), ": has the key 'study' twice"),
    "NaN": (inserted('"more": NaN'), ": holds NaN, which is no number"),
    "Infinity": (inserted('"more": -Infinity'), ": holds -Infinity, which is no number"),
    "1e999": (inserted('"more": 1e999'), ": holds a number that is too large (1e999)"),
    "5,000 digits": (inserted(f'"more": {"9" * 5000}'), ": holds an integer of 5000 digits"),
    "depth": (inserted(f'"more": {"[" * 99_999}'), ": nested deeper than 32 levels"),
    "depth of 40": (inserted(f'"more": {"[" * 40 + "]" * 40}'), ": nested deeper than 32 levels"),
    "half a pair": (inserted(r'"more": "\ud800"'), ": holds half a surrogate pair"),
    "2 MB": (lambda p: json.dumps(p) + " " * (2 << 20), "bytes, expected 1 to 1048576"),
    "two documents": (lambda p: json.dumps(p) * 2, ":1: not valid json (Extra data)"),
    "an unknown key": (inserted('"studdy": "t"'), "unknown key 'studdy'; did you mean 'study'"),
    "another format": (describe(format_version=999), ": has format 999, expected"),
    "a format that is true": (describe(format_version=True), ": has format True, expected"),
    "a format that is text": (describe(format_version="4"), ": has format 4, expected"),
    "no digest": (describe(weights_sha256=None), "'weights_sha256' is no digest"),
    "a digest that is a path": (describe(weights_sha256="../x"), "'weights_sha256' is no digest"),
    "a number as text": (
        describe(training={"participants": "1", "recordings": 1}),
        "'training.participants' is text, expected a number",
    ),
    "a number that is true": (
        describe(training={"participants": True, "recordings": 1}),
        "'training.participants' is true or false, expected a number",
    ),
    "a rate as text": (
        describe(sample_rates_hz=["16000"]),
        "'sample_rates_hz.0' is text, expected a number",
    ),
    "a list for a text": (describe(study=["s"]), "'study'"),
    "a fusion that does not exist": (
        describe(fusion={"name": "../../etc/passwd"}),
        "unknown fusion '../../etc/passwd'",
    ),
    "a fusion that is a module": (describe(fusion={"name": "os.system"}), "unknown fusion"),
    "an option nobody has": (
        describe(fusion={"name": "pause_only", "exec": "id"}),
        "unknown key 'exec'",
    ),
    "layers beyond measure": (
        describe(fusion={"name": "pause_only", "num_layers": 10**9}),
        "'num_layers'",
    ),
    "width beyond measure": (
        describe(fusion={"name": "pause_only", "d_model": 10**9}),
        "'d_model'",
    ),
    "a model of 8e9 parameters": (
        describe(fusion={"name": "pause_only", "d_model": 8192, "num_layers": 64}),
        "parameters, expected at most 1073741824",
    ),
    "vectors beyond measure": (describe(sizes={"d_audio": 10**12, "d_text": 3}), "'sizes.d_audio'"),
    "a model that is wider than its weights": (
        describe(fusion={"name": "pause_only", "d_model": 4096}),
        "'pause.layers.0.inner.1.weight' is float32 (8, 4), expected float32 (8192, 4096)",
    ),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_that_lies_is_refused(folder, name):
    change, found = DESCRIPTIONS[name]
    path = folder / FACTS
    path.write_text(change(json.loads(path.read_text())))

    assert found in refusal(folder)


def test_a_description_in_another_encoding_is_refused(folder):
    (folder / FACTS).write_bytes((folder / FACTS).read_text().encode("utf-16"))

    assert f"{folder / FACTS}: is not UTF-8 at byte 0" in refusal(folder)


def test_a_file_in_the_cache_of_the_hub_may_be_a_link_to_its_blob(folder, tmp_path):
    repository, commit = tmp_path / "models--lab--model", "0123456789" * 4
    (repository / "blobs").mkdir(parents=True)
    (repository / "snapshots").mkdir()
    place = folder.rename(repository / "snapshots" / commit)
    for name in (WEIGHTS, FACTS):
        (place / name).rename(repository / "blobs" / name)
        (place / name).symlink_to(f"../../blobs/{name}")

    assert load_bundle(place).origin == f"lab/model@{commit}"

    (repository / "blobs" / FACTS).rename(repository / FACTS)
    (place / FACTS).unlink()
    (place / FACTS).symlink_to(f"../../{FACTS}")
    assert "is a link" in refusal(place)


WATCHED = """
import sys
from pathlib import Path
from cogspeech.errors import BundleError
def most():  # megabytes; what getrusage tells begins with those of the parent
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))
load = getattr(__import__(sys.argv[1], fromlist=["x"]), sys.argv[2])
before = most()
for place in sys.argv[3:]:
    try:
        load(Path(place))
    except BundleError:
        continue
    sys.exit(f"{place} was loaded")
print(most(), most() - before)
"""


def test_nothing_is_allocated_for_what_is_refused(folder, tmp_path):
    large = {
        "sparse": lambda f: sparse(f / WEIGHTS),
        "sparse facts": lambda f: sparse(f / FACTS),
        "sparse legal": lambda f: os.truncate(f / WEIGHTS, 4 << 30),
        "many": HEADERS["100,000 tensors"][0],
        "depth": HEADERS["header of depth"][0],
        "product": HEADERS["shape whose product overflows"][0],
        "model": lambda f: rewrite(f, "a model of 8e9 parameters"),
        "digits": lambda f: rewrite(f, "5,000 digits"),
        "nested": lambda f: rewrite(f, "depth"),
    }
    for name, damage in large.items():
        sound_bundle(tmp_path / name)
        damage(tmp_path / name)
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()) + bytes(1 << 20))

    _, grown = watched("cogspeech.training.bundle", "load_bundle", *(tmp_path / n for n in large))
    whole, _ = watched("cogspeech.training.bundle_files", "refuse_foreign", tmp_path / "model.pt")

    assert grown < 100  # MB
    assert whole < 100  # not even torch is loaded for a pickle
    assert not Path("exploded").exists()


def rewrite(folder, name):
    path = folder / FACTS
    path.write_text(DESCRIPTIONS[name][0](json.loads(path.read_text())))


def watched(module, function, *places):
    """Megabytes that a process takes to refuse what it is given: all of them, and the growth."""
    command = [sys.executable, "-c", WATCHED, module, function, *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return map(int, done.stdout.split())


@pytest.mark.slow
def test_two_thousand_damaged_bundles_are_refused_or_the_same(tmp_path):
    found = count_outcomes(2_000, seed=0)

    assert found.keys() == {"refused", "same"}
    assert min(found.values()) > 50
