"""Pitt: mirrored trees with repeating stems, a diagnosis that is not the folder, visits."""

import zipfile

from layouts import Layout, chat, swap, text, tone

FILES = {  # place: age, sex, Dx, session, MMSE
    "Control/cookie/002-0": ("57;", "female", "Control", "002-0-002v-3", "30"),
    "Control/cookie/002-1": ("58;06.", "female", "Control", "002-1", "29"),
    "Control/cookie/006-0": ("61;", "male", "Control", "006-0", ""),
    "Dementia/cookie/001-0": ("72;", "male", "ProbableAD", "001-0", "20"),
    "Dementia/cookie/001-2": ("74;", "male", "ProbableAD", "001-2", "14"),
    "Dementia/cookie/010-3c": ("", "", "MCI", "010-3", "x"),
    "Dementia/cookie/016-0": ("80;", "female", "", "016-0", ""),
    "Dementia/cookie/024-0": ("80;", "female", "Vascular", "024-0", "33"),
    "Dementia/fluency/001-0": ("72;", "male", "ProbableAD", "001-0", "20"),
    "Dementia/recall/001-0": ("72;", "male", "ProbableAD", "001-0", "20"),
}
HEADINGS = ["id", "entryage", "basedx", "dx1", "dx2", "dx3", "dx4", "sex", "educ", "mms", "mmse2",
            "mmse3", "mmse4", "mmse5"]  # fmt: skip
PEOPLE = [
    ["1", "72", "100", "100", "100", "", "", "1", "12", "20", "18", "14", "", ""],
    ["2", "57", "800", "800", "", "", "", "0", "16", "30", "29", "", "", ""],
    ["6", "61", "800", "", "", "", "", "1", "14", "28", "", "", "", ""],
    ["10", "70", "600", "", "", "720", "", "0", "", "27", "", "", "25", ""],
    ["16", "80", "740", "", "", "", "", "0", "8", "", "", "", "", ""],
]


def build(root):
    """Transcripts beside a media tree of the same folders; no spreadsheet."""
    for place, (age, sex, dx, session, mmse) in FILES.items():
        ids = (f"eng|UPMC|PAR|{age}|{sex}|{dx}|{session}|Participant|{mmse}||",
               "eng|UPMC|INV|||||Investigator|||")  # fmt: skip
        chat(root / "Pitt" / "transcripts" / f"{place}.cha", *ids, bom="002" in place)
        tone(root / "Pitt" / "media" / f"{place}.mp3")
    # Stems repeat: this one has no audio of its own, but a namesake in another group has.
    chat(
        root / "Pitt/transcripts/Control/cookie/001-0.cha", "eng|UPMC|PAR|||Control||Participant||"
    )
    return root / "Pitt"


def build_with_workbook(root):
    build(root)
    (root / "Pitt/transcripts/Control/cookie/001-0.cha").unlink()
    write_workbook(
        root / "Pitt" / "0docs" / "data.xlsx", {"notes": [["x"]], "data": [HEADINGS, *PEOPLE]}
    )
    return root / "Pitt"


def build_with_csv(root):
    build(root)
    (root / "Pitt/transcripts/Control/cookie/001-0.cha").unlink()
    rows = "".join(f"{';'.join(row)}\r\n" for row in [HEADINGS, *PEOPLE])
    text(root / "Pitt" / "data.csv", rows, bom=True)
    return root / "Pitt"


