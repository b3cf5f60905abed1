"""ELAN files, written by hand from the EAF 3.0 schema: times, tiers, and what hangs on what."""

import tracemalloc
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, read_transcript_file
from cogspeech.transcripts.readers import elan
from cogspeech.transcripts.readers.elan import ElanReader
from cogspeech.types import Transcript, Utterance, Word

TWO = {"PAR": "participant", "INV": "interviewer"}


def _eaf(
    slots: dict[str, object], *tiers: str, header: str = "", units: str = "milliseconds"
) -> str:
    """An annotation document as ELAN saves it; a slot without a value has no time."""
    order = "".join(
        f'        <TIME_SLOT TIME_SLOT_ID="{key}"'
        + ("" if value is None else f' TIME_VALUE="{value}"')
        + "/>\n"
        for key, value in slots.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-05-06T07:08:09+00:00" FORMAT="3.0" '
        'VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n'
        f'    <HEADER MEDIA_FILE="" TIME_UNITS="{units}">{header}</HEADER>\n'
        f"    <TIME_ORDER>\n{order}    </TIME_ORDER>\n{''.join(tiers)}"
        '    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true"/>\n'
        '    <CONSTRAINT STEREOTYPE="Time_Subdivision" DESCRIPTION="no gaps"/>\n'
        "</ANNOTATION_DOCUMENT>\n"
    )


def _tier(name: str, *annotations: str, participant: str = "", parent: str = "") -> str:
    more = f" PARTICIPANT={quoteattr(participant)}" if participant else ""
    more += f" PARENT_REF={quoteattr(parent)}" if parent else ""
    return (
        f'    <TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID={quoteattr(name)}{more}>\n'
        f"{''.join(annotations)}    </TIER>\n"
    )


def _aligned(key: str, first: str, last: str, text: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{key}" TIME_SLOT_REF1="{first}" '
        f'TIME_SLOT_REF2="{last}">\n<ANNOTATION_VALUE>{escape(text)}</ANNOTATION_VALUE>\n'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>\n"
    )


def _referring(key: str, parent: str, text: str, previous: str = "") -> str:
    more = f' PREVIOUS_ANNOTATION="{previous}"' if previous else ""
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{key}" ANNOTATION_REF="{parent}"{more}>\n'
        f"<ANNOTATION_VALUE>{escape(text)}</ANNOTATION_VALUE>\n</REF_ANNOTATION></ANNOTATION>\n"
    )


def _read(folder: Path, content: str | bytes, roles=None, rendering: str = "audible") -> Transcript:
    path = folder / "r1.eaf"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(roles=roles or {}, rendering=rendering)
    return ElanReader().read(path, recording_id="r1", options=options)


def _refusal(folder: Path, content: str | bytes, roles=None) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, roles)
    message = str(refusal.value)
    assert message.startswith(str(folder / "r1.eaf"))
    assert "ladder" not in message
    assert len(message.splitlines()) == 1
    return message


def _seen(transcript: Transcript) -> list[tuple]:
    return [(word.text, word.start_s, word.end_s, word.speaker[0]) for word in transcript.words]


def _spans(transcript: Transcript) -> list[tuple]:
    return [(u.first_word, u.last_word, u.start_s, u.end_s) for u in transcript.utterances]


SECONDS = {f"ts{second}": second * 1000 for second in range(10)}


def test_it_is_registered_by_name_and_found_by_its_ending(tmp_path: Path) -> None:
    assert READERS.get("elan") is ElanReader
    (tmp_path / "a.EAF").write_text(_eaf(SECONDS, _tier("words", _aligned("a", "ts1", "ts2", "x"))))
    assert len(read_transcript_file(tmp_path / "a.EAF", recording_id="r1").words) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_words_tier_is_the_participants(tmp_path: Path, encoding: str) -> None:
    tier = _tier(
        "Words",
        _aligned("a1", "ts1", "ts2", "größe"),
        _aligned("a2", "ts4", "ts5", "<b> & 梯子"),
        _aligned("a3", "ts5", "ts6", "then"),
    )
    content = _eaf(
        {**SECONDS, "ts2": 1755}, tier, _tier("comment", _aligned("c", "ts1", "ts9", "x"))
    )

    transcript = _read(tmp_path, content.replace("\n", "\r\n").encode(encoding))

    assert transcript == Transcript(
        recording_id="r1",
        words=(
            Word(text="größe", start_s=1.0, end_s=1.755),
            Word(text="<b>"),
            Word(text="&"),
            Word(text="梯子"),
            Word(text="then", start_s=5.0, end_s=6.0),
        ),
        utterances=(Utterance(first_word=1, last_word=4, start_s=4.0, end_s=5.0),),
    )


