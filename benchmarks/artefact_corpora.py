"""Studies with an artefact planted for one probe, and the same studies without it.

Everything but the artefact is dealt independently of the labels, so whatever a probe says of a
study without one is a false alarm. The strength of an artefact is an AUROC: that of the planted
property itself, or, for the probes that ask the primary system, that of the signal it learns.

The primary system is a ridge regression on what a fusion can use: the mean of the tokens, the mean
of the events, the mean of their products word by word, and the number of words. Its fits are real.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from cogspeech.corpora.splits import Fold, People, SplitPlan, plan_splits
from cogspeech.evaluation.base import ProbeTask
from cogspeech.types import Answers, Case, EmbeddedRecording, Recording, Transcript, Word

CLASSES = ("control", "dementia")
D_TEXT, D_AUDIO = 3, 4
WORDS, WORDS_SPREAD = 30, 5
PROMPTS = ("okay", "and", "what", "else", "can", "you", "see", "there", "anything", "more")


@dataclass(frozen=True, kw_only=True)
class Person:
    """What is drawn for one participant, in deviations from the mean."""

    number: int
    label: int
    shift: float
    """Of the planted property: what lies between the classes' means, for the second class."""
    generator: np.random.Generator

    def draw(self, name: str, planted: str | None) -> float:
        """A standard normal number, shifted if it is the planted one."""
        value = float(self.generator.standard_normal())
        return value + self.shift * self.label if name == planted else value


def study_of(
    planted: str | None, *, participants: int, auroc: float, seed: int, repeats: int = 5
) -> ProbeTask:
    """A study without audio files.

    Args:
        planted: a name in `PLANTED`; ``None``: nothing goes with the label.
        participants: half of them of each class.
        auroc: of the planted property.
        seed: of everything that is drawn.
        repeats: of the folds.
    """
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(participants) % 2)
    shift = float(np.sqrt(2) * norm.ppf(auroc))
    people = [
        Person(number=number, label=int(label), shift=shift, generator=generator)
        for number, label in enumerate(labels)
    ]
    cases = tuple(_case(person, planted) for person in people)
    plan = plan_splits(
        People.of([case.recording for case in cases], CLASSES),
        outer_folds=5,
        repeats=repeats,
        validation_fraction=0.2,
        seed=seed,
    )
    if planted == "leak":
        plan = _leaking(plan, share=2 * auroc - 1, generator=generator)
    task = ProbeTask(cases=cases, plan=plan, classes=CLASSES, seed=seed)
    return dataclasses.replace(task, primary=RidgeFits(task))


def _case(person: Person, planted: str | None) -> Case:
    name = f"p{person.number:03d}"
    count = max(5, round(WORDS + WORDS_SPREAD * person.draw("words", planted)))
    recording = Recording(
        recording_id=f"r{person.number:03d}",
        participant_id=name,
        audio_path=Path("nowhere.wav"),
        label=CLASSES[person.label],
        age_years=70 + 7 * person.draw("age", planted),
        education_years=float(person.generator.integers(8, 18)),
        sex=str(person.generator.choice(["f", "m"])),
    )
    confidence = 0.8 + 0.05 * person.draw("confidence", planted)
    spoken = [
        Word(
            text=f"word{person.generator.integers(40)}",
            start_s=0.5 * at,
            end_s=0.5 * at + 0.3,
            confidence=float(np.clip(confidence + 0.1 * person.generator.standard_normal(), 0, 1)),
        )
        for at in range(count)
    ]
    asked = _interviewer(person, planted, from_s=0.5 * count)
    return Case(
        recording=recording,
        transcript=Transcript(recording_id=recording.recording_id, words=(*spoken, *asked)),
        embedded=_embedded(person, planted, count, recording.recording_id),
    )


def _interviewer(person: Person, planted: str | None, *, from_s: float) -> list[Word]:
    count = max(2, round(12 + 3 * person.draw("prompts", planted)))
    return [
        Word(
            text=str(person.generator.choice(PROMPTS)),
            start_s=from_s + 0.4 * at,
            end_s=from_s + 0.4 * at + 0.3,
            speaker="interviewer",
        )
        for at in range(count)
    ]


