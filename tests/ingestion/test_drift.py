"""What becomes of files and events whose schema changes, as docs/concepts/schema-drift.md says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import WrongColumnError, WrongFilesError, load_landing
from ingestion.accounting import absent_fields
from ingestion.tracking_plan import Action, TrackingPlan, load_tracking_plan
from tests.conftest import ROOT
from tests.ingestion.conftest import NOW, Landing, call, lines, nobody

PAGE = ROOT / "docs" / "concepts" / "schema-drift.md"
Row = dict[str, Any]

# Records: an order, and what one column of it is to Candor.
ORDER: Row = {"No": "o1", "At": "2026-10-01", "State": "paid", "Sum": 9.5, "Note": "gift"}
SOURCE: Row = {
    "kind": "orders",
    "id": "No",
    "map": {"ordered_at": "At", "status": "State", "amount": "Sum"},
}
ROLES = {
    "the row's id": ("No", "order_id"),
    "mapped, required": ("At", "ordered_at"),
    "mapped, text": ("State", "status"),
    "mapped, number": ("Sum", "amount"),
    "not mapped": ("Note", None),
}
FORMS = ("csv", "parquet", "jsonl")

# Events: a call, and what one of its properties is to Candor.
PROPERTIES: Row = {"content_id": "c1", "scroll_depth": 0.5, "plan": "team"}
EVENT_ROLES = {"text with a column": "content_id", "number with a column": "scroll_depth",
               "no column": "plan"}  # fmt: skip
SCHEMA = {
    "type": "object",
    "properties": {
        "content_id": {"type": "string"},
        "scroll_depth": {"type": "number"},
        "plan": {"type": "string"},
    },
    "required": ["content_id", "scroll_depth", "plan"],
}


def _changed(row: Row, name: str, change: str) -> Row:
    """The row with one of its fields changed as the change says."""
    items = list(row.items())
    made = {
        "dropped": [item for item in items if item[0] != name],
        "renamed": [(f"{key} new" if key == name else key, value) for key, value in items],
        "retyped": [
            (key, (7 if isinstance(value, str) else "much") if key == name else value)
            for key, value in items
        ],
        "nested": [(key, {"a": value} if key == name else value) for key, value in items],
        "nulled": [(key, None if key == name else value) for key, value in items],
        "case changed": [(key.upper() if key == name else key, value) for key, value in items],
        "added": [*items, ("Extra", "more")],
        "reordered": items[::-1],
    }
    return dict(made[change])


CHANGES = ("dropped", "renamed", "retyped", "nested", "nulled", "case changed")


def test_records_drift_as_the_page_says(landing: Landing) -> None:
    cases = [("added", "not mapped"), ("reordered", "not mapped")]
    cases += [(change, role) for change in CHANGES for role in ROLES]

    stopped = _load_records(landing, cases)

    table = [["column", "what it is", "CSV", "Parquet", "JSON lines"]]
    for number, (change, role) in enumerate(cases):
        name = ROLES[role][0]
        cells = [
            _record_words(landing, f"{form}_{number}", change, name, stopped)
            + _reported(landing, f"{form}_{number}", name)
            for form in FORMS
        ]
        table.append([change, role, *cells])
    _assert_on_page(table)


def test_events_drift_as_the_page_says(landing: Landing, tmp_path: Path) -> None:
    plans = {action: _plan(tmp_path / action, action) for action in Action}
    cases = [("added", "no column"), ("reordered", "no column")]
    cases += [(change, role) for change in CHANGES for role in EVENT_ROLES]

    table = [["property", "what it is", "no plan", *(f"plan: {action}" for action in Action)]]
    columns = [_event_outcomes(landing, cases, plan) for plan in (None, *plans.values())]
    table += [[*case, *cells] for case, *cells in zip(cases, *columns, strict=True)]

    _assert_on_page(table)


def _assert_on_page(table: Sequence[Sequence[str]]) -> None:
    rows = [f"| {' | '.join(row)} |" for row in table]
    rows.insert(1, "|" + "---|" * len(table[0]))
    text = "\n".join(rows)
    assert text in PAGE.read_text(), f"what happened is not what {PAGE.name} says:\n{text}"


# Records


def _load_records(landing: Landing, cases: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Load a source for each case and form; return those that stop the load, with the error."""
    landing.sources = {}
    for number, (change, role) in enumerate(cases):
        for form in FORMS:
            source = f"{form}_{number}"
            changed = _changed(ORDER, ROLES[role][0], change)
            landing.put(f"{source}/a.{form}", _written(changed, form))
            landing.sources[source] = {**SOURCE, "files": f"{source}/*"}
    with pytest.raises(WrongFilesError) as caught:
        landing.load()
    return {error.source: type(error).__name__ for error in caught.value.errors}