def test_utterance_tiers_are_told_by_their_id_or_their_participant(tmp_path: Path) -> None:
    content = _eaf(
        SECONDS,
        _tier("speech@x", _aligned("a", "ts1", "ts2", "the boy ."), participant="par"),
        _tier("gloss@x", _referring("g", "a", "not this"), participant="par", parent="speech@x"),
        _tier("inv", _aligned("b", "ts0", "ts1", "what else"), _aligned("c", "ts3", "ts4", "yes")),
        _tier("note", _aligned("n", "ts0", "ts9", "not this")),
        _tier("empty", participant="PAR"),
    )

    transcript = _read(tmp_path, content, TWO)

    assert _seen(transcript) == [
        ("what", None, None, "i"),
        ("else", None, None, "i"),
        ("the", None, None, "p"),
        ("boy", None, None, "p"),
        ("yes", 3.0, 4.0, "i"),
    ]
    assert _spans(transcript) == [(0, 2, 0.0, 1.0), (2, 4, 1.0, 2.0)]
    assert transcript.warnings == ()


def _divided(words_tier: str) -> str:
    """Utterances of the participant, of which the second is not divided."""
    slots = {"ts1": 1000, "ts2": None, "ts3": 1700, "ts4": 2000, "ts5": 3000, "ts6": 4000}
    return _eaf(
        slots,
        _tier(
            "PAR",
            _aligned("a1", "ts1", "ts4", "the old ladder"),
            _aligned("a2", "ts5", "ts6", "it falls"),
            participant="PAR",
        ),
        words_tier,
    )


def test_words_that_subdivide_the_time_of_an_utterance_have_the_times_that_are_known(
    tmp_path: Path,
) -> None:
    words = _tier(
        "PAR_words",
        _aligned("w1", "ts1", "ts2", "the"),
        _aligned("w2", "ts2", "ts3", "old"),
        _aligned("w3", "ts3", "ts4", "ladder"),
        participant="PAR",
        parent="PAR",
    )

    transcript = _read(tmp_path, _divided(words), TWO)

    assert _seen(transcript) == [
        ("the", None, None, "p"),
        ("old", None, None, "p"),
        ("ladder", 1.7, 2.0, "p"),
        ("it", None, None, "p"),
        ("falls", None, None, "p"),
    ]
    assert _spans(transcript) == [(0, 3, 1.0, 2.0), (3, 5, 3.0, 4.0)]
    assert transcript.warnings == ()


def test_words_that_refer_to_an_utterance_stand_in_the_order_of_their_chain(tmp_path: Path) -> None:
    words = _tier(
        "PAR_words",
        _referring("w3", "a1", "ladder", previous="w2"),
        _referring("w1", "a1", "the"),
        _referring("w2", "a1", "old", previous="w1"),
        participant="PAR",
        parent="PAR",
    )

    transcript = _read(tmp_path, _divided(words), TWO)

    assert [word.text for word in transcript.words] == ["the", "old", "ladder", "it", "falls"]
    assert not any(word.is_timed for word in transcript.words)
    assert _spans(transcript) == [(0, 3, 1.0, 2.0), (3, 5, 3.0, 4.0)]


def test_words_may_stand_two_tiers_below_the_times(tmp_path: Path) -> None:
    content = _eaf(
        SECONDS,
        _tier("ref", _aligned("r1", "ts1", "ts2", "s.001"), _aligned("r2", "ts3", "ts4", "s.002")),
        _tier(
            "orth",
            _referring("o1", "r1", "the ladder"),
            _referring("o2", "r2", "it falls"),
            parent="ref",
        ),
        _tier(
            "words",
            _referring("w1", "o1", "the"),
            _referring("w2", "o1", "ladder", previous="w1"),
            _referring("w3", "o2", "falls"),
            parent="orth",
        ),
    )

    assert _spans(_read(tmp_path, content)) == [(0, 2, 1.0, 2.0), (2, 3, 3.0, 4.0)]
    assert _read(tmp_path, content).warnings == ()
    transcript = _read(tmp_path, content, {"orth": "participant"})
    assert [word.text for word in transcript.words] == ["the", "ladder", "it", "falls"]
    assert _spans(transcript) == [(0, 2, 1.0, 2.0), (2, 4, 3.0, 4.0)]


