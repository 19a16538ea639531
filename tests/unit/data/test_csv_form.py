"""How CSV files are written is the source's to say, and a file that is written otherwise is told so."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.errors import DataError
from tests.unit.data.conftest import RunMaker, SpecMaker

PLAIN = (
    'at,carrier,distance,late\n2013-01-01T00:00:00.5Z,Zürich,0.5,1\n2013-01-01T01Z,"a,b\nc",-1200.25,0\n'
    "2013-01-01T02Z,,1e3,1\n2013-01-01T03Z,7.5,,1\n"
)


def german(text: str) -> str:
    text = text.replace('"a,b\nc"', "\0").replace(",", ";").replace("0.5,", "0,5,").replace(";0.5;", ";0,5;")
    return text.replace("-1200.25", "-1200,25").replace("\0", '"a,b\nc"')


@pytest.fixture
def rows_of(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> Any:
    """Ingest one file of bytes; return the digest."""

    def ingested(content: bytes, name: str = "a.csv", **csv: str) -> Any:
        for old in folder.iterdir():
            old.unlink()
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        given = {"csv": csv} if csv else {}
        run = make_run(make_spec(source={"format": "csv"} | given))
        return ingest(run).digest, read_snapshot(run.store, ingest(run)).sort_values("at")

    return ingested


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"])
def test_encoding_delimiter_and_decimal_mark_change_nothing_in_what_is_read(
    rows_of: Any, encoding: str, name: str
) -> None:
    plain, frame = rows_of(PLAIN.encode())
    assert frame.distance.tolist()[:3] == [0.5, -1200.25, 1000.0]
    assert frame.carrier.tolist()[:2] == ["Zürich", "a,b\nc"]
    assert rows_of(PLAIN.encode(encoding), name, encoding=encoding)[0] == plain
    written = german(PLAIN).encode(encoding)
    assert rows_of(written, name, encoding=encoding, delimiter=";", decimal=",")[0] == plain


@pytest.mark.parametrize("delimiter", ["\t", "|", ";", " "])
def test_delimiters(rows_of: Any, delimiter: str) -> None:
    rows = "at,carrier,distance,late\n2013-01-01T00Z,UA,1,1\n2013-01-01T01Z,AA,2,0\n"
    assert rows_of(rows.replace(",", delimiter).encode(), delimiter=delimiter)[0] == rows_of(rows.encode())[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_told_so(rows_of: Any, encoding: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv: is written in UTF-16: give `source.csv.encoding: utf-16`"):
        rows_of(PLAIN.encode(encoding))


@pytest.mark.parametrize("text", [german(PLAIN), "at;late;distance\n", '"at";"late";"distance"\n2013;1;7,5\n'])
def test_a_file_with_semicolons_is_told_so(rows_of: Any, text: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv: its values are separated by ';', not by ','.*source\.csv\.delimiter"):
        rows_of(text.encode())
    with pytest.raises(DataError, match=r"separated by ',', not by ';'"):
        rows_of(PLAIN.encode(), delimiter=";")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("cp1252"),
        b"at,carri\xe9r,carrier,distance,late\n2013-01-01T00Z,UA,UA,1,1\n",
        b"at,carrier,distance,late\n" + b"2013-01-01T00Z,UA,1,1\n" * 200_000 + b"2013-01-01T00Z,\xe9,1,1\n",
    ],
)
def test_a_file_in_another_encoding_is_told_so(rows_of: Any, content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.csv: is not text in UTF-8: .*source.csv.encoding: cp1252"):
        rows_of(content)


def test_a_file_that_is_not_in_the_encoding_of_the_spec_is_told_so(rows_of: Any) -> None:
    with pytest.raises(DataError, match=r"a\.csv: is not text in ASCII"):
        rows_of(PLAIN.encode(), encoding="ascii")


@pytest.mark.parametrize("number", ["1.234", "1.234,5", "1.234.567", "-.5"])
def test_a_point_beside_a_decimal_comma_is_an_error_since_it_may_mean_thousands(rows_of: Any, number: str) -> None:
    rows = f"at;carrier;distance;late\n2013-01-01T00Z;1.5;1,5;1\n2013-01-01T01Z;1.5;{number};0\n"
    with pytest.raises(DataError, match=rf"row 2, column 'distance': '{number}' has a point, although"):
        rows_of(rows.encode(), delimiter=";", decimal=",")


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ({"delimiter": ";;"}, "give one character"),
        ({"delimiter": '"'}, "give one character"),
        ({"delimiter": "5"}, "give one character"),
        ({"delimiter": "ß"}, "give one character"),
        ({"decimal": ","}, "the same as delimiter"),
        ({"encoding": "utf-17"}, "unknown encoding 'utf-17'"),
        ({"encoding": "base64"}, "unknown encoding"),
    ],
)
def test_a_form_that_cannot_be_meant_is_refused_with_the_spec(
    make_spec: SpecMaker, csv: dict[str, str], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_spec(source={"format": "csv", "csv": csv})
    with pytest.raises(ValidationError, match="csv is for files with format: csv"):
        make_spec(source={"format": "jsonl", "csv": {"delimiter": ";"}})
