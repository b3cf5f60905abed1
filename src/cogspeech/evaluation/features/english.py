"""Closed classes of English words, and the units of the Cookie Theft picture.

The lists are complete for pronouns, articles and auxiliaries, and hold the common members of the
rest. A word counts in every class that lists it: nobody has looked at its sentence.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PRONOUNS = _words(
    "i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his "
    "himself she her hers herself it its itself they them their theirs themselves this that these "
    "those who whom whose which what something somebody someone anything anybody anyone nothing "
    "nobody everything everybody everyone one ones"
)
DETERMINERS = _words(
    "the a an this that these those some any no every each either neither another all both"
)
PREPOSITIONS = _words(
    "about above across after against along among around at before behind below beneath beside "
    "besides between beyond by down during for from in inside into like near of off on onto out "
    "outside over past since through to toward towards under underneath until up upon with within "
    "without"
)
CONJUNCTIONS = _words(
    "and but or nor so yet because although though if unless while whereas when where than "
    "whether as that since until before after"
)
AUXILIARIES = _words(
    "am is are was were be been being have has had having do does did will would shall should can "
    "could may might must isn't aren't wasn't weren't haven't hasn't hadn't don't doesn't didn't "
    "won't wouldn't shouldn't can't couldn't mustn't i'm he's she's it's that's there's what's "
    "who's you're we're they're i've we've you've they've i'll he'll she'll it'll we'll you'll "
    "they'll i'd he'd she'd we'd you'd they'd"
)
ADVERBS = _words(
    "again ago ahead almost already also always anyway apart away back else enough even ever here "
    "just maybe more most much never not now often only perhaps pretty quite rather really right "
    "so sometimes soon still then there therefore today together tomorrow too very well yesterday "
    "yet"
)
POSSESSIVES = _words("my your his her its our their")
NUMERALS = _words("one two three four five six seven eight nine ten first second third")
VAGUE = _words(
    "thing things stuff something anything somewhere somehow whatever thingy whatchamacallit "
    "place kind sort"
)
"""Empty words that stand for a noun that is not found (Nicholas et al., 1985)."""
NOT_ADVERBS = _words(
    "family belly jelly ugly silly reply apply supply lovely friendly lonely elderly holy"
)
"""Nouns, verbs and adjectives in -ly."""
NOT_VERBS = _words(
    "thing something anything everything nothing ceiling morning evening during string spring "
    "building clothing"
)
"""Words in -ing that are no form of a verb, most of the time."""

COOKIE_THEFT_UNITS: dict[str, frozenset[str]] = {
    name: _words(words)
    for name, words in {
        "boy": "boy boys brother son lad",
        "girl": "girl girls sister daughter",
        "woman": "woman mother mom mum mama lady wife housewife",
        "kitchen": "kitchen",
        "exterior": "outside yard garden outdoors tree trees grass bush bushes lawn path walkway",
        "cookie": "cookie cookies biscuit biscuits",
        "jar": "jar cookiejar",
        "stool": "stool chair ladder",
        "sink": "sink basin",
        "plate": "plate plates",
        "dishcloth": "dishcloth cloth towel dishtowel rag apron",
        "water": "water",
        "window": "window windows",
        "cupboard": "cupboard cupboards cabinet cabinets closet shelf",
        "dishes": "dish dishes cup cups saucer",
        "curtains": "curtain curtains drapes",
        "boy taking": "taking takes take took stealing steals steal stole swiping swipe getting "
        "gets get reaching reaches snitching stealin takin gettin grabbing",
        "falling": "falling falls fall fell tipping tips tip tipped toppling topple tilting "
        "tilted fallin slipping losing wobbling",
        "drying or washing": "drying dries dry washing washes wash wiping wipes wipe dryin washin "
        "cleaning",
        "overflowing": "overflowing overflows overflow overflowed overflown spilling spills spill "
        "spilled running flooding flooded flowing overflowin spillin runnin",
        "girl acting": "asking asks reaching wanting wants laughing laughs giggling begging "
        "shushing whispering quiet shh pointing helping",
        "unconcerned by the water": "daydreaming dreaming oblivious unaware absentminded "
        "distracted unconcerned ignoring",
        "indifferent to the children": "noticing notice noticed indifferent attention watching "
        "unattended ignoring unaware oblivious",
    }.items()
}
"""The 23 units of Croisile et al. (1996), each with words by which it is usually told. That a word
stands for the unit is a guess: the sentence is not parsed."""
