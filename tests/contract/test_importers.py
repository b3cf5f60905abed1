"""What every corpus importer must do, on a miniature of every layout it reads."""

import dataclasses
import json
import os
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from cogspeech.corpora import sheets
from cogspeech.corpora.base import IMPORTERS, OPTIONAL_COLUMNS, read_recordings_table
from cogspeech.corpora.table_rows import write_table
from cogspeech.delivery.cli import main
from cogspeech.errors import ConfigError, CorpusError
from cogspeech.types import Corpus, no_progress
from layouts import Layout, layouts_of

CASES = [
    pytest.param(importer, layout, id=f"{importer}: {name}")
    for importer in IMPORTERS.names()
    for name, layout in layouts_of(importer).items()
]
TREES = [case for case in CASES if case.values[1].is_tree]
LISTED = [case for case in TREES if case.values[1].is_listed]
SPOILABLE = [case for case in TREES if case.values[1].spoil_label]
COLUMNS = ("participant_id", "label", *OPTIONAL_COLUMNS)
PATHS = ("audio_path", "transcript_path", "segmentation_path")


def _read(importer: str, layout: Layout, path: Path) -> Corpus:
    kind = IMPORTERS.get(importer)
    return kind(kind.Options(**layout.options)).read(
        path, target_column=layout.target, progress=no_progress
    )


