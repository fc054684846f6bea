"""Find who met which arm first, in which segment, and what they did in the days after.

Everything is taken from ``marts.events``, from the decisions logged for pages or from what was chosen for mailings, anew in each run, so that a merge of two persons leaves
the arm of the older exposure in force and a correction of the events corrects the measurement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from measurement.config import Experiment, Exposure, Metric
from measurement.inventory import ASSIGNMENTS, EXPOSURES, OUTCOMES
from measurement.segments import Bindings, segment_sql
from warehouse import TableName, Warehouse, literal

_EVENTS = TableName("marts", "events")

# What was known at the time, of people.
KNOWN = """
    not is_bot and occurred_at < $as_of and coalesce(received_at, occurred_at) <= $as_of
"""
_NAMES_ARM = r"regexp_matches(arm, '\S')"  # null and blank name no arm

_MET = f"""
    select person_id, arm, occurred_at
    from (
        select person_id, occurred_at,
               json_extract_string(properties, $arm_path) as arm,
               json_extract_string(properties, $experiment_path) as experiment_id
        from marts.events
        where event = $event and person_id is not null and {KNOWN}
    )
    where experiment_id = $experiment_id and {_NAMES_ARM}
"""

# Held-out persons count from when they would have been shown it: like is compared with like. What a
# visit was shown before is nobody's draw: who signs in may keep the baseline of a browser that had
# agreed to nothing.
_DECIDED = """
    select coalesce(current_person.current_person_id, decisions.person_id) as person_id,
           decisions.arm, decisions.decided_at as occurred_at
    from personalization.decisions as decisions
    left join marts.current_person as current_person
        on decisions.person_id = current_person.person_id
    where decisions.slot = $slot and decisions.position = 1
      and decisions.person_id is not null and decisions.decided_at < $as_of
      and decisions.is_repeat is not true
"""

# From the first day on which the send may go out, in the arm `none` too: who opens or clicks has been
# chosen by the mail, so neither makes an exposure.
_MAILED = """
    select coalesce(current_person.current_person_id, mails.person_id) as person_id,
           mails.arm, cast(mails.send_date as timestamp) as occurred_at
    from personalization.email_blocks as mails
    left join marts.current_person as current_person
        on mails.person_id = current_person.person_id
    where mails.block = $block and mails.slot = 1 and mails.is_randomised
      and mails.send_date < $as_of
"""

_UNMET = f"""
    select count(*) as events,
           count(*) filter (person_id is not null and not is_bot) as of_persons,
           count(json_extract(properties, $experiment_path)) as with_experiment,
           count(*) filter ({_NAMES_ARM}) as with_arm,
           count(*) filter (
               json_extract_string(properties, $experiment_path) = $experiment_id
           ) as naming_it
    from (
        select *, json_extract_string(properties, $arm_path) as arm
        from marts.events
        where event = $event
    )
"""

_MEMBERS_AND_RECORDS = """
    members as (select source, source_record_id, person_id from identity.members),
    records as (
        select source, source_record_id, record_created_at from staging.stg_raw__person_records
    )
"""

_EXPOSURES = """
    with met as ({met}),
    exposed as (
        select person_id,
               arg_min(arm, (occurred_at, arm)) as arm,
               min(occurred_at) as first_exposed_at,
               count(distinct arm) > 1 as is_crossover,
               count(*) as exposure_count
        from met
        group by person_id
    ),
    {known},
    units as (
        select exposed.*, {unit} as unit_id
        from exposed
        left join marts.profiles as profiles on exposed.person_id = profiles.person_id
    ),
    judged as (
        select person_id, {unit_segment} as segment
        from (
            select exposed.person_id, exposed.unit_id, {segment} as segment
            from ({judged}) as exposed
            left join marts.profiles as profiles on exposed.person_id = profiles.person_id
        )
    )
    select $experiment_key as experiment_key, units.* replace (
               {first_arm} as arm, is_crossover or arm <> {first_arm} as is_crossover
           ), judged.segment, $run_id as run_id
    from units
    left join judged on units.person_id = judged.person_id
"""
# Of a company everybody is looked at, met or not, at the moment when it met the experiment: were it
# only those who did, a colleague who comes later would move all of it to another segment, and an arm
# that brings more colleagues would have other segments than one that brings few.
_JUDGED = {
    "person": "select person_id, unit_id, first_exposed_at from units",
    "account": """
        select people.person_id, people.unit_id, begun.first_exposed_at
        from (
            select person_id, unit_id from units
            union
            select person_id, account_id from marts.profiles where not is_bot
        ) as people
        inner join (
            select unit_id, min(first_exposed_at) as first_exposed_at from units group by unit_id
        ) as begun on people.unit_id = begun.unit_id
    """,
}
# A company that met several arms stays in the first one, all of it.
_FIRST_ARM = "arg_min(arm, (first_exposed_at, arm)) over (partition by unit_id)"
# A company is in the first segment that fits one of its persons: one draw needs one share.
_UNIT_SEGMENT = """
    arg_min(segment, list_position($segments{number}::varchar[], segment))
        over (partition by unit_id)
