"""CHAT files: every notation is read as the manual has it, every fault is survived and named."""

# ruff: noqa: RUF001 (the signs of CHAT look like other signs)

import contextlib
import os
import time
import unicodedata
from pathlib import Path

import pylangacq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, read_transcript_file
from cogspeech.transcripts.readers import chat
from cogspeech.types import Transcript, Utterance, Word

HEAD = (
    "@UTF8\n@Begin\n@Languages:\teng\n@Participants:\tPAR Participant, INV Investigator\n"
    "@ID:\teng|invented|PAR|57;06.|female|Control||Participant|||\n"
    "@ID:\teng|invented|INV|||||Investigator|||\n"
)
BULLET = "\x15"


def _read(
    folder: Path, content: str | bytes, *, rendering: str = "audible", **roles: str
) -> Transcript:
    path = folder / "s1.cha"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(rendering=rendering, roles=roles)
    return chat.ChatReader().read(path, recording_id="s1", options=options)


def _lines(folder: Path, *lines: str, **options: str) -> Transcript:
    """A file with good headers and these lines, which may show bullets as ``•``."""
    return _read(folder, HEAD + "\n".join(lines) + "\n@End\n", **options)


def _refusal(folder: Path, content: str | bytes, **roles: str) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, **roles)
    return str(refusal.value)


def _texts(transcript: Transcript) -> str:
    return " ".join(word.text for word in transcript.words)


def _times(transcript: Transcript) -> list[tuple[float | None, float | None]]:
    return [(word.start_s, word.end_s) for word in transcript.words]


def test_it_is_registered_and_found_by_the_end_of_the_name(tmp_path: Path) -> None:
    assert READERS.get("chat") is chat.ChatReader
    path = tmp_path / "S001.CHA"
    path.write_text(f"{HEAD}*PAR:\tthe jar .\n@End\n", encoding="utf-8")

    assert _texts(read_transcript_file(path, recording_id="s1")) == "the jar"


def test_a_whole_file_gives_words_times_speakers_and_utterances(tmp_path: Path) -> None:
    transcript = _lines(
        tmp_path,
        "@Media:\ts1, audio",
        "*INV:\twhat do you see ? •0_900•",
        "*PAR:\t&-uh the [/] the",
        "\tboy . •1000_2600•",
        "%wor:\tuh •1000_1200• the •1300_1400•",
        "\tthe •1500_1600• boy •1700_2500• .",
        "%mor:\tdet|the noun|boy .",
        "%gra:\t1|2|DET 2|0|ROOT 3|2|PUNCT",
        "*PAR:\tyes .",
    )

    assert transcript == Transcript(
        recording_id="s1",
        language="en",
        words=(
            *(Word(text=text, speaker="interviewer") for text in ("what", "do", "you", "see")),
            Word(text="uh", start_s=1.0, end_s=1.2, is_filler=True),
            Word(text="the", start_s=1.3, end_s=1.4),
            Word(text="the", start_s=1.5, end_s=1.6),
            Word(text="boy", start_s=1.7, end_s=2.5),
            Word(text="yes"),
        ),
        utterances=(
            Utterance(first_word=0, last_word=4, start_s=0.0, end_s=0.9),
            Utterance(first_word=4, last_word=8, start_s=1.0, end_s=2.6),
            Utterance(first_word=8, last_word=9),
        ),
    )


