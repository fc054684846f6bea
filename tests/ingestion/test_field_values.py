from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion.currency_signs import WORDS
from ingestion.field_values import time_sql, typed_sql
from ingestion.mapping import FieldType
from warehouse import DuckDBWarehouse


@pytest.fixture(scope="module")
def warehouse() -> DuckDBWarehouse:
    return DuckDBWarehouse.in_memory()


def _read(warehouse: DuckDBWarehouse, text: str, field_type: FieldType, zone: str = "UTC") -> Any:
    typed = typed_sql("given", field_type, zone=zone)
    with warehouse.view("candor_texts", pa.table({"given": [text]})):
        return warehouse.scalar(f"select {typed} from candor_texts")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1.234.567", 1234567.0),
        ("12,34,567.5", 1234567.5),
        ("12,5", 12.5),
        ("1,234", 1234.0),
        ("0,123", 0.123),
        ("5.000", 5.0),
        ("1\u202f234,50", 1234.5),
        ("1'234.50", 1234.5),
        ("1e3", 1000.0),
        (" 7 ", 7.0),
        ("$1,234.00", 1234.0),
        ("USD 100,000.00", 100000.0),
        ("5,00 \u20ac", 5.0),
        ("(1,234.50)", -1234.5),
        ("-$5", -5.0),
        ("50%", 50.0),
        ("1 234,50\u00a0z\u0142", 1234.5),
        ("-1 234,50 Z\u0141.", -1234.5),
        ("K\u010d 5", 5.0),
        ("kr. 1.234,50", 1234.5),
        ("(5 Ft)", -5.0),
        ("5 lei", 5.0),
        ("5 \u043b\u0432.", 5.0),
        ("R$ 1.234,50", 1234.5),
        ("U$S 5", 5.0),
        ("RON 5", 5.0),
        ("US$5 USD", 5.0),
        ("5 k\u20ac", None),
        ("5 mkr", None),
        ("5 tys. z\u0142", None),
        ("5\u20ac50", None),
        ("1,234,56", None),
        ("x5", None),
        ("inf", None),
        ("nan", None),
        ("1e400", None),
        ("", None),
    ],
)
def test_numbers_are_read_as_tools_and_people_write_them(
    warehouse: DuckDBWarehouse, text: str, value: float | None
) -> None:
    assert _read(warehouse, text, FieldType.NUMBER) == value


