"""The search finds what it is meant to find, and only that."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import privacy.verify
from audiences.sync.forms import form_sql, forms_of
from privacy import ScannerRecallError
from privacy.bytescan import ByteScanner, PatternIndex
from privacy.needles import Needles, needles_of
from privacy.neighbours import needles_among_neighbours
from privacy.probes import PROBE, plant
from privacy.scan_files import FileScanner, files_below
from privacy.stored_rows import arrow_bytes
from privacy.verify import prove_recall, scan_home
from tests.privacy.company import ALL_TABLES, Company
from warehouse import DuckDBWarehouse

VALUE = "margaret.hale@river.example"


def _scanner(*others: str) -> ByteScanner:
    return ByteScanner.of(Needles(frozenset({VALUE}), frozenset(others)))


def test_the_search_finds_its_probe_in_every_hiding_place() -> None:
    assert prove_recall() >= 66


def test_nothing_is_found_once_the_hiding_places_are_gone(tmp_path: Path) -> None:
    scanner = FileScanner(ByteScanner.of(Needles(frozenset({"somebody.else@river.example"}))))

    planted = plant(tmp_path)

    assert [place for place, path in planted.items() if scanner.scan(path, tmp_path).hits] == []


def test_a_search_that_misses_its_probe_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    other = frozenset({"something.else@candor-probe.invalid"})
    monkeypatch.setattr(privacy.verify, "PROBES", other)

    with pytest.raises(ScannerRecallError, match="UTF-16"):
        prove_recall()


def test_a_folder_that_is_a_link_is_searched_once(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    home.mkdir()
    (disk / "deep").mkdir(parents=True)
    (disk / "deep" / "export.csv").write_text(VALUE)
    for name in ("artifacts", "again"):
        (home / name).symlink_to(disk)
    (disk / "deep" / "up").symlink_to(home)
    warehouse = DuckDBWarehouse.in_memory()
    report = scan_home(warehouse, [home], Needles(frozenset({VALUE})), warehouse_file=None)

    assert [trace.rows for trace in report.traces] == [1]


def test_a_folder_that_cannot_be_listed_is_not_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may read everything, hence no mode that forbids it."""
    (tmp_path / "locked").mkdir()
    listed = os.scandir

    def refused(folder: str) -> object:
        if str(folder).endswith("locked"):
            raise PermissionError(folder)
        return listed(folder)

    monkeypatch.setattr(os, "scandir", refused)

    with pytest.raises(PermissionError):
        list(files_below(tmp_path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_letters_beyond_ascii_are_found_in_any_case(
    encoding: str, case: Callable[[str], str]
) -> None:
    """The half of a letter in UTF-16 may look like another letter, which lower case would change."""
    value = "łukasz.müller@maple.example"
    scanner = ByteScanner.of(Needles(frozenset({value})))

    assert scanner.count(f"before {case(value)} after".encode(encoding)) == 1


def test_an_address_in_a_link_is_found_however_it_is_quoted() -> None:
    scanner = ByteScanner.of(Needles(frozenset({"ann+news@maple.example"})))

    for quoted in (b"ann%2Bnews@maple.example", b"ann%2bnews%40maple.example"):
        assert scanner.count(b"https://maple.example/?mail=" + quoted) == 1


@pytest.mark.parametrize("kind", ["email", "phone"])
def test_an_identifier_is_found_in_every_form_in_which_it_is_sent(kind: str) -> None:
    """Vendors hash other spellings: of a Gmail address without dots and tag, of a number without +."""
    values = {
        "email": ("Ann.Lee+news@gmail.com", "ann.lee@googlemail.com"),
        "phone": ("+441632960001",),
    }
    warehouse = DuckDBWarehouse.in_memory()
    for value in values[kind]:
        keys = pa.table({"kind": [kind], "value": [value.lower()]})
        scanner = ByteScanner.of(needles_of(keys))
        for form in forms_of(kind):
            sent = warehouse.scalar(
                f"select {form_sql('$value', kind, form)}", {"value": value.lower()}
            )

            assert scanner.count(f"before,{sent},after".encode()), form


def test_a_mailbox_form_that_somebody_else_has_as_address_is_no_trace(company: Company) -> None:
    keys = pa.table({"kind": ["email"] * 2, "value": ["ann.lee@gmail.com", "a.b@gmail.com"]})
    company.warehouse.execute(
        "insert into identity.identifiers values "
        "('crm', 'ben-record-1', 'email', 'annlee@gmail.com', false)"
    )
    needles = needles_among_neighbours(
        company.warehouse, keys, ALL_TABLES, waiting=["other@gmail.com"]
    )

    assert needles.values == {"ann.lee@gmail.com", "a.b@gmail.com", "ab@gmail.com"}


def test_a_gmail_address_that_is_all_tag_makes_no_needle_of_the_whole_domain() -> None:
    keys = pa.table({"kind": ["email"], "value": ["+news@gmail.com"]})
    scanner = ByteScanner.of(needles_of(keys))

    assert scanner.count(b"maria@gmail.com") == 0
    assert scanner.count(b"+news@gmail.com") == 1


def test_many_values_are_found_as_few_are() -> None:
    """So many that the first table of slots is full and a second one is asked."""
    patterns = [f"value-{number:07}@river.example".encode() for number in range(66_000)]
    wanted = patterns[::6_000]

    found = PatternIndex(patterns).positions(b"before " + b" and ".join(wanted) + b" after")

    assert sorted(pattern for _, pattern in found) == wanted


def test_deleted_rows_are_in_the_file_until_it_is_compacted(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    scanner = FileScanner(_scanner())
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute("pragma force_compression = 'uncompressed'")
        warehouse.execute("create table people (email varchar)")
        warehouse.execute("insert into people values ($value), ('other')", {"value": VALUE})
        warehouse.execute("checkpoint")
        warehouse.execute("delete from people where email = $value", {"value": VALUE})
        warehouse.execute("checkpoint")
        before = scanner.scan(path, tmp_path, raw_only=True).hits

        warehouse.compact()

        assert (before > 0, scanner.scan(path, tmp_path, raw_only=True).hits) == (True, 0)


def test_a_value_that_compression_hides_is_found_through_the_warehouse(tmp_path: Path) -> None:
    with DuckDBWarehouse.open(tmp_path / "w.duckdb") as warehouse:
        warehouse.execute(
            "create table people as select 'p' || range || '@river.example' as email from range(5000) "
            "union all select $value",
            {"value": VALUE},
        )
        warehouse.execute(
            "create table calls as select $body as body",
            {"body": json.dumps(json.dumps({"to": VALUE})).replace("@", r"\u0040")},
        )
        warehouse.compact()

        report = scan_home(
            warehouse, [], Needles(frozenset({VALUE})), warehouse_file=tmp_path / "w.duckdb"
        )

    assert [(trace.location, trace.rows) for trace in report.traces] == [
        ("main.calls", 1),
        ("main.people", 1),
    ]


def test_what_cannot_be_decoded_is_not_clean_and_a_name_that_gives_away_is_not_repeated(
    tmp_path: Path,
) -> None:
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b"some rows " * 100)[:-20])
    (tmp_path / f"{VALUE}.csv").write_text("x")

    with DuckDBWarehouse.open(tmp_path / "w.duckdb") as warehouse:
        report = scan_home(
            warehouse, [tmp_path], Needles(frozenset({VALUE})), warehouse_file=tmp_path / "w.duckdb"
        )

    assert [place.partition(" ")[0] for place in report.undecoded] == [f"{tmp_path.name}/broken.gz"]
    assert len(report.traces) == 1
    assert VALUE not in str(report)


@pytest.mark.parametrize("text", ["x{}y", '"{}"', "zz {}"])
def test_a_longer_value_of_somebody_else_is_no_trace(text: str) -> None:
    """Bytes that are no text: values of a row may touch each other there, so it must be known."""
    other = "annamargaret.hale@river.example"
    content = f"\0{text.format(other)}".encode()

    assert (_scanner().count(content), _scanner(other).count(content)) == (1, 0)


def test_a_trace_beside_a_longer_value_still_counts() -> None:
    other = "annamargaret.hale@river.example"

    assert _scanner(other).count(f"\0{other}{VALUE}".encode()) == 1


@pytest.mark.parametrize(
    "text",
    ["anna{}", "3{}", "{}.uk", "{}.de.", '"x{}"', r"\"anna{}", "\x1b[1m\nanna{}"],
)
def test_a_longer_address_that_nobody_knows_is_no_trace(text: str) -> None:
    assert _scanner().count(text.format(VALUE).encode()) == 0


@pytest.mark.parametrize(
    "text",
    [
        "{}", "<{}>", "mailto:{}", "{}.", "to {}.Thanks", "{}.csv", "user_{}", "user-{}", "{}-2026",
        "1.{}", "?q=to+{}", "%20{}", r"called\n{}", r"\u0020{}", "=20{}", "&nbsp;{}", "“{}”", "電{}に",
        "\0anna{}", "anna.{}", "users.{} = 3", "{}s", "{}.uk.csv", "{}-x.de", "\x1b[1m{}",
        "models/{}.skops", "{}.npz", "{}.pem", "{}.mbox", "{}.arrow", "{}.part", "{}.lock", "{}.crc",
        "{}.unheard", "{}.br", "{}.pt", "{}.py", "{}.zip", "torch.load('{}.pt')", '{{"file": "{}.pt"}}',
        "email={}.pt", "user_{}.pt", "run {}.sh", "users.{}.id", "row[{}.id]",
    ],
)  # fmt: skip
def test_an_address_between_other_signs_is_a_trace(text: str) -> None:
    assert _scanner().count(text.format(VALUE).encode()) == 1


@pytest.mark.parametrize(
    ("value", "text", "traces"),
    [
        ("ann@river.co", "ann@river.com", 0), ("ann@river.co", "ann@river.cobol", 1),
        ("ann@river.co", "ann@river.co", 1), ("ann@river.com", "Ann <ann@river.com.br>", 0),
        ("ann@river.com", "by ann@river.com.pl.", 1), ("ann@river.com", "models/ann@river.com.pt", 1),
        ("ann@river.com", "ann@river.com.zip", 1), ("ann@river.com", "ann@river.com.br.csv", 1),
    ],
)  # fmt: skip
def test_an_address_is_a_part_of_one_with_a_longer_top_level_domain(
    value: str, text: str, traces: int
) -> None:
    assert ByteScanner.of(Needles(frozenset({value}))).count(text.encode()) == traces


def test_what_names_a_file_is_learnt_from_no_text(tmp_path: Path) -> None:
    (tmp_path / "ann@river.com.pt").write_text("x")
    scanner = FileScanner(ByteScanner.of(Needles(frozenset({"ann@river.com"}))))
    scanner.scanner.count(b'{"model": "ann@river.com.pt"}')

    assert scanner.scan(tmp_path / "ann@river.com.pt", tmp_path).hits == 1


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("\x1b[1m", "To: margaret.h=\r\nale@river.example"), ("\0", "margaret.hale&amp;#64;river.example"),
        ("\x1b", "width: 100%\nmargaret.hale%40river.example"), ("a=\r", "margaret.hale@river.example"),
        ("a=\rx", "margaret.h=\r\nale@river.example"),
    ],
)  # fmt: skip
def test_what_is_no_text_hides_nothing_that_is_escaped_beside_it(head: str, row: str) -> None:
    content = f"{head}\n{row}\n".encode()

    assert (_scanner().count(content), _scanner().count_stream(io.BytesIO(content))) == (1, 1)
    assert _scanner().count(arrow_bytes(pa.array([[head], [row]]))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "+49 151 23456789", "0049 151 23456789", "004915123456789", "0151 23456789", "015123456789",
        "0151/23456789", "+49 (0)151 23456789", "+49 (0) 1512 3456789", "+49-1512-3456789",
    ],
)  # fmt: skip
def test_a_number_is_found_as_it_is_written_in_its_country(text: str) -> None:
    keys = pa.table({"kind": ["phone"], "value": ["+4915123456789"]})
    scanner = ByteScanner.of(needles_of(keys))

    assert scanner.count(f"call {text}, or write".encode()) == 1
    assert scanner.count(f"call {text}0, or write".encode()) == 0


