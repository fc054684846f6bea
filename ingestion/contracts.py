"""Judge events by their tracking plan: keep, omit a property, or quarantine.

The engine names the distinct documents of the events that have a contract, jsonschema-rs judges
them by the list, and what it found goes back to the engine as a table. Only what is wrong is ever
touched one by one. Nothing that is stored holds a value. Names of properties stand there as far as
the plan says them: others come from the data, and may be somebody's. Those of events stand there as
far as the plan says them, or as far as they look like names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ingestion.formats.judged import CALLS, FILES, READ_FROM, EventFormat, email_sql
from ingestion.inventory import CONTRACT_VIOLATIONS
from ingestion.json_schema import Fault
from ingestion.tracking_plan import Action, Contract, TrackingPlan
from warehouse import Warehouse, literal, quoted

if TYPE_CHECKING:
    from ingestion.load import LoadContext

# The code of a call that its plan refuses.
CODE = "contract_violation"
# What each refused call of a block broke: file_no, line, position, reason.
BROKEN = "candor_broken"

# Documents judged in one go: of 20,000, 100,000 and 1,000,000 the first was the quickest to parse
# (1.4 s, 1.8 s and 3.0 s for a million), and it bounds the memory.
DOCUMENTS_AT_ONCE = 20_000
# A reason names so many violations; all are in raw.contract_violations.
NAMED_IN_REASON = 3
# Stands for the name of a property that the plan does not say.
UNDECLARED = "(undeclared)"
UNPLANNED_EVENT = "unplanned_event"

_CONTRACTS, _CONTRACT_OF, _VIOLATED = "candor_contracts", "candor_contract_of", "candor_violated"
_BREACHES, _OMITTED = "candor_breaches", "candor_omitted"
# What the contract of a call judges.
_DOCUMENT = (
    "coalesce(case when calls.type in ('identify', 'group') then calls.traits "
    "else calls.properties end, '{}')"
)
_CALL = "file_no, line, position"
_VIOLATIONS = pa.schema(
    [
        ("contract_no", pa.int32()), ("document", pa.string()), ("field", pa.string()),
        ("rule", pa.string()), ("action", pa.string()), ("property", pa.string()),
        ("occurrences", pa.int64()),
    ]
)  # fmt: skip

_CASTS = {"scroll_depth": "double", "time_on_page_s": "double", "item_position": "bigint"}


def prepare(warehouse: Warehouse) -> None:
    """Make room for the reasons of a load, before its first block."""
    warehouse.execute(
        f"create or replace temp table {BROKEN} "
        "(file_no int, line bigint, position int, reason varchar)"
    )


def apply(context: LoadContext, form: EventFormat) -> None:
    """Judge the good calls of the block in ``candor_calls`` and do what the plan says.

    A call that is refused gets the code :data:`CODE` and a row in ``candor_broken``; properties that
    are omitted leave the call; each violation is noted in ``raw.contract_violations``.
    """
    plan, warehouse = context.plan, context.warehouse
    if plan is None or plan.is_empty:
        return
    prepare(warehouse)
    with warehouse.view(_CONTRACTS, _contracts_table(plan)):
        warehouse.execute(_CONTRACT_OF_SQL, {"sources": plan.settings.sources})
    found = pa.concat_tables([_VIOLATIONS.empty_table(), *_judge(warehouse, plan)])
    if not found.num_rows and plan.settings.unplanned_events == "allow":
        return
    with warehouse.view(_VIOLATED, found):
        warehouse.execute(_BREACHES_SQL, {"unplanned": plan.settings.unplanned_events})
    warehouse.append(CONTRACT_VIOLATIONS.name, _NOTED_SQL, {"now": context.now})
    warehouse.execute(_BROKEN_SQL)
    warehouse.execute(
        f"update {CALLS} as calls set code = {literal(CODE)} from {BROKEN} as broken "
        f"where {_same_call('calls', 'broken')}"
    )
    _omit(warehouse, form)


def forget_copies(warehouse: Warehouse, copies: str) -> None:
    """Take away the violations of calls that were dropped as copies.

    Args:
        warehouse: The engine.
        copies: The relation that holds their load_id, line and position.
    """
    warehouse.execute(
        f"delete from {CONTRACT_VIOLATIONS.name.sql} where (load_id, line, position) in "
        f"(select (load_id, line, position) from {quoted(copies)})"
    )


# Which contract counts for which name of an event


def _contracts_table(plan: TrackingPlan) -> pa.Table:
    """One row per contract and source; the number is the precedence."""
    rows = [
        {"contract_no": number, "type": contract.type, "event": contract.event, "source": source}
        for number, contract in enumerate(plan.contracts)
        for source in contract.sources or (None,)
    ]
    schema = pa.schema(
        [("contract_no", pa.int32())]
        + [(name, pa.string()) for name in ("type", "event", "source")]
    )
    return pa.Table.from_pylist(rows, schema=schema)


# Event names come from the data as well; the names of pages are titles, which may name a person.
_IS_A_NAME = (
    r"named.type = 'track' and regexp_full_match(named.event, '[\p{L}$_][\p{L}\p{M}\p{N} $_:.,&/()-]*') "
    # Said in the pattern, the length would cost 0.3 s a block: it is compiled into a copy a sign.
    "and length(named.event) <= 100 and not regexp_matches(named.event, '[0-9]{4}')"
)

# contract_no is null where an event has no contract: only track calls are looked at then.
_CONTRACT_OF_SQL = f"""
    create or replace temp table {_CONTRACT_OF} as
    with named as (
        select distinct calls.type, calls.event, files.source
        from {CALLS} as calls inner join {FILES} as files using (file_no)
        where calls.code is null
            and ($sources::varchar[] is null or list_contains($sources::varchar[], files.source))
    )
    select named.type, named.event, named.source, min(contracts.contract_no) as contract_no,
        case when bool_or(contracts.event = named.event) or ({_IS_A_NAME}) then named.event
            when named.event is not null then '*' end as shown_event
    from named left join {_CONTRACTS} as contracts
        on contracts.type = named.type
        and (contracts.event is null or contracts.event = named.event)
        and (contracts.source is null or contracts.source = named.source)
    group by named.type, named.event, named.source
    having min(contracts.contract_no) is not null or named.type = 'track'