def _record_words(
    landing: Landing, source: str, change: str, name: str, stopped: dict[str, str]
) -> str:
    """What became of the one row of a source."""
    if source in stopped:
        return f"the load stops: `{stopped[source]}`"
    codes = landing.values(f"select code from raw.quarantine where source = '{source}'")
    if codes:
        return f"row refused: `{codes[0]}`"
    (row,) = landing.rows(f"select * from raw.orders where source = '{source}'")
    changed = _changed(ORDER, name, change)
    lost = {key: value for key, value in changed.items() if ORDER.get(key) != value}
    return _record_loaded(row, name, change, lost)


def _reported(landing: Landing, source: str, name: str) -> str:
    """Whether the load report says that no line has the column."""
    absent = landing.values(f"select absent_fields from raw.loads where source = '{source}'")
    return "; reported" if absent == [name] else ""


def _record_loaded(row: Row, name: str, change: str, lost: Row) -> str:
    """Words for what a row that was loaded says of the changed column."""
    column = dict(ROLES.values())[name]
    kept = json.loads(row["attributes"] or "{}")
    if change == "added":
        return _in_attributes(kept, "Extra", "more")
    if change == "reordered":
        assert (row["order_id"], row["status"], row["amount"]) == ("o1", "paid", 9.5)
        return "loaded as before"
    if column is None:
        return _in_attributes(kept, name, ORDER[name])
    value = row[column]
    if value is None:
        return "loaded, empty" + ("" if change in {"dropped", "nulled"} else _elsewhere(kept, lost))
    if str(value).startswith(str(ORDER[name])):
        return "loaded as before"
    return f"loaded as `{value}`"


def _is_text_of(kept: Any, value: Any) -> bool:
    """Whether a kept value is what was sent, or the JSON that CSV and Parquet hold of it."""
    if kept == value or not isinstance(kept, str):
        return bool(kept == value)
    try:
        return bool(json.loads(kept) == value)
    except ValueError:
        return False


def _elsewhere(kept: Row, sent: Row) -> str:
    """Whether the attributes hold the value, under whatever name it was sent."""
    is_kept = any(_is_text_of(kept.get(name), value) for name, value in sent.items())
    return "; attributes have it" if is_kept else "; the file alone has it"


def _in_attributes(kept: Row, name: str, before: object) -> str:
    others = set(kept) - set(ORDER)
    if others:
        return f"attributes have `{others.pop()}`"
    if name not in kept:
        return "not in attributes"
    if kept[name] == before:
        return "attributes have it as before"
    return f"attributes have `{json.dumps(kept[name])}`"


def _written(row: Row, form: str) -> bytes:
    if form == "jsonl":
        return lines(row)
    if form == "parquet":
        made = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([row]), made)
        return made.getvalue()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(row)
    writer.writerow(json.dumps(v) if isinstance(v, dict) else v for v in row.values())
    return text.getvalue().encode()


# Events


def _plan(folder: Path, action: str) -> TrackingPlan:
    (folder / "tracking_plan").mkdir(parents=True)
    actions = {"default": action, "unplanned_property": action}
    contract = {"event": "Seen", "schema": SCHEMA, "actions": actions}
    (folder / "tracking_plan" / "seen.json").write_text(json.dumps(contract))
    return load_tracking_plan(folder, ["web"])