def test_another_speaker_in_an_undivided_utterance_does_not_hide_it(tmp_path: Path) -> None:
    words = _tier("PAR_words", _aligned("w1", "ts1", "ts3", "the"), participant="PAR", parent="PAR")
    other = _tier("INV", _aligned("b", "ts5", "ts6", "mhm"))

    transcript = _read(tmp_path, _divided(words + other), TWO)

    assert sorted(word.text for word in transcript.words) == ["falls", "it", "mhm", "the"]


def test_annotations_out_of_order_are_put_in_the_order_of_time(tmp_path: Path) -> None:
    tier = _tier("words", *[_aligned(f"a{s}", f"ts{s}", f"ts{s + 1}", str(s)) for s in (5, 1, 3)])

    assert [word.text for word in _read(tmp_path, _eaf(SECONDS, tier)).words] == ["1", "3", "5"]


def test_words_belong_to_the_utterance_they_begin_in_whatever_their_order(tmp_path: Path) -> None:
    words = [_aligned(f"w{s}", f"ts{s}", f"ts{s + 1}", str(s)) for s in (5, 3, 2, 1)]
    content = _eaf(
        SECONDS,
        _tier("PAR", _aligned("a1", "ts1", "ts3", "1 2"), _aligned("a2", "ts5", "ts6", "5")),
        _tier("PAR - words", *words, parent="PAR"),
    )

    transcript = _read(tmp_path, content, TWO)

    assert [word.text for word in transcript.words] == ["1", "2", "3", "5"]
    assert _spans(transcript) == [(0, 2, 1.0, 3.0), (3, 4, 5.0, 6.0)]


def test_utterances_that_are_not_divided_are_told_where_they_are_not_read(tmp_path: Path) -> None:
    words = _tier("words", _aligned("w1", "ts1", "ts3", "the"), parent="PAR")

    transcript = _read(tmp_path, _divided(words))

    assert _seen(transcript) == [("the", 1.0, 1.7, "p")]
    assert transcript.warnings == (
        f"{tmp_path / 'r1.eaf'}: tier 'PAR': not all annotations hold words",
    )


AUDIO = '<MEDIA_DESCRIPTOR MEDIA_URL="a.wav" MIME_TYPE="audio/x-wav" TIME_ORIGIN="{}"/>'
VIDEO = '<MEDIA_DESCRIPTOR MEDIA_URL="a.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="{}"/>'


@pytest.mark.parametrize(
    ("header", "start_s"),
    [
        (AUDIO.format(250), 1.25),
        (AUDIO.format(-250), 0.75),
        (VIDEO.format(500), 1.5),
        (VIDEO.format(500) + AUDIO.format(250), 1.25),
        (AUDIO.format(250) * 2, 1.25),
    ],
    ids=["audio", "later", "video", "both", "twice"],
)
def test_times_count_from_the_start_of_the_medium(
    tmp_path: Path, header: str, start_s: float
) -> None:
    tier = _tier("words", _aligned("a", "ts1", "ts2", "the"))

    transcript = _read(tmp_path, _eaf(SECONDS, tier, header=header))

    assert transcript.words[0].start_s == start_s


