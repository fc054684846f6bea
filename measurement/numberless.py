"""Which sums are of a property that holds no numbers, so that waiting for more people is vain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from measurement.config import Metric
from measurement.exposures import ADDS, KNOWN, path_of
from warehouse import TableName, Warehouse

_EVENTS = TableName("marts", "events")


def find_numberless(
    warehouse: Warehouse, metrics: Iterable[Metric], *, as_of: dt.datetime
) -> tuple[Metric, ...]:
    """The metrics that sum a property up of which no event holds a number, though it has a value.

    A number is what adds to an outcome; those of all metrics are looked for in one reading of the
    events.

    Args:
        warehouse: With the events.
        metrics: Those of one experiment, sums and others.
        as_of: What happened or came later does not count, as in the outcomes.
    """
    sums = [metric for metric in metrics if metric.summed_property]
    if not sums:
        return ()
    values: dict[str, object] = {"as_of": as_of}
    for number, metric in enumerate(sums):
        values |= {
            f"event{number}": metric.event,
            f"path{number}": path_of(metric.summed_property or ""),
        }
    told = ", ".join(
        f"case when event = $event{number} then json_extract_string(properties, $path{number}) end "
        f"as given{number}"
        for number in range(len(sums))
    )
    is_numberless = ", ".join(
        f"count(given{number}) > 0 "
        f"and count(*) filter (try_cast(given{number} as double) {ADDS}) = 0 as is{number}"
        for number in range(len(sums))
    )
    events = ", ".join(f"$event{number}" for number in range(len(sums)))
    (row,) = warehouse.read(
        f"""
        select {is_numberless}
        from (
            select {told} from {_EVENTS.sql}
            where event in ({events}) and person_id is not null and {KNOWN}
        )
        """,
        values,
    ).to_pylist()
    return tuple(metric for metric, is_it in zip(sums, row.values(), strict=True) if is_it)
