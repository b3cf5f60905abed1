"""Who somebody is, as far as the recordings table tells: not a sound, not a word."""

from cogspeech.corpora.chat_headers import SEXES
from cogspeech.types import Recording

DEMOGRAPHICS = ("age_years", "is_female", "education_years")


def demographic_features(recording: Recording) -> dict[str, float]:
    """Age, sex and years of education, as far as they are known.

    ``is_female`` is 1 for ``female`` or ``f``, 0 for ``male`` or ``m``, in any case; anything else
    counts as not known.
    """
    sex = SEXES.get((recording.sex or "").strip().casefold())
    given = {
        "age_years": recording.age_years,
        "is_female": None if sex is None else float(sex == "female"),
        "education_years": recording.education_years,
    }
    return {name: float(value) for name, value in given.items() if value is not None}
