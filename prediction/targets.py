"""What is predicted: that one of some events happens, or what a trait says when the horizon is over.

A state is read from ``marts.traits_history``, which says since which run a person had a value: at a
date it tells what was known at that date, and nothing that came later. Before the history of a trait
begins nobody's state is known, so no date before that is looked at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from prediction.config import PropensityConfig
from prediction.errors import MissingRelationError, UnknownTraitError
from prediction.relations import CURRENT, HISTORY, PROFILES, columns_of
from warehouse import Warehouse

# The end of the horizon of a date that is asked about.
END = "asked.as_of + to_days($gap + $horizon)"
# When one of the values held, of whom by the id of that time, and who that is today.
_STATES = f"""
    states as (
        select history.person_id as known_as,
               coalesce(current_person.current_person_id, history.person_id) as current_id,
               history.valid_from, history.valid_to
        from {HISTORY.sql} as history
        left join {CURRENT.sql} as current_person on history.person_id = current_person.person_id
        where history.trait = $trait and list_contains($values::varchar[], lower(history.value))
    ),
"""


def states_sql(model: PropensityConfig) -> str:
    """The common table that the tests below read, with a comma behind it; none for events."""
    return _STATES if model.target.state else ""


def in_state_sql(person: str, moment: str) -> str:
    """A test that a person, by the id of a moment, is in the state then, as it was known then.

    Who was found to be the same person later is not looked at together: nobody knew.
    """
    return _in_state_sql("known_as", person, moment)


def ends_in_state_sql(person: str, moment: str) -> str:
    """A test that a person, by today's id, was in the state at a moment, by what is known today."""
    return _in_state_sql("current_id", person, moment)


def _in_state_sql(column: str, person: str, moment: str) -> str:
    return f"""
        exists (
            select 1 from states
            where states.{column} = {person} and states.valid_from <= {moment}
                and (states.valid_to is null or states.valid_to > {moment})
        )
    """


def known_at_sql(model: PropensityConfig, moment: str) -> str:
    """A test, with ``and`` before it, that the history of the trait had begun by then."""
    if not model.target.state:
        return ""
    return f"and {moment} >= (select min(valid_from) from {HISTORY.sql} where trait = $trait)"


def state_values(model: PropensityConfig) -> Mapping[str, object]:
    """What is bound where states are read: trait and values, in lower case."""
    state = model.target.state
    return {"trait": state.trait, "values": list(state.told)} if state else {}


def target_values(model: PropensityConfig) -> Mapping[str, object]:
    """What is bound where outcomes are read: the events, or the state, and the horizon."""
    days = {"gap": model.gap_days, "horizon": model.horizon_days}
    return {**days, **(state_values(model) or {"events": list(model.target.events)})}


def known_since(warehouse: Warehouse, model: PropensityConfig) -> dt.datetime | None:
    """The run with which the history of the trait begins, UTC; None where none is kept yet."""
    begun = f"select min(valid_from) from {HISTORY.sql} where trait = $trait"
    state = model.target.state
    found: dt.datetime | None = warehouse.scalar(begun, {"trait": state.trait}) if state else None
    return found


def require_trait(warehouse: Warehouse, key: str, model: PropensityConfig) -> None:
    """Refuse a state of a trait that profiles do not have.

    Whether its changes are kept is said by the yml of dbt, and checked where the configuration is
    read (``without_sensitive``): of a trait that nobody has yet, the history itself cannot tell.

    Raises:
        MissingRelationError: The marts are not built.
        UnknownTraitError: It is no column of profiles.
    """
    if model.target.state is None:
        return
    if not warehouse.exists(HISTORY):
        raise MissingRelationError(str(HISTORY))
    trait = model.target.state.trait
    if trait not in set(columns_of(warehouse, PROFILES)) - {"person_id"}:
        rows = warehouse.read(f"select distinct trait from {HISTORY.sql} order by all")
        raise UnknownTraitError(key, trait, rows["trait"].to_pylist())