# What a line says, audible and clean.
NOTATIONS = {
    "the &-uh boy": ("the uh boy", "the boy"),
    "the &-you_know boy": ("the you-know boy", "the boy"),
    "um@fp the boy": ("um the boy", "the boy"),
    "&uh the &fr boy": ("uh the fr boy", "the boy"),
    "the &+fr friend": ("the fr friend", "the friend"),
    "&~gaga the boy": ("gaga the boy", "the boy"),
    "the boy &=laughs &=points:jar fell": ("the boy fell", "the boy fell"),
    "the &{l=laughs big boy &}l=laughs": ("the big boy", "the big boy"),
    "the &*INV:mhm boy": ("the boy", "the boy"),
    "the [/] the boy": ("the the boy", "the boy"),
    "<the big> [/] the big boy": ("the big the big boy", "the big boy"),
    "the girl [//] boy": ("the girl boy", "the boy"),
    "<the girl> [///] the boy": ("the girl the boy", "the boy"),
    "<we want> [/-] he falls": ("we want he falls", "he falls"),
    "<<the> [/] the girl> [//] the boy": ("the the girl the boy", "the boy"),
    "the (.) [/] the boy": ("the the boy", "the boy"),
    "<the &-uh> [/] the boy": ("the uh the boy", "the boy"),
    "the[/] the boy": ("the the boy", "the boy"),
    "girl [* s:r] [//] boy": ("girl boy", "boy"),
    "xxx [/] the boy": ("xxx the boy", "the boy"),
    "xxx [: girl] fell (xxx) xxx@s:deu": ("xxx fell xxx xxx", "girl fell"),
    "boy xxx [/] fell": ("boy xxx fell", "boy fell"),
    "goed [: went] home": ("goed home", "went home"),
    "he is gonna [: going to] fall": ("he is gonna fall", "he is going to fall"),
    "tika@u [: kitty] [* p:n] [//] kitty": ("tika kitty", "kitty"),
    "<dat is> [: that is] red": ("dat is red", "that is red"),
    "<<dat> [: that] is> [: those are] red": ("dat is red", "those are red"),
    "boy [:: girl] [* s:r] fell": ("boy fell", "boy fell"),
    "boy [: xxx] fell": ("boy fell", "boy fell"),
    "it's [x 3] red": ("it's it's it's red", "it's red"),
    "the boy [+ gram] . [+ exc]": ("the boy", "the boy"),
    "that [= the jar] fell [=! laughing] [% note] [?] [!] [!!] [^c]": ("that fell", "that fell"),
    "[- spa] the <jar> [>1] fell <now> [<]": ("the jar fell now", "the jar fell now"),
    "the (.) boy (..) fell (...) down (2.5) and (1:05.5) cried": (
        "the boy fell down and cried",
        "the boy fell down and cried",
    ),
    "xxx the yyy boy www XX": ("xxx the xxx boy xxx xxx", "the boy"),
    "the boy +...": ("the boy", "the boy"),
    "the boy +/.": ("the boy", "the boy"),
    "the boy +//.": ("the boy", "the boy"),
    "the boy +!?": ("the boy", "the boy"),
    "the boy +..?": ("the boy", "the boy"),
    'he said +"/.': ("he said", "he said"),
    'the boy fell +".': ("the boy fell", "the boy fell"),
    "+< the boy": ("the boy", "the boy"),
    "++ the boy": ("the boy", "the boy"),
    "+^ the boy": ("the boy", "the boy"),
    "+, the boy": ("the boy", "the boy"),
    '+" the boy': ("the boy", "the boy"),
    "+≈ the boy": ("the boy", "the boy"),
    "(be)cause he's fallin(g)": ("cause he's fallin", "because he's falling"),
    "he (is) here": ("he is here", "he is here"),
    "the perro@s:spa woof@o b@l stuff@x mine@z:rtfd": (
        "the perro woof b stuff mine",
        "the perro woof b stuff mine",
    ),
    "the apple@sl fell": ("the fell", "the fell"),
    "he 0is here 0": ("he here", "he here"),
    "nineteen 007 to 3": ("nineteen 007 to 3", "nineteen 007 to 3"),
    "no:: wo:rd at 10:30": ("no word at 10:30", "no word at 10:30"),
    "ice+cream in New_York": ("ice-cream in New-York", "ice-cream in New-York"),
    "⌈the boy⌉ ⌊2fell⌋2 ↑up °down° ∆now∆ →": (
        "the boy fell up down now",
        "the boy fell up down now",
    ),
    "ˈhello o^ver le~ha word$n": ("hello over leha word", "hello over leha word"),
    "↫b-b-b↫boy": ("boy", "boy"),
    "he said “the boy” , „ yes ‡ no : ; fell": (
        "he said the boy yes no fell",
        "he said the boy yes no fell",
    ),
    "don't mother’s 'cause dogs'": ("don't mother’s 'cause dogs'", "don't mother’s 'cause dogs'"),
    "the boy. fell, down!": ("the boy fell down", "the boy fell down"),
    "el niño . größe 男孩 。 Ϋ": ("el niño größe 男孩 Ϋ", "el niño größe 男孩 Ϋ"),
    "the \x02\x01boy\x02\x02 fe\x07ll": ("the boy fell", "the boy fell"),
    "0 .": ("", ""),
    "": ("", ""),
}


@pytest.mark.parametrize("line", NOTATIONS)
def test_a_notation_is_read_in_both_renderings(tmp_path: Path, line: str) -> None:
    read = [
        _lines(tmp_path, f"*PAR:\t{line}", rendering=rendering)
        for rendering in ("audible", "clean")
    ]

    assert tuple(map(_texts, read)) == NOTATIONS[line]
    assert [transcript.warnings for transcript in read] == [(), ()]


