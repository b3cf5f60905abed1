"""ADReSS-2020: padded semicolons, NA as a score, chunks beside whole recordings, a flat test."""

from layouts import Layout, chat, swap, text, tone

ROOT = "ADReSS-IS2020-data"
TRAIN = {
    "cc": [("S001", 74, "male", "29"), ("S002", 61, "female", "NA"), ("S003", 70, "1", "30")],
    "cd": [("S079", 73, "male", "20"), ("S080", 66, "0", " 17")],
}
TEST = [("S160", 73, 0), ("S161", 66, 1)]


def _train(folder):
    for label, people in TRAIN.items():
        for name, *_ in people:
            tone(folder / "Full_wave_enhanced_audio" / label / f"{name}.wav")
            chat(folder / "transcription" / label / f"{name}.cha", "eng|Pitt|PAR||||||||")
            for span in ("0-900-1", "900-1700-1"):
                chunks = folder / "Normalised_audio-chunks" / label
                tone(chunks / f"{name}-{span}.wav")
        rows = "".join(f"{a} ; {b} ; {c} ; {d}\n" for a, b, c, d in people)
        text(folder / f"{label}_meta_data.txt", f"ID   ; age ; gender ; mmse\n{rows}")


def _test(folder):
    for name, *_ in TEST:
        tone(folder / "Full_wave_enhanced_audio" / f"{name}.wav")
        chat(folder / "transcription" / f"{name}.cha", "eng|Pitt|PAR||||||||")
    rows = "".join(f"{a}; {b}; {c}\n" for a, b, c in TEST)
    text(folder / "meta_data.txt", f"ID; age; gender\n{rows}")
    text(folder / "test_results.txt", "ID     ; Prediction\nS160   ;\nS161   ;\n")


def build(root):
    _train(root / ROOT / "train")
    _test(root / ROOT / "test")
    return root / ROOT


def build_labelled(root):
    """With the labels of the test part, a capital in a folder's name and a byte order mark."""
    build(root)
    test = root / ROOT / "test"
    (test / "transcription").rename(test / "Transcription")
    text(
        test / "meta_data_test.txt",
        "ID;age;gender;Label;mmse\nS160;73;0;0;30\nS161;66;1;1;NA\n\n",
        bom=True,
    )
    return root


def spoil_label(root):
    swap(root / ROOT / "test" / "meta_data_test.txt", "S161;66;1;1", "S161;66;1;zebra")
    return "meta_data_test.txt:3"


def _facts(name, folder, label, **further):
    part, _, group = folder.partition("/")
    group = f"/{group}" if group else ""
    return {
        "participant_id": name,
        "label": label,
        "audio_path": f"{ROOT}/{part}/Full_wave_enhanced_audio{group}/{name}.wav",
        "official_split": part,
        "task": "cookie",
        "language": "en",
        "corpus": "ADReSS-2020",
        **further,
    }


EXPECTED = {
    "S001": _facts("S001", "train/cc", "control", mmse=29.0, mmse_source="cc_meta_data.txt",
                   age_years=74.0, sex="male", label_raw="cc", label_source="cc_meta_data.txt",
                   transcript_path=f"{ROOT}/train/transcription/cc/S001.cha"),
    "S002": _facts("S002", "train/cc", "control", mmse=None, mmse_source=None, sex="female"),
    "S003": _facts("S003", "train/cc", "control", mmse=30.0, sex="female"),
    "S079": _facts("S079", "train/cd", "dementia", mmse=20.0, sex="male", label_raw="cd"),
    "S080": _facts("S080", "train/cd", "dementia", mmse=17.0, sex="male"),
}  # fmt: skip
TEST_EXPECTED = {
    "S160": _facts("S160", "test", "control", mmse=30.0, age_years=73.0, sex="male", label_raw="0",
                   label_source="meta_data_test.txt, Label",
                   transcript_path=f"{ROOT}/test/Transcription/S160.cha"),
    "S161": _facts("S161", "test", "dementia", mmse=None, sex="female", label_raw="1"),
}  # fmt: skip
LAYOUTS = {
    "as distributed": Layout(
        build=build,
        expected=EXPECTED,
        passed_over=(
            "meta_data.txt:2: no label in meta_data.txt",
            "meta_data.txt:3: no label in meta_data.txt",
        ),
        sheets=("cc_meta_data.txt", "cd_meta_data.txt", "meta_data.txt"),
    ),
    "labelled test": Layout(
        build=build_labelled,
        expected={**EXPECTED, **TEST_EXPECTED},
        spoil_label=spoil_label,
        sheets=("cc_meta_data.txt", "cd_meta_data.txt", "meta_data_test.txt"),
    ),
}
