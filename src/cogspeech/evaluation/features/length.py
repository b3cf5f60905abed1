"""How long somebody speaks, how much and how fast: no word, no sound."""

import math

from cogspeech.types import Case

LENGTH = ("log_words", "log_span_s", "log_words_per_s")


def length_features(case: Case) -> dict[str, float]:
    """Logarithms of the number of words, the time from first to last, and words per second.

    Empty where the words take no time.
    """
    words = len(case.transcript.participant_words)
    starts = case.embedded.event_start_s
    span_s = float((starts + case.embedded.event_duration_s).max() - starts.min())
    if span_s <= 0 or not words:
        return {}
    return {
        "log_words": math.log(words),
        "log_span_s": math.log(span_s),
        "log_words_per_s": math.log(words / span_s),
    }
