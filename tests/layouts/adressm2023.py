"""ADReSS-M: mp3 here and wav there, a column that is misspelt in one file, NA."""

from layouts import Layout, swap, text, tone

ENGLISH = ["adrso002,69,female,16,ProbableAD,18", "adrso003,63,male,NA,Control,NA",
           "adrso004,70,female,12,Control,30"]  # fmt: skip
SAMPLE = ["adrsn01,75,male,6,ProbableAD,22", "adrsn02,66,female,12,Control,29"]
TEST = ["adrsgt01,72,male,NA,ProbableAD,20", "adrsgt02,68,female,9,Control,30"]
HEADER = "adressfname,age,gender,educ,dx,mmse"


def build(root):
    folder = root / "ADReSS-M"
    for part, rows, name, suffix in (
        ("train", ENGLISH, "training", "mp3"),
        ("sample-gr", SAMPLE, "sample-gr", "wav"),
        ("test-gr", TEST, "test-gr", "wav"),
    ):
        for row in rows:
            tone(folder / part / f"{row.partition(',')[0]}.{suffix}")
        header = HEADER.replace("adressfname", "addressfname") if part == "test-gr" else HEADER
        text(folder / f"{name}-groundtruth.csv", "\n".join([header, *rows, ""]))
    text(folder / "ADReSS-M-meta.csv", "adressfname,age,gender,educ\nadrsgt01,72,male,7\n")
    text(folder / "ADReSS-M-format_task1.csv", "adressfname,dx\nadrsgt01,\n")
    return folder


def spoil_label(root):
    swap(root / "ADReSS-M" / "training-groundtruth.csv", "12,Control,30", "12,zebra,30")
    return "training-groundtruth.csv:4"


EXPECTED = {
    "adrso002": {"label": "dementia", "mmse": 18.0, "age_years": 69.0, "sex": "female",
                 "education_years": 16.0, "language": "en", "official_split": "train",
                 "audio_path": "ADReSS-M/train/adrso002.mp3",
                 "label_source": "training-groundtruth.csv, dx"},
    "adrso003": {"label": "control", "mmse": None, "education_years": None, "sex": "male"},
    "adrso004": {"label": "control", "label_raw": "Control"},
    "adrsn01": {"label": "dementia", "language": "el", "official_split": "train"},
    "adrsn02": {"label": "control", "language": "el"},
    "adrsgt01": {"label": "dementia", "language": "el", "official_split": "test",
                 "education_years": 7.0, "mmse_source": "test-gr-groundtruth.csv"},
    "adrsgt02": {"label": "control", "education_years": 9.0},
}  # fmt: skip
LAYOUTS = {
    "all parts": Layout(
        build=build,
        expected=EXPECTED,
        spoil_label=spoil_label,
        sheets=("training-groundtruth.csv", "sample-gr-groundtruth.csv",
                "test-gr-groundtruth.csv", "ADReSS-M-meta.csv"),
    ),
}  # fmt: skip
