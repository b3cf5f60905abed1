"""The words of the report, coloured by what each did to the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cogspeech.evaluation.metrics import THRESHOLD
from cogspeech.evaluation.score_metrics import Scored
from cogspeech.reporting.outcomes import answer_of, label_of, truth_of
from cogspeech.reporting.reading import Part

SHOWN_PAUSE_S = 0.5
MOST_WORDS = 600
"""Of one recording; the rest is counted, not shown."""
TINTS = 4
"""Steps of the colour scale on each side of 0."""


class Share(Part):
    """One word and what it did to the score: `cogspeech.explanation.base.word_json`, read again.

    The fields with a default are missing in run folders of older versions, whose ``attribution``
    is that of the word and its pause together.
    """

    word_index: int
    text: str
    start_s: float | None
    end_s: float | None
    attribution: float | None
    audio_attribution: float | None = None
    text_attribution: float | None = None
    token_attributions: tuple[float, ...] = ()
    pause_s: float
    pause_start_s: float | None = None
    pause_attribution: float | None = None


class Attributions(Part):
    """``attributions.json``."""

    explainer: str = "occlusion"
    meaning: str
    recordings: dict[str, tuple[Share, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWord:
    """A word as the page shows it."""

    text: str
    tint: str
    title: str
    mark: str
    """What stands before it: a pause, or an ellipsis where words have no attribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecording:
    """A recording as the page shows it."""

    recording_id: str
    truth: str
    """Its class, or its measured score."""
    why: str
    answer: float
    """The mean probability of any class but the first, or the mean predicted score."""
    is_right: bool
    words: tuple[ShownWord, ...]
    shares: tuple[Share, ...]


def shown_recordings(
    attributions: Attributions, own: Sequence[Scored], classes: Sequence[str]
) -> list[ShownRecording]:
    """The highest, the middle and the lowest mean answer of each class, or of all recordings.

    Args:
        attributions: of a run folder.
        own: the predictions of the primary system.
        classes: of the study.
    """
    told = {
        key: [abs(share.attribution) for share in shares if share.attribution is not None]
        for key, shares in attributions.recordings.items()
    }
    explained = {key: attributions.recordings[key] for key, values in told.items() if values}
    values = [value for each in told.values() for value in each]
    scale = float(np.quantile(values, 0.95)) if values else 0.0
    said: dict[str, list[float]] = {}
    for prediction in own:
        said.setdefault(prediction.recording_id, []).append(answer_of(prediction))
    first = {p.recording_id: p for p in own}
    shown = []
    for label in reversed(range(max(1, len(classes)))):
        ranked = sorted(
            (float(np.mean(said[key])), key)
            for key in explained
            if key in first and label_of(first[key]) == label
        )
        places = {0: "lowest", len(ranked) // 2: "middle", len(ranked) - 1: "highest"}
        for place, why in sorted(places.items() if ranked else (), reverse=True):
            answer, key = ranked[place]
            shown.append(
                ShownRecording(
                    recording_id=key,
                    truth=truth_of(first[key], classes),
                    why=why,
                    answer=answer,
                    is_right=(answer >= THRESHOLD) == (label > 0),
                    words=_shown_words(explained[key][:MOST_WORDS], scale),
                    shares=explained[key],
                )
            )
    return shown


def _shown_words(shares: Sequence[Share], scale: float) -> tuple[ShownWord, ...]:
    words = []
    last_index = -1
    for share in shares:
        mark, times = "", ""
        if share.word_index > last_index + 1:
            mark = "…"
        elif share.pause_s >= SHOWN_PAUSE_S:
            mark = f"({share.pause_s:.1f} s)"
        if share.start_s is not None and share.end_s is not None:
            times = f", {share.start_s:.2f} s to {share.end_s:.2f} s"
        value = share.attribution
        said = "no attribution" if value is None else signed(value)
        color = tint(value or 0.0, scale)
        words.append(ShownWord(text=share.text, tint=color, title=f"{said}{times}", mark=mark))
        last_index = share.word_index
    return tuple(words)


def tint(value: float, scale: float) -> str:
    """One of nine style classes, ``n4`` to ``p4``; ``z`` is no tint."""
    step = round(max(-1.0, min(1.0, value / scale)) * TINTS) if scale > 0 else 0
    return f"{'p' if step > 0 else 'n'}{abs(step)}" if step else "z"


def signed(value: float) -> str:
    """With its sign and three digits."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")