"""

_PLANNED_CALLS = f"""
    {CALLS} as calls inner join {FILES} as files using (file_no)
    inner join {_CONTRACT_OF} as contract_of
        on contract_of.type = calls.type and contract_of.event is not distinct from calls.event
        and contract_of.source = files.source
"""


# Judging


def _judge(warehouse: Warehouse, plan: TrackingPlan) -> Iterator[pa.Table]:
    for number, contract in enumerate(plan.contracts):
        documents = warehouse.read(
            f"select distinct {_DOCUMENT} as document from {_PLANNED_CALLS} "
            "where calls.code is null and contract_of.contract_no = $number",
            {"number": number},
        )["document"]
        for start in range(0, len(documents), DOCUMENTS_AT_ONCE):
            some = documents.slice(start, DOCUMENTS_AT_ONCE).combine_chunks()
            found = list(contract.schema.faults(some.to_pylist()))
            if found:
                yield _found_table(number, contract, some, found)


def _found_table(
    number: int, contract: Contract, documents: pa.Array, found: Sequence[Fault]
) -> pa.Table:
    """What is wrong, by field and rule; of schema ``_VIOLATIONS``."""
    # From the object that the library names to the properties that are missing or too much.
    places = [(fault, (*fault.path, *last)) for fault in found for last in _last_steps(fault)]
    columns = {
        "contract_no": [number] * len(places),
        "document": documents.take(pa.array([fault.document_no for fault, _ in places])),
        "field": [_pointer(path, contract.schema.names) for _, path in places],
        "rule": [fault.rule for fault, _ in places],
        "action": [str(_action(contract, fault.rule, path)) for fault, path in places],
        "property": [str(path[0]) if path else None for _, path in places],
        "place": [_pointer(path) for _, path in places],
    }
    # Two items of one list may break the same rule: that is one violation of the event.
    distinct = pa.table(columns).group_by(list(columns)).aggregate([])
    shown = [name for name in _VIOLATIONS.names if name != "occurrences"]
    counted = distinct.group_by(shown).aggregate([("place", "count")])
    return (
        counted.select([*shown, "place_count"])
        .rename_columns([*shown, "occurrences"])
        .cast(_VIOLATIONS)
    )


def _last_steps(fault: Fault) -> Sequence[tuple[str, ...]]:
    return [(name,) for name in fault.properties] or [()]


def _action(contract: Contract, rule: str, path: Sequence[str | int]) -> Action:
    """What to do; where there is no property that could be omitted, the violation is only noted."""
    action = contract.actions.of_rule(rule)
    is_missing = rule == "required" and len(path) == 1
    return Action.ALLOW if action is Action.OMIT and (is_missing or not path) else action


def _pointer(path: Sequence[str | int], names: Collection[str] | None = None) -> str:
    """A JSON pointer; a star stands for any item of a list.

    Args:
        path: From the document.
        names: Those that may be shown; all, if None.
    """
    return "".join(f"/{_step(step, names)}" for step in path) or "/"


def _step(step: str | int, names: Collection[str] | None) -> str:
    if isinstance(step, int):
        return "*"
    if names is not None and step not in names:
        return UNDECLARED
    return step.replace("~", "~0").replace("/", "~1")


# What is done about it


def _same_call(one: str, other: str) -> str:
    return " and ".join(
        f"{one}.{name} is not distinct from {other}.{name}" for name in _CALL.split(", ")
    )


_BREACHES_SQL = f"""
    create or replace temp table {_BREACHES} as
    select {_CALL}, files.load_id, files.source, files.file, calls.type,
        contract_of.shown_event as event, violated.field, violated.rule, violated.action,
        violated.property, violated.occurrences
    from {_PLANNED_CALLS}
    inner join {_VIOLATED} as violated
        on violated.contract_no = contract_of.contract_no and violated.document = {_DOCUMENT}
    where calls.code is null
    union all
    select {_CALL}, files.load_id, files.source, files.file, calls.type,
        contract_of.shown_event, '/', {literal(UNPLANNED_EVENT)}, 'quarantine', null, 1
    from {_PLANNED_CALLS}
    where calls.code is null and contract_of.contract_no is null and $unplanned = 'quarantine'
