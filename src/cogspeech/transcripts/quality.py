"""How good a transcript is, in numbers: what later results can be blamed on."""

import csv
import dataclasses
import io
import itertools
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.transcripts.pauses import Gap, gaps_of
from cogspeech.transcripts.voice_activity import VoiceActivity, build_detector, voice_activity_of
from cogspeech.types import Recording, Transcript, Word

FILLERS = frozenset({"uh", "um", "er", "erm", "hm", "hmm", "mm", "mhm", "uhm", "äh", "ähm", "euh"})
"""Filled pauses of English and of some languages beside it, where no reader marked them."""
REPEATED_PHRASE = 4
"""Words; the same phrase three times in a row is how recognisers hallucinate."""
ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Counts are of the participant's words."""

    recording_id: str
    source: str
    words: int
    words_with_times: int
    interpolated: int
    trimmed: int
    clipped: int
    fillers: int
    words_per_s: float | None
    """Words with times per second from the first to the last of them."""
    confidence: float | None
    """Mean, where the words have one."""
    repeated_phrases: int
    """Phrases of four words said at least three times in a row."""
    warnings: int
    """What the reader passed over."""
    pauses: int
    pause_s: float
    """Of all pauses together; so are the other two."""
    filled_pauses: int
    """Fillers with times."""
    filled_pause_s: float
    turn_changes: int
    turn_change_s: float
    pauses_by_duration: dict[str, int]
    """Counts; the keys name their bounds, such as ``pauses_0.5_to_1_s``."""
    unheard_words: int | None = None
    """Words in which the detector of the study hears no speech at all; they may be made up.
    ``None``, as in the next two, where the study has no detector."""
    unheard_words_s: float | None = None
    """Of all words, where it hears no speech."""
    speech_in_pauses_s: float | None = None
    """Where it hears speech in pauses; words may be missing there."""


def with_fillers(transcript: Transcript) -> Transcript:
    """The transcript with filled pauses marked."""
    words = tuple(
        dataclasses.replace(word, is_filler=True)
        if not word.is_filler and _plain(word.text) in FILLERS
        else word
        for word in transcript.words
    )
    return dataclasses.replace(transcript, words=words)


def measure_quality(
    recordings: Sequence[Recording],
    transcripts: Sequence[Transcript],
    section: TranscriptsSection,
    *,
    cache: ContentCache,
) -> tuple[Quality, ...]:
    """The numbers of each transcript, with what the detector of the study says.

    Args:
        recordings: all of a study; those without a transcript are left out.
        transcripts: from `transcribe`, which has asked the detector already.
        section: of the study.
        cache: where the detector's answers are.
    """
    by_id = {recording.recording_id: recording for recording in recordings}
    detector = build_detector(section)
    return tuple(
        quality_of(
            transcript,
            section,
            voice_activity_of(by_id[transcript.recording_id], detector, cache)
            if detector
            else None,
        )
        for transcript in transcripts
    )


def quality_of(
    transcript: Transcript, section: TranscriptsSection, activity: VoiceActivity | None = None
) -> Quality:
    """The numbers of one transcript, after its times were checked.

    Args:
        transcript: from `transcribe`.
        section: says what a pause is, and where pauses are divided by their duration.
        activity: where a detector hears speech.
    """
    words = transcript.participant_words
    confidences = [word.confidence for word in words if word.confidence is not None]
    repairs = [word.repair for word in words]
    gaps: dict[str, list[Gap]] = {"pause": [], "filled": [], "turn_change": []}
    for gap in gaps_of(transcript, min_pause_s=section.min_pause_s):
        gaps[gap.kind].append(gap)
    total_s = {kind: sum((gap.duration_s for gap in found), 0.0) for kind, found in gaps.items()}
    return Quality(
        recording_id=transcript.recording_id,
        source=transcript.source,
        words=len(words),
        words_with_times=sum(word.is_heard and not word.spread for word in words),
        interpolated=repairs.count("interpolated"),
        trimmed=repairs.count("trimmed"),
        clipped=repairs.count("clipped"),
        fillers=sum(word.is_filler for word in words),
        words_per_s=_words_per_s(words),
        confidence=sum(confidences) / len(confidences) if confidences else None,
        repeated_phrases=repeated_phrases(words),
        warnings=len(transcript.warnings),
        pauses=len(gaps["pause"]),
        pause_s=total_s["pause"],
        filled_pauses=len(gaps["filled"]),
        filled_pause_s=total_s["filled"],
        turn_changes=len(gaps["turn_change"]),
        turn_change_s=total_s["turn_change"],
        pauses_by_duration=_by_duration(gaps["pause"], section),
        **(_disagreement(words, gaps["pause"], activity) if activity else {}),
    )


def quality_csv(qualities: Sequence[Quality]) -> str:
    """``quality.csv``: a row per recording; an empty cell where a number does not exist."""
    rows = []
    for quality in qualities:
        row = dataclasses.asdict(quality)
        row.update(row.pop("pauses_by_duration"))
        rows.append({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _disagreement(
    words: Sequence[Word], pauses: Sequence[Gap], activity: VoiceActivity
) -> dict[str, Any]:
    measured = [
        (word.start_s, word.end_s)
        for word in words
        if word.is_heard and not word.spread and word.start_s != word.end_s
    ]
    spans = np.array(measured, dtype=np.float64).reshape(-1, 2)
    heard_s = activity.speech_s(spans)
    silences = np.array([(gap.start_s, gap.end_s) for gap in pauses]).reshape(-1, 2)
    return {
        "unheard_words": int(np.count_nonzero(heard_s < ROUNDING_S)),
        "unheard_words_s": float(np.sum(spans[:, 1] - spans[:, 0]) - np.sum(heard_s)),
        "speech_in_pauses_s": float(np.sum(activity.speech_s(silences))),
    }


def _by_duration(pauses: list[Gap], section: TranscriptsSection) -> dict[str, int]:
    shortest_s = section.min_pause_s
    edges_s = [shortest_s, *(edge for edge in section.pause_bins_s if edge > shortest_s)]
    names = [f"pauses_{low:g}_to_{high:g}_s" for low, high in itertools.pairwise(edges_s)]
    names.append(f"pauses_from_{edges_s[-1]:g}_s")
    counts = dict.fromkeys(names, 0)
    for pause in pauses:
        counts[names[bisect_right(edges_s, pause.duration_s) - 1]] += 1
    return counts


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().strip(" .,;:!?\"'-")


def _words_per_s(words: tuple[Word, ...]) -> float | None:
    spans = [(w.start_s, w.end_s) for w in words if w.start_s is not None and w.end_s is not None]
    if not spans:
        return None
    length_s = max(end for _, end in spans) - min(start for start, _ in spans)
    return len(spans) / length_s if length_s > 0 else None


def repeated_phrases(words: Sequence[Word]) -> int:
    """How often a phrase of four words is said three times in a row or more."""
    texts = [_plain(word.text) for word in words]
    size, found, at = REPEATED_PHRASE, 0, 0
    while at + 3 * size <= len(texts):
        phrase = texts[at : at + size]
        if texts[at + size : at + 2 * size] == phrase == texts[at + 2 * size : at + 3 * size]:
            found += 1
            at += 3 * size
        else:
            at += 1
    return found
