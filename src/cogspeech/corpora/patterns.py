"""Regular expressions by which a user says what a file name means."""

import re


def name_pattern(text: str) -> str:
    """``text``, if it is a regular expression that tells a participant.

    Raises:
        ValueError: it is none, or has no group ``participant``.
    """
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error})") from error
    if "participant" not in groups:
        raise ValueError("needs a group (?P<participant>...), and may have (?P<visit>...)")
    return text
