"""What a speaker line of a CHAT file says, and how CHAT spells a word.

Conventions: B. MacWhinney, "Tools for Analyzing Talk, Part 1: The CHAT Transcription Format",
https://talkbank.org/manuals/CHAT.html. Every line is read in one pass, whatever is wrong with it.
"""

# ruff: noqa: RUF001 (the signs of CHAT look like other signs)

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, product
from typing import Literal
from urllib.parse import unquote

from cogspeech.transcripts.quality import FILLERS
from cogspeech.transcripts.reading import UNINTELLIGIBLE

NOT_UNDERSTOOD = frozenset({UNINTELLIGIBLE, "xx", "yyy", "yy", "www"})
MAX_COPIES = 200
"""Words that the repetition codes ``[x 4]`` of one line may add."""
MAX_TIME_DIGITS = 12
_LANGUAGE_PAIRS = """
eng=en deu=de ger=de fra=fr fre=fr spa=es ita=it por=pt nld=nl dut=nl zho=zh chi=zh cmn=zh jpn=ja
kor=ko ell=el gre=el rus=ru pol=pl swe=sv dan=da nor=no fin=fi hun=hu ces=cs cze=cs slk=sk slv=sl
hrv=hr srp=sr ukr=uk bul=bg ron=ro rum=ro tur=tr ara=ar heb=he hin=hi fas=fa tha=th vie=vi ind=id
cat=ca eus=eu glg=gl est=et lav=lv lit=lt isl=is gle=ga cym=cy afr=af
"""
LANGUAGES: Mapping[str, str] = dict(pair.split("=") for pair in _LANGUAGE_PAIRS.split())
"""ISO 639-3, as in ``@Languages``, and some of ISO 639-2, to ISO 639-1."""
UNKNOWN_LANGUAGE = "und"
"""ISO 639-3 for a language that is not known."""

_APOSTROPHES = str.maketrans("’‘ʼ", "'''")

_SCOPED_RETRACINGS = frozenset({"/", "//", "///", "/-", "/?"})
_INTONATION = "↑↓⇗↗→↘⇘←↖↙≠∾⁑⤆⤇∙↻∆∇°▁▔⁇∬∮⁎◉§☺♋≈≋≡∞⌈⌉⌊⌋ˈˌ"
_QUOTES = '“”„‟"«»‹›〔〕「」『』‡†¿¡'
_CONTROLS = "".join(map(chr, (*range(32), *range(127, 160), 0x200B, 0xFEFF)))
_STRIPPED = str.maketrans("", "", _INTONATION + _QUOTES + _CONTROLS)
_PRINTABLE = str.maketrans("", "", _CONTROLS)
_JOINED = str.maketrans("+_", "--", "^~()")
_EDGES = ".,!?;:…-–—*=/\\|%#&。，！？；：、"
_EXACT_WORD = re.compile(r"([0-9]{1,6})=(\S+)")
_OVERLAP_NUMBER = re.compile("[⌈⌉⌊⌋][2-9]")
_STUTTER = re.compile("↫[^↫]*↫")
_OMITTED_PART = re.compile(r"\([^()]*\)")
_LENGTHENING = re.compile(r":+(?![0-9])")
_TIMES = re.compile(f"([0-9]{{1,{MAX_TIME_DIGITS}}})_([0-9]{{1,{MAX_TIME_DIGITS}}})")
_REPETITION = re.compile(r"x\s*([0-9]{1,6})")
_TOKEN = re.compile(
    r"""
    (?P<plain>[^\W\d_ˈˌ]+)(?=[ ]|$)
  | (?P<bullet>
        [\x15\u2022\ufffd](?:\s*%\w+:"[^"\x15]*"_)?[0-9.\s]*_[0-9.\s]*-?\s*[\x15\u2022\ufffd]?
      | (?<![^\s\x15\u2022\ufffd])[0-9.]+_\s?[0-9.]+-?[\x15\u2022\ufffd]?(?![^\s\x15\u2022\ufffd])
    )
  | (?P<silent>
        [\x15\u2022]%[^\x15\u2022]*[\x15\u2022]       # a picture
      | \+[/.?!"<^+,≋≈“”]+(?=[\s\x15\u2022\[]|$)      # how the line begins or ends
      | \([0-9.:]*\)                                  # a pause
      | &[={}*][^\s\[\]<>\x15\u2022]*                 # an event, or a word of somebody else
    )
  | \[(?P<code>[^\[\]]*)\]
  | (?P<open><)
  | (?P<close>>)
  | (?P<broken>\[(?:[:=%#*+]+\s*)?[^\s\[\]\x15\u2022]*|\])
  | (?P<stray>[\x15\u2022])
  | (?P<word>[^\s\[\]<>\x15\u2022]+)
    """,
    re.VERBOSE,
)