def test_a_national_number_of_few_digits_is_any_id() -> None:
    scanner = ByteScanner.of(needles_of(pa.table({"kind": ["phone"], "value": ["+34612345678"]})))

    assert [scanner.count(text) for text in (b"id 612345678", b"612 34 56 78")] == [0, 1]


@pytest.mark.parametrize(
    ("text", "traces"),
    [
        ("+12065557870", 1), ("+120655578701", 0), ("(206) 555-7870", 1), ("(206) 555-78701", 0),
        ("206-555-7870", 1), ("9206-555-7870", 0), ("912065557870", 0), ("%2B12065557870", 1),
        ("%2012065557870", 1), ("tel:12065557870;ext=4", 1),
    ],
)  # fmt: skip
def test_a_number_inside_a_longer_one_is_no_trace(text: str, traces: int) -> None:
    keys = pa.table({"kind": ["phone"], "value": ["+12065557870"]})
    scanner = ByteScanner.of(needles_of(keys))

    assert min(scanner.count(text.encode()), 1) == traces


def test_digits_inside_a_longer_number_are_no_trace() -> None:
    scanner = ByteScanner.of(Needles(frozenset({"12065557870"})))

    assert (scanner.count(b"x912065557870"), scanner.count(b'"12065557870"')) == (0, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=14), min_size=1, max_size=8),
    st.binary(max_size=200),
    st.integers(0, 7),
)
def test_the_index_finds_what_a_plain_search_finds(
    patterns: list[bytes], text: bytes, repeats: int
) -> None:
    text = text + patterns[0] * repeats + text

    found = set(PatternIndex(patterns).positions(text))

    expected = {
        (start, pattern)
        for pattern in patterns
        for start in range(len(text))
        if text.startswith(pattern, start)
    }
    assert found == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 4000), st.integers(150, 1500))
