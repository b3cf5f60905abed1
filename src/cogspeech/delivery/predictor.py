"""A trained bundle and a recording in; a score, a decision or an abstention, and reasons out."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.decoding import AudioInfo
from cogspeech.decision import DecisionRule
from cogspeech.delivery.hub import OnHub
from cogspeech.embeddings.base import build_encoders
from cogspeech.embeddings.entries import Job
from cogspeech.embeddings.extract import embed_recordings
from cogspeech.errors import BundleError, TranscriptError
from cogspeech.evaluation.metrics import THRESHOLD
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.study import EXPLAINER
from cogspeech.training.bundle import Bundle, load_bundle
from cogspeech.training.prediction import predict_answers
from cogspeech.transcripts.base import checked, read_transcript_file
from cogspeech.types import (
    RESEARCH_STATEMENT,
    Answers,
    Attribution,
    EmbeddedRecording,
    Recording,
    Stream,
    Transcript,
)


class Predictor(OnHub):
    """Answers for recordings that no study has seen.

    Args:
        bundle: from `load_bundle`, or use `from_folder`.

    Raises:
        BundleError: an encoder gives vectors of another size than the model was trained on.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        facts = bundle.facts
        self._encoders = build_encoders(facts.audio_encoder, facts.text_encoder, facts.tuned)
        audio, text = self._encoders
        trained = facts.sizes
        if (audio.dimension, text.dimension) != (trained.d_audio, trained.d_text):
            raise BundleError(
                f"the encoders give vectors of {audio.dimension} and {text.dimension}; the model "
                f"was trained on {trained.d_audio} and {trained.d_text}; use the checkpoints it "
                "was trained with"
            )
        self._cache = ContentCache(cache_folder())

    @classmethod
    def from_folder(cls, folder: Path) -> "Predictor":
        """The predictor of the bundle in a folder, such as ``RUN/model``.

        Raises:
            BundleError: the folder holds no valid bundle.
        """
        return cls(load_bundle(folder))

    def predict(
        self,
        audio_path: Path,
        transcript_path: Path | None = None,
        *,
        untimed_words: Literal["leave", "spread"] | None = None,
        without: Stream | None = None,
    ) -> dict[str, Any]:
        """The contract's json object for one recording.

        Args:
            audio_path: the recording.
            transcript_path: its words; by default the words file with the name of the recording
                beside it (``visit1.wav``, ``visit1.words.json``).
            untimed_words: what to do where no word has times; by default as in training.
            without: a stream to leave out, because it is not there or not to be trusted. Without
                ``audio`` the words need no times.

        Raises:
            BundleError: the model cannot do without that stream.
            AudioError: the audio cannot be used.
            TranscriptError: the words cannot be used.
        """
        recording_id = audio_path.stem
        recording = Recording(
            recording_id=recording_id,
            participant_id=recording_id,
            audio_path=audio_path,
            where=str(audio_path),
        )
        info = probe_audio(audio_path)
        words_path = transcript_path or audio_path.with_name(f"{recording_id}.words.json")
        if not words_path.is_file():
            raise TranscriptError(
                f"{words_path}: no such words file; give its path with --transcript"
            )
        section = self._section("spread" if without == "audio" else untimed_words)
        transcript = checked(
            read_transcript_file(words_path, recording_id=recording_id, section=section),
            info.duration_s,
            section,
            where=str(words_path),
        )
        job = Job(recording=recording, transcript=transcript, min_pause_s=section.min_pause_s)
        (embedded,) = embed_recordings([job], self._encoders, cache=self._cache)
        if without:
            embedded = replace(embedded, missing=(without,))
        return self._answer(transcript, embedded, info)

    def _section(self, untimed_words: Literal["leave", "spread"] | None) -> TranscriptsSection:
        section = self._bundle.facts.transcripts
        return section.model_copy(update={"untimed_words": untimed_words or section.untimed_words})

    def _answer(
        self, transcript: Transcript, embedded: EmbeddedRecording, info: AudioInfo
    ) -> dict[str, Any]:
        facts = self._bundle.facts
        model, objective = self._bundle.model, self._bundle.objective
        answers = predict_answers(model, objective, [embedded])
        streams = [s for s in model.streams if s not in embedded.missing]
        reasons = self._reasons_to_abstain(transcript, info, hears="audio" in streams)
        attributions = EXPLAINERS.get(EXPLAINER)().explain(
            model, embedded, transcript, objective=objective
        )
        return {
            "recording_id": transcript.recording_id,
            **_answer_json(answers, facts.target, facts.decision, reasons),
            "words": [_word_json(attribution) for attribution in attributions],
            "streams": streams,
            "quality": _quality_json(transcript, embedded, info.duration_s),
            "bundle": {
                "study": facts.study,
                "fusion": facts.fusion.name,
                "classes": list(facts.target.classes),
                "score": self._bundle.objective.score_column,
                "weights_sha256": self._bundle.digest,
                "notice": facts.notice,
                "shortcuts": [n for n, verdict in facts.probes.items() if verdict == "shortcut"],
            },
            "use": RESEARCH_STATEMENT,
        }

    def _reasons_to_abstain(
        self, transcript: Transcript, info: AudioInfo, *, hears: bool
    ) -> list[str]:
        facts = self._bundle.facts
        found = len(transcript.participant_words)
        reasons = []
        if found < facts.fewest_words:
            reasons.append(
                f"too short: {found} words, trained on recordings of at least {facts.fewest_words}"
            )
        if hears and info.sample_rate_hz not in facts.sample_rates_hz:
            known = ", ".join(str(rate) for rate in facts.sample_rates_hz)
            reasons.append(
                f"other sample rate: {info.sample_rate_hz} Hz, trained on recordings at {known} Hz"
            )
        return reasons


