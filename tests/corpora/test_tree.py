"""One walk through a corpus: what is found, and what a walk refuses."""

import os
import unicodedata

import pytest

from cogspeech.corpora import tree as trees
from cogspeech.corpora.tree import CorpusTree, folded
from cogspeech.errors import CorpusError


def _make(root, *places):
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def _refusal(root):
    with pytest.raises(CorpusError) as refusal:
        CorpusTree(root)
    return str(refusal.value)


def test_hidden_files_and_what_archives_leave_are_not_there(tmp_path):
    _make(tmp_path, "a/b.wav", "a/._b.wav", ".DS_Store", ".git/c.wav", "__MACOSX/a/b.wav")

    assert ["/".join(file.parts) for file in CorpusTree(tmp_path).files] == ["a/b.wav"]


def test_files_are_found_whatever_case_or_form_their_names_have(tmp_path):
    name = unicodedata.normalize("NFD", "Éva.WAV")
    _make(tmp_path, f"Transcription/{name}")
    tree = CorpusTree(tmp_path)

    file = tree.file("transcription", "éva.wav")

    assert file.name == "Éva.WAV"
    assert file.path == tmp_path / "Transcription" / name
    assert tree.audio(("TRANSCRIPTION",), "ÉVA") is file
    assert tree.audio_in("transcription", "éva") is file
    assert tree.named("éva.wav") is file
    assert tree.file("éva.wav") is None
    assert tree.audio((), "éva") is None
    assert tree.audio_in("other", "éva") is None


@pytest.mark.parametrize("call", ["audio", "audio_in", "named"])
def test_two_files_of_one_name_are_refused_where_one_is_asked_for(tmp_path, call):
    _make(tmp_path, "a/x.wav", "a/x.mp3", "a/data.csv", "b/DATA.csv")
    tree = CorpusTree(tmp_path)

    with pytest.raises(CorpusError, match=r"x\.mp3.*x\.wav.*keep|2 files are called"):
        {
            "audio": lambda: tree.audio(("a",), "x"),
            "audio_in": lambda: tree.audio_in("a", "x"),
            "named": lambda: tree.named("data.csv"),
        }[call]()


def test_a_link_to_a_folder_below_the_root_is_followed_once(tmp_path):
    _make(tmp_path, "store/a.wav")
    (tmp_path / "link").symlink_to("store")

    files = CorpusTree(tmp_path).files

    assert ["/".join(file.parts) for file in files] == ["link/a.wav", "store/a.wav"]
    assert len({file.real for file in files}) == 1


def test_a_link_without_a_target_is_no_file(tmp_path):
    _make(tmp_path, "a.wav")
    (tmp_path / "b.wav").symlink_to("gone.wav")

    assert len(CorpusTree(tmp_path).files) == 1


def test_links_in_a_circle_are_refused(tmp_path):
    _make(tmp_path, "a/b/x.wav")
    (tmp_path / "a" / "b" / "up").symlink_to("../..")

    assert "up: links in a circle" in _refusal(tmp_path)


@pytest.mark.parametrize("target", ["file", "folder", "gone", "sibling"])
def test_a_link_out_of_the_root_is_refused_whatever_it_leads_to(tmp_path, target):
    root = _make(tmp_path / "corpus", "a.wav")
    _make(tmp_path, "folder/x.wav", "file", "corpus-2/x")  # a sibling whose name begins like it
    (root / "b").symlink_to(tmp_path / {"sibling": "corpus-2/x"}.get(target, target))

    assert f"{root / 'b'}: is a link that leaves the folder of the corpus" in _refusal(root)


def test_a_root_that_is_a_link_is_followed(tmp_path):
    _make(tmp_path / "real", "a.wav")
    (tmp_path / "link").symlink_to("real")

    (file,) = CorpusTree(tmp_path / "link").files

    assert file.path == (tmp_path / "real" / "a.wav").resolve()


@pytest.mark.parametrize(
    ("one", "two"),
    [("S1.wav", "s1.WAV"), ("é.wav", "e\u0301.wav"), ("STRASSE", "straße"), ("A/x", "a/y")],
)
def test_names_that_fold_alike_are_refused(tmp_path, one, two):
    _make(tmp_path, one, two)

    refusal = _refusal(tmp_path)

    assert "differ only in case or Unicode form; rename one of them" in refusal
    assert folded(one.split("/")[0]) in folded(refusal)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    _make(tmp_path, "a/b.wav")
    scandir = os.scandir

    def refuse(folder):
        if str(folder).endswith("/a"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)

    assert _refusal(tmp_path) == f"{tmp_path}/a: the folder cannot be read (Permission denied)"


def test_a_tree_of_too_many_files_is_not_walked_to_its_end(tmp_path, monkeypatch):
    _make(tmp_path, "a", "b", "c")
    monkeypatch.setattr(trees, "MAX_FILES", 2)

    assert "holds more than 2 files; give the folder of one corpus" in _refusal(tmp_path)


def test_names_as_long_as_they_can_be_are_found_and_deep_ones_are_an_error(tmp_path):
    deep = tmp_path
    for _ in range(20):
        deep = deep / ("d" * 200)
        try:
            deep.mkdir()
        except OSError:
            break
    _make(tmp_path, f"{'n' * 251}.wav")

    assert any(file.stem == "n" * 251 for file in CorpusTree(tmp_path).files)


def test_every_folder_is_read_once(tmp_path, monkeypatch):
    _make(tmp_path, *(f"{a}/{b}/{c}.wav" for a in "xyz" for b in "xyz" for c in "pqr"))
    read = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: read.append(folder) or scandir(folder))

    assert len(CorpusTree(tmp_path).files) == 27
    assert len(read) == 13