def test_only_filled_pauses_are_marked_as_fillers(tmp_path: Path) -> None:
    transcript = _lines(tmp_path, "*PAR:\t&-uh the &um um@fp &+fr &~mm uh boy")

    assert [word.text for word in transcript.words if word.is_filler] == ["uh", "um", "um"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("eng", "en"),
        ("deu, eng", "de"),
        ("zho", "zh"),
        ("ell", "el"),
        ("yue", "yue"),
        ("es", "es"),
        ("und", None),
    ],
)
def test_the_first_language_is_taken_in_two_letters_where_they_are_known(
    tmp_path: Path, header: str, language: str | None
) -> None:
    content = f"@Begin\n@Languages:\t{header}\n*PAR:\tno .\n@End\n"

    assert _read(tmp_path, content).language == language
    assert _read(tmp_path, "@Begin\n*PAR:\tno .\n@End\n").language is None


ROLES = {
    "Participant": "participant",
    "Target_Adult": "participant",
    "Target_Child": "participant",
    "Patient": "participant",
    "Subject": "participant",
    "participant": "participant",
    "Investigator": "interviewer",
    "Interviewer": "interviewer",
    "Examiner": "interviewer",
    "Clinician": "interviewer",
    "Mother": "other",
    "Unidentified": "other",
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("header", ["@Participants:\tABC Anna {}", "@ID:\teng|x|ABC|||||{}|||"])
def test_a_role_in_a_header_says_who_speaks(tmp_path: Path, role: str, header: str) -> None:
    content = f"@Begin\n{header.format(role)}\n*ABC:\tno .\n*PAR:\tyes .\n@End\n"

    assert _read(tmp_path, content).words[0].speaker == ROLES[role]


def test_the_study_outweighs_the_id_header_which_outweighs_the_participants(tmp_path: Path) -> None:
    content = (
        "@Begin\n@ID:\teng|x|AAA|||||Participant|||\n"
        "@Participants:\tAAA Mother, BBB Mother, CCC Mother\n@ID:\teng|x|BBB|||||Participant|||\n"
        "*AAA:\tone .\n*BBB:\ttwo .\n*CCC:\tthree .\n@End\n"
    )

    transcript = _read(tmp_path, content, BBB="interviewer")

    assert [w.speaker for w in transcript.words] == ["participant", "interviewer", "other"]


def test_without_headers_only_the_two_usual_codes_are_known(tmp_path: Path) -> None:
    transcript = _read(tmp_path, "@Begin\n*PAR:\tyes .\n*INV:\tno .\n@End\n")

    assert [word.speaker for word in transcript.words] == ["participant", "interviewer"]


def test_a_code_that_nobody_explains_is_refused_and_named(tmp_path: Path) -> None:
    content = "@Begin\n*PAR:\tzebra .\n*SP1:\tzebra .\n*SP0:\tzebra .\n@End\n"

    refusal = _refusal(tmp_path, content)

    assert refusal == (
        f"{tmp_path / 's1.cha'}:3: nothing says who SP1, SP0 is; say it in transcripts.roles, such "
        "as {SP1: interviewer}"
    )
    read = _read(tmp_path, content, sp1="interviewer", SP0="other")
    assert [word.speaker for word in read.words] == ["participant", "interviewer", "other"]


def test_a_file_without_a_participant_is_refused_with_its_codes(tmp_path: Path) -> None:
    content = "@Begin\n@Participants:\tMOT Mother, INV Investigator\n*MOT:\tzebra .\n*INV:\tno .\n"

    assert _refusal(tmp_path, content) == (
        f"{tmp_path / 's1.cha'}: none of its speakers is the participant (MOT: other, INV: "
        "interviewer); say who is in transcripts.roles"
    )


def test_two_participants_by_role_are_read_but_not_in_silence(tmp_path: Path) -> None:
    content = (
        "@Begin\n@Participants:\tPAR0 Participant, PAR1 Participant\n"
        "*PAR0:\tyes .\n*PAR1:\tno .\n@End\n"
    )

    (warning,) = _read(tmp_path, content).warnings

    assert ":1: PAR0, PAR1 are all participants by their role; if not, say it in tr" in warning
    assert _read(tmp_path, content, PAR1="interviewer").warnings == ()


# Times


@pytest.mark.parametrize(
    "mark",
    [
        f"{BULLET}1200_3400{BULLET}",
        "•1200_3400•",
        "• 1200_3400 •",
        "1200_3400",
        f"{BULLET}1200_3400",
        f"1200_3400{BULLET}",
        "\ufffd1200_3400\ufffd",
        f"{BULLET}1200_3400-{BULLET}",
        f'{BULLET}%snd:"s1"_1200_3400{BULLET}',
        f"{BULLET}1200_\n\t3400{BULLET}",
        f"{BULLET}\n\t1200_3400{BULLET}",
        "1200_\n\t3400",
        f'{BULLET}%pic:"jar.jpg"{BULLET} {BULLET}1200_3400{BULLET}',
    ],
)
@pytest.mark.parametrize("between", [" ", " . "])
def test_a_time_mark_is_found_in_each_of_its_forms(tmp_path: Path, mark: str, between: str) -> None:
    transcript = _lines(tmp_path, f"*PAR:\tthe jar fell{between}{mark}")

    (utterance,) = transcript.utterances
    assert (utterance.start_s, utterance.end_s) == (1.2, 3.4)
    assert _texts(transcript) == "the jar fell"
    assert transcript.warnings == ()


def test_a_line_with_several_marks_reaches_from_the_first_to_the_last(tmp_path: Path) -> None:
    transcript = _lines(tmp_path, "*PAR:\tthe jar •100_900• fell •1000_2000• down . •2000_2900•")

    assert transcript.utterances == (Utterance(first_word=0, last_word=4, start_s=0.1, end_s=2.9),)


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("•3400_1200•", "the line has a time mark that ends before it starts; it is left out"),
        ("•1.2_3.4•", "the line has a time mark with a decimal point; expected whole ms"),
        ("1.2_3.4", "the line has a time mark with a decimal point; expected whole ms"),
        ("•1200_•", "the line has a time mark that cannot be read; expected two times in ms"),
        ("•_3400•", "the line has a time mark that cannot be read"),
        (f"•1_{'9' * 400}•", "the line has a time mark that cannot be read"),
        ("•", "the line has a time mark that cannot be read"),
    ],
)
def test_a_time_mark_that_cannot_be_right_is_left_out(
    tmp_path: Path, mark: str, reason: str
) -> None:
    transcript = _lines(tmp_path, f"*PAR:\tthe zebra fell . {mark}", "*PAR:\tno . •5000_6000•")

    assert [u.start_s for u in transcript.utterances] == [None, 5.0]
    assert _texts(transcript) == "the zebra fell no"
    (warning,) = transcript.warnings
    assert warning.startswith(f"{tmp_path / 's1.cha'}:7: {reason}")


