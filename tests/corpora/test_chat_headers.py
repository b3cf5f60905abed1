"""Headers of CHAT files, compared with pylangacq where it reads them."""

import pylangacq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.corpora.chat_headers import read_chat_headers
from cogspeech.errors import CorpusError
from layouts import chat, text

PAR = "eng|UPMC|PAR|57;06.|male|ProbableAD|001-0|Participant|20|28|"
INV = "eng|UPMC|INV|||||Investigator|||"
FIELD = st.text(
    st.characters(codec="utf-8", categories=("L", "N"), max_codepoint=0x2FF), max_size=9
)


def test_every_field_is_where_it_belongs(tmp_path):
    headers = read_chat_headers(chat(tmp_path / "001-0.cha", PAR, INV, bom=True))

    (speaker,) = headers.participants
    assert (speaker.line, speaker.code, speaker.group, speaker.session) == (
        5, "PAR", "ProbableAD", "001-0",
    )  # fmt: skip
    assert (speaker.age_years, speaker.known_sex) == (57.5, "male")
    assert (speaker.score("education"), speaker.score("custom")) == (20.0, 28.0)
    assert (headers.language, headers.media, headers.is_media_missing) == ("en", "001-0", False)


@given(st.lists(FIELD, min_size=4, max_size=4), st.sampled_from(["", "male", "female"]))
def test_fields_are_those_that_pylangacq_reads(tmp_path_factory, fields, sex):
    corpus, group, education, custom = fields
    line = f"eng|{corpus}|PAR|57;06|{sex}|{group}||Participant|{education}|{custom}|"
    path = chat(tmp_path_factory.getbasetemp() / "one.cha", line, INV)

    (ours,) = read_chat_headers(path).participants
    header = pylangacq.CHAT.from_strs([path.read_text()]).headers()[0]
    theirs = next(one for one in header.participants if one.code == "PAR")

    assert (ours.group, ours.sex, ours.education, ours.custom) == tuple(
        getattr(theirs, name) or "" for name in ("group", "sex", "education", "custom")
    )


@pytest.mark.parametrize(
    ("age", "years"),
    [("57;", 57.0), ("57;06.", 57.5), ("57;06.15", 57.5), ("57", 57.0), ("102;", 102.0),
     ("", None), ("about 80", None), ("57;6.", 57.5), ("-1;", None), ("1957;", None)],
)  # fmt: skip
def test_ages(tmp_path, age, years):
    path = chat(tmp_path / "a.cha", f"eng|x|PAR|{age}|||||Participant|||")

    assert read_chat_headers(path).speakers[0].age_years == years


@pytest.mark.parametrize(
    ("score", "value"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("31", None),
        ("", None),
        ("12.5", None),
        ("MA", None),
        ("-3", None),
    ],
)
def test_scores_are_whole_numbers_up_to_thirty(tmp_path, score, value):
    path = chat(tmp_path / "a.cha", f"eng|x|PAR|||||Participant|{score}||")

    assert read_chat_headers(path).speakers[0].score("education") == value


@pytest.mark.parametrize(
    ("ids", "codes"),
    [
        ([PAR, INV], ["PAR"]),
        ([INV, "spa|x|SUJ|||||Target_Adult|||"], ["SUJ"]),
        (["eng|x|PAR0|||||Participant|||", "eng|x|PAR1|||||Participant|||"], ["PAR0", "PAR1"]),
        (["eng|x|PAR|||||Participant|||", "eng|x|PA2|||||Participant|||"], ["PAR"]),
        (["eng|x|PAR|||||Adult|||", INV], ["PAR"]),
        ([INV], []),
        ([], []),
    ],
    ids=range(7),
)
def test_who_is_studied(tmp_path, ids, codes):
    headers = read_chat_headers(chat(tmp_path / "a.cha", *ids))

    assert [speaker.code for speaker in headers.participants] == codes


def test_a_header_goes_on_where_a_line_begins_with_a_tab_and_ends_before_speech(tmp_path):
    path = text(
        tmp_path / "a.cha",
        "@UTF8\r\n@PID:\t1\r\n@Begin\r\n@Languages:\tspa,\r\n\teng\r\n"
        '@Media:\t"caf\u0065\u0301", audio,\r\n\tmissing\r\n*PAR:\thola .\r\n\tmas .\r\n'
        "@ID:\teng|x|PAR|||late||Participant|||\r\n",
    )

    headers = read_chat_headers(path)

    assert headers.languages == ("spa", "eng")
    assert (headers.language, headers.media, headers.is_media_missing) == ("es", "café", True)
    assert headers.speakers == ()


@pytest.mark.parametrize(("code", "language"), [("und", None), ("", None), ("ell", "el"),
                                                ("yue", "yue")])  # fmt: skip
def test_languages(tmp_path, code, language):
    headers = read_chat_headers(chat(tmp_path / "a.cha", languages=code))

    assert headers.language == language


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("@UTF8\n@ID:\teng|x|PAR\n", ":2: the @ID has 3 fields; expected 10"),
        ("@UTF8\n@Begin\n@ID:\t\0\n", ":3: holds a NUL byte"),
    ],
)
def test_what_is_no_header_is_refused_with_its_line(tmp_path, content, refusal):
    with pytest.raises(CorpusError) as raised:
        read_chat_headers(text(tmp_path / "a.cha", content))

    assert refusal in str(raised.value)


def test_an_old_file_in_another_encoding_is_read_as_far_as_it_goes(tmp_path):
    path = chat(tmp_path / "a.cha", PAR)
    path.write_bytes(path.read_bytes().replace(b"UPMC", b"Pitt\xe9"))

    assert read_chat_headers(path).participants[0].group == "ProbableAD"