def test_media_that_start_at_different_times_are_refused(tmp_path: Path) -> None:
    content = _eaf(SECONDS, _tier("words"), header=AUDIO.format(0) + AUDIO.format(40))

    assert "media differ in TIME_ORIGIN; keep the recording's medium" in _refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("slot", "match"),
    [
        ({"ts1": "ladder"}, ":5: a time is no whole number"),
        ({"ts1": "9" * 5000}, ":5: a time is no whole number"),
        ({"ts1": "1.5"}, ":5: a time is no whole number"),
        ({"ts1": "-5"}, ":9: an annotation's times cannot be right"),
        ({"ts1": 9999}, ":9: an annotation's times cannot be right"),
        ({"ts1": None}, ""),
    ],
    ids=range(6),
)
def test_a_word_whose_times_cannot_be_right_stays_without_them(
    tmp_path: Path, slot: dict, match: str
) -> None:
    tier = _tier("words", _aligned("a", "ts1", "ts2", "ladder"))

    transcript = _read(tmp_path, _eaf({**slot, "ts2": 2000}, tier))

    assert transcript.words == (Word(text="ladder"),)
    assert "".join(warning.partition("r1.eaf")[2] for warning in transcript.warnings) == match


def test_only_the_first_warnings_are_kept(tmp_path: Path) -> None:
    tier = _tier("words", *[_aligned(f"a{n}", "ts2", "ts1", "x") for n in range(199)])

    transcript = _read(tmp_path, _eaf(SECONDS, tier))

    assert len(transcript.words) == 199
    assert len(transcript.warnings) == 101
    assert transcript.warnings[-1].endswith("r1.eaf: and 99 more such warnings")


def test_silences_are_no_words_but_what_nobody_understood_is(tmp_path: Path) -> None:
    marks = ["", "sp", "SIL", "<eps>", "<sil>", "spn", "<unk>", "lad\u200bder"]
    tier = _tier("words", *[_aligned(m, f"ts{n}", f"ts{n + 1}", m) for n, m in enumerate(marks)])
    content = _eaf(SECONDS, tier.replace('ID="<', 'ID="'))

    audible = _read(tmp_path, content)
    clean = _read(tmp_path, content, rendering="clean")

    assert _seen(audible) == [
        ("xxx", 5.0, 6.0, "p"),
        ("xxx", 6.0, 7.0, "p"),
        ("ladder", 7.0, 8.0, "p"),
    ]
    assert _seen(clean) == [("ladder", 7.0, 8.0, "p")]
    assert audible.warnings == clean.warnings == ()


def test_speech_that_is_not_read_is_told(tmp_path: Path) -> None:
    content = _eaf(
        SECONDS,
        _tier("PAR", _aligned("a", "ts1", "ts2", "ladder"), participant="PAR"),
        _tier("nurse", _aligned("b", "ts1", "ts2", "ladder"), participant="N"),
        _tier("words", _aligned("c", "ts1", "ts2", "ladder")),
    )

    transcript = _read(tmp_path, content, TWO)

    assert len(transcript.words) == 1
    assert [warning.partition(".eaf")[2] for warning in transcript.warnings] == [
        ": tier 'words' was passed over, for roles name the participant's",
        ":21: tier 'nurse' is of a participant without a role",
    ]


@pytest.mark.parametrize(
    ("limit", "match"),
    [({"MAX_WORDS": 3}, "more than 3 words"), ({"MAX_BYTES": 9}, "larger than 0 MB")],
    ids=["words", "bytes"],
)
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict, match: str
) -> None:
    sound = _eaf(SECONDS, _tier("words", _aligned("a", "ts1", "ts2", "b c d")))
    too_large = _eaf(SECONDS, _tier("words", _aligned("a", "ts1", "ts2", "b c ladder e")))
    assert len(_read(tmp_path, sound).words) == 3
    for name, value in limit.items():
        monkeypatch.setattr(elan, name, value)

    assert match in _refusal(tmp_path, too_large)
    if "MAX_WORDS" in limit:
        assert len(_read(tmp_path, sound).words) == 3


