"""What the participant's words are like: how rich, how empty, how often repeated. No sound.

Rates by word lists exist for English; richness, repetition, fillers and length of utterances for
every language whose words are written apart. Fillers count as fillers, and as nothing else.
"""

import itertools
import math
from collections import Counter
from collections.abc import Sequence

from cogspeech.evaluation.features import english
from cogspeech.transcripts.quality import FILLERS
from cogspeech.types import Case, Transcript, Word

WINDOW_WORDS = 20
"""Of the moving-average type-token ratio; short, as descriptions may have 30 words."""
BRUNET = 0.165
_RICHNESS = ("mattr", "brunet", "honore")
_FORM = ("filler_rate", "repeated_word_rate", "repeated_pair_rate", "mean_word_letters")
_RATES = (
    "pronoun_rate",
    "determiner_rate",
    "preposition_rate",
    "conjunction_rate",
    "auxiliary_rate",
    "adverb_rate",
    "vague_rate",
    "open_class_share",
    "idea_density",
)
LINGUISTIC = (*_RICHNESS, *_FORM, "mean_utterance_words", *_RATES, "picture_units",
              "picture_units_per_word")  # fmt: skip


def linguistic_features(case: Case) -> dict[str, float]:
    """Measures of the participant's words; what cannot be told is not there.

    Word lists are used where the transcript, or else the recordings table, says English or nothing;
    the units of the picture where the task is ``cookie`` besides. Empty without a word.
    """
    spoken = case.transcript.participant_words
    words = [plain(word.text) for word in spoken if not is_filler(word)]
    words = [word for word in words if word]
    if not words:
        return {}
    found = richness(words) | _form(words)
    found["filler_rate"] = sum(map(is_filler, spoken)) / len(spoken)
    lengths = utterance_lengths(case.transcript)
    if lengths:
        found["mean_utterance_words"] = sum(lengths) / len(lengths)
    language = case.transcript.language or case.recording.language or "en"
    if language.casefold()[:2] == "en":
        found |= english_rates(words)
        if (case.recording.task or "").casefold() == "cookie":
            units = picture_units(words)
            found |= {"picture_units": float(units), "picture_units_per_word": units / len(words)}
    return found


def plain(text: str) -> str:
    """A word as it is compared: small letters, straight apostrophes, nothing around it."""
    letters = text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    start, end = 0, len(letters)
    while start < end and not letters[start].isalnum():
        start += 1
    while end > start and not letters[end - 1].isalnum():
        end -= 1
    return letters[start:end]


def is_filler(word: Word) -> bool:
    """Whether a word is a filled pause, as its reader or a list says."""
    return word.is_filler or plain(word.text) in FILLERS


def richness(words: Sequence[str]) -> dict[str, float]:
    """How many different words there are, in three ways that depend little on their number.

    ``mattr``: the mean type-token ratio over all windows of `WINDOW_WORDS` (Covington and McFall,
    2010); over all words where there are fewer. ``brunet``: N ** (V ** -0.165) of N words and V
    types (Brunet, 1978); low is rich. ``honore``: 100 ln N / (1 - V1 / V) with V1 types said once
    (Honore, 1979); without it where every type is said once.
    """
    n, counts = len(words), Counter(words)
    types, once = len(counts), sum(count == 1 for count in counts.values())
    found = {"mattr": _mattr(words), "brunet": n ** (types**-BRUNET)}
    if once < types:
        found["honore"] = 100 * math.log(n) / (1 - once / types)
    return found


def english_rates(words: Sequence[str]) -> dict[str, float]:
    """Shares of the words that belong to closed classes of English, and what can be told by them.

    ``open_class_share`` is what no list holds: nouns, full verbs and adjectives, roughly.
    ``idea_density`` approximates the propositions per word of Kintsch and Keenan (1973), which are
    verbs, adjectives, adverbs, prepositions and conjunctions (Brown et al., 2008), from below:
    prepositions, conjunctions, adverbs of the list or in -ly, possessives, numerals, and verbs in
    -ing; other verbs and adjectives would need a tagger.
    """
    lists = {
        "pronoun_rate": english.PRONOUNS,
        "determiner_rate": english.DETERMINERS,
        "preposition_rate": english.PREPOSITIONS,
        "conjunction_rate": english.CONJUNCTIONS,
        "auxiliary_rate": english.AUXILIARIES,
        "vague_rate": english.VAGUE,
    }
    n = len(words)
    found = {name: sum(word in members for word in words) / n for name, members in lists.items()}
    closed = frozenset().union(*lists.values())
    adverbs = [word for word in words if _is_adverb(word)]
    found["adverb_rate"] = len(adverbs) / n
    found["open_class_share"] = sum(w not in closed and not _is_adverb(w) for w in words) / n
    relations = english.PREPOSITIONS | english.CONJUNCTIONS | english.POSSESSIVES | english.NUMERALS
    ideas = sum(w in relations or _is_adverb(w) or _is_progressive(w) for w in words)
    found["idea_density"] = ideas / n
    return found


def picture_units(words: Sequence[str]) -> int:
    """How many of the 23 units of the Cookie Theft picture are told (Croisile et al., 1996)."""
    said = set(words)
    return sum(bool(said & names) for names in english.COOKIE_THEFT_UNITS.values())


def utterance_lengths(transcript: Transcript) -> list[int]:
    """The participant's words, fillers aside, in each utterance that has any; none without them."""
    counts = [
        sum(
            word.speaker == "participant" and not is_filler(word)
            for word in transcript.words[utterance.first_word : utterance.last_word]
        )
        for utterance in transcript.utterances
    ]
    return [count for count in counts if count]


def _form(words: Sequence[str]) -> dict[str, float]:
    pairs = list(itertools.pairwise(words))
    again = Counter(pairs)
    found = {"mean_word_letters": sum(map(len, words)) / len(words)}
    if pairs:
        found["repeated_word_rate"] = sum(a == b for a, b in pairs) / len(pairs)
        found["repeated_pair_rate"] = 1 - len(again) / len(pairs)
    return found


def _mattr(words: Sequence[str]) -> float:
    width = min(WINDOW_WORDS, len(words))
    windows = [len(set(words[i : i + width])) / width for i in range(len(words) - width + 1)]
    return sum(windows) / len(windows)


def _is_adverb(word: str) -> bool:
    in_ly = len(word) > 4 and word.endswith("ly") and word not in english.NOT_ADVERBS
    return in_ly or word in english.ADVERBS


def _is_progressive(word: str) -> bool:
    return len(word) > 4 and word.endswith("ing") and word not in english.NOT_VERBS | {"being"}