"""

_NOTED_SQL = f"""
    select load_id, source, file, line, position, type, event, field, rule, action,
        sum(occurrences)::bigint as occurrences, $now::timestamp as loaded_at
    from {_BREACHES} group by all
"""

_BROKEN_SQL = f"""
    insert into {BROKEN}
    with reasons as (
        select {_CALL}, list_sort(list_distinct(list(
            case when rule = {literal(UNPLANNED_EVENT)} then 'the plan does not know it'
            else 'field ' || field || ', rule ' || rule end
        ))) as said
        from {_BREACHES} where action = 'quarantine' group by all
    )
    select {_CALL}, 'the event breaks its tracking plan: '
        || array_to_string(said[:{NAMED_IN_REASON}], '; ')
        || case when len(said) > {NAMED_IN_REASON}
            then '; and ' || (len(said) - {NAMED_IN_REASON}) || ' more' else '' end
    from reasons
"""


def _omit(warehouse: Warehouse, form: EventFormat) -> None:
    """Take the offending properties out of the calls that stay, and out of what was read there."""
    warehouse.execute(_OMITTED_SQL)
    if not warehouse.scalar(f"select count(*) from {_OMITTED}"):
        return
    for document, types in (("traits", "in"), ("properties", "not in")):
        warehouse.execute(
            f"update {CALLS} as calls set {document} = json_merge_patch(calls.{document}, "
            f"omitted.patch) from {_OMITTED} as omitted "
            f"where {_same_call('calls', 'omitted')} and calls.type {types} ('identify', 'group')"
        )
    for column, places in READ_FROM.items():
        if column not in form.own_columns:
            warehouse.execute(_reread_sql(column, places))


_OMITTED_SQL = f"""
    create or replace temp table {_OMITTED} as
    with gone as (
        select distinct breaches.file_no, breaches.line, breaches.position, breaches.type, property,
            {_DOCUMENT} as document
        from {_BREACHES} as breaches
        inner join {CALLS} as calls on {_same_call("breaches", "calls")}
        anti join {BROKEN} as broken on {_same_call("breaches", "broken")}
        where action = 'omit'
    )
    select {_CALL}, list(property) as properties,
        any_value(type) in ('identify', 'group') as are_traits,
        json_group_object(property, null)::varchar as patch,
        list(json_extract_string(document, '$."' || replace(property, '"', '') || '"')) as said
    from gone group by all
"""


def _reread_sql(column: str, places: Sequence[tuple[str, str]]) -> str:
    """Read a column anew in the calls that lost one of the properties which it was read from."""
    texts = ", ".join(
        f"nullif(json_extract_string(calls.{document}, {literal('$.' + path)}), '')"
        for document, path in places
    )
    value = f"coalesce({texts})"
    value = email_sql(value) if column == "email" else value
    # A format may read a column from elsewhere: what it read there stays.
    cast = _CASTS.get(column, "varchar")
    bare = email_sql("text") if column == "email" else "text"
    is_said = (
        f"list_contains(list_transform(omitted.said, lambda text: try_cast({bare} as {cast})), "
        f"calls.{quoted(column)}::{cast})"
    )
    lost = " or ".join(
        f"(list_contains(omitted.properties, {literal(path)}) and "
        f"{'' if document == 'traits' else 'not '}omitted.are_traits)"
        for document, path in places
        if document != "context"
    )
    return (
        f"update {CALLS} as calls set {quoted(column)} = "
        f"try_cast({value} as {cast}) from {_OMITTED} as omitted "
        f"where {_same_call('calls', 'omitted')} and ({lost}) and {is_said}"
    )
