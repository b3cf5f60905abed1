"""``pocketsphinx``: a small recogniser whose English model lies in its package.

It needs no download and no accelerator, and writes fillers down. On read speech about every fourth
word is wrong: good for rates, pauses and for trying a study out, not for what was said.
"""

from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cogspeech.cache import remembered_digest
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import read_audio
from cogspeech.errors import ConfigError, NoWordsError, TranscriptError, require
from cogspeech.settings import Settings
from cogspeech.transcripts.base import SOURCES, TranscriptSource
from cogspeech.transcripts.speech_energy import (
    SAMPLE_RATE_HZ,
    Excerpt,
    excerpt,
    find_speech,
    stretches,
    trim_words,
)
from cogspeech.types import Recording, Transcript, Utterance, Word

FRAMES_PER_S = 100
LONGEST_S = 20.0
"""Speech that is decoded at once."""
ENGLISH = frozenset({"en", "eng", "english"})
NO_WORD = ("<", "[")
"""What the names of sounds begin with: ``<sil>``, ``[NOISE]``, ``[SPEECH]``."""


@SOURCES.register("pocketsphinx")
class PocketSphinx(TranscriptSource):
    """All words are the participant's; a recogniser does not tell speakers apart.

    A word's confidence is the posterior of its link in the decoder's word lattice, with acoustic
    scores scaled by 1/20: how sure it is of this word with exactly this beginning and end. Where
    several ends are as good it is low for words that are right.
    """

    class Options(Settings):
        """``pocketsphinx``: the model lies in the package, there is nothing to choose."""

    def __init__(self, options: Options, section: TranscriptsSection) -> None:  # noqa: ARG002
        self._library: Any = require("pocketsphinx", extra="align")

    def fingerprint(self) -> dict[str, Any]:
        """Versions, and the digests of the model's files."""
        return {
            "name": "pocketsphinx",
            "version": 1,
            "library": version("pocketsphinx"),
            "model": self._model_digests,
        }

    def transcript_of(self, recording: Recording) -> Transcript:
        """The words of one recording, cut back to where speech is heard.

        Raises:
            AudioError: the audio cannot be decoded.
            ConfigError: the model cannot be loaded.
            TranscriptError: the recording is not in English.
            NoWordsError: no word is heard.
        """
        language = (recording.language or "en").lower().replace("_", "-").partition("-")[0]
        if language not in ENGLISH:
            raise TranscriptError(
                f"{recording.where}: its language is '{recording.language}', and pocketsphinx "
                "knows English only; give it a transcript file, or choose another source"
            )
        samples = read_audio(recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
        duration_s = len(samples) / SAMPLE_RATE_HZ
        speech = find_speech(samples)
        words: list[Word] = []
        utterances, warnings = [], []
        for start_s, end_s in stretches(speech, 0.0, duration_s, longest_s=LONGEST_S):
            piece = excerpt(samples, speech, start_s, end_s)
            found = trim_words(self._heard(piece, duration_s), speech)
            if found:
                first, last = len(words), len(words) + len(found)
                utterances.append(Utterance(first_word=first, last_word=last))
                words += found
            elif len(piece.samples):
                warnings.append(f"pocketsphinx: no word from {start_s:.2f} s to {end_s:.2f} s")
        if not words:
            raise NoWordsError(f"{recording.where}: no word is heard; give it a transcript file")
        return Transcript(
            recording_id=recording.recording_id,
            words=tuple(words),
            language="en",
            source=f"pocketsphinx {version('pocketsphinx')}",
            utterances=tuple(utterances),
            warnings=tuple(warnings),
        )

    def _heard(self, piece: Excerpt, duration_s: float) -> Iterator[Word]:
        pcm = piece.pcm16()
        if not pcm:
            return
        decoder = self._decoder
        decoder.reinit_feat()  # its mean cepstrum is still that of the audio before
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        for segment in decoder.seg() or ():  # none where no path reaches the end
            if segment.word.startswith(NO_WORD):
                continue
            end_s = piece.recording_s((segment.end_frame + 1) / FRAMES_PER_S, is_end=True)
            yield Word(
                text=segment.word.partition("(")[0],  # "was(2)": its second pronunciation
                start_s=piece.recording_s(segment.start_frame / FRAMES_PER_S),
                end_s=min(end_s, duration_s),
                confidence=min(1.0, float(segment.prob)),  # 1.0001 by the rounding of its logs
            )

    @cached_property
    def _decoder(self) -> Any:
        folder = self._folder
        try:
            return self._library.Decoder(
                hmm=str(folder / "en-us"),
                lm=str(folder / "en-us.lm.bin"),
                dict=str(folder / "cmudict-en-us.dict"),
                samprate=SAMPLE_RATE_HZ,
                bestpath=True,  # without it there are no posteriors
                loglevel="FATAL",
            )
        except RuntimeError as error:
            raise self._unusable() from error

    @property
    def _folder(self) -> Path:
        return Path(self._library.get_model_path("en-us"))

    @cached_property
    def _model_digests(self) -> dict[str, str]:
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        if not files:
            raise self._unusable()
        return {
            path.relative_to(self._folder).as_posix(): remembered_digest(path) for path in files
        }

    def _unusable(self) -> ConfigError:
        return ConfigError(
            f"transcripts.source: no model of pocketsphinx in {self._folder}; install it anew, and "
            "unset POCKETSPHINX_PATH"
        )
