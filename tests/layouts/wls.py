"""WLS: numbers that share their last digits with the files, negative codes, two sheets."""

from layouts import Layout, chat, text, tone
from layouts.pitt import write_workbook

OLDER = ["idtlkbnk", "sex", "age 2011", "education", "category fluency, scored words named, 2011"]
ROWS = [
    ["2000000123", "1", "71", "12", "20"],
    ["2000000124", "2", "72", "16", "13"],
    ["2000000125", "2", "59", "-3", "14"],
    ["2000000126", "1", "70", "14", "-2"],
    ["2000000127", "2", "81", "14", "12"],
]
LATER = ["idtlkbnk", "age 2020", "Research diagnosis via consensus"]
DIAGNOSES = [["2000000123", "80", "1"], ["2000000124", "81", "3"], ["2000000125", "68", "2"],
             ["2000000126", "79", "-2"]]  # fmt: skip


def _recordings(root):
    for name in ("00123", "00124", "00125", "00126", "00127", "00999"):
        chat(root / "WLS" / f"{name}.cha", "eng|WLS|PAR|||||Participant|||")
        tone(root / "WLS" / f"{name}.mp3")


def build(root):
    _recordings(root)
    sheets = {"Data - 2004, 2011": [OLDER, *ROWS], "Data - 2020": [LATER, *DIAGNOSES]}
    write_workbook(root / "WLS" / "0docs" / "WLS-data.xlsx", sheets)
    return root / "WLS"


def build_csv(root):
    _recordings(root)
    quoted = ",".join(f'"{name}"' for name in OLDER)
    rows = [",".join(f"{cell}.0" for cell in row) for row in ROWS]
    text(root / "WLS" / "WLS-data.csv", "\n".join([quoted, *rows, ""]), bom=True)
    return root / "WLS"


BELOW, ABOVE = "below the threshold", "at or above the threshold"
EXPECTED = {
    "00123": {"participant_id": "00123", "label": "control", "label_raw": ABOVE, "sex": "male",
              "age_years": 71.0, "education_years": 12.0, "task": "cookie",
              "label_source": "category fluency, 2011"},
    "00124": {"label": "low_fluency", "label_raw": BELOW, "sex": "female"},
    "00125": {"label": "low_fluency", "education_years": None},
    "00127": {"label": "control"},
}  # fmt: skip
LOST = ("00999.cha: no row of WLS-data.",)
NEVER = ("00127.cha: no row of WLS-data.",)
CONSENSUS = {
    "00123": {"label": "control", "age_years": None, "label_raw": "normal"},
    "00124": {"label": "dementia", "label_source": "research diagnosis via consensus, 2020"},
    "00125": {"label": "mci", "label_raw": "MCI"},
}
LAYOUTS = {
    "workbook": Layout(
        build=build,
        expected=EXPECTED,
        passed_over=(*LOST, "no label in category fluency, 2011"),
    ),
    "csv": Layout(
        build=build_csv,
        expected=EXPECTED,
        passed_over=(*LOST, "no label in category fluency, 2011"),
        sheets=("WLS-data.csv",),
    ),
    "consensus": Layout(
        build=build,
        expected=CONSENSUS,
        passed_over=(*NEVER, *LOST, "no label in research"),
        options={"label_from": "consensus_2020"},
    ),
}