def test_marks_in_seconds_are_recognised_by_their_pace(tmp_path: Path) -> None:
    seconds = [f"*PAR:\tthe zebra fell off the stool . •{n}_{n + 2}•" for n in range(0, 20, 2)]

    transcript = _lines(tmp_path, *seconds)

    assert {u.start_s for u in transcript.utterances} == {None}
    (warning,) = transcript.warnings
    assert warning.endswith(
        ":1: the time marks leave 0.3 ms to a word; they are not in ms and are all left out"
    )
    tiers = "*PAR:\tthe jar fell .", "%wor:\tthe •1_1• jar •1_2• fell •2_3• ."
    assert not any(word.is_timed for word in _lines(tmp_path, *tiers).words)
    milliseconds = [line.replace("_", "000_").replace("• ", "000•") for line in seconds]
    assert _lines(tmp_path, *[f"{line[:-1]}000•" for line in milliseconds]).warnings == ()


def test_one_wild_mark_costs_only_itself(tmp_path: Path) -> None:
    transcript = _lines(
        tmp_path,
        "*PAR:\tthe zebra . •0_900•",
        "*PAR:\tthe zebra . •99000_99900•",
        "*PAR:\tthe zebra . •2000_2900•",
        "*PAR:\tthe zebra . •3000_3900•",
        "*PAR:\tthe zebra . •1000_1900•",
    )

    assert [u.start_s for u in transcript.utterances] == [0.0, None, 2.0, 3.0, None]
    assert transcript.warnings == tuple(
        f"{tmp_path / 's1.cha'}:{line}: the line's time mark runs backwards; it is left out"
        for line in (8, 11)
    )


def test_speakers_may_overlap(tmp_path: Path) -> None:
    transcript = _lines(
        tmp_path,
        "*PAR:\tthe <jar is> [>] red . •1000_3000•",
        "%wor:\tthe •1000_1300• jar •1400_2000• is •2100_2200• red •2500_3000• .",
        "*INV:\t+< <mhm> [<] . •500_1500•",
        "%wor:\tmhm •1400_1500• .",
        "*PAR:\tyes . •3100_3400•",
        "%wor:\tyes •3100_3400• .",
    )

    assert transcript.warnings == ()
    assert all(word.is_timed for word in transcript.words)
    assert [u.start_s for u in transcript.utterances] == [1.0, 0.5, 3.1]


