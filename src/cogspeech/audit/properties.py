"""What may go with the label although it should not: how a recording was made, and of whom."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cogspeech.audit.base import Evidence, Item
from cogspeech.audit.listening import Sound
from cogspeech.types import Recording, Transcript

Value = float | str | None
MOST_VALUES = 0.2
"""A further column is a category while it has fewer values than this share of its recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of every recording."""

    name: str
    """The finding's code is this with ``_by_class``."""
    shown: str
    value: Callable[[Item], Value]
    """``None``: not known."""
    is_number: bool = False
    unit: str = ""
    is_fatal: bool = True
    """Where it tells the classes apart by itself, nothing that a model finds is about people."""


def _sound(read: Callable[[Sound], Value]) -> Callable[[Item], Value]:
    return lambda item: None if item.sound is None else read(item.sound)


def _row(read: Callable[[Recording], Value]) -> Callable[[Item], Value]:
    return lambda item: read(item.recording)


def _words(read: Callable[[Transcript], Value]) -> Callable[[Item], Value]:
    return lambda item: None if item.transcript is None else read(item.transcript)


def _file_name(recording: Recording) -> str:
    return re.sub(r"\d+", "#", recording.audio_path.name)


def _transcript_format(recording: Recording) -> str | None:
    path = recording.transcript_path
    return None if path is None else "".join(path.suffixes[-2:])


def _has_interviewer(transcript: Transcript) -> str:
    return "yes" if any(word.speaker == "interviewer" for word in transcript.words) else "no"


PROCESSING = (
    Property(name="sample_rate", shown="sample rate", unit=" Hz",
             value=_sound(lambda s: str(s.sample_rate_hz))),
    Property(name="codec", shown="container and coding", value=_sound(lambda s: s.codec)),
    Property(name="bit_depth", shown="bits per sample",
             value=_sound(lambda s: str(s.bits_per_sample or "none"))),
    Property(name="channels", shown="number of channels",
             value=_sound(lambda s: str(s.num_channels))),
    Property(name="loudness", shown="level of the speech", is_number=True, unit=" dB",
             value=_sound(lambda s: s.level_dbfs)),
    Property(name="noise_floor", shown="level between the speech", is_number=True, unit=" dB",
             value=_sound(lambda s: s.noise_dbfs)),
    Property(name="leading_silence", shown="silence before the first speech", is_number=True,
             unit=" s", value=_sound(lambda s: s.leading_silence_s)),
    Property(name="bandwidth", shown="bandwidth", is_number=True, unit=" Hz",
             value=_sound(lambda s: s.bandwidth_hz)),
    Property(name="dc_offset", shown="offset of the samples", is_number=True,
             value=_sound(lambda s: round(s.dc_offset, 3))),
    Property(name="duration", shown="duration", is_number=True, unit=" s", is_fatal=False,
             value=_sound(lambda s: s.duration_s)),
    Property(name="file_name", shown="pattern of the file name", is_fatal=False,
             value=_row(_file_name)),
    Property(name="folder_depth", shown="depth of the folder", is_fatal=False,
             value=_row(lambda r: str(len(r.audio_path.parts)))),
    Property(name="transcript_format", shown="format of the transcript",
             value=_row(_transcript_format)),
    Property(name="transcript_source", shown="source of the transcript",
             value=lambda item: item.transcript_source),
    Property(name="interviewer", shown="presence of an interviewer",
             value=_words(_has_interviewer)),
)  # fmt: skip
PEOPLE = (
    Property(name="age", shown="age", is_number=True, unit=" years",
             value=_row(lambda r: r.age_years)),
    Property(name="education", shown="education", is_number=True, unit=" years",
             value=_row(lambda r: r.education_years)),
    Property(name="sex", shown="sex", value=_row(lambda r: r.sex)),
    Property(name="language", shown="language", value=_row(lambda r: r.language)),
    Property(name="task", shown="task", value=_row(lambda r: r.task)),
    Property(name="site", shown="site", value=_row(lambda r: r.site)),
    Property(name="visit", shown="visit", is_fatal=False, value=_row(lambda r: r.visit)),
    Property(name="official_split", shown="official split",
             value=_row(lambda r: r.official_split)),
)  # fmt: skip
COLUMNS = ("age_years", "education_years", "mmse", "sex", "language", "task", "site", "visit",
           "transcript_path")  # fmt: skip
"""Their gaps are looked at, too."""


def all_properties(evidence: Evidence) -> Iterator[Property]:
    """Those above, the gaps of every column, and every further column that holds categories."""
    yield from PROCESSING
    yield from PEOPLE
    for column in COLUMNS:
        yield Property(
            name="missing",
            shown=f"presence of a value of {column}",
            value=_row(lambda r, c=column: "no" if getattr(r, c) is None else "yes"),  # type: ignore[misc]
            is_fatal=False,
        )
    names = dict.fromkeys(name for item in evidence.items for name in item.recording.metadata)
    for name in names:
        values = [item.recording.metadata.get(name) for item in evidence.items]
        if len(set(values)) <= max(2, MOST_VALUES * len(values)):
            yield Property(
                name="column",
                shown=f"column '{name}'",
                value=_row(lambda r, c=name: r.metadata.get(c) or "none"),  # type: ignore[misc]
                is_fatal=False,
            )
