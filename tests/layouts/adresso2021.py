"""ADReSSo-2021: an unnamed index column, segmentation in ms, a flat test, two corpora in one."""

from layouts import Layout, swap, text, tone

ROOT = "ADReSSo21"
PEOPLE = [("adrso024", 20, "ad"), ("adrso025", "NA", "ad"), ("adrso148", 30, "cn"),
          ("adrso149", 28, "cn")]  # fmt: skip
TEST = [("adrsdt1", "Control", 29), ("adrsdt2", "ProbableAD", 14), ("adrsdt3", "Control", 30)]
COURSES = [("adrsp001", "decline"), ("adrsp002", "decline"), ("adrsp003", "no_decline")]
TURNS = '"","speaker","begin","end"\n"1","PAR",0,60\n"2","INV",60,120\n"3","PAR",120,200\n'


def _recording(folder, group, name):
    tone(folder / "audio" / group / f"{name}.wav")
    text(folder / "segmentation" / group / f"{name}.csv", TURNS)


def build(root):
    train = root / ROOT / "diagnosis" / "train"
    for name, _, group in PEOPLE:
        _recording(train, group, name)
    rows = "".join(f'"{i}","{a}",{b},"{c}"\n' for i, (a, b, c) in enumerate(PEOPLE, start=1))
    text(train / "adresso-train-mmse-scores.csv", f'"","adressfname","mmse","dx"\n{rows}')
    for name, *_ in TEST:
        _recording(root / ROOT / "diagnosis" / "test-dist", "", name)
    return root / ROOT


def build_with_labels(root):
    build(root)
    labels = "".join(f"{name},{dx}\n" for name, dx, _ in TEST)
    scores = "".join(f"{name},{mmse}\n" for name, _, mmse in TEST)
    text(root / ROOT / "groundtruth" / "task1.csv", f"ID,Dx\n{labels}", bom=True)
    text(root / ROOT / "groundtruth" / "task2.csv", f"ID,MMSE\n{scores}")
    build_progression(root)
    return root / ROOT


def build_progression(root):
    for name, course in COURSES:
        _recording(root / ROOT / "progression" / "train", course, name)
    _recording(root / ROOT / "progression" / "test-dist", "", "adrspt1")
    return root / ROOT


def spoil_label(root):
    table = root / ROOT / "diagnosis" / "train" / "adresso-train-mmse-scores.csv"
    swap(table, '"4","adrso149",28,"cn"', '"4","adrso149",28,"zebra"')
    for kind, suffix in (("audio", "wav"), ("segmentation", "csv")):
        folder = table.parent / kind
        (folder / "zebra").mkdir()
        (folder / "cn" / f"adrso149.{suffix}").rename(folder / "zebra" / f"adrso149.{suffix}")
    return "adresso-train-mmse-scores.csv:5"


def _facts(name, place, label, **further):
    return {
        "participant_id": name,
        "label": label,
        "audio_path": f"{ROOT}/{place.replace('*', 'audio')}/{name}.wav",
        "segmentation_path": f"{ROOT}/{place.replace('*', 'segmentation')}/{name}.csv",
        "official_split": "train" if "train" in place else "test",
        "language": "en",
        "corpus": "ADReSSo-2021",
        **further,
    }


SHEET = {"mmse_source": "adresso-train-mmse-scores.csv",
         "label_source": "adresso-train-mmse-scores.csv, dx"}  # fmt: skip
AD, CN = "diagnosis/train/*/ad", "diagnosis/train/*/cn"
EXPECTED = {
    "adrso024": _facts("adrso024", AD, "dementia", mmse=20.0, label_raw="ad", **SHEET),
    "adrso025": _facts("adrso025", AD, "dementia", mmse=None, mmse_source=None),
    "adrso148": _facts("adrso148", CN, "control", mmse=30.0, label_raw="cn", **SHEET),
    "adrso149": _facts("adrso149", CN, "control", mmse=28.0, task="cookie"),
}
TEST_PLACE = "diagnosis/test-dist/*"
TEST_EXPECTED = {
    "adrsdt1": _facts("adrsdt1", TEST_PLACE, "control", mmse=29.0, label_source="task1.csv, Dx"),
    "adrsdt2": _facts("adrsdt2", TEST_PLACE, "dementia", mmse=14.0, mmse_source="task2.csv"),
    "adrsdt3": _facts("adrsdt3", TEST_PLACE, "control", mmse=30.0, label_raw="Control"),
}
PROGRESSION = {
    name: _facts(name, f"progression/train/*/{course}", course, label_source="folder",
                 task="fluency")
    for name, course in COURSES
}  # fmt: skip
LAYOUTS = {
    "as distributed": Layout(
        build=build,
        expected=EXPECTED,
        passed_over=tuple(f"{name}.wav: no label in the folder of the test" for name, *_ in TEST),
        spoil_label=spoil_label,
        sheets=(SHEET["mmse_source"],),
    ),
    "with test labels": Layout(
        build=build_with_labels,
        expected={**EXPECTED, **TEST_EXPECTED},
        sheets=(SHEET["mmse_source"], "task1.csv", "task2.csv"),
    ),
    "progression": Layout(
        build=build_with_labels,
        expected=PROGRESSION,
        passed_over=("test-dist/audio/adrspt1.wav: no label in the folder of the test",),
        options={"task": "progression"},
        target="progression",
    ),
}