def _refusal(importer: str, layout: Layout, path: Path) -> str:
    with pytest.raises(CorpusError) as refusal:
        _read(importer, layout, path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def _plain(corpus: Corpus, root: Path) -> dict[str, dict[str, object]]:
    """The recordings as names, values and paths below a folder; not where they were read."""
    plain = {}
    for recording in corpus.recordings:
        facts = {**dataclasses.asdict(recording), **recording.metadata}
        facts.pop("metadata")
        facts.pop("where")
        for name in PATHS:
            path = facts[name]
            facts[name] = path and path.resolve().relative_to(root.resolve()).as_posix()
        plain[recording.recording_id] = facts
    return plain


@pytest.fixture(scope="session")
def _built(tmp_path_factory):
    built: dict[int, tuple[Path, str]] = {}

    def build(layout: Layout) -> tuple[Path, str]:
        if id(layout) not in built:
            root = tmp_path_factory.mktemp("corpus")
            built[id(layout)] = root, layout.build(root).relative_to(root).as_posix()
        return built[id(layout)]

    return build


@pytest.fixture
def copy(_built, tmp_path):
    """A copy of a miniature, to be spoilt: its folder, and what is imported."""

    def make(layout: Layout, name: str = "copy") -> tuple[Path, Path]:
        root, below = _built(layout)
        shutil.copytree(root, tmp_path / name)
        return tmp_path / name, tmp_path / name / below

    return make


def _audio(path: Path, importer: str, layout: Layout) -> Path:
    """The audio file of the first recording."""
    return _read(importer, layout, path).recordings[0].audio_path


@pytest.mark.parametrize(("importer", "layout"), CASES)
def test_it_finds_every_recording_with_its_facts(importer, layout, copy):
    root, path = copy(layout)

    corpus = _read(importer, layout, path)

    plain = _plain(corpus, root)
    if layout.expected:
        assert set(plain) == set(layout.expected)
    for name, facts in layout.expected.items():
        assert {key: plain[name].get(key) for key in facts} == dict(facts), name
    lines = [f"{each.where}: {each.reason}" for each in corpus.passed_over]
    assert len(lines) == len(layout.passed_over), lines
    for line, part in zip(lines, layout.passed_over, strict=True):
        assert part in line


@pytest.mark.parametrize(("importer", "layout"), CASES)
def test_ids_are_unique_and_files_are_there_and_below_the_root(importer, layout, copy):
    root, path = copy(layout)

    recordings = _read(importer, layout, path).recordings

    ids = [recording.recording_id for recording in recordings]
    assert len(set(ids)) == len(ids) > 0
    assert ids == sorted(ids) or not layout.is_tree
    for recording in recordings:
        for name in PATHS:
            file = getattr(recording, name)
            assert file is None or (file.is_file() and file.is_relative_to(root.resolve()))
        assert recording.where.startswith(str(root.resolve()))
        assert recording.label
        assert all(recording.metadata.values())


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_it_says_where_labels_and_scores_come_from(importer, layout, copy):
    _, path = copy(layout)

    for recording in _read(importer, layout, path).recordings:
        assert recording.metadata["corpus"]
        assert recording.metadata["label_raw"]
        assert recording.metadata["label_source"]
        assert (recording.mmse is None) == ("mmse_source" not in recording.metadata)


@pytest.mark.parametrize(("importer", "layout"), CASES)
def test_a_person_is_on_one_side_of_the_official_split(importer, layout, copy):
    splits = defaultdict(set)
    for recording in _read(importer, layout, copy(layout)[1]).recordings:
        splits[recording.participant_id].add(recording.official_split)

    assert all(len(several - {None}) <= 1 for several in splits.values())


@pytest.mark.parametrize(("importer", "layout"), CASES)
def test_what_is_written_is_read_again(importer, layout, copy):
    root, path = copy(layout)
    corpus = _read(importer, layout, path)

    write_table(root / "out.csv", corpus.recordings, label_column=layout.target)

    again = Corpus(recordings=read_recordings_table(root / "out.csv", target_column=layout.target))
    assert _plain(again, root) == _plain(corpus, root)


@pytest.mark.parametrize(("importer", "layout"), CASES)
def test_neither_place_nor_order_of_the_files_decides(importer, layout, copy, monkeypatch):
    root, path = copy(layout)
    other, moved = copy(layout, "elsewhere")
    first = _read(importer, layout, path)
    forwards = os.scandir

    class Backwards:
        def __init__(self, folder):
            with forwards(folder) as entries:
                self._entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self._entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    second = _read(importer, layout, moved)

    assert _plain(first, root) == _plain(second, other)
    assert [r.recording_id for r in first.recordings] == [r.recording_id for r in second.recordings]
    told = [(each.where, each.reason) for each in first.passed_over]
    again = [
        (each.where.replace(str(other), str(root)), each.reason.replace(str(other), str(root)))
        for each in second.passed_over
    ]
    assert told == again


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_a_wrong_root_says_what_was_looked_for(importer, layout, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()

    empty = _refusal(importer, layout, tmp_path / "empty")

    assert f"{tmp_path / 'empty'}: is not the folder of {IMPORTERS.get(importer).corpus}" in empty
    assert "looked for" in empty
    if access := IMPORTERS.get(importer).access:
        assert empty.endswith(f"access: {access.url}")
        assert access.url.startswith("https://")
        assert access.conditions.endswith(".")
    assert "found a file" in _refusal(importer, layout, tmp_path / "file")
    assert "found nothing" in _refusal(importer, layout, tmp_path / "none")


@pytest.mark.parametrize(("importer", "layout"), LISTED)
def test_a_recording_without_audio_is_passed_over_and_named(importer, layout, copy):
    root, path = copy(layout)
    before = _read(importer, layout, path)
    gone = _widest_group(before)
    gone.audio_path.unlink()

    after = _read(importer, layout, path)

    assert {r.recording_id for r in before.recordings} - {
        r.recording_id for r in after.recordings
    } == {gone.recording_id}
    new = {(p.where, p.reason) for p in after.passed_over} - {
        (p.where, p.reason) for p in before.passed_over
    }
    (line,) = new
    assert line[0].startswith(str(root.resolve()))
    assert "no audio" in line[1]


def _widest_group(corpus: Corpus):
    """A recording whose loss leaves others of its label and split."""
    groups = defaultdict(list)
    for recording in corpus.recordings:
        groups[recording.label, recording.official_split].append(recording)
    return max(groups.values(), key=len)[0]


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_a_corpus_without_audio_is_refused(importer, layout, copy):
    root, path = copy(layout)
    for recording in _read(importer, layout, path).recordings:
        recording.audio_path.unlink()

    refusal = _refusal(importer, layout, path)

    assert str(root.resolve()) in refusal
    assert "audio" in refusal


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_two_audio_files_of_one_recording_are_refused(importer, layout, copy):
    _, path = copy(layout)
    audio = _audio(path, importer, layout)
    twin = audio.with_suffix(".flac")
    shutil.copy(audio, twin)

    refusal = _refusal(importer, layout, path)

    assert audio.name in refusal
    assert twin.name in refusal


@pytest.mark.parametrize(("importer", "layout"), TREES)
@pytest.mark.parametrize("change", [str.upper, lambda name: f"é{name}"], ids=["case", "unicode"])
def test_names_that_differ_only_in_case_or_form_are_refused(importer, layout, copy, change):
    _, path = copy(layout)
    audio = _audio(path, importer, layout)
    one, two = change(audio.name), change(audio.name).replace("é", "e\u0301")
    two = two if two != one else audio.name
    shutil.copy(audio, audio.with_name(one))
    shutil.copy(audio, audio.with_name(f"x{two}"))
    audio.with_name(f"x{two}").rename(audio.with_name(two))

    assert "differ only in case or Unicode form; rename one of them" in _refusal(
        importer, layout, path
    )


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_a_link_may_lead_below_the_root_but_not_out_of_it(importer, layout, copy, tmp_path):
    root, path = copy(layout)
    before = _plain(_read(importer, layout, path), root)
    audio = _audio(path, importer, layout)
    store = path.resolve() / ".store"
    store.mkdir()
    audio.rename(store / "one")
    audio.symlink_to(store / "one")

    inside = _plain(_read(importer, layout, path), root)
    (store / "one").rename(tmp_path / "outside")
    audio.unlink()
    audio.symlink_to(tmp_path / "outside")

    assert set(inside) == set(before)
    assert f"{audio}: is a link that leaves the folder" in _refusal(importer, layout, path)


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_an_audio_file_that_nothing_speaks_of_is_passed_over(importer, layout, copy):
    _, path = copy(layout)
    before = _read(importer, layout, path)
    audio = before.recordings[0].audio_path
    folder = path / "zzz-stray"
    folder.mkdir()
    shutil.copy(audio, folder / "stray.wav")

    try:
        after = _read(importer, layout, path)
    except CorpusError as error:  # where a folder is a label
        assert "zzz-stray" in str(error)  # noqa: PT017
        return

    assert len(after.recordings) == len(before.recordings)
    (new,) = {p.where for p in after.passed_over} - {p.where for p in before.passed_over}
    assert "zzz-stray" in new


@pytest.mark.parametrize(("importer", "layout"), SPOILABLE)
def test_a_label_that_nobody_knows_is_refused_with_its_row(importer, layout, copy):
    root, path = copy(layout)
    where = layout.spoil_label(root)

    refusal = _refusal(importer, layout, path)

    assert f"{where}: the label is 'zebra'; expected one of " in refusal


@pytest.mark.parametrize(("importer", "layout"), SPOILABLE)
def test_a_label_that_nobody_knows_can_be_named_or_left_out(importer, layout, copy):
    root, path = copy(layout)
    labels = layout.options.get("labels", {})
    layout.spoil_label(root)
    named = dataclasses.replace(
        layout, options={**layout.options, "labels": {**labels, "Zebra": "mci"}}
    )
    left = dataclasses.replace(
        layout, options={**layout.options, "labels": {**labels, "zebra": None}}
    )

    with_it = _read(importer, named, path)
    without = _read(importer, left, path)

    striped = {r.recording_id for r in with_it.recordings if r.metadata["label_raw"] == "zebra"}
    assert striped
    assert {r.label for r in with_it.recordings if r.recording_id in striped} == {"mci"}
    assert {r.recording_id for r in with_it.recordings} - striped == {
        r.recording_id for r in without.recordings
    }
    assert len([p for p in without.passed_over if p.is_asked]) == len(striped)


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_an_option_for_a_label_that_the_corpus_does_not_have_is_refused(importer, layout, copy):
    odd = dataclasses.replace(layout, options={**layout.options, "labels": {"okapi": None}})

    with pytest.raises(ConfigError, match="has no 'okapi'; "):
        _read(importer, odd, copy(layout)[1])


@pytest.mark.parametrize(("importer", "layout"), TREES)
def test_a_column_of_the_corpus_can_be_the_target_and_no_other(importer, layout, copy):
    _, path = copy(layout)

    raw = _read(importer, dataclasses.replace(layout, target="label_raw"), path)

    assert all(r.label == r.metadata["label_raw"] for r in raw.recordings)
    odd = dataclasses.replace(layout, target="shoe_size")
    assert "target.column: " in _refusal(importer, odd, path)


def _sheets(path: Path) -> list[Path]:
    """The text tables of a corpus."""
    return sorted(
        file for pattern in ("*.csv", "*.txt", "*.tsv") for file in path.rglob(pattern)
        if file.is_file() and file.read_text(encoding="utf-8").count("\n") > 1
    )  # fmt: skip


@pytest.mark.parametrize(("importer", "layout"), TREES)
@pytest.mark.parametrize("damage", ["nul", "latin", "large", "long cell", "cells"])
def test_a_damaged_label_file_is_refused_with_its_row(importer, layout, copy, damage, monkeypatch):
    """Every table is spoilt in turn; what holds no labels may stay unread."""
    root, path = copy(layout)
    before = _plain(_read(importer, layout, path), root)
    monkeypatch.setattr(sheets, "MAX_BYTES", 1 << 20)
    refused = set()
    for table in _sheets(root):
        content = table.read_bytes().rstrip(b"\n") + b"\n"
        first, rest = content[:-1].rsplit(b"\n", 1)
        row = first.count(b"\n") + 2
        spoilt = {
            "nul": content + b"\0",
            "latin": content + b"\xe9",
            "large": content + b"x" * (2 << 20),
            "long cell": first + b"\n" + b"x" * 200_000 + rest + b"\n",
            "cells": first + b"\n" + rest + b",;\tx\n",
        }[damage]
        table.write_bytes(spoilt)
        try:
            assert _plain(_read(importer, layout, path), root) == before
        except CorpusError as error:
            place = f"{table}" if damage == "large" else f"{table}:{row}"
            assert str(error).startswith((place, f"{table}:{row + 1}")), str(error)  # noqa: PT017
            assert len(str(error)) < 1000  # noqa: PT017
            refused.add(table.name)
        table.write_bytes(content)
    assert refused == set(layout.sheets)


@pytest.mark.parametrize(("importer", "layout"), CASES)
def test_the_command_writes_the_table_and_tells(importer, layout, copy, capsys):
    root, path = copy(layout)
    options = [f"--set={key}={json.dumps(value)}" for key, value in layout.options.items()]
    out = root / "made.csv"
    arguments = ["import", importer, str(path), "--out", str(out), *options]

    code = main([*arguments, f"--target={layout.target}"])

    shown, told = capsys.readouterr()
    corpus = _read(importer, layout, path)
    people = len({r.participant_id for r in corpus.recordings})
    assert f"{len(corpus.recordings)} recordings of {people} participants" in shown
    failed = [each for each in corpus.passed_over if not each.is_asked]
    assert code == (3 if failed else 0)
    assert all(each.where in shown for each in failed[:10])
    assert corpus.notice is None or corpus.notice in shown
    access = IMPORTERS.get(importer).access
    assert told == (f"access: {access.url} {access.conditions}\n" if access else "")
    assert len(read_recordings_table(out, target_column=layout.target)) == len(corpus.recordings)


@pytest.mark.parametrize(("importer", "layout"), SPOILABLE)
def test_the_command_writes_nothing_after_an_error(importer, layout, copy, capsys):
    root, path = copy(layout)
    where = layout.spoil_label(root)
    before = sorted(root.rglob("*"))
    options = [f"--set={key}={json.dumps(value)}" for key, value in layout.options.items()]

    code = main(["import", importer, str(path), "--out", str(root / "made.csv"), *options])

    shown, told = capsys.readouterr()
    assert code == 2
    assert shown == ""
    assert told.startswith("error: ")
    assert where in told
    assert told.count("\n") == 1
    assert sorted(root.rglob("*")) == before
