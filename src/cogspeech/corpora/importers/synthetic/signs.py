"""How the speech of the two groups differs, and how much speakers differ inside a group.

The *directions* follow the reports named at each sign; where reports differ, the sign says so. The
*amounts* are our own: chosen so that the groups overlap; they are estimates of nothing. Every sign
varies between speakers on its own, and impaired speakers are impaired more or less.

Almor et al. 1999, Brain and Language 67. Croisile et al. 1996, Brain and Language 53. Gayraud et
al. 2011, Clinical Linguistics and Phonetics 25. Lofgren and Hinzen 2022, Journal of Communication
Disorders. Nicholas et al. 1985, Journal of Speech and Hearing Research 28. Tomoeda et al. 1996,
Alzheimer Disease and Associated Disorders 10. Vincze et al. 2021, Clinical Linguistics and
Phonetics 35. Yuan et al. 2021, Frontiers in Computer Science 2.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

VISIT_SPREAD = 0.06
"""Standard deviation, on the log scale, of a sign between two visits of a speaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One measurable habit of speech.

    Args:
        control: its median among controls.
        difference: what is added in a typical impaired speaker at effect 1.
        spread: its standard deviation between speakers, on the log scale.
        low: the smallest value anybody has.
        high: the largest value anybody has.
    """

    control: float
    difference: float
    spread: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignStrengths:
    """The amounts by which the impaired group differs; the names are those of `Profile`."""

    pause_before_content: Sign = Sign(
        control=0.12, difference=0.085, spread=0.30, low=0.02, high=0.7
    )
    """Silent pauses are more frequent and stand more often inside clauses (Gayraud et al. 2011), in
    mild dementia before nouns (Lofgren and Hinzen 2022)."""
    pause_before_function: Sign = Sign(
        control=0.08, difference=0.02, spread=0.30, low=0.02, high=0.5
    )
    """Pauses at other places rise too (Lofgren and Hinzen 2022); here, less than before content
    words."""
    pause_median_s: Sign = Sign(control=0.48, difference=0.13, spread=0.20, low=0.25, high=1.6)
    """Pauses are longer (Vincze et al. 2021); Lofgren and Hinzen (2022) found more, but not
    longer ones."""
    articulation_rate_wpm: Sign = Sign(
        control=158.0, difference=-14.0, spread=0.10, low=100.0, high=220.0
    )
    """Speech is slower (Vincze et al. 2021). How much of that is slower words, how much pauses,
    differs between reports; here it is both."""
    filler_share: Sign = Sign(control=0.030, difference=0.022, spread=0.50, low=0.002, high=0.2)
    """Reports differ: no difference (Lofgren and Hinzen 2022), fewer (Gayraud et al. 2011), or
    fewer "um" for each "uh" (Yuan et al. 2021). Here fillers are more, as other hesitations
    are; "um" and "uh" are equally frequent in both groups."""
    repetition_share: Sign = Sign(control=0.012, difference=0.014, spread=0.50, low=0.0, high=0.2)
    """Repetitions are more frequent (Nicholas et al. 1985; of ideas, Tomoeda et al. 1996)."""
    pronoun_share: Sign = Sign(control=0.22, difference=0.20, spread=0.25, low=0.02, high=0.9)
    """Indefinite words and pronouns stand in the place of nouns (Nicholas et al. 1985; Almor et al.
    1999)."""
    informative_share: Sign = Sign(control=0.80, difference=-0.20, spread=0.10, low=0.2, high=0.97)
    """Fewer information units of the picture are told (Croisile et al. 1996; Tomoeda et al. 1996),
    more phrases are empty (Nicholas et al. 1985)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The habits of one speaker; shares are probabilities per word, noun or sentence."""

    pause_before_content: float
    pause_before_function: float
    pause_median_s: float
    articulation_rate_wpm: float
    filler_share: float
    repetition_share: float
    pronoun_share: float
    informative_share: float


def draw_profile(
    rng: np.random.Generator, *, effect: float, strengths: SignStrengths | None = None
) -> Profile:
    """A speaker's habits: the control's, and ``effect`` times the difference of the impaired.

    Args:
        rng: of this speaker; as many numbers are drawn at any ``effect``.
        effect: 0 for a control.
        strengths: the table of this module if not given.
    """
    table = strengths or SignStrengths()
    severity = rng.gamma(shape=4.0, scale=0.25)  # mean 1: from hardly to clearly impaired
    values = {}
    for field in fields(SignStrengths):
        sign: Sign = getattr(table, field.name)
        own = sign.control * np.exp(sign.spread * rng.standard_normal())
        values[field.name] = _within(own + effect * severity * sign.difference, sign)
    return Profile(**values)


def vary_profile(profile: Profile, rng: np.random.Generator) -> Profile:
    """The habits of a speaker on the day of one visit."""
    table = SignStrengths()
    values = {
        field.name: _within(
            getattr(profile, field.name) * np.exp(VISIT_SPREAD * rng.standard_normal()),
            getattr(table, field.name),
        )
        for field in fields(Profile)
    }
    return replace(profile, **values)


def _within(value: float, sign: Sign) -> float:
    return float(min(max(value, sign.low), sign.high))
