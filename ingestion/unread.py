"""Values that are given and cannot be read: which fields of a row have one, and how many rows do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ingestion import currency_signs
from ingestion.accounting import unread_values
from ingestion.config import MappedEventSource, RecordSource, SourcesConfig
from ingestion.field_values import DateOrder, text_sql
from ingestion.mapping import EVENT_FIELDS, FieldType
from ingestion.plausible import EARLIEST, LATEST
from warehouse import Warehouse, literal, quoted

# What tools write for nothing at all, where something else than a text is wanted.
_NOTHING = ("-", "n/a", "null")
# What was wanted where a value cannot be read, and what to do.
_WANTED = {
    FieldType.CONSENT: "neither a grant nor a denial: granted, denied and the like, or a word under statuses",
    FieldType.FLAG: "neither true nor false",
}
_NO_TIME = f"no time between {EARLIEST:.4} and {LATEST:.4}"
_TIMES: Mapping[str | None, str] = {
    None: f"{_NO_TIME} that Candor knows: 2026-03-14 17:06, 14.3.2026 and the like, and with slashes or "
    "hyphens 3/14/2026 or 14/3/2026, whichever the dates of their file show; where they show both, or with "
    "hyphens neither, write `date_order: day_first` (or month_first) under the source in sources.yml",
    DateOrder.MONTH_FIRST: f"{_NO_TIME} that Candor knows: 2026-03-14 17:06, 14.3.2026, 3/14/2026 (the "
    "month first, as sources.yml says of this source) and the like",
    DateOrder.DAY_FIRST: f"{_NO_TIME} that Candor knows: 2026-03-14 17:06, 14.3.2026, 14/3/2026 (the day "
    "first, as sources.yml says of this source) and the like",
}
_NUMBERS = {
    None: f"no number: 1,234.50, 1.234,50 and the like; {currency_signs.TOLD}",
    ",": "no number with a decimal comma, as sources.yml says of this source: 1.234,50; "
    f"{currency_signs.TOLD}",
    ".": "no number with a decimal point, as sources.yml says of this source: 1,234.50; "
    f'{currency_signs.TOLD}. Where the decimal sign is a comma, write `decimal: ","` there',
}


def tell_unread(warehouse: Warehouse, config: SourcesConfig) -> Iterator[str]:
    """What could not be read of the latest files, a sentence per source and field; no values."""
    for row in unread_values(warehouse).to_pylist():
        rows = "1 row" if row["rows"] == 1 else f"{row['rows']:,} rows"
        yield (
            f"{row['source']}: {row['field']} is empty in {rows} of its latest files, for what "
            f"stands there is {_why(config.sources.get(row['source']), row['field'])}"
        )


def _why(source: object, name: str) -> str:
    """What it is not, and where the texts are."""
    if not isinstance(source, RecordSource | MappedEventSource):
        return "not to be read"
    if isinstance(source, MappedEventSource):
        fields, place = EVENT_FIELDS, "properties of raw.events"
    else:
        kind = source.record_kind
        fields = kind.fields
        place = f"attributes of raw.{kind.table}" if kind.keeps_attributes else ""
    wanted = fields.get(name, FieldType.TIME)  # created_at and updated_at are no fields
    if wanted is FieldType.TIME:
        why = _TIMES[source.date_order]
    else:
        why = _WANTED.get(wanted, _NUMBERS[source.decimal])
    return f"{why} (the texts are in {place})" if place else why


def is_unread_sql(typed: str, text: str) -> str:
    """Whether a text says something of which nothing was read; what stands for nothing says nothing.

    Args:
        typed: The name of the column that was read from it. It stands in an earlier step of the
            statement, so that no value is read twice.
        text: An expression for the text as given.
    """
    nothing = ", ".join(map(literal, _NOTHING))
    return (
        f"({quoted(typed)} is null and coalesce(lower({text_sql(text)}) not in ({nothing}), false))"
    )


def unread_fields_sql(tests: Mapping[str, str]) -> str:
    """An expression for the list of a row's fields that cannot be read; null where all can.

    Args:
        tests: Whether a field cannot be read, by its name.
    """
    if not tests:
        return "null::varchar[]"
    names = ", ".join(f"case when {test} then {literal(name)} end" for name, test in tests.items())
    listed = f"list_filter([{names}], lambda name: name is not null)"
    return f"case when {' or '.join(tests.values())} then {listed} end"


def count_unread(warehouse: Warehouse, table: str) -> Mapping[str, int]:
    """How many good rows of a table that is judged have a value that cannot be read, by field."""
    unread = f"select unnest(unread) as field from {table} where code is null"
    rows = warehouse.read(f"select field, count(*) as n from ({unread}) group by all order by all")
    return dict(zip(rows["field"].to_pylist(), rows["n"].to_pylist(), strict=True))
