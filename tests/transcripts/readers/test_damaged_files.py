"""Every format, damaged at random: read soundly or refused, and no message holds a spoken word."""

import json
import random
import unicodedata
from pathlib import Path

import pytest

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions
from cogspeech.types import Transcript

COPIES = 200
SPOKEN = ("ladder", "zebra")
ROLES = {
    **{"PAR": "participant", "INV": "interviewer", "A": "participant", "B": "interviewer"},
    **{"SPEAKER_00": "interviewer", "SPEAKER_01": "participant"},
}
CHAT = (
    "@UTF8\n@Begin\n@Languages:\teng\n@Participants:\tPAR Participant, INV Investigator\n"
    "@ID:\teng|x|PAR|57;06.|female|Control||Participant|||\n"
    "*PAR:\t<the ladder> [//] the &-uh zebra [: zebra] (.) xxx fell . \x15100_2900\x15\n"
    "%wor:\tthe \x15100_300\x15 ladder \x15300_900\x15 the uh zebra \x151000_1900\x15 fell .\n"
    "%xword:\t2=ladder%2C\n*INV:\tladder ?\n@End\n"
)
TEXTGRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 9\ntiers? <exists>\n'
    'size = 3\nitem []:\n"IntervalTier"\n"PAR - words"\n0\n9\n3\n0 1 "ladder"\n1 2.5 "spn"\n'
    '2.5 9 ""\n"IntervalTier"\n"INV"\n0\n9\n1\n0 9 "größe zebra ladder"\n'
    '"TextTier"\n"clicks"\n0\n9\n1\n3 "ladder"\n'
)
ELAN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT FORMAT="3.0">\n'
    '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MIME_TYPE="audio/x-wav" '
    'TIME_ORIGIN="20"/></HEADER>\n<TIME_ORDER>\n<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="100"/>\n'
    '<TIME_SLOT TIME_SLOT_ID="t2"/>\n<TIME_SLOT TIME_SLOT_ID="t3" TIME_VALUE="900"/>\n'
    '</TIME_ORDER>\n<TIER TIER_ID="PAR" PARTICIPANT="PAR">\n<ANNOTATION><ALIGNABLE_ANNOTATION '
    'ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t3"><ANNOTATION_VALUE>the ladder'
    "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n</TIER>\n"
    '<TIER TIER_ID="PAR_words" PARTICIPANT="PAR" PARENT_REF="PAR">\n<ANNOTATION>'
    '<ALIGNABLE_ANNOTATION ANNOTATION_ID="w1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2">'
    "<ANNOTATION_VALUE>zebra</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n<ANNOTATION>"
    '<REF_ANNOTATION ANNOTATION_ID="w2" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="w1">'
    "<ANNOTATION_VALUE>ladder</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>\n</TIER>\n"
    "</ANNOTATION_DOCUMENT>\n"
)
WHISPER = [
    {
        "start": 0.1,
        "end": 2,
        "text": " The ladder",
        "speaker": "SPEAKER_01",
        "words": [
            {"word": " The", "start": 0.1, "end": 0.4, "score": 0.9, "speaker": "SPEAKER_00"},
            {"word": " ladder", "start": 1, "end": 2, "probability": 0.5},
        ],
    },
    {"start": 2.5, "end": 3.5, "text": "zebra größe", "words": None},
]
WHISPER_CPP = {
    "result": {"language": "de"},
    "transcription": [
        {
            "offsets": {"from": 0, "to": 4000},
            "text": " zebra",
            "tokens": [
                {"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}, "p": 0.9},
                {"text": " lad", "offsets": {"from": 400, "to": 600}, "p": 0.25},
                {"text": "der,", "offsets": {"from": 600, "to": 900}, "p": 0.75},
            ],
        }
    ],
}
SAMPLES = {
    "chat.cha": CHAT,
    "textgrid.TextGrid": TEXTGRID,
    "elan.eaf": ELAN,
    "whisper_json.json": json.dumps({"segments": WHISPER, "language": "en"}, ensure_ascii=False),
    "whisper_json.cpp.json": json.dumps(WHISPER_CPP, indent=1),
    "words_json.words.json": json.dumps(
        {
            "language": "en",
            "source": "manual",
            "words": [
                {"text": "ladder", "start_s": 0.1, "end_s": 0.9, "confidence": 0.5},
                {"text": "zebra", "start_s": None, "end_s": None, "speaker": "interviewer"},
            ],
        }
    ),
    "ctm.ctm": (
        ";; c\nr1 A 0.25 0.5 the 0.9\nr1 B 0.75 0.5 ladder NA fp B\nr1 A 2 1 zebra 1 lex A\n"
        "r1 A 3 1 <unk>\nr2 A 2 3 ladder 1.0\n"
    ),
    "segmentation.csv": ",speaker,begin,end\n0,INV,0,2100\n1,PAR,2100,9500\n2,PAR,9700,12000.5\n",
    "subtitles.srt": (
        "1\n00:00:01,250 --> 00:00:02,500\nPAR: the ladder <i>fell</i>\nINV: zebra &amp; größe\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\n{\\an8}ladder\n"
    ),
    "subtitles.vtt": (
        "WEBVTT\n\nNOTE zebra\n\n00:01.000 --> 00:02.000 line:0\n<v PAR>the <b>ladder</b></v>\n\n"
        "00:02.000 --> 100:00:00.000\n<v.loud INV>zebra\n"
    ),
}
# What means something to one of the formats, but opens no place where a speaker's name stands.
TOKENS = (
    *("\n", "\t", " ", '"', "'", ",", ";", ":", "-->", "{", "}", "]", "[/]", "\x15", "•", "%wor:"),
    *("-1", "NaN", "1e999", "9" * 5000, "0:01", "null", "true", "\\ud800", "\\u0000", "[" * 3000),
    *("<", ">", "</v>", "&#0;", "&#xD800;", "&amp;", "<a>", "<!DOCTYPE a>", "<ALT_BEGIN>", "<unk>"),
    *("\0", "\ufeff", "\ufffd", "\u2028", "\x1b[31m", "größe", "梯子", "@End", "*XYZ:\t"),
)


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """With a few bytes flipped, taken out, put in, doubled, or the end cut off."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(content) + 1)
        width = chance.choice((1, 1, 2, 8, 40))
        kind = chance.randrange(6)
        if kind == 0 and at < len(content):
            flipped = bytes([content[at] ^ 1 << chance.randrange(8)])
            content = content[:at] + flipped + content[at + 1 :]
        elif kind == 1:
            content = content[:at] + content[at + width :]
        elif kind == 2:
            content = content[:at] + chance.randbytes(width) + content[at:]
        elif kind == 3:
            content = content[:at] + chance.choice(TOKENS).encode() + content[at:]
        elif kind == 4:
            content = content[: at + width] + content[at:]
        elif chance.random() < 0.3:
            content = content[:at]
    return content


def _assert_sound(transcript: Transcript, *, may_hold_control_characters: bool) -> None:
    """What the types do not check themselves."""
    done = 0
    for utterance in transcript.utterances:
        assert done <= utterance.first_word <= utterance.last_word <= len(transcript.words)
        done = utterance.last_word
    texts = [word.text for word in transcript.words]
    assert all(text == text.strip() and text for text in texts) or may_hold_control_characters
    kinds = {unicodedata.category(sign) for text in texts for sign in text}
    assert may_hold_control_characters or not kinds & {"Cc", "Cs"}


def test_every_format_has_a_sample() -> None:
    assert {name.partition(".")[0] for name in SAMPLES} == set(READERS.names())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_file_is_read_soundly_or_refused_without_a_word(
    tmp_path: Path, name: str
) -> None:
    chance = random.Random(name)
    reader = READERS.get(name.partition(".")[0])()
    path = tmp_path / name
    outcomes = {"read": 0, "refused": 0}
    for number in range(COPIES):
        encoding = "utf-16" if number % 10 == 0 else "utf-16-le" if number % 10 == 1 else "utf-8"
        path.write_bytes(_damaged(SAMPLES[name].encode(encoding), chance))
        options = ReadingOptions(roles=ROLES, rendering=chance.choice(("audible", "clean")))
        try:
            transcript = reader.read(path, recording_id="r1", options=options)
        except TranscriptError as refusal:
            messages: tuple[str, ...] = (str(refusal),)
            outcomes["refused"] += 1
        else:
            messages = transcript.warnings
            outcomes["read"] += 1
            _assert_sound(transcript, may_hold_control_characters=name.startswith("words_json"))
        for message in messages:
            assert message.startswith(f"{path}:"), message
            assert message.isprintable(), message
            if "transcripts.roles" in message:  # names labels, where damage may have put a word
                assert len(message) < len(str(path)) + 400
            else:
                assert not any(word in message for word in SPOKEN), message
    assert min(outcomes.values()) >= COPIES // 50, outcomes


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sound(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(SAMPLES[name], encoding="utf-8", newline="")
    reader = READERS.get(name.partition(".")[0])()

    transcript = reader.read(path, recording_id="r1", options=ReadingOptions(roles=ROLES))

    spoken = {word.text.strip(",") for word in transcript.words}
    assert spoken & set(SPOKEN) or any(turn.speaker for turn in transcript.utterances)
