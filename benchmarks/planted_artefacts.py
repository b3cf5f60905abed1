"""How often each probe turns red: with its artefact planted, and in sound studies.

Synthetic studies for every probe that needs no audio; recordings of real voices (spoken digits) and
of noise for the two that do. A probe that must be at chance is corrected as in a study that runs
all of them, by the number of such probes. An artefact's strength is the AUROC of what was planted.

    python benchmarks/planted_artefacts.py --small            # 20 s
    python benchmarks/planted_artefacts.py --json red.json    # 200 draws of everything
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from artefact_corpora import CLASSES, PLANTED, study_of
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation.base import PROBES, ProbeTask
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.intervals import wilson
from cogspeech.evaluation.probing import ALPHA, ProbeResult, run_probes
from cogspeech.evaluation.screening import labels_of, screen, tabulate
from cogspeech.types import Case, Recording, Transcript, Word
from digit_corpora import NAMES, RATE_HZ, SPEAKERS, TAKES, real_speech_folder

CORRECTED = sum("Holm" in PROBES.get(name).rule for name in PROBES.names())
OF_SOUND = ("channel", "silence_only")
REPEATS = 2
CLIPS = 6


@dataclass(frozen=True, kw_only=True)
class Reds:
    """How many studies of one kind a probe called red."""

    probe: str
    corpus: str
    participants: int
    auroc: float | None
    """Of what was planted; ``None``: a study without the artefact."""
    reds: int
    draws: int
    reported: float | None
    """The mean AUROC that the probe reported where it applied."""


def synthetic_reds(
    name: str, *, participants: int, auroc: float | None, draws: int, signal: float
) -> Reds:
    """One probe on studies that are drawn anew.

    Args:
        name: of the probe.
        participants: of each study.
        auroc: of the planted property.
        draws: studies.
        signal: AUROC of the honest signal of the studies without an artefact, where there is one.
    """
    artefact = PLANTED[name]
    results = [
        run_probes(
            [name],
            study_of(
                artefact.absent if auroc is None else artefact.planted,
                participants=participants,
                auroc=auroc or signal,
                seed=seed,
                repeats=REPEATS,
            ),
        )[0]
        for seed in range(draws)
    ]
    found = [result.auroc.estimate for result in results if result.auroc]
    return Reds(
        probe=name,
        corpus="synthetic",
        participants=participants,
        auroc=auroc,
        reds=sum(_is_red(result) for result in results),
        draws=draws,
        reported=float(np.mean(found)) if found else None,
    )


def _is_red(result: ProbeResult) -> bool:
    if result.p_value is None or result.p_adjusted is None:
        return result.verdict == "shortcut"
    return result.p_value * CORRECTED <= ALPHA


def family_reds(*, participants: int, draws: int) -> Reds:
    """All probes that need no audio, on studies in which nothing goes with the label."""
    reds = 0
    for seed in range(draws):
        task = study_of(None, participants=participants, auroc=0.5, seed=seed, repeats=REPEATS)
        reds += any(r.verdict == "shortcut" for r in run_probes(list(PLANTED), task))
    return Reds(probe="any", corpus="synthetic", participants=participants, auroc=None, reds=reds,
                draws=draws, reported=None)  # fmt: skip


def sound_reds(
    folder: Path,
    speech: Path | None,
    *,
    participants: int,
    aurocs: tuple[float | None, ...],
    draws: int,
) -> Iterator[Reds]:
    """The probes of sound: recordings in two versions, whose choice goes with the dealt label."""
    plain, changed = _recordings(folder, speech, participants)
    for name in OF_SOUND:
        probe = PROBES.get(name)()
        if not isinstance(probe, FeatureProbe):
            raise TypeError(f"{name}: expected a probe of features")
        features = [probe.features(cases) for cases in (plain, changed)]
        for auroc in aurocs:
            reds, found = 0, []
            for seed in range(draws):
                task, version = _dealt(plain, auroc, seed)
                people = [case.recording.participant_id for case in task.cases]
                seen = [features[v][at] for at, v in enumerate(version)]
                table = tabulate(people, seen)
                screened = screen(table, labels_of(task, table.participants), task)
                reds += screened.p_value * CORRECTED <= ALPHA
                found.append(screened.auroc.estimate)
            yield Reds(probe=name, corpus="voices" if speech else "noise", auroc=auroc,
                       participants=participants, reds=reds, draws=draws,
                       reported=float(np.mean(found)))  # fmt: skip


def _dealt(cases: list[Case], auroc: float | None, seed: int) -> tuple[ProbeTask, list[int]]:
    """Labels by chance, and the version of every recording: the changed one more often of one."""
    generator = np.random.default_rng([seed, 7])
    labels = generator.permutation(np.arange(len(cases)) % 2)
    share = 0.5 + ((auroc or 0.5) - 0.5) * np.where(labels, 1, -1)
    version = (generator.random(len(cases)) < share).astype(int).tolist()
    labelled = tuple(
        dataclasses.replace(
            case, recording=dataclasses.replace(case.recording, label=CLASSES[label])
        )
        for case, label in zip(cases, labels, strict=True)
    )
    plan = plan_splits(
        People.of([case.recording for case in labelled], CLASSES),
        outer_folds=5,
        repeats=REPEATS,
        validation_fraction=0.2,
        seed=seed,
    )
    return ProbeTask(cases=labelled, plan=plan, classes=CLASSES, seed=seed), version


def _recordings(folder: Path, speech: Path | None, people: int) -> tuple[list[Case], list[Case]]:
    """Everybody in a room of their own, plain and through another device."""
    generator = np.random.default_rng(0)
    embedded = study_of(None, participants=10, auroc=0.5, seed=0, repeats=1).cases[0].embedded
    versions: tuple[list[Case], list[Case]] = ([], [])
    lowpass = butter(8, 3000, fs=RATE_HZ, output="sos")
    for number in range(people):
        voice, words = _voice(speech, generator)
        room = 10 ** (generator.uniform(-62, -52) / 20) * generator.standard_normal(len(voice))
        louder = 10 ** (6 / 20)
        for version, samples in enumerate([voice + room, sosfilt(lowpass, voice + louder * room)]):
            name = f"p{number:03d}"
            path = folder / f"{'voices' if speech else 'noise'}-{name}-{version}.wav"
            soundfile.write(path, samples.clip(-1, 1), RATE_HZ, subtype="PCM_16")
            recording = Recording(recording_id=name, participant_id=name, audio_path=path)
            transcript = Transcript(recording_id=name, words=tuple(words))
            versions[version].append(
                Case(recording=recording, transcript=transcript, embedded=embedded)
            )
    return versions


def _voice(speech: Path | None, generator: np.random.Generator) -> tuple[np.ndarray, list[Word]]:
    speaker = str(generator.choice(SPEAKERS))
    pieces, words, at = [np.zeros(RATE_HZ // 2)], [], RATE_HZ // 2
    for _ in range(CLIPS):
        digit, take = int(generator.integers(10)), int(generator.integers(TAKES))
        clip = 0.1 * generator.standard_normal(RATE_HZ // 3)
        if speech:
            clip, _ = soundfile.read(speech / "spoken-digits" / f"{digit}_{speaker}_{take}.wav")
        words.append(
            Word(text=NAMES[digit], start_s=at / RATE_HZ, end_s=(at + len(clip)) / RATE_HZ)
        )
        pause = np.zeros(round(generator.uniform(0.5, 1.0) * RATE_HZ))
        pieces += [clip, pause]
        at += len(clip) + len(pause)
    return np.concatenate(pieces), words


def _row(each: Reds) -> str:
    low, high = wilson(each.reds / each.draws, each.draws)
    planted = "none" if each.auroc is None else f"{each.auroc:.2f}"
    reported = "" if each.reported is None else f"{each.reported:.2f}"
    return (
        f"| {each.probe} | {each.corpus} | {each.participants} | {planted} | {reported} | "
        f"{each.reds / each.draws:.0%} ({low:.0%} to {high:.0%}) of {each.draws} |"
    )


def _all(options: argparse.Namespace, folder: Path) -> Iterator[Reds]:
    speech = real_speech_folder()
    for people in options.participants:
        for auroc in (*options.aurocs, None):
            for name in PLANTED:
                if options.probes and name not in options.probes:
                    continue
                yield synthetic_reds(
                    name,
                    participants=people,
                    auroc=auroc,
                    draws=options.draws,
                    signal=max(options.aurocs),
                )
        if options.probes:
            continue
        yield family_reds(participants=people, draws=options.draws)
        for voices in dict.fromkeys((None, speech)):
            yield from sound_reds(folder, voices, participants=people, draws=options.draws,
                                  aurocs=(*options.aurocs, None))  # fmt: skip


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few draws of strong artefacts")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--participants", type=int, nargs="*", default=[240, 400])
    parser.add_argument("--aurocs", type=float, nargs="*", default=[0.65, 0.75])
    parser.add_argument("--probes", nargs="*", help="only these, synthetic")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.small:
        options.draws, options.participants, options.aurocs = 6, [60], [0.85]
    found = []
    sys.stdout.write(
        "| probe | corpus | n | planted | reported | red |\n|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COGSPEECH_CACHE"] = str(Path(folder) / "cache")
        for each in _all(options, Path(folder)):
            found.append(each)
            sys.stdout.write(_row(each) + "\n")
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1))


if __name__ == "__main__":
    main()
