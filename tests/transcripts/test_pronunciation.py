"""The dictionary of pocketsphinx, written by hand, is the oracle for what espeak-ng says."""

import pytest

from cogspeech.transcripts.pronunciation import ARPABET, MAX_LETTERS, arpabet, pronounce

pytest.importorskip("espeakng_loader", reason="the extra 'align' brings espeak-ng")
pocketsphinx = pytest.importorskip("pocketsphinx")

COMMON = [
    "about", "after", "again", "around", "before", "better", "between", "boat", "book", "bring",
    "brother", "building", "butter", "carry", "children", "city", "clean", "color", "corner",
    "country", "cup", "curtain", "cupboard", "daughter", "dishes", "door", "dress", "drying",
    "eating", "every", "falling", "family", "father", "floor", "flower", "garden", "girl",
    "good", "grass", "hand", "happen", "house", "jar", "kitchen", "ladder", "language",
    "little", "looking", "mother", "mouth", "never", "nothing", "number", "over", "people",
    "picture", "plate", "reaching", "running", "school", "shelf", "sink", "sister", "spilling",
    "standing", "stealing", "stool", "summer", "table", "taking", "thing", "think", "three",
    "tree", "under", "washing", "water", "weather", "window", "woman", "yellow", "young",
]  # fmt: skip


@pytest.fixture(scope="module")
def dictionary():
    return pocketsphinx.Decoder(lm=None, loglevel="FATAL")


def _distance(first, second):
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(second, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def test_words_sound_nearly_as_in_the_dictionary(dictionary) -> None:
    wrong = total = 0
    for word in COMMON:
        said, known = pronounce(word).split(), dictionary.lookup_word(word).split()
        wrong, total = wrong + _distance(said, known), total + len(known)
        assert _distance(said, known) <= 2, (word, said, known)

    assert wrong <= 0.15 * total


def test_every_phone_is_one_of_the_model(dictionary) -> None:
    for number, phones in enumerate(ARPABET.values()):
        dictionary.add_word(f"entry{number}", phones, True)

        assert dictionary.lookup_word(f"entry{number}") == phones


def test_numbers_are_read_out() -> None:
    assert pronounce("3").split() == ["TH", "R", "IY"]


@pytest.mark.parametrize("word", ["", "x" * (MAX_LETTERS + 1), "...", "\u3042", "\0"])
def test_what_has_no_english_sound_has_no_pronunciation(word) -> None:
    found = pronounce(word)

    assert found is None or set(found.split()) <= set(" ".join(ARPABET.values()).split())


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("ˈkʊki", "K UH K IY"),
        ("faɪɚ", "F AY ER"),
        ("tʃɜːtʃ", "CH ER CH"),
        ("wɔːɾɚ", "W AO T ER"),
        ("(fr)ʒə(en)", "ZH AH"),
        ("ǃa", None),
        ("", None),
        ("a" * 100, None),
    ],
)
def test_the_sounds_of_the_ipa(ipa, phones) -> None:
    assert arpabet(ipa) == phones
