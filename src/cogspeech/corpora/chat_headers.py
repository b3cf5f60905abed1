"""What the headers of a CHAT file say of the recording: who speaks, in which language, which file.

Conventions: B. MacWhinney, "Tools for Analyzing Talk, Part 1: The CHAT Transcription Format",
https://talkbank.org/manuals/CHAT.html. The lines of speech are not read here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cogspeech.corpora.tree import composed, folded
from cogspeech.errors import CorpusError

MAX_BYTES = 1 << 20
"""So much of a file is looked through for headers."""
ROLES = frozenset({"participant", "target_adult", "targetadult"})
LANGUAGES = {
    "eng": "en", "spa": "es", "zho": "zh", "chi": "zh", "cmn": "zh", "ell": "el", "gre": "el",
    "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "ita": "it", "por": "pt", "nld": "nl",
    "dut": "nl", "jpn": "ja", "kor": "ko", "tur": "tr", "swe": "sv",
    "english": "en", "spanish": "es", "chinese": "zh", "mandarin": "zh", "greek": "el",
    "german": "de", "french": "fr", "italian": "it", "portuguese": "pt", "dutch": "nl",
    "japanese": "ja", "korean": "ko", "turkish": "tr", "swedish": "sv",
}  # fmt: skip
"""ISO 639-3 and 639-2 of the languages of such corpora, and their English names, which some
recognisers write, to ISO 639-1; others stay as they are."""
SEXES = {"male": "male", "female": "female", "m": "male", "f": "female"}
_AGE = re.compile(r"([0-9]{1,3})(?:;(?:([0-9]{1,2})(?:\.[0-9]{0,2})?)?\.?)?")
_SCORE = re.compile(r"[0-9]{1,2}")
_FIELDS = 10
HIGHEST_SCORE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSpeaker:
    """One ``@ID`` header."""

    line: int
    language: str
    code: str
    age: str
    sex: str
    group: str
    session: str
    """What stands in the field for the socio-economic status."""
    role: str
    education: str
    custom: str

    @property
    def age_years(self) -> float | None:
        """``72;`` or ``72;06.``; ``None`` for anything else."""
        match = _AGE.fullmatch(self.age)
        if not match:
            return None
        return round(int(match.group(1)) + int(match.group(2) or 0) / 12, 2)

    @property
    def known_sex(self) -> str | None:
        """``male``, ``female`` or ``None``."""
        return SEXES.get(self.sex.casefold())

    def score(self, field: str) -> float | None:
        """A whole number of 0 to 30, in one field; ``None`` for anything else."""
        text = str(getattr(self, field))
        if not _SCORE.fullmatch(text) or int(text) > HIGHEST_SCORE:
            return None
        return float(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHeaders:
    """The headers that say something of the recording."""

    path: Path
    speakers: tuple[ChatSpeaker, ...]
    languages: tuple[str, ...]
    media: str | None
    """The name of the audio file without its suffix."""
    is_media_missing: bool

    @property
    def participants(self) -> tuple[ChatSpeaker, ...]:
        """The speakers whose speech is studied; more than one if the file does not tell."""
        by_role = tuple(s for s in self.speakers if folded(s.role) in ROLES)
        if len(by_role) == 1:
            return by_role
        by_code = tuple(s for s in self.speakers if s.code == "PAR")
        return by_code or by_role

    @property
    def language(self) -> str | None:
        """The one of the file, as ISO 639-1 where that is known."""
        return language_code(self.languages[0]) if self.languages else None


def language_code(name: str) -> str | None:
    """A language as ISO 639-1, where that is known: "eng" and "en-GB" are "en"."""
    code = name.strip().lower().replace("_", "-").partition("-")[0]
    return None if code in ("", "und") else LANGUAGES.get(code, code)


def read_chat_headers(path: Path) -> ChatHeaders:
    """The headers of a file, up to the first line of speech.

    Raises:
        CorpusError: the file holds NUL bytes or an ``@ID`` without its fields; with the line.
    """
    speakers: list[ChatSpeaker] = []
    languages: tuple[str, ...] = ()
    media: list[str] = []
    for line, name, value in _headers(path):
        if name == "@ID":
            speakers.append(_speaker(path, line, value))
        elif name == "@Languages":
            languages = tuple(code.lower() for code in re.split(r"[,\s]+", value) if code)
        elif name == "@Media":
            media = [part.strip() for part in value.split(",")]
    return ChatHeaders(
        path=path,
        speakers=tuple(speakers),
        languages=languages or tuple(s.language for s in speakers[:1] if s.language),
        media=composed(media[0].strip('"')) if media and media[0] else None,
        is_media_missing="missing" in media[1:],
    )


def _headers(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, name and value of each header; a line that begins with a tab goes on with the last."""
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES)
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise CorpusError(f"{path}:{line}: holds a NUL byte; expected CHAT in UTF-8")
    header: tuple[int, str, str] | None = None
    for number, text in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        if text.startswith("\t") and header:
            header = (header[0], header[1], f"{header[2]} {text.strip()}")
            continue
        if header:
            yield header
        if text.startswith("*"):
            return
        name, _, value = text.partition(":")
        header = (number, name.strip(), value.strip()) if text.startswith("@") else None
    if header:
        yield header


def _speaker(path: Path, line: int, value: str) -> ChatSpeaker:
    fields = [composed(field.strip()) for field in value.split("|")]
    if len(fields) < _FIELDS - 2:
        raise CorpusError(
            f"{path}:{line}: the @ID has {len(fields)} fields; expected {_FIELDS}, each ended by |"
        )
    fields += [""] * _FIELDS
    return ChatSpeaker(
        line=line,
        language=re.split(r"[,\s]+", fields[0].lower())[0],
        code=fields[2],
        age=fields[3],
        sex=fields[4],
        group=fields[5],
        session=fields[6],
        role=fields[7],
        education=fields[8],
        custom=fields[9],
    )