def test_words_without_a_mark_on_the_wor_tier_have_no_time(tmp_path: Path) -> None:
    transcript = _lines(
        tmp_path, "*PAR:\tthe jar fell . •0_900•", "%wor:\tthe jar •200_400• fell ."
    )

    assert _times(transcript) == [(None, None), (0.2, 0.4), (None, None)]
    assert transcript.warnings == ()


@pytest.mark.parametrize(
    ("main", "wor"),
    [
        ("the &+fr Friend", "the •0_100• fr •100_200• friend •200_300• ."),
        ("the &+fr friend", "the •0_100• friend •200_300• ."),
        ("the &+the &~mm the", "the •0_100• the •200_300• ."),
        ("&-uh the", "&-uh •0_100• the •200_300•"),
        ("&-uh the", "uh •0_100• the •200_300•"),
        ("xxx the jar", "xxx the •0_100• jar •200_300• ."),
        ("xxx the xxx jar", "the •0_100• jar •200_300• ."),
        ("&+fr the yyy jar", "the •0_100• jar •200_300• ."),
        ("the xxx jar", "the •0_100• xxx •100_200• jar •200_300•"),
        ("the fallin(g)", "the •0_100• falling •200_300•"),
        ("the fallin(g)", "the •0_100• fallin •200_300•"),
        ("the ice+cream", "the •0_100• icecream •200_300•"),
        ("wo:rd ice_cream", "word •0_100• ice_cream •200_300•"),
        ("<the goed> [: went]", "the •0_100• goed •200_300•"),
        ("jar [x 2]", "jar •0_100• jar •200_300•"),
        ("jar [x 5] fell", "jar •0_100• fell •200_300•"),
        ("the 0is jar", "the 0_100 jar 200_300 ."),
    ],
)
def test_the_wor_tier_gives_the_times_of_the_words_that_it_holds(
    tmp_path: Path, main: str, wor: str
) -> None:
    transcript = _lines(tmp_path, f"*PAR:\t{main} .", f"%wor:\t{wor}")

    times = [times for times in _times(transcript) if times not in ((None, None), (0.1, 0.2))]
    assert times == [(0.0, 0.1), (0.2, 0.3)]
    assert transcript.warnings == ()


@pytest.mark.parametrize("wor", ["the zebra zebra", "the jar", "the", "", "jar the zebra"])
def test_a_wor_tier_of_other_words_gives_no_times(tmp_path: Path, wor: str) -> None:
    timed = " ".join(f"{word} •{n}000_{n}900•" for n, word in enumerate(wor.split()))

    transcript = _lines(tmp_path, "*PAR:\tthe jar zebra . •0_5000•", f"%wor:\t{timed} .")

    assert _texts(transcript) == "the jar zebra"
    assert not any(word.is_timed for word in transcript.words)
    assert transcript.utterances[0].end_s == 5.0
    assert transcript.warnings == (
        f"{tmp_path / 's1.cha'}:8: the words of %wor ({len(wor.split())}) are not those of its "
        "line (3, line 7); the line's words have no times",
    )


def test_word_times_that_run_backwards_are_left_out_alone(tmp_path: Path) -> None:
    transcript = _lines(
        tmp_path,
        "*PAR:\tthe red jar fell .",
        "%wor:\tthe •1000_1100• red •1100_1200• jar •200_300• fell •1400_1900• .",
        "*PAR:\tyes .",
        "%wor:\tyes •1900_1200• .",
        "*PAR:\tno no .",
        "%wor:\tno •2000_2100• no •2000_2200• .",
    )

    assert _times(transcript) == [
        (1.0, 1.1), (1.1, 1.2), (None, None), (1.4, 1.9), (None, None), (2.0, 2.1), (2.0, 2.2)
    ]  # fmt: skip
    assert [warning.split(".cha:")[1] for warning in transcript.warnings] == [
        "7: times on its %wor tier run backwards; they are left out",
        "10: the tier has a time mark that ends before it starts; it is left out",
    ]


def test_the_clean_rendering_keeps_times_but_invents_none(tmp_path: Path) -> None:
    transcript = _lines(
        tmp_path,
        "*PAR:\tthe [/] the &-uh goed [: went] gonna [: going to] fall .",
        "%wor:\tthe •0_100• the •200_300• uh •300_400• goed •400_500• gonna •500_600• "
        "fall •600_900• .",
        rendering="clean",
    )

    assert _texts(transcript) == "the went going to fall"
    assert _times(transcript) == [
        (0.2, 0.3), (0.4, 0.5), (None, None), (None, None), (0.6, 0.9)
    ]  # fmt: skip


