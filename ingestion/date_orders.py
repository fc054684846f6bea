"""Which number of 03/04/2026 or 03-04-2026 is the month: as a source declares, or as files show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ingestion.field_values import DateOrder, text_sql
from ingestion.files import LandingFile
from ingestion.inventory import LOADS
from ingestion.record_rows import ROWS, Rows
from warehouse import Warehouse, literal

# With hyphens a year of two digits may as well be a day, so such a date is not read.
_DATE = r"^(\d{1,2})[/-](\d{1,2})(/\d{4}|/\d{2}|-\d{4})(?:\D|$)"
# What a line of JSON has in it where any of its values is such a date; slashes may be escaped.
_DATE_IN_JSON = r"\d{1,2}(?:\\?/\d{1,2}\\?/\d{2}|-\d{1,2}-\d{4})"
_SHORT_YEAR = len("/26")
# Where more than one in ten of the dates that tell differ, both orders are written.
_MOST_CONTRARY = 0.1
# What dates can tell of which only one number is a month.
_TOLD = (DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST)


@dataclass(frozen=True, slots=True)
class Orders:
    """How the dates of a file are read.

    Attributes:
        read: The order of each time field.
        told: Of those, what dates of this very file tell.
    """

    read: Mapping[str, DateOrder]
    told: Mapping[str, DateOrder]


def date_orders(
    warehouse: Warehouse,
    declared: str | None,
    rows: Rows,
    texts: Mapping[str, str],
    earlier: Mapping[str, DateOrder],
) -> Orders:
    """The order of day and month in the time fields of ``candor_rows``.

    Dates of which only one number is a month tell it, column by column. A column without any is
    written as it was in earlier files of its source, unless another column tells otherwise now; else
    as the others of its file, else as those of the earlier files. Where nothing tells it, the month
    comes first.

    Args:
        warehouse: The engine.
        declared: What the source says of all its dates, if it does.
        rows: The file.
        texts: An expression for the text of each field, by its name.
        earlier: What earlier files of the source told last, see ``earlier_orders``.
    """
    if declared is not None:
        return Orders(dict.fromkeys(texts, DateOrder(declared)), {})
    if not texts:
        return Orders({}, {})
    counts = {row["name"]: row for row in warehouse.read(_told_sql(rows, texts)).to_pylist()}
    found = ((name, _order(*(row[count] for count in _TOLD))) for name, row in counts.items())
    told: dict[str, DateOrder] = {name: order for name, order in found if order is not None}
    if any(earlier.get(name, order) != order for name, order in told.items()):
        earlier = {}  # the export is another one now
    others = _order(*(sum(row[count] for row in counts.values()) for count in _TOLD))
    if others is None:
        others = next(iter(earlier.values())) if len({*earlier.values()}) == 1 else None
    usual = others or DateOrder.MONTH_FIRST
    return Orders({name: told.get(name, earlier.get(name, usual)) for name in texts}, told)


def earlier_orders(
    warehouse: Warehouse, file: LandingFile, first_loaded_at: datetime | None = None
) -> Mapping[str, DateOrder]:
    """What the files of a source told last of each time field, up to a file.

    A file that was loaded is read as it was then, whatever came later. A field that was written in
    both orders is left out.

    Args:
        warehouse: The engine.
        file: The file.
        first_loaded_at: When it was loaded first, where it is loaded again.
    """
    rows = warehouse.read(
        f"""
        with here as (
            select coalesce(
                case when $first::timestamp is not null
                    then {{'loaded_at': $first::timestamp, 'file': $file}} end,
                (select min({{'loaded_at': loaded_at, 'file': file}}) from {LOADS.name.sql}
                    where source = $source and file_hash = $hash),
                {{'loaded_at': 'infinity'::timestamp, 'file': $file}}
            ) as place
        ),
        telling as (
            select {{'loaded_at': loaded_at, 'file': file}} as place, date_orders,
                unnest(json_keys(date_orders)) as field
            from {LOADS.name.sql}, here
            where source = $source and date_orders is not null
                and {{'loaded_at': loaded_at, 'file': file}} <= here.place
        )
        select field, arg_max(
            json_extract_string(date_orders, '$."' || field || '"'), place
        ) as said
        from telling group by field order by field
        """,
        {"source": file.source, "file": file.name, "hash": file.digest, "first": first_loaded_at},
    ).to_pylist()
    return clear_orders({row["field"]: DateOrder(row["said"]) for row in rows})


def clear_orders(told: Mapping[str, DateOrder]) -> Mapping[str, DateOrder]:
    """What was told without those that were written now so and now so."""
    return {name: order for name, order in told.items() if order is not DateOrder.BOTH}


def _order(month: int, day: int) -> DateOrder | None:
    if not month + day:
        return None
    if day <= _MOST_CONTRARY * (month + day):
        return DateOrder.MONTH_FIRST
    return DateOrder.DAY_FIRST if month <= _MOST_CONTRARY * (month + day) else DateOrder.BOTH


def _told_sql(rows: Rows, texts: Mapping[str, str]) -> str:
    """Count the dates that tell an order.

    A year of two digits may stand first as well, as in 24/03/14. Its dates tell that the day comes
    first only where some begin with a number that may be a month: of others none is misread.
    """
    listed = ", ".join(
        f"{{'name': {literal(name)}, 'said': {text_sql(text)}}}" for name, text in texts.items()
    )
    some = f"regexp_matches(document, '{_DATE_IN_JSON}')" if rows.columns is None else "true"
    return rf"""
    with given as (
        select unnest(
            list_filter([{listed}], lambda one: regexp_matches(one.said, '{_DATE}'))
        ) as given
        from {ROWS} where is_row and {some}
    ),
    dates as (
        select given.name, regexp_extract(given.said, '{_DATE}', ['one', 'two', 'year']) as parts
        from given
    ),
    numbers as (
        select name, parts.one::int as one, parts.two::int as two,
            length(parts.year) = {_SHORT_YEAR} as is_short,
            bool_or(length(parts.year) = {_SHORT_YEAR} and parts.one::int <= 12) over (partition by name)
                as is_spread
        from dates
    )
    select name,
        count(*) filter (one between 1 and 12 and two between 13 and 31)
            as {DateOrder.MONTH_FIRST},
        count(*) filter (one between 13 and 31 and two between 1 and 12
            and (is_spread or not is_short)) as {DateOrder.DAY_FIRST}
    from numbers group by name
    """
