"""PROCESS: three tasks a person, an imputed age, missing scores; and PROCESS-2."""

from layouts import Layout, swap, text, tone

PEOPLE = [
    ("Process-rec-001", "train", "HC", "Female", "66*", "29"),
    ("Process-rec-002", "train", "MCI", "Male", "71", ""),
    ("Process-rec-003", "train", "Dementia", "Female", "80", "19.5"),
    ("Process-rec-004", "dev", "HC", "Male", "58", "30"),
]
SECOND = [("P2-01", "HC", "Train", "female"), ("P2-02", "MCI", "Train", "male"),
          ("P2-03", "Dementia", "Test", "female"), ("P2-04", "HC", "Train", "male")]  # fmt: skip


def build(root):
    folder = root / "PROCESS-V1"
    for name, *_ in PEOPLE:
        for task in ("CTD", "SFT", "PFT"):
            tone(folder / name / f"{name}__{task}.wav")
            text(folder / name / f"{name}__{task}.txt", "Pat: a lantern on a blue boat.")
    rows = [",".join(row) for row in PEOPLE]
    header = "Record-ID,TrainOrDev,Class,Gender,Age,Converted-MMSE"
    text(folder / "dem-info.csv", "\n".join([header, *rows, ""]))
    text(folder / "PROCESS_submission_us_uni.csv", "Record-ID,Prediction\nProcess-rec-101,\n")
    return root / "PROCESS-V1"


def build_second(root):
    folder = root / "PROCESS-2"
    for name, *_ in SECOND:
        for task in ("Cookie", "Fluency"):
            tone(folder / name / f"{name}__{task}.wav")
            text(folder / name / f"{name}__{task}.txt", "a lantern")
    rows = [",".join(row) for row in SECOND]
    text(folder / "meta-info.csv", "\n".join(["IDs,diagnosis,Split,gender", *rows, ""]))
    return folder


def spoil_label(root):
    swap(root / "PROCESS-V1" / "dem-info.csv", "dev,HC", "dev,zebra")
    return "dem-info.csv:5"


LABELS = {"HC": "control", "MCI": "mci", "Dementia": "dementia"}
TASKS = {"CTD": "cookie", "SFT": "semantic fluency", "PFT": "phonemic fluency"}
EXPECTED = {
    f"{name}__{task}": {
        "participant_id": name,
        "label": LABELS[label],
        "label_raw": label,
        "official_split": split,
        "task": TASKS[task],
        "sex": sex.lower(),
        "age_years": float(age.rstrip("*")),
        "age_imputed": "yes" if age.endswith("*") else None,
        "mmse": float(mmse) if mmse else None,
        "audio_path": f"PROCESS-V1/{name}/{name}__{task}.wav",
        "transcript_path": f"PROCESS-V1/{name}/{name}__{task}.txt",
    }
    for name, split, label, sex, age, mmse in PEOPLE
    for task in ("CTD", "SFT", "PFT")
}
SECOND_EXPECTED = {
    f"{name}__{task}": {
        "participant_id": name,
        "label": LABELS[label],
        "official_split": split.lower(),
        "task": task.lower(),
        "sex": sex,
        "mmse": None,
        "age_years": None,
    }
    for name, label, split, sex in SECOND
    for task in ("Cookie", "Fluency")
}
LAYOUTS = {
    "challenge": Layout(
        build=build, expected=EXPECTED, spoil_label=spoil_label, sheets=("dem-info.csv",)
    ),
    "PROCESS-2": Layout(build=build_second, expected=SECOND_EXPECTED, sheets=("meta-info.csv",)),
}