def _answer_json(
    answers: Answers, target: TargetSection, rule: DecisionRule | None, reasons: list[str]
) -> dict[str, Any]:
    """The contract's keys for two classes, and more of them for more classes and a score.

    Args:
        answers: about one recording.
        target: of the study.
        rule: of the bundle; for two classes.
        reasons: to abstain whatever the model says.
    """
    said: dict[str, Any] = {"probability": None, "decision": None}
    if answers.probabilities is not None:
        each = answers.probabilities[0]
        said["probability"] = float(answers.positive[0])
        chosen: int | None = int(each.argmax())
        if len(each) == 2:
            chosen = int(said["probability"] >= THRESHOLD)
        else:
            said["probabilities"] = dict(zip(target.classes, each.tolist(), strict=True))
        if rule:
            said["probability"] = float(rule.calibrated(answers.positive)[0])
            chosen, reason = rule.decide(said["probability"])
            reasons = [*reasons, reason] if reason else reasons
        said["decision"] = None if chosen is None else target.classes[chosen]
    if answers.scores is not None:
        said["predicted_score"] = float(answers.scores[0])
    if reasons:
        said["decision"] = "abstain"
    return {**said, "reasons": reasons}


def _word_json(attribution: Attribution) -> dict[str, Any]:
    return {
        "text": attribution.word.text,
        "start_s": attribution.word.start_s,
        "end_s": attribution.word.end_s,
        "attribution": attribution.value,
    }


def _quality_json(
    transcript: Transcript, embedded: EmbeddedRecording, duration_s: float
) -> dict[str, Any]:
    words = transcript.participant_words
    return {
        "duration_s": duration_s,
        "words": len(words),
        "words_with_times": sum(word.is_heard and not word.spread for word in words),
        "words_spread_evenly": sum(word.spread for word in words),
        "pauses": int(embedded.event_is_pause.sum()),
        "pause_s": float(embedded.event_duration_s[embedded.event_is_pause].sum()),
    }