@pytest.mark.parametrize(
    ("text", "comma", "point"),
    [
        ("1.234", 1234.0, 1.234),
        ("1,234", 1.234, 1234.0),
        ("1.234,50 \u20ac", 1234.5, None),
        ("1 234,50 z\u0142", 1234.5, None),
        ("-1,234.5", None, -1234.5),
        ("1,5", 1.5, None),
        ("0.123", None, 0.123),
        (",5", 0.5, None),
        ("12", 12.0, 12.0),
        ("1,5E+3", 1500.0, None),
    ],
)
def test_a_decimal_sign_that_is_declared_decides(
    warehouse: DuckDBWarehouse, text: str, comma: float | None, point: float | None
) -> None:
    typed = [typed_sql("given", FieldType.NUMBER, decimal=sign) for sign in (",", ".")]
    with warehouse.view("candor_texts", pa.table({"given": [text]})):
        (found,) = warehouse.read(f"select [{', '.join(typed)}] as found from candor_texts")

    assert found.to_pylist() == [[comma, point]]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-04", "2026-03-04"),
        ("2026-03-04T05:06:07+02:00", "2026-03-04T03:06:07"),
        ("2025-01-25T13:51:59.000+0000", "2025-01-25T13:51:59"),
        ("2026-03-14 05:06:07.000 +0200", "2026-03-14T03:06:07"),
        ("2026-03-14 05:06 +05:30", "2026-03-13T23:36"),
        ("14.03.2026 05:06 +02:00", "2026-03-14T03:06"),
        ("20260314T050607Z", "2026-03-14T05:06:07"),
        ("20260314T050607+0200", "2026-03-14T03:06:07"),
        ("20260314T050607", "2026-03-14T05:06:07"),
        ("2026-03-14 05:06 PM", "2026-03-14T17:06"),
        ("2026/03/14 05:06", "2026-03-14T05:06"),
        ("3/4/26", "2026-03-04"),
        ("3/4/2026", "2026-03-04"),
        ("3/4/2026, 5:06:07 PM", "2026-03-04T17:06:07"),
        ("14.03.26 05:06", "2026-03-14T05:06"),
        ("14.3.2026", "2026-03-14"),
        ("Mar 14, 2026", "2026-03-14"),
        ("March 14, 2026 5:06 PM", "2026-03-14T17:06"),
        ("14 Mar 2026", "2026-03-14"),
        ("14-Mar-26", "2026-03-14"),
        ("14-Mar-2026 05:06", "2026-03-14T05:06"),
        ("20260314", "2026-03-14"),
        ("03-14-2026", "2026-03-14"),
        ("14-03-2026", "2026-03-14"),
        ("03/14/2026, 17:06", "2026-03-14T17:06"),
        ("03/14/2026, 05:06:07 PM", "2026-03-14T17:06:07"),
        ("3/14/2026, 5:06:07\u202fPM", "2026-03-14T17:06:07"),
        ("3/14/2026 5:06pm", "2026-03-14T17:06"),
        ("3/14/2026, 5:06 p.\u00a0m.", "2026-03-14T17:06"),
        ("3/14/2026 17:06:07.250", "2026-03-14T17:06:07.25"),
        ("3/14/2026 5:06p.m.", "2026-03-14T17:06"),
        ("3/14/2026 5.06pm", "2026-03-14T17:06"),
        ("3/14/2026 5.06 P.M.", "2026-03-14T17:06"),
        ("3/14/2026 17:06:07,250", "2026-03-14T17:06:07.25"),
        ("14.03.2026 17.06.07", "2026-03-14T17:06:07"),
        ("14.03.2026T17:06", "2026-03-14T17:06"),
        ("14.03.2026, 17:06", "2026-03-14T17:06"),
        ("14.3.2026 17.06", "2026-03-14T17:06"),
        ("2026.03.14 17:06", "2026-03-14T17:06"),
        ("2026-03-14, 5:06 p.m.", "2026-03-14T17:06"),
        ("Sat, 14 Mar 2026 05:06:07 +0100", "2026-03-14T04:06:07"),
        ("1767225600000", "2026-01-01"),
        ("1767225600", "2026-01-01"),
    ],
)
def test_times_are_read_as_tools_and_people_write_them(
    warehouse: DuckDBWarehouse, text: str, moment: str
) -> None:
    assert _read(warehouse, text, FieldType.TIME) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01 10:00", "2024-05-01T08:00"),
        ("2024-05-01T10:00:00.5", "2024-05-01T08:00:00.5"),
        ("2024-05-01 10:00 PM", "2024-05-01T20:00"),
        ("1.5.2024 10:00", "2024-05-01T08:00"),
        ("2024-12-24", "2024-12-23T23:00"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00"),
        ("2024-05-01 10:00:00+05:30", "2024-05-01T04:30"),
        ("2026-03-14 05:06:07.000 +0200", "2026-03-14T03:06:07"),
        ("20260314T050607Z", "2026-03-14T05:06:07"),
        ("Sat, 14 Mar 2026 05:06:07 +0500", "2026-03-14T00:06:07"),
        ("1767225600", "2026-01-01"),
        ("2024-10-27 02:30", "2024-10-27T01:30"),  # the second time that clocks show it
        ("2024-03-31 02:30", "2024-03-31T01:30"),  # no clock shows it
    ],
)
def test_times_without_a_zone_are_of_the_zone_that_the_source_names(
    warehouse: DuckDBWarehouse, text: str, moment: str
) -> None:
    found = _read(warehouse, text, FieldType.TIME, "Europe/Berlin")

    assert found == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "13/14/2026",
        "14/03/2026",
        "3/4/20261",
        "03-04-2026",
        "14/03-2026",
        "26-03-14",
        "infinity",
        "0000-00-00",
        "12345",
        "",
    ],
)
def test_what_is_no_time_is_not_guessed(warehouse: DuckDBWarehouse, text: str) -> None:
    assert _read(warehouse, text, FieldType.TIME) is None


def test_few_formats_are_tried_on_a_time() -> None:
    tried = re.findall(r"try_strptime\(\w+, \[([^]]*)\]", time_sql("given"))

    assert max(len(formats.split("', '")) for formats in tried) <= 6


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Sim", "granted"),
        ("N\u00c3O", "denied"),
        ("Non", "denied"),
        ("S\u00ed", "granted"),
        ("?", None),
    ],
)
def test_decisions_are_read_in_several_languages(
    warehouse: DuckDBWarehouse, text: str, status: str | None
) -> None:
    assert _read(warehouse, text, FieldType.CONSENT) == status


@pytest.mark.parametrize(
    ("text", "value"), [("TRUE", True), ("1", True), ("no", False), ("0", False), ("maybe", None)]
)
def test_flags_are_read_and_what_is_none_is_unknown(
    warehouse: DuckDBWarehouse, text: str, value: bool | None
) -> None:
    assert _read(warehouse, text, FieldType.FLAG) is value


def test_the_guide_names_every_sign_of_a_currency_that_is_written_out() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/bring-your-crm.md").read_text("utf-8")

    assert [word for word in WORDS if f"`{word}`" not in page] == []