"""

_STANDING = """
    select person_id, $experiment_key{number} as experiment_key, {unit_segment} as segment
    from (
        select exposed.person_id, {segment} as segment, {unit} as unit_id
        from (
            select person_id, cast($as_of as timestamp) as first_exposed_at
            from marts.profiles where not is_bot
        ) as exposed
        left join marts.profiles as profiles on exposed.person_id = profiles.person_id
    )
"""

_OUTCOMES = """
    with exposed as (
        select person_id, first_exposed_at,
               first_exposed_at + to_days($within_days) as closes_at,
               first_exposed_at - to_days($before_days) as opens_at
        from measurement.exposures
        where experiment_key = $experiment_key
    ),
    known as (
        select person_id, event, occurred_at,
               {amount} as amount
        from marts.events
        where event in ($event, $per) and {known}
    ),
    done as (
        select exposed.person_id,
               min(known.occurred_at) filter (where {is_after} and event = $event) as converted_at,
               sum(known.amount) filter (where {is_after} and event = $event) as value,
               count(*) filter (where {is_after} and event = $per) as per,
               sum(known.amount) filter (where not {is_after} and event = $event) as before
        from exposed
        inner join known
            on exposed.person_id = known.person_id
            and known.occurred_at >= exposed.opens_at
            and known.occurred_at < exposed.closes_at
        group by exposed.person_id
    )
    select $experiment_key as experiment_key, $metric as metric, exposed.person_id,
           exposed.first_exposed_at, exposed.closes_at, exposed.closes_at <= $as_of as is_mature,
           done.converted_at is not null as has_converted, done.converted_at,
           least(coalesce(done.value, 0), $cap) as value, {per} as per,
           least(coalesce(done.before, 0), $cap) as before, $run_id as run_id
    from exposed
    left join done on exposed.person_id = done.person_id
"""
# "NaN" and "Infinity" are numbers to a cast, and one of them would be the sum of its arm. What is
# larger than this counts for nothing either: beyond it a DOUBLE no longer tells 1 from 2.
_LARGEST = 1e15
ADDS = f"between {-_LARGEST} and {_LARGEST}"
_AMOUNT = f"""
    (select case when given {ADDS} then given else 0 end
     from (select try_cast(json_extract_string(properties, $path) as double) as given))
"""
_IS_AFTER = "known.occurred_at >= exposed.first_exposed_at"

_ASSIGNMENTS = """
    select experiment_key, any_value({kind}) as unit_type, unit_id,
           arg_min(arm, (first_exposed_at, arm)) as arm, min(first_exposed_at) as assigned_at
    from measurement.exposures
    group by experiment_key, unit_id
