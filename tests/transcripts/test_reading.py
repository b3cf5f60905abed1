"""What all readers share: encodings, what counts as a word, labels, and what is passed over."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.reading import (
    Notes,
    Stretch,
    listed,
    merged,
    number_of,
    plain,
    plain_roles,
    read_json,
    read_text,
    shown,
    spoken_tokens,
)
from cogspeech.types import Utterance, Word

UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
MB = 1 << 20


def _saved(folder: Path, content: bytes) -> Path:
    path = folder / "r1.txt"
    path.write_bytes(content)
    return path


@settings(max_examples=50)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=5)),
    encoding=st.sampled_from(UNICODE),
)
def test_any_text_is_read_in_every_unicode_encoding(
    tmp_path_factory, texts: list[str], encoding: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = "".join(f"*PAR:\t{text} .\n" for text in texts).lstrip("\ufeff")

    read = read_text(_saved(folder, content.encode(encoding)), max_bytes=MB)

    assert read == content


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros_even_where_most_of_it_is_chinese(
    tmp_path: Path, encoding: str
) -> None:
    content = "1\n00:00:01,000 --> 00:00:02,000\n一丁七万丈三上下不与丐丑一丁七万丈三上下不与丐丑\n"

    assert read_text(_saved(tmp_path, content.encode(encoding)), max_bytes=MB) == content


def test_windows_1252_is_read_with_a_warning_or_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path, "Größe €".encode("cp1252"))
    notes = Notes(path)

    assert read_text(path, max_bytes=MB, notes=notes) == "Größe €"
    assert notes.texts() == (
        f"{path}: is not UTF-8, so it was read as Windows-1252; export it as UTF-8",
    )
    with pytest.raises(TranscriptError, match=r"r1\.txt: is not UTF-8 text; write it again as UTF"):
        read_text(path, max_bytes=MB)


@pytest.mark.parametrize(
    "content",
    [
        b"the\0boy fell from the ladder ",
        b"\0\0\0\0",
        b"\xff\xfe\0",
        b"\xff\xfe\0\xd8",
        b"t\0h\0e\0\0\xd8",
        b"t\0h\0e\0\0\0",
        b"\x81\xff",
        "the boy\n".encode("utf-32"),
        "the boy\n".encode("utf-32-le"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = _saved(tmp_path, content)
    for notes in (None, Notes(path)):
        with pytest.raises(TranscriptError, match=r"r1\.txt: is not text; export it as UTF-8"):
            read_text(path, max_bytes=MB, notes=notes)


def test_line_ends_become_one(tmp_path: Path) -> None:
    assert read_text(_saved(tmp_path, b"a\r\nb\rc\n"), max_bytes=MB) == "a\nb\nc\n"


@pytest.mark.parametrize("encoding", UNICODE)
def test_json_is_read_in_every_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    content = {"größe": [1, 2.5, "梯子"]}
    path = _saved(tmp_path, json.dumps(content, ensure_ascii=False).encode(encoding))

    read = read_json(path, max_bytes=MB)

    assert read == content
    assert all(isinstance(number, float) for number in read["größe"][:2])


def test_json_in_windows_1252_is_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path, '{"text": "größe"}'.encode("cp1252"))

    with pytest.raises(TranscriptError, match=r"r1\.txt: is not UTF-8 text; write it again as UTF"):
        read_json(path, max_bytes=MB)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("the boy - fell .", ["the", "boy", "fell"]),
        ("sp <SIL> <eps> sil", []),
        ("la\x07d\u200bder \x01", ["ladder"]),
        ("50 % & $5 ¿", ["50", "%", "&", "$5"]),
    ],
)
def test_tokens_are_what_is_spoken(text: str, tokens: list[str]) -> None:
    assert spoken_tokens(text, "audible") == spoken_tokens(text, "clean") == tokens


def test_what_nobody_understood_is_one_word_that_the_clean_rendering_leaves_out() -> None:
    text = "the spn [SPN] <unk> xxx boy"

    assert spoken_tokens(text, "audible") == ["the", "xxx", "xxx", "xxx", "xxx", "boy"]
    assert spoken_tokens(text, "clean") == ["the", "boy"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("0", 0.0), (".5", 0.5), ("2.", 2.0), ("1e-1", 0.1)],
        *[(bad, None) for bad in ("", "-1", "NaN", "inf", "1e999", "1_0", "٣", "0:01", "9" * 5000)],
    ],
)
def test_a_number_is_finite_and_not_negative(text: str, number: float | None) -> None:
    assert number_of(text) == number


def test_labels_are_compared_without_case_and_blanks_and_shown_short() -> None:
    assert plain(" Dr  Who\t") == "dr who"
    assert plain_roles({"INV ": "interviewer"}) == {"inv": "interviewer"}
    assert shown("the boy is\n on the \x1b[31mladder and takes all of the cookies") == (
        "the boy is on the [31mladder and takes a"
    )
    assert shown("a\u202eb\ue42cc\ud800") == "abc"
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(n) for n in range(22)]).endswith("18, 19 (+2 more)")


def test_notes_stand_in_the_order_of_the_file_and_do_not_grow_with_it() -> None:
    notes = Notes(Path("a.cha"))
    notes.add("late", 9)
    notes.add("early", 2)
    notes.add("of the whole file")
    for _ in range(1000):
        notes.add("odd", 5)

    texts = notes.texts()

    assert texts[:3] == ("a.cha: of the whole file", "a.cha:2: early", "a.cha:5: odd")
    assert texts[-2:] == ("a.cha:9: late", "a.cha: and 903 more such warnings")
    assert len(texts) == 101


def test_stretches_are_merged_in_the_order_of_time_and_of_the_file() -> None:
    a, b, c = (Word(text=text) for text in "abc")

    words, utterances = merged(
        [
            Stretch([c], at_s=2.0, is_utterance=False),
            Stretch([a, b], (1.0, 2.0), at_s=1.0),
            Stretch([], (2.0, 3.0), at_s=2.0),
        ]
    )

    assert words == (a, b, c)
    assert utterances == (
        Utterance(first_word=0, last_word=2, start_s=1.0, end_s=2.0),
        Utterance(first_word=3, last_word=3, start_s=2.0, end_s=3.0),
    )
