"""NCMMSC2021: everything in the file name, crops of the same people, a test without labels."""

from layouts import Layout, tone

TRAIN = ["AD/AD_F_030807_001", "AD/AD_F_030807_002", "HC/HC_M_030807_001", "HC/HC_F_041022_001",
         "MCI/MCI_M_050101_001"]  # fmt: skip
TEST = ["AD_M_090909_001", "HC_F_080808_001"]


def build(root):
    folder = root / "NCMMSC2021_AD" / "AD_dataset_long"
    for place in TRAIN:
        tone(folder / "train" / f"{place}.wav")
        crop = place.replace("_001", "_001_0")
        tone(root / "NCMMSC2021_AD" / "AD_dataset_6s" / "train" / f"{crop}.wav")
    for name in TEST:
        tone(folder / "test_have_label" / f"{name}.wav")
    tone(folder / "test_none_label" / "001.wav")
    tone(folder / "train" / "AD" / "readme.wav")
    return root / "NCMMSC2021_AD"


def spoil_label(root):
    folder = root / "NCMMSC2021_AD" / "AD_dataset_long" / "test_have_label"
    (folder / "HC_F_080808_001.wav").rename(folder / "zebra_F_080808_001.wav")
    return "test_have_label/zebra_F_080808_001.wav"


def _facts(name, split):
    group, sex, person, _ = name.rpartition("/")[2].split("_")
    return {
        "participant_id": f"{group}_{person}",
        "label": {"AD": "dementia", "HC": "control", "MCI": "mci"}[group],
        "label_source": "file name",
        "sex": {"F": "female", "M": "male"}[sex],
        "language": "zh",
        "official_split": split,
    }


EXPECTED = {
    **{place.rpartition("/")[2]: _facts(place, "train") for place in TRAIN},
    **{name: _facts(name, "test") for name in TEST},
}
LAYOUTS = {
    "long": Layout(
        build=build,
        expected=EXPECTED,
        passed_over=(
            "AD/readme.wav: the name is not like AD_F_030807_001.wav",
            "test_none_label: 1 audio files of which NCMMSC2021 says nothing",
        ),
        spoil_label=spoil_label,
        is_listed=False,
    ),
}