ONE = _aligned("a", "ts1", "ts2", "ladder")
BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE b [<!ENTITY a0 "ladder">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>\n<ANNOTATION_DOCUMENT>&a11;</ANNOTATION_DOCUMENT>"
)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "no valid XML: no element found; save it from ELAN again"),
        ("ladder", "no valid XML: syntax error"),
        (_eaf(SECONDS, _tier("words", ONE))[:-30], "no valid XML: "),
        (_eaf(SECONDS, "<ladder>"), "no valid XML: mismatched tag"),
        (_eaf(SECONDS, _tier("words", ONE.replace("ladder", "&ladder;"))), "undefined entity"),
        (_eaf(SECONDS, _tier("words", ONE.replace("ladder", "\x01"))), "not well-formed"),
        ("<html><body>ladder</body></html>", ":1: is no ELAN file"),
        (BOMB, ":2: declares a document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', ":1: declares a document type"),
        ("<ANNOTATION_DOCUMENT>" + "<a>" * 100_000, "is nested too deeply"),
        ("<ANNOTATION_DOCUMENT>" + ONE + "</ANNOTATION_DOCUMENT>", "stands outside of a tier"),
        (_eaf(SECONDS, units="PAL-frames"), ":3: TIME_UNITS must be milliseconds"),
        (_eaf(SECONDS, header=AUDIO.format("x")), ":3: TIME_ORIGIN must be a whole number"),
        (_eaf(SECONDS), "has 0 tiers called 'words'; its tiers: ; say in transcripts.roles whose"),
        (_eaf(SECONDS, _tier("tx", ONE)), "has 0 tiers called 'words'; its tiers: tx; say in tran"),
        (_eaf(SECONDS, _tier("words", ONE), _tier("word", ONE)), "has 2 tiers called 'words'; its"),
        (
            _eaf(SECONDS, _tier("X - words", ONE)),
            ":16: tier 'X - words' holds words of somebody who is not known; its tiers: X - words",
        ),
        (
            _eaf(SECONDS, _tier("a", ONE, participant="PAR"), _tier("b", ONE, participant="PAR")),
            ":21: has several tiers of 'PAR'; its tiers: a, b; say in transcripts.roles",
        ),
    ],
    ids=range(18),
)
def test_a_file_that_is_no_sound_annotation_is_refused(
    tmp_path: Path, content: str, match: str
) -> None:
    assert match in _refusal(tmp_path, content, TWO)


@pytest.mark.timeout(20)
def test_what_is_of_no_use_takes_no_memory(tmp_path: Path) -> None:
    content = _eaf(SECONDS, "<X>" + "<a/>" * 10_000 + "</X>", _tier("words", ONE))
    tracemalloc.start()

    _read(tmp_path, content)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(content)


@pytest.mark.timeout(20)
def test_references_in_a_circle_or_a_long_line_end(tmp_path: Path) -> None:
    circle = [
        _referring("w1", "w2", "a", previous="w2"),
        _referring("w2", "w1", "b", previous="w1"),
        _referring("w3", "gone", "c", previous="w3"),
    ]
    line = [_referring(f"x{n}", f"x{n + 1}", "d", previous=f"x{n + 1}") for n in range(200)]
    content = _eaf(SECONDS, _tier("words", *circle, *line, parent="words"))

    transcript = _read(tmp_path, content)

    assert len(transcript.words) == 203
    assert not any(word.is_timed for word in transcript.words)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cn", "Z")), min_size=1, max_size=6
).filter(lambda text: any(sign.isalnum() for sign in text) and text.lower() not in ("sp", "sil"))


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
    texts=st.lists(TEXTS, min_size=4, max_size=4),
)
def test_what_python_writes_as_xml_comes_back_exactly(
    tmp_path_factory, lengths: list[int], texts: list[str]
) -> None:
    root = ElementTree.Element("ANNOTATION_DOCUMENT")
    order = ElementTree.SubElement(root, "TIME_ORDER")
    tier = ElementTree.SubElement(root, "TIER", TIER_ID="words")
    ends = [sum(lengths[:count]) for count in range(len(lengths) + 1)]
    for number, end_ms in enumerate(ends):
        slot = {"TIME_SLOT_ID": f"t{number}", "TIME_VALUE": str(end_ms)}
        ElementTree.SubElement(order, "TIME_SLOT", slot)
    for number in range(len(lengths)):
        annotation = ElementTree.SubElement(
            ElementTree.SubElement(tier, "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            {"TIME_SLOT_REF1": f"t{number}", "TIME_SLOT_REF2": f"t{number + 1}"},
        )
        ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = texts[number]

    transcript = _read(tmp_path_factory.getbasetemp(), ElementTree.tostring(root))

    assert [(w.text, w.start_s, w.end_s) for w in transcript.words] == [
        (texts[number], ends[number] / 1000, ends[number + 1] / 1000)
        for number in range(len(lengths))
    ]