def test_a_trace_across_chunks_is_counted_once(position: int, chunk: int) -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(chunk)

    content = b"." * position + VALUE.encode() + b"." * (4000 - position)

    assert _scanner().count_stream(Dripping(content)) == 1


def test_the_probe_is_nobodys_address() -> None:
    assert PROBE.endswith(".invalid")


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_a_value_in_a_compressed_file_is_found(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "copy").write_bytes(compress(f"{'email ' * 500}\n{VALUE}\n".encode()))

    finding = FileScanner(_scanner()).scan(tmp_path / "copy", tmp_path)

    assert (finding.hits, finding.undecoded) == (1, None)


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_a_compressed_file_that_is_cut_off_is_not_clean(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "copy").write_bytes(compress(b"some rows " * 100)[:-8])

    assert FileScanner(_scanner()).scan(tmp_path / "copy", tmp_path).undecoded


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07\x01\x00", "rar"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    ],
)
def test_a_compressed_file_of_a_format_that_we_cannot_open_is_not_clean(
    tmp_path: Path, head: bytes, name: str
) -> None:
    (tmp_path / "copy").write_bytes(head + b"\0" * 20)

    assert str(FileScanner(_scanner()).scan(tmp_path / "copy", tmp_path).undecoded).startswith(name)


def test_a_text_that_begins_like_a_compressed_file_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("BZh9 is how bzip2 begins")

    assert FileScanner(_scanner()).scan(tmp_path / "note", tmp_path).undecoded is None
