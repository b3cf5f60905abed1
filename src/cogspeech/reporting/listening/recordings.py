"""Which recordings of a run folder stand in its report to be listened to, and their data.

Recordings of patients get into a file only when somebody asks for them, so none do by default.
"""

import base64
import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from pydantic import JsonValue

from cogspeech.config import Study
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.base import import_corpus
from cogspeech.errors import CogspeechError, CorpusError
from cogspeech.evaluation.metrics import THRESHOLD
from cogspeech.evaluation.score_metrics import Scored
from cogspeech.reporting.listening.assets import (
    inline_script,
    inline_style,
    library_style,
    script_json,
)
from cogspeech.reporting.listening.sound import MEDIA_TYPE, encoded_bytes, page_sound
from cogspeech.reporting.outcomes import answer_of, label_of, truth_of, two_names
from cogspeech.reporting.page import Listening
from cogspeech.reporting.read_run import WholeRun
from cogspeech.reporting.shown_words import Attributions, Share, shown_recordings
from cogspeech.types import Recording

ALL, SHOWN, NONE = "all", "shown", "none"
MOST_BYTES = 22_000_000
"""Of sounds and words in one page; with everything else it stays below 25 MB."""
BYTES_PER_WORD = 400
"""Of its json, at most about; what is planned with."""
BASE64 = 4 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRecording:
    """A recording as the page holds it."""

    recording_id: str
    truth: str
    """Its class, or its measured score."""
    answer: float
    """The mean probability of any class but the first, or the mean predicted score."""
    is_right: bool | None
    """At the threshold; ``None`` without classes."""
    data: Markup
    """For the view, as json."""
    sound: str
    """In base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRecordings(Listening):
    """Recordings to listen to, with what the page needs to show them."""

    recordings: tuple[HeardRecording, ...]
    left_out: tuple[str, ...]
    """Asked for, but the page would be too large."""
    media_type: str = MEDIA_TYPE
    most_bytes: int = MOST_BYTES


def listening_of(run_dir: Path, run: WholeRun, choice: Sequence[str]) -> HeardRecordings | None:
    """The recordings that were asked for, in this order, as many as the page can hold.

    Args:
        run_dir: from where the corpus of the study is found.
        run: what the folder holds.
        choice: ``all``, ``shown`` (those that the page picks for its words), ``none``, or ids.

    Raises:
        CogspeechError: no such recording, or its files are gone.
    """
    names = _chosen(run, choice)
    if not names:
        return None
    files = _recordings_of(run_dir, run.study)
    lost = [name for name in names if name not in files or not files[name].audio_path.is_file()]
    if lost:
        more = f" (+{len(lost) - 1} more)" if len(lost) > 1 else ""
        raise CorpusError(
            f"{run_dir}: the audio of recording '{lost[0]}'{more} is gone; put it back where the "
            "study found it, or ask for other --recordings"
        )
    fitting, left_out = _fitting(names, run.attributions, lambda name: files[name].audio_path)
    heard = _Heard(run)
    return HeardRecordings(
        scripts=(Markup(inline_script()),),  # noqa: S704 - our own files
        styles=(Markup(inline_style()),),  # noqa: S704
        further_styles=(library_style(),),
        recordings=tuple(heard.recording(name, files[name].audio_path) for name in fitting),
        left_out=tuple(left_out),
    )


def _chosen(run: WholeRun, choice: Sequence[str]) -> list[str]:
    own = _own(run)
    known = {p.recording_id for p in own} & set(_told(run.attributions))
    if list(choice) == [NONE]:
        return []
    shown = [
        recording.recording_id
        for recording in shown_recordings(run.attributions, own, run.metrics.classes)
    ]
    if list(choice) == [SHOWN]:
        return shown
    if list(choice) == [ALL]:
        return [*shown, *sorted(known - set(shown))]
    for name in choice:
        _require_known(name, known)
    return list(dict.fromkeys(choice))


def _require_known(name: str, known: Collection[str]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, sorted(known), n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise CogspeechError(
            f"--recordings: the run has explained no recording '{name}'{hint}; expected "
            f"{ALL}, {SHOWN}, {NONE}, or ids from its attributions.json"
        )


def _own(run: WholeRun) -> list[Scored]:
    """Those of the primary system."""
    return [p for p in run.predictions or run.scored if p.system == run.metrics.primary]


def _told(attributions: Attributions) -> dict[str, tuple[Share, ...]]:
    return {name: words for name, words in attributions.recordings.items() if words}


def _recordings_of(run_dir: Path, study: Study) -> dict[str, Recording]:
    """The recordings of the study by id, from where its files lie now."""
    study = study.placed(lambda path: (run_dir / path).resolve())
    for section in (study.corpus, study.test_corpus):
        # An importer might make what is missing anew.
        if section and not section.path.exists():
            raise CorpusError(
                f"{section.path}: the recordings of the run are no longer there; put them back, "
                "or build the report without --recordings"
            )
    corpus = import_corpus(
        study.corpus,
        study.target,
        test_section=study.test_corpus,
        is_audio_needed=False,
        drop=study.audit.dropped_ids,
    )
    return {recording.recording_id: recording for recording in corpus.recordings}


def _fitting(
    names: Sequence[str], attributions: Attributions, audio_path: Callable[[str], Path]
) -> tuple[list[str], list[str]]:
    """The first recordings that go into the page, and those that do not."""
    fitting, left_out, rest = [], [], MOST_BYTES
    for name in names:
        words = len(attributions.recordings[name])
        seconds = probe_audio(audio_path(name)).duration_s
        needed = round(encoded_bytes(seconds) * BASE64) + words * BYTES_PER_WORD
        if needed > rest:
            left_out.append(name)
        else:
            fitting.append(name)
            rest -= needed
    return fitting, left_out


class _Heard:
    """Makes recordings as the page holds them."""

    def __init__(self, run: WholeRun) -> None:
        self._classes = run.metrics.classes
        self._poles = two_names(run.metrics.classes, run.metrics.score)
        told = run.attributions
        self._explainer: JsonValue = {"name": told.explainer, "meaning": told.meaning}
        self._words = _told(run.attributions)
        self._scale = _scale(self._words)
        self._first: dict[str, Scored] = {}
        self._answers: dict[str, list[float]] = {}
        for prediction in _own(run):
            self._first.setdefault(prediction.recording_id, prediction)
            self._answers.setdefault(prediction.recording_id, []).append(answer_of(prediction))

    def recording(self, name: str, audio_path: Path) -> HeardRecording:
        """One recording.

        Raises:
            AudioError: its file cannot be read.
        """
        classes, first = self._classes, self._first[name]
        answer = float(np.mean(self._answers[name]))
        sound = page_sound(audio_path)
        said: dict[str, JsonValue] = {"predicted_score": answer}
        if classes:
            said = {"probability": answer}
        if len(classes) == 2:
            said["decision"] = classes[int(answer >= THRESHOLD)]
        data: dict[str, JsonValue] = {
            "recording_id": name,
            "truth": truth_of(first, classes),
            **said,
            "reasons": [],
            "words": [word.model_dump(mode="json") for word in self._words[name]],
            "classes": list(classes),
            "poles": list(self._poles),
            "explainer": self._explainer,
            "scale": self._scale,
            "duration_s": sound.duration_s,
            "peaks": list(sound.peaks),
        }
        is_right = (answer >= THRESHOLD) == (label_of(first) > 0)
        return HeardRecording(
            recording_id=name,
            truth=truth_of(first, classes),
            answer=answer,
            is_right=is_right if classes else None,
            data=Markup(script_json(data)),  # noqa: S704 - it escapes what could end the script
            sound=base64.b64encode(sound.encoded).decode(),
        )


def _scale(words: dict[str, tuple[Share, ...]]) -> float:
    """The attribution of the strongest tint: as among the shown words, the 95th percentile."""
    found = [w.attribution for each in words.values() for w in each if w.attribution is not None]
    return float(np.quantile(np.abs(found), 0.95)) if found else 0.0
