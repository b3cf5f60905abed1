"""Label files in every dialect, and what is refused with its row."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.corpora import sheets
from cogspeech.corpora.sheets import by_key, read_sheet
from cogspeech.errors import CorpusError

COLUMNS = {"name": ("adressfname", "addressfname"), "dx": ("dx",)}
OPTIONAL = {"mmse": ("mmse",), "age": ("Age at visit",)}


def _write(folder, content):
    path = folder / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _read(folder, content):
    return read_sheet(_write(folder, content), COLUMNS, OPTIONAL)


def _refusal(folder, content):
    with pytest.raises(CorpusError) as refusal:
        _read(folder, content)
    text = str(refusal.value)
    assert "\n" not in text
    assert text.startswith(f"{folder / 'labels.csv'}")
    return text.removeprefix(str(folder / "labels.csv"))


@pytest.mark.parametrize(
    "content",
    [
        "adressfname,dx,mmse\na,ad,20\n",
        "addressfname;dx;mmse\na;ad;20\n",
        "adressfname\tdx\tmmse\na\tad\t20\n",
        "\ufeffadressfname,dx,mmse\r\na,ad,20\r\n",
        '"","adressfname","mmse","dx"\n"1","a",20,"ad"\n',
        '"";"adressfname";"mmse";"dx"\n"1";"a";20;"ad"\n',
        "\n\n  AdressFName ;  DX ; MMSE \n  a  ;  ad ; 20.0 \n\n ; ; \n",
        'adressfname,"x, y",dx,mmse\na,"p; q",ad,20',
        "adressfname,dx,mmse,mmse2\na,ad,20,x\n",
    ],
    ids=range(9),
)
def test_every_dialect_gives_the_same_row(tmp_path, content):
    (row,) = _read(tmp_path, content)

    assert (row.need("name"), row.text("dx"), row.number("mmse"), row.text("age")) == (
        "a", "ad", 20.0, None,
    )  # fmt: skip


@pytest.mark.parametrize("cell", ["", "NA", "na", "N/A", "NaN", " - ", "None"])
def test_not_available_is_none(tmp_path, cell):
    (row,) = _read(tmp_path, f"adressfname,dx,mmse\na,ad,{cell}\n")

    assert row.number("mmse") is None
    assert row.text("mmse") is None


def test_where_is_the_row_of_the_file_even_after_cells_of_several_lines(tmp_path):
    rows = _read(tmp_path, 'adressfname,dx,note\na,ad,"one\ntwo"\n\nb,cn,\n')

    assert [row.where.rpartition(":")[2] for row in rows] == ["3", "5"]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("adresfname,dx\na,ad\n", ":1: the column 'adressfname' (name) is missing; did you mean"),
        ("adressfname,mmse\na,20\n", ":1: the column 'dx' (dx) is missing; "),
        ("adressfname,dx,dx\na,ad,ad\n", ":1: the column 'dx' stands 2 times; keep one"),
        ("adressfname,addressfname,dx\n", "stands 2 times"),
        ("just a text\n", ":1: expected a table with the columns adressfname, dx; found none"),
        ("", ":1: expected a table with the columns adressfname, dx; found none"),
        ("adressfname,dx\na,ad\nb\n", ":3: the row has 1 cells and the header 2; correct it"),
        ("adressfname,dx\na,ad,x\n", ":2: the row has 3 cells and the header 2"),
        ("adressfname,dx\na,ad\nb,\0\n", ":3: holds a NUL byte; expected a table in UTF-8"),
        (b"adressfname,dx\na,ad\nb,\xe9\n", ":3: is not UTF-8 text; export it as UTF-8"),
        ('adressfname,dx\na,"ad\n', ":2: not valid csv"),
        (f"adressfname,dx\na,{'x' * 5000}\n", ":2: dx is longer than 4096 characters"),
        (f"adressfname,dx\na,{'x' * 200_000}\n", ":2: not valid csv (field larger than"),
        ("adressfname,dx\na,ad\n".encode("utf-16"), ":1: holds a NUL byte"),
    ],
    ids=range(14),
)
def test_a_broken_table_is_refused_with_its_row(tmp_path, content, refusal):
    assert refusal in _refusal(tmp_path, content)


def test_a_cell_of_200_megabytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = _write(tmp_path, "adressfname,dx\na,ad\n")
    with path.open("r+b") as stream:
        stream.truncate(200 << 20)  # a hole, no bytes on disk
    monkeypatch.setattr(type(path), "read_bytes", lambda _: pytest.fail("it was read"))

    with pytest.raises(CorpusError, match=r"labels\.csv: is larger than 64 MB; expected a table"):
        read_sheet(path, COLUMNS)


def test_errors_of_cells_name_row_and_column(tmp_path):
    row = _read(tmp_path, "adressfname,dx,mmse\n,ad,much\n")[0]

    with pytest.raises(CorpusError, match=r":2: name is empty; every row needs one"):
        row.need("name")
    with pytest.raises(CorpusError, match=r":2: mmse is 'much'; expected a number or NA"):
        row.number("mmse")
    with pytest.raises(CorpusError, match=r":2: dx is 'ad'; expected one of cn or NA"):
        row.one_of("dx", {"cn": "control"})
    assert row.one_of("age", {}) is None


@pytest.mark.parametrize("cell", ["nan", "inf", "1e999", "1,5"])
def test_a_number_is_finite_or_none_at_all(tmp_path, cell):
    (row,) = _read(tmp_path, f'adressfname,dx,mmse\na,ad,"{cell}"\n')

    if cell == "nan":
        assert row.number("mmse") is None
    else:
        with pytest.raises(CorpusError, match="expected a number or NA"):
            row.number("mmse")


@pytest.mark.parametrize("cell", ["-1", "31", "99", "30.5"])
def test_a_score_is_one_of_0_to_30(tmp_path, cell):
    good, bad = _read(tmp_path, f"adressfname,dx,mmse\na,ad,30\na,ad,{cell}\n")

    assert good.score("mmse") == 30.0
    with pytest.raises(CorpusError, match=rf":3: mmse is '{cell}'; expected 0 to 30 or NA"):
        bad.score("mmse")


def test_a_key_that_stands_twice_names_both_rows_and_not_the_key(tmp_path):
    rows = _read(tmp_path, "adressfname,dx\nAda,ad\nbo,cn\nada,cn\n")

    with pytest.raises(CorpusError, match=r":4: name is the same as at .*:2; keep") as refusal:
        by_key(rows, "name")

    assert "ada" not in str(refusal.value).casefold().replace(str(tmp_path).casefold(), "")


CELLS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\0"), max_size=12
)


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=5),
    st.sampled_from(sheets.SEPARATORS),
    st.booleans(),
)
def test_what_a_csv_writer_writes_is_read(tmp_path_factory, rows, separator, has_mark):
    """Whatever is in the cells: separators, quotes, letters of any script."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator)
    writer.writerow(["adressfname", "dx"])
    writer.writerows(rows)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(stream.getvalue().encode("utf-8-sig" if has_mark else "utf-8"))

    read = read_sheet(path, COLUMNS)

    expected = [[sheets._cell(cell) for cell in row] for row in rows if any(c.split() for c in row)]
    assert [[row.text("name"), row.text("dx")] for row in read] == expected
