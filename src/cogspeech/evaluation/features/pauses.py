"""How somebody pauses: silences inside the participant's turns, and filled pauses.

Only gaps beside words whose times were measured count (`cogspeech.transcripts.pauses`), and never
one in which somebody else speaks.
"""

import itertools
import math

import numpy as np

from cogspeech.transcripts.pauses import gaps_of
from cogspeech.types import Case

MIN_PAUSE_S = 0.15
"""The default of a study file; fixed here, so that values of two studies can be compared."""
BINS_S = (MIN_PAUSE_S, 0.5, 1.0, 2.0, math.inf)
_BIN_NAMES = tuple(
    f"pauses_{low:g}_to_{high:g}_s_per_min" for low, high in itertools.pairwise(BINS_S)
)
PAUSES = (
    "pauses_per_min",
    "pauses_per_word",
    "pause_share",
    "log_mean_pause_s",
    "log_longest_pause_s",
    *_BIN_NAMES,
    "filled_pauses_per_min",
    "filled_pause_share",
)


def pause_features(case: Case) -> dict[str, float]:
    """Rates, durations and shares of pauses.

    Minutes and shares are of the time inside turns that is known: words and pauses together. Empty
    where no word was timed; without a pause there is no duration of pauses.
    """
    words = [
        (word.start_s, word.end_s)
        for word in case.transcript.participant_words
        if word.is_heard and not word.spread and word.start_s is not None and word.end_s is not None
    ]
    gaps = gaps_of(case.transcript, min_pause_s=MIN_PAUSE_S)
    pauses_s = np.array([gap.duration_s for gap in gaps if gap.kind == "pause"])
    filled_s = np.array([gap.duration_s for gap in gaps if gap.kind == "filled"])
    known_s = sum(end - start for start, end in words) + float(pauses_s.sum())
    if not words or known_s <= 0:
        return {}
    per_min = 60.0 / known_s
    found = {
        "pauses_per_min": len(pauses_s) * per_min,
        "pauses_per_word": len(pauses_s) / len(words),
        "pause_share": float(pauses_s.sum()) / known_s,
        "filled_pauses_per_min": len(filled_s) * per_min,
        "filled_pause_share": float(filled_s.sum()) / known_s,
    }
    for name, low, high in zip(_BIN_NAMES, BINS_S, BINS_S[1:], strict=False):
        found[name] = float(((pauses_s >= low) & (pauses_s < high)).sum()) * per_min
    if len(pauses_s):
        found["log_mean_pause_s"] = math.log(pauses_s.mean())
        found["log_longest_pause_s"] = math.log(pauses_s.max())
    return found