# Faults of files


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("the <jar fell", "the jar fell"),
        ("the jar> [/] fell", "the jar fell"),
        ("the <jar [/] fell", "the jar fell"),
        ("the zebr(a fell", "the zebra fell"),
        ("the jar [: went", "the jar"),
        ("the jar [// the jar", "the jar the jar"),
        ("the jar [: fell [* s] down", "the jar down"),
        ("the jar ] fell", "the jar fell"),
        ("the jar [", "the jar"),
    ],
)
def test_brackets_that_do_not_match_cost_no_word_beyond_them(
    tmp_path: Path, line: str, texts: str
) -> None:
    transcript = _lines(tmp_path, f"*PAR:\t{line}", "*PAR:\t<the end> [/] the end .")

    assert _texts(transcript) == f"{texts} the end the end"
    assert transcript.warnings == (
        f"{tmp_path / 's1.cha'}:7: the line has brackets that do not match; what they mark is not "
        "known",
    )


BROKEN_FILES = {
    "no @Begin": (f"{HEAD.replace('@Begin', '@Comment:')}*PAR:\tjar .\n@End\n", [1], "jar"),
    "no @End": (f"{HEAD}*PAR:\tjar .\n%mor:\tnoun|jar .\n", [8], "jar"),
    "cut inside a line": (f"{HEAD}*PAR:\tjar .\n*PAR:\tthe ja", [8], "jar the ja"),
    "text after @End": (f"{HEAD}*PAR:\tjar .\n@End\n*PAR:\tzebra .\n*PAR:\tzebra .\n", [9], "jar"),
    "a tier before any line": (f"{HEAD}%wor:\tzebra •0_1• .\n*PAR:\tjar .\n@End\n", [7], "jar"),
    "a line without a tab": (f"{HEAD}*PAR:\tjar .\nzebra fell\n*PAR:\tit .\n@End\n", [8], "jar it"),
    "a tab at the start": (f"\tzebra\n{HEAD}*PAR:\tjar .\n@End\n", [1], "jar"),
    "no code": (f"{HEAD}*the zebra: fell\n*PAR:\tjar .\n@End\n", [7], "jar"),
    "no colon": (f"{HEAD}*PAR zebra\n\tzebra\n*PAR:\tjar .\n@End\n", [7], "jar"),
    "a short @ID": (f"{HEAD}@ID:\teng|zebra|PAR\n*PAR:\tjar .\n@End\n", [7], "jar"),
    "an endless repetition": (f"{HEAD}*PAR:\tjar [x 99999] .\n@End\n", [7], "jar"),
}


@pytest.mark.parametrize("fault", BROKEN_FILES)
def test_a_broken_file_is_read_with_a_warning_that_names_the_line(
    tmp_path: Path, fault: str
) -> None:
    content, lines, texts = BROKEN_FILES[fault]

    transcript = _read(tmp_path, content)

    assert _texts(transcript) == texts
    path = tmp_path / "s1.cha"
    assert [w.startswith(f"{path}:{n}: ") for w, n in zip(transcript.warnings, lines, strict=True)]
    assert all(w.startswith(f"{path}:{lines[0]}: ") for w in transcript.warnings)
    assert "zebra" not in "".join(transcript.warnings)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no speaker line such as '*PAR:'; is it a CHAT file?"),
        ("\n\n \n", "has no speaker line"),
        (HEAD + "@End\n", "has no speaker line"),
        ("zebra\n" * 1000, "has no speaker line"),
        (bytes(range(1, 128)) * 100, "has no speaker line"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not text; export it as UTF-8"),
        (f"{HEAD}*PAR:\tzebra\0 .\n@End\n", "is not text"),
    ],
    ids=["empty", "blank", "headers only", "prose", "binary", "binary with NUL", "NUL"],
)
def test_what_is_no_chat_file_is_refused(tmp_path: Path, content: str | bytes, reason: str) -> None:
    refusal = _refusal(tmp_path, content)

    assert refusal.startswith(f"{tmp_path / 's1.cha'}: {reason}")
    assert "zebra" not in refusal


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.cha").mkdir()
    os.mkfifo(tmp_path / "pipe.cha")
    for name in ("gone.cha", "folder.cha", "pipe.cha"):
        with pytest.raises(TranscriptError, match=name):
            chat.ChatReader().read(tmp_path / name, recording_id="x", options=ReadingOptions())


