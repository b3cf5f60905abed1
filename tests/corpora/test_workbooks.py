"""Excel workbooks: their cells, and what is refused before it is unpacked."""

import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.corpora import workbooks
from cogspeech.corpora.sheets import read_sheet
from cogspeech.corpora.workbooks import read_workbook
from cogspeech.errors import CorpusError
from layouts.pitt import write_workbook


def _book(folder, sheet, *, strings="<sst/>", prolog="", target="worksheets/sheet1.xml"):
    path = folder / "data.xlsx"
    parts = {
        "xl/workbook.xml": '<workbook xmlns:r="x"><sheets><sheet name="a" r:id="r1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<R><Relationship Id="r1" Target="{target}"/></R>',
        "xl/sharedStrings.xml": strings,
        "xl/worksheets/sheet1.xml": f"{prolog}<worksheet>{sheet}</worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _rows(path):
    (rows,) = read_workbook(path)
    return rows


def _refusal(path):
    with pytest.raises(CorpusError) as refusal:
        list(read_workbook(path))
    return str(refusal.value)


def test_every_kind_of_cell_is_read_and_gaps_are_empty(tmp_path):
    sheet = (
        '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="C2"><v>29.5</v></c></row>'
        '<row r="4"><c r="B4" t="inlineStr"><is><t>in </t><t>line</t></is></c>'
        '<c r="C4" t="e"><v>#N/A</v></c><c r="D4" t="str"><f>A2&amp;"x"</f><v>made</v></c></row>'
        "<row><c><v>7</v></c><c><v>8</v></c></row>"
    )
    strings = (
        "<sst><si><t>no</t></si><si><r><t>a </t></r><r><t>b</t></r>"
        "<rPh><t>sound</t></rPh></si></sst>"
    )

    assert _rows(_book(tmp_path, sheet, strings=strings)) == [
        ["", "", "", ""],
        ["a b", "", "29.5", ""],
        ["", "", "", ""],
        ["", "in line", "", "made"],
        ["7", "8", "", ""],
    ]


def test_columns_beyond_z_and_absolute_places_are_understood(tmp_path):
    sheet = '<row r="1"><c r="AB1"><v>1</v></c><c r="Z1"><v>2</v></c></row>'

    (row,) = _rows(_book(tmp_path, sheet, target="/xl/worksheets/sheet1.xml"))

    assert (row[27], row[25], len(row)) == ("1", "2", 28)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=30), max_size=4))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "written.xlsx"
    escaped = [
        [c.replace("&", "+").replace("<", "+").replace("\ufffe", "") for c in r] for r in rows
    ]
    escaped = [[c.replace("\uffff", "") for c in row] for row in escaped]
    write_workbook(path, {"one": escaped})

    read = _rows(path)

    for row, expected in zip(read, escaped, strict=False):
        assert [cell for cell in row if cell] == [cell for cell in expected if cell]


@pytest.mark.parametrize(
    ("sheet", "prolog"),
    [
        ("", '<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'),
        ("", '<!DOCTYPE w SYSTEM "file:///etc/passwd">'),
        ('<row r="1"><c r="A1" t="s"><v>5</v></c></row>', ""),
        ('<row r="0"><c r="A0"><v>5</v></c></row>', ""),
        ('<row r="1"><c r="ZZZ1"><v>5</v></c></row>', ""),
        ('<row><c r="A9999999"><v>5</v></c><c r="CZ1"><v>1</v></c></row>', ""),
        ("<row>", ""),
    ],
    ids=["bomb", "outside", "string", "row", "column", "area", "xml"],
)
def test_a_damaged_or_hostile_workbook_is_refused(tmp_path, sheet, prolog):
    assert "save the sheet as CSV UTF-8" in _refusal(_book(tmp_path, sheet, prolog=prolog))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500])
def test_what_only_begins_like_a_workbook_is_refused(tmp_path, content):
    (tmp_path / "data.xlsx").write_bytes(content)

    with pytest.raises(CorpusError, match="is damaged or no Excel workbook; save the sheet as CSV"):
        read_sheet(tmp_path / "data.xlsx", {"id": ("id",)})


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_PART_BYTES", 10_000)

    path = _book(tmp_path, f"<row>{' ' * 1_000_000}</row>")

    assert path.stat().st_size < 10_000
    assert "unpacks to more than" in _refusal(path)


def test_a_zip_that_is_no_workbook_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.xlsx", "w") as archive:
        archive.writestr("readme", "x")

    assert "no Excel workbook" in _refusal(tmp_path / "data.xlsx")


def test_the_sheet_with_the_columns_is_the_one_that_is_read(tmp_path):
    write_workbook(
        tmp_path / "d.xlsx", {"a": [["x", "y"], ["1", "2"]], "b": [["id", "dx"], ["3", "ad"]]}
    )

    (row,) = read_sheet(tmp_path / "d.xlsx", {"id": ("id",), "dx": ("dx",)})

    assert (row.need("id"), row.where) == ("3", f"{tmp_path / 'd.xlsx'}:2")
