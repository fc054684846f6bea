"""Mark who was known before they met an experiment: its effect shows undiluted in them.

A browser that nobody signed in on counts as a person of its own. One human may be several of
them, and what they do on another browser is not seen: whatever an arm does looks smaller. Of those
who had signed in, or left an address of theirs, on the very browser on which they met it, more is
seen. What came after the first exposure does not count, since the exposure may have caused it. What
retention has deleted is not known any more: the mark falls with the event that told it, in each arm alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from measurement.config import Experiment
from measurement.exposures import KNOWN, path_of
from measurement.inventory import EXPOSURES
from warehouse import TableName, Warehouse

_MET = TableName("marts", "events")
_NAMED = TableName("staging", "stg_raw__events")

# An exposure without a browser came from a server, which names the person by an id. Of several at
# one moment all count, so that no order decides.
_MARK = f"""
    update {EXPOSURES.name.sql} as exposures set is_known_before = first.is_known
    from (
        with named as (
            select anonymous_id, min(occurred_at) as since from {_NAMED.sql}
            where anonymous_id is not null and (user_id is not null or email is not null)
            group by anonymous_id
        ),
        met as (
            select person_id, anonymous_id, occurred_at from {_MET.sql}
            where event = $event and person_id is not null and {KNOWN}
              and json_extract_string(properties, $experiment_path) = $experiment_id
        )
        select met.person_id, bool_and(
                met.anonymous_id is null or coalesce(named.since <= met.occurred_at, false)
            ) as is_known
        from met
        inner join {EXPOSURES.name.sql} as begun
            on begun.experiment_key = $experiment_key and begun.person_id = met.person_id
            and begun.first_exposed_at = met.occurred_at
        left join named on met.anonymous_id = named.anonymous_id
        group by met.person_id
    ) as first
    where exposures.experiment_key = $experiment_key and exposures.person_id = first.person_id
"""


def mark_known(
    warehouse: Warehouse, experiments: Mapping[str, Experiment], *, as_of: object
) -> None:
    """Write into the exposures who was known before; left null where no event tells of them.

    Args:
        warehouse: With the exposures of this run.
        experiments: Those that are met by an event are marked.
        as_of: Up to when the warehouse knows, UTC.
    """
    if not (warehouse.exists(_NAMED) and warehouse.exists(_MET)):
        return
    for key, experiment in experiments.items():
        exposure = experiment.exposure
        if exposure.event is None or experiment.unit != "person":
            continue
        values = {
            "event": exposure.event,
            "experiment_path": path_of(exposure.experiment_property),
            "experiment_id": experiment.experiment_id or key,
            "experiment_key": key,
            "as_of": as_of,
        }
        warehouse.execute(_MARK, values)
