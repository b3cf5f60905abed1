"""``faster_whisper``: Whisper through CTranslate2, with word times, decoded the same way each time.

Whisper leaves out fillers and invents words in silence. ``verbatim`` asks it for fillers, the
voice gate keeps it out of silence, and segments that it doubts itself become warnings.
"""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from cogspeech.cache import file_digest
from cogspeech.config import TranscriptsSection, is_offline
from cogspeech.corpora.audio import read_audio
from cogspeech.errors import ConfigError, NoWordsError, require
from cogspeech.settings import Settings
from cogspeech.transcripts.base import SOURCES, TranscriptSource
from cogspeech.types import Recording, Transcript, Utterance, Word

SAMPLE_RATE_HZ = 16_000
VERBATIM_PROMPT = "Um, uh, so, er, hmm, I, I mean, well, uh, mhm."
NO_SPEECH = 0.6
REPETITIVE = 2.4
"""Compression ratio of the text; above it Whisper's own decoder takes a segment for a loop."""


@SOURCES.register("faster_whisper")
class FasterWhisper(TranscriptSource):
    """All words are the participant's; a recogniser does not tell speakers apart."""

    class Options(Settings):
        """``{name: faster_whisper, model: FOLDER, language: en, verbatim: true}``."""

        model: str
        """A folder with a CTranslate2 model, or a size such as ``small`` that may be fetched."""
        language: str | None = None
        """Two letters; ``None``: the recording's own column, else detected."""
        verbatim: bool = False
        """True: a prompt full of fillers, so that they are written down."""
        voice_gate: bool = True
        """True: only stretches with speech are decoded."""
        compute_type: Literal["default", "float32", "float16", "bfloat16", "int8"] = "default"
        """Numbers that the model computes with."""

    def __init__(self, options: Options, section: TranscriptsSection) -> None:  # noqa: ARG002
        self._options = options
        self._library: Any = require("faster_whisper", extra="asr")

    def fingerprint(self) -> dict[str, Any]:
        """Library versions, model and decoding options."""
        return {
            "name": "faster_whisper",
            "version": 1,
            "library": self._library.__version__,
            "model": self._model_identity,
            **self._options.model_dump(exclude={"model"}),
        }

    def transcript_of(self, recording: Recording) -> Transcript:
        """The words of one recording.

        Raises:
            AudioError: the audio cannot be decoded.
            ConfigError: the model cannot be loaded.
            NoWordsError: no word is heard.
        """
        samples = read_audio(recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
        segments, info = self._model.transcribe(
            samples,
            language=self._options.language or recording.language,
            word_timestamps=True,
            temperature=0.0,
            condition_on_previous_text=False,
            initial_prompt=VERBATIM_PROMPT if self._options.verbatim else None,
            vad_filter=self._options.voice_gate,
        )
        words: list[Word] = []
        utterances, warnings = [], []
        for number, segment in enumerate(segments, start=1):
            first = len(words)
            words += [word for word in map(_word, segment.words or ()) if word]
            utterances.append(Utterance(first_word=first, last_word=len(words)))
            doubt = _doubt(segment)
            if doubt:
                # Without the row: what was found is kept for any recording with the same audio.
                warnings.append(f"faster_whisper: segment {number} ({segment.start:.2f} s) {doubt}")
        if not words:
            raise NoWordsError(f"{recording.where}: no word is heard; give it a transcript file")
        return Transcript(
            recording_id=recording.recording_id,
            words=tuple(words),
            language=info.language,
            source=f"faster_whisper {self._library.__version__}",
            utterances=tuple(utterances),
            warnings=tuple(warnings),
        )

    @cached_property
    def _model(self) -> Any:
        try:
            return self._library.WhisperModel(
                self._options.model,
                compute_type=self._options.compute_type,
                local_files_only=is_offline(),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"transcripts.source: the model '{self._options.model}' cannot be loaded; give the "
                "folder of a CTranslate2 model, or allow the network once"
            ) from error

    @cached_property
    def _model_identity(self) -> dict[str, str] | str:
        folder = Path(self._options.model)
        if not folder.is_dir():
            return self._options.model
        return {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _word(found: Any) -> Word | None:
    text = found.word.strip()
    if not text:
        return None
    start_s, end_s = max(0.0, float(found.start)), float(found.end)
    confidence = min(1.0, max(0.0, float(found.probability)))
    if end_s < start_s:
        return Word(text=text, confidence=confidence)
    return Word(text=text, start_s=start_s, end_s=end_s, confidence=confidence)


def _doubt(segment: Any) -> str | None:
    """Why the decoder itself would not trust a segment."""
    if segment.no_speech_prob > NO_SPEECH:
        return "may be no speech at all"
    if segment.compression_ratio > REPETITIVE:
        return "repeats itself; its words may be made up"
    return None
