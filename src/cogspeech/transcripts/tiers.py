"""Which tiers of an annotation file hold words, and whose."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.reading import Notes, listed, plain, shown
from cogspeech.types import Speaker

WORD_TIERS = frozenset({"words", "word"})
OWNED = " - words"
"""How the Montreal Forced Aligner ends the name of the words tier of one speaker."""
PHONE_TIERS = frozenset({"phones", "phone"})


@runtime_checkable
class NamedTier(Protocol):
    """A tier of any format."""

    @property
    def name(self) -> str:
        """As it stands in the file."""

    @property
    def line(self) -> int:
        """Where it begins in the file."""


Tier = TypeVar("Tier", bound=NamedTier)


def speaker_of(
    tier: NamedTier, roles: Mapping[str, Speaker], tiers: Sequence[NamedTier], notes: Notes
) -> Speaker | None:
    """Whose words a tier holds by its name; ``None``: the name does not tell.

    Raises:
        TranscriptError: it is the words tier of somebody without a role.
    """
    name = plain(tier.name)
    speaker = roles.get(name) or roles.get(name.removesuffix(OWNED))
    if speaker is None and name.endswith(OWNED):
        found = f"tier '{shown(tier.name)}' holds words of somebody who is not known"
        raise unclear(found, tiers, notes.place(tier.line))
    return speaker


def with_unnamed(
    found: Sequence[tuple[Tier, Speaker]],
    unmapped: Sequence[Tier],
    tiers: Sequence[Tier],
    notes: Notes,
) -> list[tuple[Tier, Speaker]]:
    """The tiers with a speaker, and the one called "words" if no other is the participant's.

    Raises:
        TranscriptError: nothing tells which tier holds the participant's words.
    """
    if any(speaker == "participant" for _, speaker in found):
        for tier in unmapped:
            notes.add(
                f"tier '{shown(tier.name)}' was passed over, for roles name the participant's"
            )
        return list(found)
    if len(unmapped) > 1 or not (unmapped or found):
        raise unclear(f"has {len(unmapped)} tiers called 'words'", tiers, notes.place())
    return [*((tier, "participant") for tier in unmapped), *found]


def unclear(found: str, tiers: Sequence[NamedTier], place: str) -> TranscriptError:
    """The error that lists the tiers."""
    names = [tier.name for tier in tiers if plain(tier.name) not in PHONE_TIERS]
    return TranscriptError(
        f"{place}: {found}; its tiers: {listed(names)}; say in transcripts.roles whose words a "
        "tier holds, such as {NAME: participant}"
    )
