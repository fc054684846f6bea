"""Which sums are of a property that holds no numbers, so that waiting for more people is vain."""

from __future__ import annotations

from collections.abc import Iterable

from measurement.config import Metric
from measurement.exposures import path_of
from warehouse import TableName, Warehouse

_EVENTS = TableName("marts", "events")
# Null where no event has the property.
_NUMBERLESS = f"""
    select count(given) = 0 from (
        select try_cast(given as double) as given
        from (
            select json_extract_string(properties, $path) as given
            from {_EVENTS.sql} where event = $event
        )
        where given is not null
    )
    having count(*) > 0
"""


def numberless(warehouse: Warehouse, metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """The metrics that sum a property up of which no event holds a number, though it has a value."""
    return tuple(
        metric
        for metric in metrics
        if metric.summed_property
        and warehouse.scalar(
            _NUMBERLESS, {"event": metric.event, "path": path_of(metric.summed_property)}
        )
    )
