"""PREPARE: one sheet for both splits, three languages, an archive that was not unpacked."""

from layouts import Layout, swap, text, tone

ROWS = [
    "aaaa,train,Control,English,70,female,ADReSS",
    "bbbb,train,MCI,Mandarin,66,male,TAUKADIAL",
    "cccc,train,ProbableAD,Spanish,81,F,Ivanova",
    "dddd,train,AD,English,77,M,",
    "eeee,test,PPA,English,NA,male,Hopkins",
    "ffff,test,Control,English,64,female,WLS",
]


def build(root):
    folder = root / "prepare"
    for row in ROWS:
        name, split = row.split(",")[:2]
        tone(folder / f"{split}_audios" / f"{name}.mp3")
    header = "uid,split,diagnosis,language,age,gender,corpus"
    text(folder / "metadata.csv", "\n".join([header, *ROWS, ""]))
    return folder


def build_packed(root):
    build(root)
    (root / "prepare" / "test_audios" / "eeee.mp3").unlink()
    text(root / "prepare" / "test_audios.zip", "PK")
    return root / "prepare"


def spoil_label(root):
    swap(root / "prepare" / "metadata.csv", "ffff,test,Control", "ffff,test,zebra")
    return "metadata.csv:7"


EXPECTED = {
    "aaaa": {"label": "control", "language": "en", "official_split": "train", "age_years": 70.0,
             "sex": "female", "source_corpus": "ADReSS", "corpus": "PREPARE",
             "label_source": "metadata.csv, diagnosis"},
    "bbbb": {"label": "mci", "language": "zh"},
    "cccc": {"label": "dementia", "label_raw": "ProbableAD", "language": "es", "sex": "female"},
    "dddd": {"label": "dementia", "label_raw": "AD", "source_corpus": None},
    "eeee": {"label": "ppa", "official_split": "test", "age_years": None},
    "ffff": {"label": "control", "audio_path": "prepare/test_audios/ffff.mp3"},
}  # fmt: skip
LAYOUTS = {
    "unpacked": Layout(
        build=build, expected=EXPECTED, spoil_label=spoil_label, sheets=("metadata.csv",)
    ),
    "packed": Layout(
        build=build_packed,
        expected={name: facts for name, facts in EXPECTED.items() if name != "eeee"},
        passed_over=("no audio, looked for test_audios/eeee.*; unpack test_audios.zip",),
        sheets=("metadata.csv",),
    ),
}