def write_workbook(path, sheets):
    """An Excel workbook with shared strings, plain numbers and gaps, as Excel writes it."""
    strings: list[str] = []

    def cell(place, value):
        if value.replace(".", "").isdecimal():
            return f'<c r="{place}"><v>{value}</v></c>'
        if value not in strings:
            strings.append(value)
        return f'<c r="{place}" t="s"><v>{strings.index(value)}</v></c>'

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts, listed, related = {}, "", ""
    for number, (name, rows) in enumerate(sheets.items(), start=1):
        body = "".join(
            f'<row r="{i}">'
            + "".join(cell(f"{_column(j)}{i}", value) for j, value in enumerate(row) if value)
            + "</row>"
            for i, row in enumerate(rows, start=1)
        )
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )
        listed += f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        related += f'<Relationship Id="rId{number}" Target="worksheets/sheet{number}.xml"/>'
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>'
    )
    parts["xl/_rels/workbook.xml.rels"] = f"<Relationships>{related}</Relationships>"
    parts["xl/sharedStrings.xml"] = (
        f'<sst xmlns="{main}">'
        + "".join(f"<si><r><t>{s[:1]}</t></r><r><t>{s[1:]}</t></r></si>" for s in strings)
        + "</sst>"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{content}')


def _column(number):
    return chr(65 + number) if number < 26 else chr(64 + number // 26) + chr(65 + number % 26)


def spoil_label(root):
    swap(root / "Pitt/transcripts/Dementia/cookie/024-0.cha", "|Vascular|", "|zebra|")
    return "Dementia/cookie/024-0.cha:5"


def _facts(place, label, raw, **further):
    return {
        "participant_id": place.rpartition("/")[2].partition("-")[0],
        "visit": place.rpartition("-")[2].rstrip("c"),
        "label": label,
        "label_raw": raw,
        "label_source": "transcript, @ID",
        "audio_path": f"Pitt/media/{place}.mp3",
        "transcript_path": f"Pitt/transcripts/{place}.cha",
        "task": place.split("/")[1],
        "language": "en",
        "official_split": None,
        **further,
    }


EXPECTED = {
    "control-cookie-002-0": _facts("Control/cookie/002-0", "control", "Control", mmse=30.0,
                                   mmse_source="transcript, @ID", age_years=57.0, sex="female"),
    "control-cookie-002-1": _facts("Control/cookie/002-1", "control", "Control", age_years=58.5),
    "control-cookie-006-0": _facts("Control/cookie/006-0", "control", "Control", mmse=None),
    "dementia-cookie-001-0": _facts("Dementia/cookie/001-0", "dementia", "ProbableAD", mmse=20.0),
    "dementia-cookie-001-2": _facts("Dementia/cookie/001-2", "dementia", "ProbableAD", mmse=14.0),
    "dementia-cookie-010-3c": _facts("Dementia/cookie/010-3c", "mci", "MCI", mmse=None, sex=None,
                                     age_years=None),
    "dementia-cookie-024-0": _facts("Dementia/cookie/024-0", "vascular", "Vascular", mmse=None),
}  # fmt: skip
LISTED = {
    **EXPECTED,
    "control-cookie-006-0": _facts("Control/cookie/006-0", "control", "Control", mmse=28.0,
                                   mmse_source="spreadsheet", education_years=14.0),
    "dementia-cookie-010-3c": _facts("Dementia/cookie/010-3c", "mci", "MCI", mmse=25.0),
    "dementia-cookie-016-0": _facts("Dementia/cookie/016-0", "memory", "Memory", mmse=None,
                                    label_source="spreadsheet, dx0", education_years=8.0),
}  # fmt: skip
FLUENCY = {
    **LISTED,
    "dementia-fluency-001-0": _facts("Dementia/fluency/001-0", "dementia", "ProbableAD",
                                     label_source="spreadsheet, dx0"),
    "dementia-cookie-010-3c": _facts("Dementia/cookie/010-3c", "memory", "Memory",
                                     label_source="spreadsheet, dx3"),
}  # fmt: skip
for _name, _row in (("control-cookie-002-0", "dx0"), ("control-cookie-002-1", "dx1"),
                    ("control-cookie-006-0", "dx0"), ("dementia-cookie-001-0", "dx0"),
                    ("dementia-cookie-001-2", "dx2")):  # fmt: skip
    FLUENCY[_name] = {**LISTED[_name], "label_source": f"spreadsheet, {_row}"}
LAYOUTS = {
    "transcripts only": Layout(
        build=build,
        expected=EXPECTED,
        passed_over=(
            "Control/cookie/001-0.cha:5: no audio, looked for '001-0.*'",
            "Dementia/cookie/016-0.cha:5: no label in transcript, @ID",
        ),
        spoil_label=spoil_label,
    ),
    "with a workbook": Layout(build=build_with_workbook, expected=LISTED),
    "spreadsheet first": Layout(
        build=build_with_csv,
        expected=FLUENCY,
        options={"label_from": "spreadsheet", "tasks": ["cookie", "fluency"]},
        sheets=("data.csv",),
    ),
}
