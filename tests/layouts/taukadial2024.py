"""TAUKADIAL: a misspelt name, three pictures a person, commas in training, semicolons in test."""

from layouts import Layout, swap, text, tone

TRAIN = [("002", 70, "F", 29, "NC"), ("003", 75, "M", 25, "MCI"), ("004", 68, "M", 28, "NC")]
TEST = [("021", 73, "M", 26, "MCI"), ("022", 71, "F", 30, "NC")]


def build(root):
    train = root / "TAUKADIAL-24" / "train"
    rows = ["tkdname,age,sex,mmse,dx"]
    for person, age, sex, mmse, dx in TRAIN:
        for picture in (1, 2, 3):
            name = f"taukdial-{person}-{picture}.wav"
            tone(train / name)
            rows.append(f"{name},{age},{sex},{mmse},{dx}")
    text(train / "groundtruth.csv", "\n".join([*rows, ""]))
    return root / "TAUKADIAL-24"


def build_with_test(root):
    build(root)
    test = root / "TAUKADIAL-24" / "test"
    labels, people = ["tkdname;mmse;dx"], ["tkdname;age;sex"]
    for person, age, sex, mmse, dx in TEST:
        for picture in (1, 2, 3):
            name = f"taukdial-{person}-{picture}.wav"
            tone(test / name)
            labels.append(f"{name};{mmse};{dx}")
            people.append(f"{name};{age};{sex}")
    text(root / "TAUKADIAL-24" / "testgroundtruth.csv", "\n".join([*labels, ""]), bom=True)
    text(test / "meta_test.csv", "\r\n".join([*people, ""]))
    text(
        root / "TAUKADIAL-24" / "languages.csv",
        "participant,language\n002,en\n003,zh\n004,en\n021,zh\n022,en\n",
    )
    return root / "TAUKADIAL-24"


def spoil_label(root):
    sheet = root / "TAUKADIAL-24" / "train" / "groundtruth.csv"
    swap(sheet, "taukdial-004-3.wav,68,M,28,NC", "taukdial-004-3.wav,68,M,28,zebra")
    return "groundtruth.csv:10"


def _facts(people, split, source, **further):
    return {
        f"taukdial-{person}-{picture}": {
            "participant_id": person,
            "label": {"NC": "control", "MCI": "mci"}[dx],
            "label_raw": dx,
            "task": f"picture {picture}",
            "age_years": float(age),
            "sex": {"F": "female", "M": "male"}[sex],
            "mmse": float(mmse),
            "mmse_source": source,
            "official_split": split,
            **further,
        }
        for person, age, sex, mmse, dx in people
        for picture in (1, 2, 3)
    }


WITH_TEST = {
    **_facts(TRAIN, "train", "groundtruth.csv"),
    **_facts(TEST, "test", "testgroundtruth.csv"),
}
for _name, _facts_of in WITH_TEST.items():
    _facts_of["language"] = "zh" if _name[9:12] in ("003", "021") else "en"
LAYOUTS = {
    "training only": Layout(
        build=build,
        expected=_facts(TRAIN, "train", "groundtruth.csv", language=None),
        passed_over=("TAUKADIAL-24: no testgroundtruth.csv, so nothing of its part",),
        spoil_label=spoil_label,
        sheets=("groundtruth.csv",),
    ),
    "with test and languages": Layout(
        build=build_with_test,
        expected=WITH_TEST,
        options={"languages": "languages.csv"},
        sheets=("groundtruth.csv", "testgroundtruth.csv", "meta_test.csv", "languages.csv"),
    ),
}