Kind = Literal["word", "filler", "fragment", "unintelligible"]


@dataclass(slots=True, kw_only=True)
class SpokenWord:
    """One word as it was said; what the transcriber notes about it."""

    said: str
    meant: str
    """With what a shortening such as ``fallin(g)`` leaves out."""
    kind: Kind = "word"
    is_retraced: bool = False
    is_copy: bool = False
    """One that only a repetition code such as ``[x 4]`` stands for."""
    replacement: tuple[str, ...] | None = None
    """What should have been said instead."""


@dataclass(frozen=True, slots=True)
class Bullet:
    """A time mark, in milliseconds."""

    after_word: int | None
    """Position of the word it follows; ``None``: it follows something else."""
    start_ms: int
    end_ms: int


@dataclass(slots=True)
class SpokenLine:
    """The words and time marks of a line, and what could not be read in it."""

    words: list[SpokenWord] = field(default_factory=list)
    bullets: list[Bullet] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Unheard:
    """Stands where a word would, but nothing was said."""


_UNHEARD = _Unheard()


def spoken_line(text: str) -> SpokenLine:
    """The words of a main line or of a ``%wor`` tier, without its code."""
    return _Lexer(text).line


def spelled(text: str) -> str:
    """A word as CHAT can hold it, never empty.

    What CHAT has no letter for becomes an underscore inside the word and is left out beside it; a
    word of nothing but signs becomes their names.
    """
    letters = "".join(
        character if _is_letter(character) else "_" for character in text.translate(_APOSTROPHES)
    )
    word = re.sub("_+", "_", letters).strip("_-")
    word = re.sub("(?<=[0-9])_(?=[0-9])", "-", word)  # 3_5 would be a time mark
    if not _has_sound(word):
        names = [unicodedata.name(character, "sign") for character in text if character.strip()]
        word = re.sub("[^a-z]+", "_", " ".join(names[:3]).lower()).strip("_")
    if word.startswith("0"):
        word = f"zero{word[1:]}"
    if word.casefold() in NOT_UNDERSTOOD and text != UNINTELLIGIBLE:
        word = "_".join(word)
    return word


def restore_exact_words(words: Sequence[SpokenWord], tier: str) -> None:
    """Takes the words that CHAT could not spell from a ``%xword`` tier: ``3=U.S. 7=100%25``.

    The project's own writer writes it. A word that was edited on the speaker line since then stays
    as it stands there.
    """
    for match in _EXACT_WORD.finditer(tier):
        position, exact = int(match[1]) - 1, printable(unquote(match[2]))
        if not (exact and 0 <= position < len(words)):
            continue
        read_back = spoken_line(spelled(exact)).words
        if len(read_back) == 1 and read_back[0].said == words[position].said:
            words[position].said = words[position].meant = exact