SAMPLE = f"{HEAD}*PAR:\tel niño\n\tfell . {BULLET}0_900{BULLET}\n*INV:\tmhm .\n@End\n"


@pytest.mark.parametrize(
    "content",
    [
        SAMPLE.encode("utf-8-sig"),
        SAMPLE.encode("cp1252"),
        SAMPLE.replace(BULLET, "•").encode("cp1252"),
        SAMPLE.encode("utf-16"),
        SAMPLE.encode("utf-16-le"),
        SAMPLE.replace("\n", "\r\n").encode(),
        SAMPLE.replace("\n", "\r").encode(),
        SAMPLE.replace("\n", "\r\n", 5).encode(),
        SAMPLE.replace("\n", "\n\n").encode(),
        SAMPLE.replace(":\t", ": ").replace("\n\t", "\n        ").encode(),
    ],
    ids=[
        *("mark", "cp1252", "cp1252 •", "utf-16", "no mark", "crlf", "cr", "mixed", "blank lines"),
        "no tabs",
    ],
)
def test_encodings_line_ends_and_lost_tabs_are_no_harm(tmp_path: Path, content: bytes) -> None:
    transcript = _read(tmp_path, content)

    assert _texts(transcript) == "el niño fell mhm"
    assert transcript.utterances[0].end_s == 0.9
    assert [warning.partition(".cha: ")[2] for warning in transcript.warnings] == (
        ["is not UTF-8, so it was read as Windows-1252; export it as UTF-8"]
        if b"ni\xf1o" in content
        else []
    )


def test_warnings_do_not_grow_with_the_file(tmp_path: Path) -> None:
    transcript = _lines(tmp_path, *["zebra"] * 5000, "*PAR:\tyes .")

    assert len(transcript.warnings) == 101
    assert transcript.warnings[-1].endswith(".cha: and 4900 more such warnings")


def test_a_file_of_too_many_words_or_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEAD + "*PAR:\tzebra [x 50] .\n" * 30 + "@End\n"
    assert len(_read(tmp_path, content).words) == 1500

    monkeypatch.setattr(chat, "MAX_WORDS", 1000)
    assert ":27: more than 1000 words; not a transcript of one" in _refusal(tmp_path, content)
    monkeypatch.setattr(chat, "MAX_BYTES", 500)
    assert "larger than" in _refusal(tmp_path, content)


LONG_LINES = {
    "a megabyte": f"the {'zebra' * 50} <is on> [//] fell &-uh . " * 3500,
    "nested scopes": "<" * 100_000 + "zebra" + "> [/]" * 20_000,
    "scopes of all before": "<" * 20_000 + "zebra" + " is> [: it]" * 20_000,
    "open scopes": "<" * 100_000,
    "open brackets": "[ " * 20_000,
    "open replacements": "[: " * 20_000,
    "open parentheses": "zebra(" * 100_000,
    "a number without end": "1" * 1_000_000,
    "blanks after a bullet": "•" + " " * 1_000_000,
    "bullets": "• " * 20_000,
    "bullets with file names": '•%a:"' * 20_000,
    "linkers": "+" * 1_000_000,
    "colons": "a" + ":" * 1_000_000 + "1",
    "repetitions": "zebra [x 100] " * 5_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG_LINES)
def test_the_time_a_line_takes_grows_no_faster_than_the_line(tmp_path: Path, name: str) -> None:
    started = time.process_time()

    _lines(tmp_path, "*PAR:\tyes .", f"*PAR:\t{LONG_LINES[name]}")

    assert time.process_time() - started < 15  # the square of any of them takes minutes or hours


SIGNS = (
    "zebra|zebra's|the|&-uh|&+fr|&|&=laughs|xxx|0zebra|0|[/]|[//]|[: zebra]|[:|[x|[x 9]|[|]|<|>|(|"
    ")|(.)|+...|+<|+|.|?|\x15|•|12_34|•1_2•|•9_1•|\x1510_|_|:|@|@o|zebra@s$n|⌈|↫|‡|'|-|\ufffd|"
    "\t|\n|\n\t|\n*PAR:\t|\n*XYZ:\t|\n%wor:\t|\n%xword:\t1=%20|\n@ID:\t||||\n@End|\n%"
)
PIECES = st.sampled_from(SIGNS.split("|"))


