"""The picture that is described, "a busy harbour", and the words in which people describe it.

Both belong to this project. In a predicate, square brackets stand round a noun phrase that a
speaker may replace by a pronoun or an empty word: "is mending [a net]".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One thing that can be told about the picture.

    Args:
        name: of the unit, never spoken.
        pronoun: what may stand for the subject.
        subjects: nouns for the subject.
        adjectives: what may stand before the noun.
        predicates: what the subject does; each begins with "is" or "are".
    """

    name: str
    pronoun: str
    subjects: tuple[str, ...]
    adjectives: tuple[str, ...]
    predicates: tuple[str, ...]

    @property
    def is_plural(self) -> bool:
        """Whether the subject is more than one."""
        return self.pronoun == "they"


UNITS = (
    Unit(
        name="fisherman mends net",
        pronoun="he",
        subjects=("fisherman", "man", "sailor"),
        adjectives=("old", "bearded"),
        predicates=("is mending [a net]", "is repairing [his fishing net]", "is sewing [the net]"),
    ),
    Unit(
        name="gull steals fish",
        pronoun="it",
        subjects=("gull", "bird", "seagull"),
        adjectives=("cheeky", "white"),
        predicates=(
            "is stealing [a fish] from [the bucket]",
            "is flying off with [a fish]",
            "is taking [a fish]",
        ),
    ),
    Unit(
        name="cat watches",
        pronoun="it",
        subjects=("cat", "kitten"),
        adjectives=("grey", "hungry"),
        predicates=(
            "is watching [the fish]",
            "is sitting beside [the bucket]",
            "is staring at [the bird]",
        ),
    ),
    Unit(
        name="boy drops ice cream",
        pronoun="he",
        subjects=("boy", "child", "lad"),
        adjectives=("little", "young"),
        predicates=(
            "is dropping [his ice cream]",
            "is crying because [his cone] fell down",
            "is losing [his ice cream] on [the ground]",
        ),
    ),
    Unit(
        name="balloon flies away",
        pronoun="she",
        subjects=("girl", "child"),
        adjectives=("little", "small"),
        predicates=(
            "is reaching for [a balloon]",
            "is letting go of [her balloon]",
            "is jumping after [the red balloon]",
        ),
    ),
    Unit(
        name="woman sells ice cream",
        pronoun="she",
        subjects=("woman", "lady", "vendor"),
        adjectives=("friendly", "tall"),
        predicates=(
            "is selling [ice cream]",
            "is standing in [her stall]",
            "is serving [the children]",
        ),
    ),
    Unit(
        name="man paints boat",
        pronoun="he",
        subjects=("man", "painter", "fellow"),
        adjectives=("thin", "careful"),
        predicates=(
            "is painting [a boat]",
            "is painting [the hull] blue",
            "is holding [a paintbrush]",
        ),
    ),
    Unit(
        name="paint spills",
        pronoun="it",
        subjects=("paint", "bucket", "tin"),
        adjectives=("blue", "open"),
        predicates=(
            "is spilling over [the steps]",
            "is tipping over",
            "is dripping on [the jetty]",
        ),
    ),
    Unit(
        name="dog pulls rope",
        pronoun="it",
        subjects=("dog", "puppy", "terrier"),
        adjectives=("brown", "playful"),
        predicates=("is pulling [a rope]", "is tugging at [the rope]", "is chewing [the ladder]"),
    ),
    Unit(
        name="ferry leaves",
        pronoun="it",
        subjects=("ferry", "ship", "steamer"),
        adjectives=("big", "crowded"),
        predicates=("is leaving [the harbour]", "is sailing away", "is blowing [its horn]"),
    ),
    Unit(
        name="passengers wave",
        pronoun="they",
        subjects=("passengers", "people", "tourists"),
        adjectives=("cheerful", "many"),
        predicates=(
            "are waving from [the deck]",
            "are waving goodbye",
            "are leaning over [the railing]",
        ),
    ),
    Unit(
        name="suitcase opens",
        pronoun="he",
        subjects=("traveller", "man", "gentleman"),
        adjectives=("late", "worried"),
        predicates=(
            "is running with [an open suitcase]",
            "is losing [his shirts] from [the suitcase]",
            "is missing [his boat]",
        ),
    ),
    Unit(
        name="lighthouse",
        pronoun="it",
        subjects=("lighthouse", "tower"),
        adjectives=("striped", "tall"),
        predicates=(
            "is standing on [the rocks]",
            "is shining its light",
            "is rising behind [the harbour]",
        ),
    ),
    Unit(
        name="flag flies",
        pronoun="it",
        subjects=("flag", "banner"),
        adjectives=("torn", "yellow"),
        predicates=("is flapping in [the wind]", "is flying from [the mast]", "is blowing about"),
    ),
    Unit(
        name="storm comes",
        pronoun="they",
        subjects=("clouds", "storm clouds"),
        adjectives=("dark", "heavy"),
        predicates=("are coming in over [the sea]", "are hiding [the sun]", "are bringing [rain]"),
    ),
    Unit(
        name="couple on bench",
        pronoun="they",
        subjects=("couple", "grandparents", "pensioners"),
        adjectives=("old", "sleepy"),
        predicates=(
            "are sitting on [a bench]",
            "are reading [a newspaper]",
            "are eating [sandwiches]",
        ),
    ),
    Unit(
        name="boat leaks",
        pronoun="it",
        subjects=("boat", "dinghy", "rowing boat"),
        adjectives=("small", "wooden"),
        predicates=("is filling with [water]", "is sinking beside [the wall]", "is leaking"),
    ),
)

OPENINGS = (
    "well this is a harbour",
    "okay so i see a harbour",
    "this is a picture of the seaside",
    "right so it is a harbour by the sea",
    "well there is a lot going on here",
)
CLOSINGS = (
    "and that is all i can see",
    "i think that is everything",
    "and that is about it",
    "that is it really",
)
CONNECTORS = ("and", "then", "and then", "over here", "also", "next to that", "in front", "so")
EMPTY_SENTENCES = (
    "and what else is there to see in this",
    "let me see what else there is",
    "there is something going on over there",
    "they are all doing things down there",
    "then it is that one over there with the other one",
    "and somebody is doing something with that",
    "this is all over here as well",
    "it looks like a very nice day for that",
    "and then there is the other one over here",
    "that is happening too in there",
    "i am not sure what that is about",
    "everybody is very busy with all of it",
    "and there are some other things out there as well",
)
VAGUE_SUBJECTS = ("somebody", "someone", "this one", "that one")
VAGUE_OBJECTS = ("it", "that", "something", "the thing", "them")
FILLERS = ("um", "uh")
# fmt: off
PRONOUNS = frozenset((
    "everybody", "he", "i", "it", "one", "she", "somebody", "someone", "something", "that", "them",
    "they", "thing", "things", "this",
))
FUNCTION_WORDS = PRONOUNS | frozenset((
    "a", "about", "after", "all", "also", "am", "an", "and", "are", "as", "at", "away", "because",
    "behind", "beside", "by", "can", "down", "else", "for", "from", "front", "her", "here", "his",
    "in", "is", "its", "let", "like", "lot", "me", "next", "not", "of", "off", "okay", "on",
    "other", "out", "over", "really", "right", "so", "some", "the", "then", "there", "to", "too",
    "up", "very", "well", "what", "with",
))
# fmt: on
