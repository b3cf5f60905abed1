"""A trained bundle and a recording in; a score, a decision or an abstention, and reasons out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from cogspeech.audit.listening import hear
from cogspeech.cache import ContentCache
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.decoding import AudioInfo
from cogspeech.delivery.abstention import NO_FRAME, SILENT_TURNS, reasons_to_abstain
from cogspeech.delivery.answer import NO_ANSWER, bundle_json, quality_json, said_json
from cogspeech.delivery.heard import Heard
from cogspeech.delivery.hub import OnHub
from cogspeech.delivery.transient_cache import TransientCache
from cogspeech.delivery.word_finder import WordFinder
from cogspeech.embeddings.base import build_encoders, fingerprints
from cogspeech.embeddings.entries import Entries, Job
from cogspeech.embeddings.worker import Worker
from cogspeech.errors import (
    BundleError,
    CacheError,
    EmbeddingError,
    NoWordsError,
    SilentAudioError,
)
from cogspeech.explanation.base import EXPLAINERS, word_json
from cogspeech.settings import Component
from cogspeech.training.bundle import Bundle, load_bundle
from cogspeech.training.prediction import one_thread, predict_answers
from cogspeech.types import (
    RESEARCH_STATEMENT,
    Attribution,
    EmbeddedRecording,
    Progress,
    Recording,
    Stream,
    no_progress,
)


class Predictor(OnHub):
    """Answers for recordings that no study has seen, one at a time.

    A recording gets the same bits whatever was asked before it, with and without a cache. Encoders
    and recognisers are loaded once, when first needed. Threads take turns.

    Args:
        bundle: from `load_bundle`, or use `from_folder`.
        recogniser: the transcript source that finds the words where none are given, such as
            ``pocketsphinx``, or a `Component` with its options; by default that of the study.
        explainer: what says which words moved the score; by default that of the study.
        cache: keeps vectors and found words between calls and programs; ``None``: nothing of a
            recording is kept after its answer, in memory or on the disk.

    Raises:
        BundleError: an encoder is another one than the model was trained on.
        ConfigError: there is no such recogniser or explainer.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        recogniser: str | Component | None = None,
        explainer: str | None = None,
        cache: ContentCache | None = None,
    ) -> None:
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
        self._refuse_other_checkpoints()
        self._cache = TransientCache() if cache is None else cache
        self._explainer_name = explainer or facts.explainer
        self._explainer = EXPLAINERS.get(self._explainer_name)
        self._explainer.refuse_unable(type(bundle.model))
        self._words = WordFinder(facts.transcripts, recogniser, self._cache)
        self._lock = Lock()

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        *,
        recogniser: str | Component | None = None,
        explainer: str | None = None,
        cache: ContentCache | None = None,
    ) -> "Predictor":
        """The predictor of the bundle in a folder, such as ``RUN/model``.

        Raises:
            BundleError: the folder holds no valid bundle, or see the class.
            ConfigError: there is no such recogniser or explainer.
        """
        bundle = load_bundle(folder)
        return cls(bundle, recogniser=recogniser, explainer=explainer, cache=cache)

    def predict(
        self,
        audio_path: Path,
        transcript_path: Path | None = None,
        *,
        segmentation_path: Path | None = None,
        untimed_words: Literal["leave", "spread"] | None = None,
        without: Stream | None = None,
        progress: Progress = no_progress,
    ) -> dict[str, Any]:
        """The contract's json object for one recording; docs/predicting.md has every key.

        Args:
            audio_path: the recording.
            transcript_path: its words; by default those of the recogniser that was chosen, else
                the words file with the name of the recording beside it (``visit1.wav``,
                ``visit1.words.json``), else those of the study's recogniser.
            segmentation_path: its turns, which tell who speaks each word.
            untimed_words: what to do where no word has times; by default as in training.
            without: a stream to leave out, because it is not there or not to be trusted. Without
                ``audio`` the words need no times.
            progress: is told of the stages "words", "embed" (by window of audio) and "explain".

        Raises:
            BundleError: the model cannot do without that stream.
            AudioError: the audio cannot be read. One without speech is no error: the decision is
                to abstain.
            TranscriptError: the words cannot be used, or there are none and no recogniser.
        """
        info = probe_audio(audio_path)  # before its words: what is no audio needs none
        recording = Recording(
            recording_id=audio_path.stem,
            participant_id=audio_path.stem,
            audio_path=audio_path,
            transcript_path=self._words.file_for(audio_path, transcript_path),
            segmentation_path=segmentation_path,
            where=str(audio_path),
        )
        with self._lock, self._kept_or_forgotten():
            progress("words", 0, 1)
            heard = self._listen(recording, info, "spread" if without == "audio" else untimed_words)
            progress("words", 1, 1)
            job, reason = self._job(recording, heard)
            embedded = self._embed(job, progress) if job else None
            if embedded and without:
                embedded = replace(embedded, missing=(without,))
            answer = self._answer(heard, embedded, reason)
            progress("explain", 1, 1)
        return answer

    def _refuse_other_checkpoints(self) -> None:
        for stream, now in fingerprints(self._encoders).items():
            expected = self._bundle.facts.encoders.get(stream, {})
            for name in _differing(expected, now) if expected else ():
                raise BundleError(
                    f"the {stream} encoder is another one than the model was trained on: its "
                    f"{name} differs; use the checkpoint, and the version of cogspeech, that it "
                    "was trained with"
                )

    @contextmanager
    def _kept_or_forgotten(self) -> Iterator[None]:
        try:
            yield
        finally:
            if isinstance(self._cache, TransientCache):
                self._cache.forget()

    def _listen(
        self,
        recording: Recording,
        info: AudioInfo,
        untimed_words: Literal["leave", "spread"] | None,
    ) -> Heard:
        """Sound and words; neither silence nor a lack of words is an error."""
        sound, transcript, is_spoken = None, None, False
        try:
            sound = hear(recording.audio_path)
            is_spoken = self._words.is_speech_heard(recording, sound)
            transcript = self._words.transcript_of(recording, untimed_words)
        except (SilentAudioError, NoWordsError):
            pass
        return Heard(
            recording_id=recording.recording_id,
            info=info,
            sound=sound,
            is_spoken=is_spoken,
            transcript=transcript,
            section=self._bundle.facts.transcripts,
            encoder_rate_hz=self._encoders[0].sample_rate_hz,
        )

    def _job(self, recording: Recording, heard: Heard) -> tuple[Job | None, str | None]:
        """What is to be embedded, or the reason why there is nothing."""
        if heard.transcript is None:
            return None, None  # the reason follows from what was heard
        min_pause_s = self._bundle.facts.transcripts.min_pause_s
        job = Job(recording=recording, transcript=heard.transcript, min_pause_s=min_pause_s)
        try:
            measured = Entries(self._cache, self._encoders).measure(job)
        except SilentAudioError:
            return None, SILENT_TURNS
        has_frames = self._encoders[0].geometry.num_frames(measured.num_samples) > 0
        return (job, None) if has_frames else (None, NO_FRAME)

    def _embed(self, job: Job, progress: Progress) -> EmbeddedRecording:
        """Through the same worker and cache as a study.

        Raises:
            EmbeddingError: the encoders cannot read it.
        """
        progress("embed", 0, 1)
        worker = Worker(self._encoders, self._cache)
        (outcome,) = worker([job], on_window=partial(progress, "embed"))
        if outcome.problem:
            raise EmbeddingError(outcome.problem)
        embedded = Entries(self._cache, self._encoders).read(job)
        if embedded is None:
            raise CacheError("an entry of the cache vanished while it was needed; start again")
        return embedded

    def _answer(
        self, heard: Heard, embedded: EmbeddedRecording | None, reason: str | None
    ) -> dict[str, Any]:
        bundle, model, objective = self._bundle, self._bundle.model, self._bundle.objective
        streams = [s for s in model.streams if embedded and s not in embedded.missing]
        hears = not {"audio", "pauses"}.isdisjoint(streams)
        reasons = [reason] if reason else reasons_to_abstain(bundle.facts, heard, hears=hears)
        said = NO_ANSWER | {"reasons": reasons}
        attributions: tuple[Attribution, ...] = ()
        if embedded and heard.transcript:
            answers = predict_answers(model, objective, [embedded])
            said = said_json(answers, bundle.facts.target, bundle.facts.decision, reasons)
            with one_thread():
                attributions = self._explainer().explain(
                    model, embedded, heard.transcript, objective=objective
                )
        return {
            "recording_id": heard.recording_id,
            **said,
            "language": heard.transcript.language if heard.transcript else None,
            "words": [word_json(attribution) for attribution in attributions],
            "explainer": {"name": self._explainer_name, "meaning": self._explainer.meaning},
            "streams": streams,
            "quality": quality_json(heard, embedded, bundle.facts, hears=hears),
            "bundle": bundle_json(bundle),
            "use": RESEARCH_STATEMENT,
        }


def _differing(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What of an encoder's fingerprint is another; files by their names.

    The precision may be another: a model that was trained on a GPU is asked on a CPU as well.
    """
    files = [
        name
        for name in sorted({*expected.get("files", {}), *found.get("files", {})})
        if expected.get("files", {}).get(name) != found.get("files", {}).get(name)
    ]
    rest = sorted({*expected, *found} - {"files", "dtype"})
    return files + [name for name in rest if expected.get(name) != found.get(name)]
