"""Which number of 03/04/2026 or 03-04-2026 is the month: as a source declares, or as a file shows."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.earlier_loads import KeptOrders, former_orders
from ingestion.field_values import DateOrder, text_sql
from ingestion.files import LandingFile
from ingestion.record_rows import ROWS, Rows
from warehouse import Warehouse, literal

# With hyphens a year of two digits may as well be a day, so such a date is not read.
_DATE = r"^(\d{1,2})(/\d{1,2}/(?:\d{4}|\d{2})|-\d{1,2}-\d{4})(?:\D|$)"
# What a line of JSON has in it where any of its values is such a date; slashes may be escaped.
_DATE_IN_JSON = r"\d{1,2}(?:\\?/\d{1,2}\\?/\d{2}|-\d{1,2}-\d{4})"
# Where more than one in ten of the dates that tell differ, both orders are written.
_MOST_CONTRARY = 0.1
# What dates can tell of which only one number is a month.
_TOLD = (DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST)


def date_orders(
    warehouse: Warehouse,
    rows: Rows,
    texts: Mapping[str, str],
    *,
    file: LandingFile,
    kept: KeptOrders | None = None,
) -> Mapping[str, DateOrder]:
    """The order of day and month in the time fields of ``candor_rows``, as the file tells it.

    Dates of which only one number is a month tell it, column by column; a column without any is
    written as the others of its file. Where nothing tells it, the month comes first with slashes, and
    of dates with hyphens those are read that can be but one. No other file
    is asked: what a file says is the same whichever files there are and in whatever order they come.
    But where an erasure took rows out of a file, and it has grown since, it says what it said.

    Args:
        warehouse: The engine.
        rows: The file.
        texts: An expression for the text of each field, by its name.
        file: Where they lie.
        kept: What the file told before an erasure took rows out of it, where one did: the row that
            told it may be gone, and the others say what they said. Only other fields are asked.
            Without it, what an earlier file in its place told is looked up where it is needed.
    """
    known = kept.orders if kept and not kept.has_changed else {}
    asked = {name: text for name, text in texts.items() if name not in known}
    if not asked:
        return known
    told = {row["name"]: row for row in warehouse.read(_told_sql(rows, asked)).to_pylist()}
    of_file = _agreed(known) or _order(
        *(sum(row[count] for row in told.values()) for count in _TOLD)
    )
    orders = {
        name: _order(*(told[name][count] for count in _TOLD), otherwise=of_file)
        if name in told
        else of_file
        for name in asked
    }
    if told and not known and not _agreed(orders):
        formerly = kept or former_orders(warehouse, file)
        orders |= {n: o for n, o in (formerly.orders if formerly else {}).items() if n in orders}
    return {**known, **orders}


def as_declared(declared: str | None, told: Mapping[str, DateOrder]) -> Mapping[str, DateOrder]:
    """How dates are read: as the source says of all of them, else as the file tells it."""
    return told if declared is None else dict.fromkeys(told, DateOrder(declared))


def _agreed(kept: Mapping[str, DateOrder]) -> DateOrder | None:
    """What the other fields of the file told; None where they told nothing."""
    orders = set(kept.values()) - {DateOrder.UNTOLD}
    if not orders:
        return None
    return orders.pop() if len(orders) == 1 else DateOrder.BOTH


def _order(month: int, day: int, *, otherwise: DateOrder = DateOrder.UNTOLD) -> DateOrder:
    if not month + day:
        return otherwise
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
        select given.name, regexp_extract(given.said, '{_DATE}', 1) as one,
            string_split(translate(regexp_extract(given.said, '{_DATE}', 2), '-', '/'), '/') as rest
        from given
    ),
    numbers as (
        select name, one::int as one, rest[2]::int as two, length(rest[3]) = 2 as is_short,
            bool_or(length(rest[3]) = 2 and one::int <= 12) over (partition by name) as is_spread
        from dates
    )
    select name,
        count(*) filter (one between 1 and 12 and two between 13 and 31)
            as {DateOrder.MONTH_FIRST},
        count(*) filter (one between 13 and 31 and two between 1 and 12
            and (is_spread or not is_short)) as {DateOrder.DAY_FIRST}
    from numbers group by name
    """