@settings(max_examples=200)
@given(
    pieces=st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=30),
    rendering=st.sampled_from(["audible", "clean"]),
)
def test_any_text_is_read_or_refused_without_quoting_it(
    tmp_path_factory, pieces: list[str], rendering: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    content = f"{HEAD}*PAR:\tyes {' '.join(pieces)}"

    try:
        transcript = _read(folder, content.encode(errors="ignore"), rendering=rendering)
    except TranscriptError as refusal:
        messages: tuple[str, ...] = (str(refusal),)
    else:
        messages = transcript.warnings
        covered = [n for u in transcript.utterances for n in range(u.first_word, u.last_word)]
        assert covered == list(range(len(transcript.words)))
        assert not any(unicodedata.category(c) == "Cc" for w in transcript.words for c in w.text)

    assert "zebra" not in "".join(messages)
    assert all(message.startswith(f"{folder / 's1.cha'}:") for message in messages)
    assert all(len(message.splitlines()) == 1 for message in messages)


@settings(max_examples=100)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")

    with contextlib.suppress(TranscriptError):
        _read(folder, b"*PAR:\t" + content)


# An independent reader agrees


def _by_pylangacq(content: str) -> pylangacq.CHAT:
    return pylangacq.CHAT.from_strs([content])


VOCABULARY = """
the boy girl is taking cookies from jar mother's don't washing dishes water Cinderella stool
overflowing niño größe
"""
WORDS = st.sampled_from(VOCABULARY.split())
ELEMENTS = st.one_of(
    WORDS,
    st.builds("&-{}".format, st.sampled_from(["uh", "um"])),
    st.builds("&+{}".format, st.sampled_from(["fr", "s", "st"])),
    st.builds("{} [/] {}".format, WORDS, WORDS),
    st.builds("<{} {}> [//] {}".format, WORDS, WORDS, WORDS),
    st.builds("<<{}> [/] {}> [//] {}".format, WORDS, WORDS, WORDS),
    st.builds("<{} &-uh {}> [///] {}".format, WORDS, WORDS, WORDS),
    st.builds("{} [: {}] [* s:r]".format, WORDS, WORDS),
    st.builds("{} [: {} {}]".format, WORDS, WORDS, WORDS),
    st.builds("<{} {}> [>]".format, WORDS, WORDS),
    st.builds("{} [= {}]".format, WORDS, WORDS),
    st.builds("{}@o".format, WORDS),
    st.builds("{} [x {}]".format, WORDS, st.integers(2, 4)),
    st.sampled_from(["(.)", "(..)", "xxx", "&=laughs", "0is", "fallin(g)", "(be)cause", ","]),
)
UTTERANCES = st.tuples(
    st.sampled_from(["PAR", "INV"]),
    st.lists(ELEMENTS, min_size=1, max_size=8),
    st.sampled_from([".", "?", "!", "+...", "+/.", "+//."]),
    st.booleans(),
    st.integers(1500, 4000),
)


def _file_of(utterances: list[tuple]) -> str:
    lines, now_ms = [], 0
    for code, elements, end, is_marked, length_ms in utterances:
        mark = f" {BULLET}{now_ms}_{now_ms + length_ms}{BULLET}" if is_marked else ""
        lines.append(f"*{code}:\t{' '.join(elements)} {end}{mark}")
        now_ms += length_ms
    return "\n".join([HEAD.rstrip("\n"), "*PAR:\tyes .", *lines, "@End", ""])


@settings(max_examples=80)
@given(utterances=st.lists(UTTERANCES, max_size=8))
def test_pylangacq_finds_the_same_words_speakers_and_times(
    tmp_path_factory, utterances: list[tuple]
) -> None:
    content = _file_of(utterances)
    folder = tmp_path_factory.mktemp("oracle")

    audible = _read(folder, content)
    clean = _read(folder, content, rendering="clean")

    assert audible.warnings == ()
    expected = _by_pylangacq(content)
    roles = {"PAR": "participant", "INV": "interviewer"}
    for mine, plain, theirs in zip(
        audible.utterances, clean.utterances, expected.utterances(), strict=True
    ):
        words = audible.words[mine.first_word : mine.last_word]
        marks = mine.start_s and round(mine.start_s * 1000), mine.end_s and round(mine.end_s * 1000)
        assert marks == (theirs.time_marks or (None, None))
        assert {word.speaker for word in words} <= {roles[theirs.participant]}
        # It counts punctuation among words.
        heard = [word for word in theirs.audible.split() if word[0].isalpha()]
        assert [word.text for word in words] == heard
        assert [word.text for word in clean.words[plain.first_word : plain.last_word]] == [
            token.word for token in theirs.tokens or () if token.word[0].isalpha()
        ]
    assert [(p.code, p.role) for p in expected.participants()] == [
        ("PAR", "Participant"),
        ("INV", "Investigator"),
    ]
