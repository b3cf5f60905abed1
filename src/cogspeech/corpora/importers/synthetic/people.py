"""Who takes part: label, age, sex, schooling, voice and room.

Only the habits of speech depend on the label. The groups are matched in pairs: two people of one
sex, of nearly one age and schooling, one from each group. Accents and voices are dealt out to each
group alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cogspeech.corpora.importers.synthetic.signs import Profile, draw_profile
from cogspeech.corpora.importers.synthetic.voice import ACCENTS, VARIANTS, Voice

LABELS = ("control", "dementia")
TRACT_SCALES = {"female": (1.10, 1.22), "male": (0.94, 1.04)}
PITCHES = {"female": (50, 80), "male": (20, 55)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One made-up person, the same at every visit."""

    participant_id: str
    label: str
    num_visits: int
    age_years: int
    sex: str
    education_years: int
    voice: Voice
    profile: Profile
    speech_level_db: float
    """Root mean square of the spoken words, in dB of full scale."""
    noise_level_db: float
    """Root mean square of the room's noise, in dB of full scale."""
    noise_tilt: float
    """0: white; towards 1: the high frequencies fall."""


def invite(
    num_participants: int, second_visits: float, *, effect: float, seed: int
) -> tuple[Participant, ...]:
    """The participants, in the order of their ids, which says nothing of their labels."""
    rng = np.random.default_rng([seed, 0])
    num_pairs = (num_participants + 1) // 2
    pairs = [_pair(rng, is_female=index % 2 == 0) for index in range(num_pairs)]
    returning = rng.permutation(num_pairs) < round(second_visits * num_pairs)
    numbers = rng.permutation(num_participants)
    accents, variants = (
        [_deal(rng, options, num_pairs) for _ in LABELS] for options in (ACCENTS, VARIANTS)
    )
    people = []
    for index in range(num_participants):
        age_years, education_years, sex = pairs[index // 2][index % 2]
        own = np.random.default_rng([seed, 1, index])
        people.append(
            Participant(
                participant_id=f"p{numbers[index] + 1:03d}",
                label=LABELS[index % 2],
                num_visits=2 if returning[index // 2] else 1,
                age_years=age_years,
                sex=sex,
                education_years=education_years,
                voice=_draw_voice(
                    own, sex, accents[index % 2][index // 2], variants[index % 2][index // 2]
                ),
                speech_level_db=float(own.uniform(-27.0, -21.0)),
                noise_level_db=float(own.uniform(-66.0, -52.0)),
                noise_tilt=float(own.uniform(0.2, 0.9)),
                profile=draw_profile(own, effect=effect * (index % 2)),
            )
        )
    return tuple(sorted(people, key=lambda person: int(person.participant_id[1:])))


def _pair(rng: np.random.Generator, *, is_female: bool) -> Sequence[tuple[int, int, str]]:
    """Age, schooling and sex of two people who match."""
    age_years = round(float(np.clip(rng.normal(71.0, 7.0), 55, 88)))
    education_years = round(float(np.clip(rng.normal(13.0, 2.5), 7, 20)))
    sex = "female" if is_female else "male"
    return [
        (age_years + int(rng.integers(-2, 3)), education_years + int(rng.integers(-1, 2)), sex)
        for _ in LABELS
    ]


def _deal(rng: np.random.Generator, options: Sequence[str], count: int) -> list[str]:
    """``count`` of the options in random order, each as often as the others, give or take one."""
    return [options[index % len(options)] for index in rng.permutation(count)]


def _draw_voice(rng: np.random.Generator, sex: str, accent: str, variant: str) -> Voice:
    return Voice(
        accent=accent,
        variant=variant,
        tract_scale=round(float(rng.uniform(*TRACT_SCALES[sex])), 3),
        pitch=int(rng.integers(*PITCHES[sex])),
        pitch_range=int(rng.integers(30, 60)),
    )