def _event_outcomes(
    landing: Landing, cases: Sequence[tuple[str, str]], plan: TrackingPlan | None
) -> list[str]:
    """One line for each case, all in one file, loaded into a warehouse of its own."""
    landing = Landing(landing.folder, sources={"web": {"kind": "segment", "files": "web/a.jsonl"}})
    sent = [_changed(PROPERTIES, EVENT_ROLES[role], change) for change, role in cases]
    calls = [call(messageId=f"m{number}", properties=one) for number, one in enumerate(sent)]
    landing.put("web/a.jsonl", lines(*calls))
    report = load_landing(
        landing.warehouse, landing.config, landing.folder, now=NOW, is_suppressed=nobody, plan=plan
    )
    assert report.rows_in == report.rows_loaded + report.rows_quarantined == len(cases)
    return [
        "; ".join(_event_words(landing, number, one, EVENT_ROLES[role]))
        for number, (one, (_, role)) in enumerate(zip(sent, cases, strict=True))
    ]


def _event_words(landing: Landing, number: int, sent: Row, name: str) -> Iterator[str]:
    line = number + 1
    codes = landing.values(f"select code from raw.quarantine where line = {line}")
    if codes:
        yield f"set aside: `{codes[0]}`"
        return
    (row,) = landing.rows(f"select * from raw.events where line = {line}")
    lacking = sorted(set(sent) - set(json.loads(row["properties"])))
    yield f"without `{lacking[0]}`" if lacking else "as it came"
    if name in row and row[name] != PROPERTIES[name]:
        yield "column empty" if row[name] is None else f"column has `{row[name]}`"
    if landing.values(f"select rule from raw.contract_violations where line = {line}"):
        yield "counted"


@pytest.mark.parametrize("header", ["NO,at, State ,SUM,Note", "no,AT,state,sum,note"])
def test_a_mapped_column_is_found_though_its_case_changed(landing: Landing, header: str) -> None:
    landing.sources = {"shop": {**SOURCE, "files": "shop/*"}}
    landing.put("shop/a.csv", f"{header}\no1,2026-10-01,paid,9.5,gift\n".encode())

    landing.load()

    (row,) = landing.rows("select order_id, status, amount, attributes from raw.orders")
    note = header.rsplit(",", 1)[-1]
    assert list(row.values()) == ["o1", "paid", 9.5, json.dumps({note: "gift"}, separators=(",", ":"))]  # fmt: skip


def test_of_two_columns_alike_but_for_case_neither_is_guessed(landing: Landing) -> None:
    landing.sources = {"shop": {**SOURCE, "files": "shop/*"}}
    landing.put("shop/a.csv", b"No,At,STATE,state,Sum\no1,2026-10-01,paid,open,9.5\n")

    with pytest.raises(WrongColumnError, match="no column 'State'"):
        landing.load()


def test_a_field_that_one_line_has_is_not_reported(landing: Landing) -> None:
    landing.sources = {"shop": {**SOURCE, "files": "shop/*"}}
    first = {"No": "o1", "At": "2026-10-01", "STATE": "paid", "Sum": None}
    many = [{**first, "No": f"o{number}"} for number in range(2_000)]
    landing.put("shop/a.jsonl", lines(*many, b"{", {**first, "No": "x", "State": "paid"}))
    landing.put("shop/b.jsonl", lines(*many))
    landing.put("shop/c.jsonl", lines(b"{"))

    report = landing.load()

    assert report.absent_fields == ("shop/b.jsonl: no line has State",)


def test_a_nested_field_is_found_flat_too_and_of_events_what_is_absent_is_reported(
    landing: Landing,
) -> None:
    landing.sources = {
        "mails": {
            "kind": "events", "files": "mails/*", "event_name": "Opened",
            "map": {"occurred_at": "at", "email": "who.email", "block": "part.name"},
        }
    }  # fmt: skip
    landing.put("mails/a.jsonl", lines({"at": "2026-10-01", "who.email": "ann@maple.example"}))

    landing.load()

    assert absent_fields(landing.warehouse) == {"mails": "part.name"}
    assert landing.counts() == [("mails/a.jsonl", 1, 1, 0, 0)]


def test_what_the_latest_file_of_a_source_has_is_absent_no_more(landing: Landing) -> None:
    landing.sources = {"shop": {**SOURCE, "files": "shop/*"}}
    landing.put("shop/a.jsonl", lines(_changed(ORDER, "State", "renamed")))
    landing.load()
    before = absent_fields(landing.warehouse)
    landing.put("shop/b.jsonl", lines({**ORDER, "No": "o2"}))

    landing.load(NOW + timedelta(days=1))

    assert (before, absent_fields(landing.warehouse)) == ({"shop": "State"}, {})