def _embedded(
    person: Person, planted: str | None, count: int, recording_id: str
) -> EmbeddedRecording:
    """A token, an event and, before every third word, a pause; signals of the planted kind."""
    generator = person.generator
    tokens = generator.standard_normal((count, D_TEXT))
    tokens[:, 0] += person.draw("text", planted) / 2
    events = generator.standard_normal((count, D_AUDIO))
    events[:, 0] += person.draw("sound", planted) / 2
    if planted == "text and sound":
        tokens[:, 0] += person.shift * person.label / 2 / np.sqrt(2)
        events[:, 0] += person.shift * person.label / 2 / np.sqrt(2)
    events[:, 1] += person.draw("pairing", planted) / 2 * tokens[:, 1]
    duration_s = np.full(count, 0.3)
    return EmbeddedRecording(
        recording_id=recording_id,
        event_vectors=events,
        event_word=np.arange(count),
        event_is_pause=np.zeros(count, dtype=bool),
        event_start_s=0.5 * np.arange(count),
        event_duration_s=duration_s,
        token_vectors=tokens,
        token_word=np.arange(count),
    )


def _leaking(plan: SplitPlan, *, share: float, generator: np.random.Generator) -> SplitPlan:
    """A share of the people tested in every fold is trained on, past the guard of `Fold`."""
    folds = []
    for fold in plan.folds:
        seen = [name for name in fold.test if generator.random() < share]
        leaking = object.__new__(Fold)
        for field in dataclasses.fields(Fold):
            object.__setattr__(leaking, field.name, getattr(fold, field.name))
        object.__setattr__(leaking, "train", (*fold.train, *seen))
        folds.append(leaking)
    return SplitPlan(folds=tuple(folds))


class RidgeFits:
    """A primary system whose fits of the first repeat are kept."""

    name = "ridge"

    def __init__(self, task: ProbeTask) -> None:
        self._task = task
        self._fits: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def answer(self, fold: int, cases: Sequence[Case]) -> Answers:
        """Fitted on the first question to a fold."""
        if fold not in self._fits:
            self._fits[fold] = self._fit(fold)
        middle, scale, weights = self._fits[fold]
        found = np.stack([_usable(case.embedded) for case in cases])
        positive = 1 / (1 + np.exp(-((found - middle) / scale) @ weights))
        return Answers(probabilities=np.stack([1 - positive, positive], axis=1))

    def _fit(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        (fold,) = (f for f in self._task.plan.folds if (f.repeat, f.fold) == (0, number))
        people = {*fold.train, *fold.validation}
        cases = [c for c in self._task.cases if c.recording.participant_id in people]
        found = np.stack([_usable(case.embedded) for case in cases])
        labels = np.array([self._task.label(case) for case in cases]) - 0.5
        middle, scale = found.mean(axis=0), found.std(axis=0)
        columns = (found - middle) / scale
        gram = columns.T @ columns + 0.1 * len(columns) * np.eye(columns.shape[1])
        return middle, scale, 4 * np.linalg.solve(gram, columns.T @ labels)


def _usable(embedded: EmbeddedRecording) -> np.ndarray:
    words = int(embedded.token_word.max()) + 1
    token = np.zeros((words, D_TEXT))
    token[embedded.token_word] = embedded.token_vectors
    of_event = token[np.minimum(embedded.event_word, words - 1)]
    products = (of_event[:, :, None] * embedded.event_vectors[:, None, :]).mean(axis=0)
    return np.concatenate(
        [
            embedded.token_vectors.mean(axis=0),
            embedded.event_vectors.mean(axis=0),
            products.ravel(),
            [np.log(words)],
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What turns a probe red, and a study in which it must stay clear."""

    planted: str
    absent: str | None
    """``None``: nothing goes with the label. Else a signal that the primary may honestly use."""


PLANTED: dict[str, Artefact] = {
    "length_only": Artefact(planted="words", absent=None),
    "demographics_only": Artefact(planted="age", absent=None),
    "interviewer_only": Artefact(planted="prompts", absent=None),
    "recogniser_quality": Artefact(planted="confidence", absent=None),
    "shuffled_labels": Artefact(planted="leak", absent=None),
    "shuffled_words": Artefact(planted="words", absent="text"),
    "shuffled_pairing": Artefact(planted="text", absent="text and sound"),
    "time_shift": Artefact(planted="text", absent="pairing"),
}
"""Of the probes that need no audio."""
Maker = Callable[[str | None, int], ProbeTask]
