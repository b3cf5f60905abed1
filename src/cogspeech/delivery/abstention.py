"""Why a model should not answer about a recording, whatever it says.

Each reason begins with a code that stays; see docs/predicting.md.
"""

from collections.abc import Iterator

from cogspeech.corpora.chat_headers import language_code
from cogspeech.delivery.heard import Heard
from cogspeech.training.bundle_facts import BundleFacts
from cogspeech.training.training_ranges import MEASURES, Measure
from cogspeech.transcripts.base import SOURCES

WHISPER = "whisper"
"""What wrote a transcript in one of Whisper's json formats; no source of ours."""
SILENT_TURNS = "no_speech: the audio is digital silence wherever the participant speaks"
NO_FRAME = "too_short: less audio of the participant than one frame of the audio encoder"


def reasons_to_abstain(facts: BundleFacts, heard: Heard, *, hears: bool) -> list[str]:
    """All of them.

    Args:
        facts: of the bundle.
        heard: of the recording.
        hears: whether the model depends on the sound.
    """
    if heard.sound is None:
        return ["no_speech: the audio is digital silence"]
    if heard.transcript is None:
        return ["no_speech: there is no word"]
    reasons = []
    if not heard.is_spoken:
        reasons.append("no_speech: no speech is heard in the audio")
    reasons += _other_language(facts, heard.transcript.language)
    reasons += _other_words(facts, heard.transcript.source)
    if hears:
        reasons += _other_rate(facts, heard)
    for measure in MEASURES:
        if hears or not measure.is_heard:
            reasons += _outside(facts, measure, heard.measured[measure.name])
    return reasons


def _other_language(facts: BundleFacts, language: str | None) -> Iterator[str]:
    known = facts.training.languages
    found = language_code(language) if language else None
    if found and known and found not in known:
        yield f"other_language: '{found}', trained on {', '.join(known)}"


def _other_words(facts: BundleFacts, source: str) -> Iterator[str]:
    """Recognisers leave out and make up words, and place them in their own way."""
    known = facts.training.words_from
    if known and _recogniser(source) not in map(_recogniser, known):
        yield f"other_words: from {source}, trained on words from {', '.join(known)}"


def _recogniser(source: str) -> str | None:
    """The recogniser whose words they are; ``None``: those of a person or an unknown program."""
    name = source.partition(" ")[0]
    return name if name in (*SOURCES.names(), WHISPER) else None


def _other_rate(facts: BundleFacts, heard: Heard) -> Iterator[str]:
    rate_hz, highest_hz = heard.info.sample_rate_hz, heard.encoder_rate_hz
    known = {min(rate, highest_hz) for rate in facts.sample_rates_hz}
    if known and min(rate_hz, highest_hz) not in known:
        rates = ", ".join(map(str, facts.sample_rates_hz))
        yield f"other_sample_rate: {rate_hz} Hz, trained on recordings at {rates} Hz"


def _outside(facts: BundleFacts, measure: Measure, value: float | None) -> Iterator[str]:
    known = facts.ranges.get(measure.name)
    if known is None or value is None:
        return
    side = known.side(value, measure)
    if side:
        unit = f" {measure.unit}" if measure.unit else ""
        yield (
            f"{measure.below if side < 0 else measure.above}: {measure.shown} {_short(value)}"
            f"{unit}, trained on {_short(known.low)} to {_short(known.high)}{unit}"
        )


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