def matching_positions(
    words: Sequence[SpokenWord], timed: Sequence[SpokenWord]
) -> list[int] | None:
    """Where each word of a ``%wor`` tier stands in its line; ``None``: they do not match.

    Whether fragments are on the tier has changed over the years, and neither what nobody understood
    nor repetitions written with a code need be; all other words must be there.
    """
    for skip_fragments, skip_copies, skip_unknown in product((False, True), repeat=3):
        kept = [
            position
            for position, word in enumerate(words)
            if not (skip_fragments and word.kind == "fragment")
            and not (skip_copies and word.is_copy)
            and not (skip_unknown and word.kind == "unintelligible")
        ]
        if len(kept) == len(timed) and all(
            _is_same(words[position], word) for position, word in zip(kept, timed, strict=True)
        ):
            return kept
    return None


def _is_same(word: SpokenWord, timed: SpokenWord) -> bool:
    if word.said == timed.said:
        return True
    return not {_letters(word.said), _letters(word.meant)}.isdisjoint(
        {_letters(timed.said), _letters(timed.meant)}
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def printable(text: str) -> str:
    """A text without control characters and blanks at its ends."""
    return text.translate(_PRINTABLE).strip()


def _is_letter(character: str) -> bool:
    if ord(character) in _STRIPPED:
        return False
    return character.isalnum() or character in "'-" or unicodedata.category(character)[0] == "M"


def _has_sound(text: str) -> bool:
    return any(character.isalnum() for character in text)


class _Lexer:
    def __init__(self, text: str) -> None:
        self.line = SpokenLine()
        self._words = self.line.words
        self._last = 0  # the latest element: all words from this position on
        self._groups: list[int] = []
        self._retraced: list[tuple[int, int]] = []
        self._replaced: list[tuple[int, int, tuple[str, ...]]] = []
        self._copies = 0
        actions: dict[str | None, Callable[[str], None]] = {
            "plain": self._plain,
            "word": self._word,
            "bullet": self._bullet,
            "code": self._code,
            "open": self._open,
            "close": self._close,
            "broken": self._broken,
            "stray": self._stray,
            "silent": self._silent,
        }
        for match in _TOKEN.finditer(text):
            actions[match.lastgroup](match[match.lastgroup or 0])
        if self._groups:
            self._broken("<")
        self._settle_retracings()
        self._settle_replacements()

    def _plain(self, text: str) -> None:
        is_known = text.casefold() not in NOT_UNDERSTOOD
        self._add(SpokenWord(said=text, meant=text) if is_known else _not_understood())

    def _word(self, text: str) -> None:
        if text.count("(") != text.count(")"):
            self._broken(text)
        word = _read_word(text)
        if isinstance(word, SpokenWord):
            self._add(word)
        elif word is not None:
            self._last = len(self._words)

    def _add(self, word: SpokenWord) -> None:
        self._last = len(self._words)
        self._words.append(word)

    def _silent(self, text: str) -> None:
        pass  # what follows still belongs to the word before it: "the (.) [/] the"

    def _open(self, text: str) -> None:  # noqa: ARG002
        self._groups.append(len(self._words))

    def _close(self, text: str) -> None:
        if self._groups:
            self._last = self._groups.pop()
        else:
            self._broken(text)

    def _broken(self, text: str) -> None:  # noqa: ARG002
        self._report("has brackets that do not match; what they mark is not known")

    def _stray(self, text: str) -> None:  # noqa: ARG002
        self._report("has a time mark that cannot be read; expected two times in ms")

    def _report(self, problem: str) -> None:
        if problem not in self.line.problems:
            self.line.problems.append(problem)

    def _bullet(self, text: str) -> None:
        body = "".join(text.rsplit('"_', 1)[-1].split()).strip("\x15\u2022\ufffd-")
        times = _TIMES.fullmatch(body)
        if times is None and "." in body:
            self._report("has a time mark with a decimal point; expected whole ms; it is left out")
        elif times is None:
            self._stray(text)
        elif int(times[2]) < int(times[1]):
            self._report("has a time mark that ends before it starts; it is left out")
        else:
            count = len(self._words)
            after_word = count - 1 if self._last < count else None
            self.line.bullets.append(Bullet(after_word, int(times[1]), int(times[2])))

    def _code(self, text: str) -> None:
        code = text.strip()
        if code in _SCOPED_RETRACINGS:
            self._retraced.append((self._last, len(self._words)))
        elif code.startswith(":") and not code.startswith("::"):
            # [:: x] notes what was meant by a word that is one: it stays, as in CLAN.
            words = [_read_word(chunk) for chunk in code[1:].split()]
            meant = tuple(
                word.meant
                for word in words
                if isinstance(word, SpokenWord) and word.kind != "unintelligible"
            )
            if meant and self._last < len(self._words):
                self._replaced.append((self._last, len(self._words), meant))
        elif repetition := _REPETITION.fullmatch(code):
            self._repeat(int(repetition[1]))

    def _repeat(self, times: int) -> None:
        scope = self._words[self._last :]
        self._copies += len(scope) * max(0, times - 1)
        if self._copies > MAX_COPIES:
            self._report("repeats words more often than anybody speaks; once is taken")
            return
        for _ in range(times - 1):
            self._words.extend(
                SpokenWord(said=word.said, meant=word.meant, kind=word.kind, is_copy=True)
                for word in scope
            )

    def _settle_retracings(self) -> None:
        # Scopes may lie inside each other many times over: only their ends are touched.
        if not self._retraced:
            return
        depth = [0] * (len(self._words) + 1)
        for start, end in self._retraced:
            depth[start] += 1
            depth[end] -= 1
        for word, level in zip(self._words, accumulate(depth), strict=False):
            word.is_retraced = level > 0

    def _settle_replacements(self) -> None:
        done = 0
        for start, end, meant in sorted(self._replaced, key=lambda scope: (scope[0], -scope[1])):
            if start < done:
                continue
            for word in self._words[start:end]:
                word.replacement = ()
            self._words[start].replacement = meant
            done = end


def _read_word(chunk: str) -> SpokenWord | _Unheard | None:
    """A word; something that stands for a word nobody said; or ``None`` for punctuation."""
    text = _OVERLAP_NUMBER.sub("", _STUTTER.sub("", chunk)).translate(_STRIPPED).lstrip("+")
    kind: Kind = "word"
    if text.startswith("&"):
        kind, text = _marked(text)
    elif text.startswith("0") and not text[1:2].isdigit():
        return _UNHEARD  # 0word was left out, 0 is an action without speech
    text, _, form = text.partition("@")
    if form == "fp":  # how files before 2010 marked a filled pause
        kind = "filler"
    text = text.partition("$")[0]
    meant = _spoken_letters(text)
    if not _has_sound(meant):
        return None
    if form == "sl":
        return _UNHEARD  # signed, not spoken
    if kind == "word" and meant.casefold() in NOT_UNDERSTOOD:
        return _not_understood()
    said = _spoken_letters(_OMITTED_PART.sub("", text)) if "(" in text else meant
    # A word wholly in parentheses was not heard with certainty, but it was heard.
    return SpokenWord(said=said if _has_sound(said) else meant, meant=meant, kind=kind)


def _not_understood() -> SpokenWord:
    return SpokenWord(said=UNINTELLIGIBLE, meant=UNINTELLIGIBLE, kind="unintelligible")


def _marked(text: str) -> tuple[Literal["filler", "fragment"], str]:
    """What follows the ampersand: ``&-uh``, ``&+fr``, ``&~ga``, or without a mark, as of old."""
    mark, rest = text[1:2], text[2:]
    if mark == "-":
        return "filler", rest
    if mark in "+~":
        return "fragment", rest
    return ("filler" if text[1:].casefold() in FILLERS else "fragment"), text[1:]


def _spoken_letters(text: str) -> str:
    if ":" in text:
        text = _LENGTHENING.sub("", text)
    return text.translate(_JOINED).strip(_EDGES)