"""
_UNITS = {
    "person": "exposed.person_id",
    "account": "coalesce(profiles.account_id, exposed.person_id)",
}


def write_exposures(
    warehouse: Warehouse, experiments: Mapping[str, Experiment], *, as_of: dt.datetime, run_id: str
) -> int:
    """Replace every exposure and assignment; return how many persons met an experiment.

    A person who met several arms stays in the first one and is flagged as a crossover; likewise a
    company, where companies are drawn.
    """
    with warehouse.transaction():
        count = warehouse.replace(EXPOSURES.name, _no_rows(EXPOSURES.name.sql))
        for key, experiment in experiments.items():
            bindings = Bindings(_exposure_values(key, experiment, as_of, run_id))
            segment = segment_sql(experiment.segments, bindings)
            rows = _EXPOSURES.format(
                met=_met(experiment.exposure),
                known=_MEMBERS_AND_RECORDS,
                segment=segment,
                unit=_UNITS[experiment.unit],
                first_arm=_FIRST_ARM,
                unit_segment=_unit_segment(experiment, bindings),
                judged=_JUDGED[experiment.unit],
            )
            count += warehouse.append(EXPOSURES.name, rows, bindings.values)
        warehouse.replace(ASSIGNMENTS.name, _assignments(experiments))
    return count


def explain_unmet(warehouse: Warehouse, experiments: Mapping[str, Experiment]) -> tuple[str, ...]:
    """One line for each experiment that is told by an event and that nobody has met: what the events say.

    Args:
        warehouse: With the last measurement.
        experiments: Those to explain.
    """
    if not warehouse.exists(_EVENTS):
        return ()
    warehouse.create_missing([EXPOSURES])
    met = set(
        warehouse.read(f"select distinct experiment_key from {EXPOSURES.name.sql}")[0].to_pylist()
    )
    return tuple(
        _explained(warehouse, key, experiment)
        for key, experiment in experiments.items()
        if experiment.exposure.event and key not in met
    )


def _explained(warehouse: Warehouse, key: str, experiment: Experiment) -> str:
    exposure, name = experiment.exposure, experiment.experiment_id or key
    values = {
        "event": exposure.event,
        "experiment_id": name,
        "experiment_path": path_of(exposure.experiment_property),
        "arm_path": path_of(exposure.arm_property),
    }
    (counted,) = warehouse.read(_UNMET, values).to_pylist()
    return (
        f"{key}: nobody has met an arm. Of {counted['events']:,} events {exposure.event!r} "
        f"({counted['of_persons']:,} of persons), "
        f"{counted['with_experiment']:,} have the property {exposure.experiment_property!r} "
        f"({counted['naming_it']:,} with {name!r}), "
        f"{counted['with_arm']:,} the property {exposure.arm_property!r}."
    )


def standing_segments(
    experiments: Mapping[str, Experiment], *, as_of: dt.datetime
) -> tuple[str, dict[str, object]]:
    """The segment in which every person would meet each experiment now, as a query.

    Where companies are drawn, all persons of one are in the same segment.

    Returns:
        SQL of rows (person_id, experiment_key, segment), segment null where none fits; its values.
    """
    bindings = Bindings({"as_of": as_of})
    parts = []
    for number, (key, experiment) in enumerate(experiments.items()):
        bindings.values[f"experiment_key{number}"] = key
        part = _STANDING.format(
            number=number,
            segment=segment_sql(experiment.segments, bindings),
            unit=_UNITS[experiment.unit],
            unit_segment=_unit_segment(experiment, bindings, number=number),
        )
        parts.append(part)
    return f"with {_MEMBERS_AND_RECORDS} {' union all '.join(parts)}", bindings.values


def write_outcomes(
    warehouse: Warehouse, experiments: Mapping[str, Experiment], *, as_of: dt.datetime, run_id: str
) -> int:
    """Replace every outcome by what the exposed persons did; return how many rows there are."""
    with warehouse.transaction():
        count = warehouse.replace(OUTCOMES.name, _no_rows(OUTCOMES.name.sql))
        for key, experiment in experiments.items():
            for name, metric in experiment.metrics.items():
                values = _outcome_values(key, name, metric, as_of)
                sql = outcome_sql(metric)
                count += warehouse.append(OUTCOMES.name, sql, {**values, "run_id": run_id})
    return count


def outcome_sql(metric: Metric) -> str:
    """What one metric counts, as a query over exposures and events."""
    amount = "1.0"
    if metric.summed_property:
        amount = _AMOUNT
    return _OUTCOMES.format(
        amount=amount,
        known=KNOWN,
        is_after=_IS_AFTER,
        per="coalesce(done.per, 0)" if metric.per else "1.0",
    )


def _met(exposure: Exposure) -> str:
    if exposure.slot:
        return _DECIDED
    return _MAILED if exposure.email_block else _MET


def _unit_segment(experiment: Experiment, bindings: Bindings, *, number: int = 0) -> str:
    """The segment of a unit over rows with the person's own ``segment`` and ``unit_id``."""
    if experiment.unit == "person":
        return "segment"
    bindings.values[f"segments{number}"] = [segment.name for segment in experiment.segments]
    return _UNIT_SEGMENT.format(number=number)


def _exposure_values(
    key: str, experiment: Experiment, as_of: dt.datetime, run_id: str
) -> dict[str, object]:
    exposure = experiment.exposure
    common: dict[str, object] = {"experiment_key": key, "as_of": as_of, "run_id": run_id}
    if exposure.slot:
        return {**common, "slot": exposure.slot}
    if exposure.email_block:
        return {**common, "block": exposure.email_block}
    return {
        **common,
        "experiment_id": experiment.experiment_id or key,
        "event": exposure.event,
        "experiment_path": path_of(exposure.experiment_property),
        "arm_path": path_of(exposure.arm_property),
    }


def _outcome_values(key: str, name: str, metric: Metric, as_of: dt.datetime) -> dict[str, object]:
    return {
        "experiment_key": key,
        "metric": name,
        "event": metric.event,
        "within_days": metric.within_days,
        "before_days": metric.before_days or 0,
        "per": metric.per or metric.event,
        "cap": _cap(metric),
        "as_of": as_of,
        **({"path": path_of(metric.summed_property)} if metric.summed_property else {}),
    }


def _cap(metric: Metric) -> float:
    """What one person counts at most; a share counts nobody twice."""
    return 1.0 if metric.is_share else metric.cap or float("inf")


def _assignments(experiments: Mapping[str, Experiment]) -> str:
    """The units of every experiment; a company is assigned with the first of its persons."""
    kinds = " ".join(
        f"when {literal(key)} then {literal(experiment.unit)}"
        for key, experiment in experiments.items()
    )
    kind = f"case experiment_key {kinds} end" if kinds else "cast(null as varchar)"
    return _ASSIGNMENTS.format(kind=kind)


def path_of(name: str) -> str:
    """The JSON path of a property; its name has no character that needs an escape."""
    return f'$."{name}"'


def _no_rows(table: str) -> str:
    return f"select * from {table} limit 0"
