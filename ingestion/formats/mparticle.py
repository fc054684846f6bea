"""mParticle batches: what one user did, with who they are and on which device.

Source: mParticle's JSON reference and JSON Schema of the Events API, and its note on how outgoing
batches differ. One row per event; a batch that says something of a user but holds no event is one
row, an identify. Nothing here loops over batches or events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ingestion.files import LandingFile
from ingestion.formats import judged
from ingestion.formats import mparticle_fields as fields
from ingestion.formats import mparticle_rules as rules
from ingestion.formats.data_plan import BREACHES, DataPlan
from ingestion.formats.json_documents import read_document_blocks, read_documents
from ingestion.formats.json_text import REASONS as TEXT_REASONS
from ingestion.formats.json_text import shape_code_sql
from ingestion.formats.judged import CALLS, CARRIED, FILES, LINE_COLUMNS, REFUSED_LINES
from ingestion.record_rows import refused_text_sql
from warehouse import Warehouse, literal

# One row per batch of a block, and one per event; a refused batch is one event.
BATCHES = "candor_mparticle_batches"
EVENTS = "candor_mparticle_events"
# What breaks the data plan, of schema ``BREACHES``.
PLAN_BREACHES = "candor_mparticle_breaches"

# mParticle takes far less at once; what it sends out holds up to a few hundred events.
MAX_BATCH_BYTES = 4 * 1024 * 1024

_REASONS = {
    "too_large": f"the batch is longer than {MAX_BATCH_BYTES} bytes",
    "wrong_type": "a field of the specification has a value of the wrong type",
    "unknown_type": "event_type is none of mParticle's",
    "missing_field": "a required field is missing",
    "value_not_allowed": "a field has none of the values that the specification lists",
    "empty_batch": "the batch holds no event and says nothing of a user",
    "against_data_plan": "the batch or event breaks the source's data plan",
    "no_identity": "the batch names no user_identities, no device and no mpid",
}


@dataclass(frozen=True, slots=True)
class MparticleBatches:
    """Batches in JSON, one a line or printed over several lines; an ``EventFormat``.

    Attributes:
        plan: The company's data plan, by which batches are judged when they are loaded. It changes
            which rows are refused, never how many rows there are.
    """

    plan: DataPlan | None = None

    @property
    def reasons(self) -> Mapping[str, str]:
        """Every code of a refusal and what it means."""
        return TEXT_REASONS | judged.REASONS | _REASONS

    @property
    def own_columns(self) -> AbstractSet[str]:
        """The address is an identity of the user; no attribute is ever read as one."""
        return frozenset({"email"})

    def judge(
        self, warehouse: Warehouse, files: Sequence[LandingFile], *, now: datetime
    ) -> Iterator[None]:
        """Turn the files into tables of judged events, see ``EventFormat``."""
        for block in read_document_blocks(files):
            _take_apart(warehouse, block)
            with warehouse.view(PLAN_BREACHES, self._breaches(warehouse)):
                warehouse.execute(_judged_sql(), {"now": now})
            yield

    def carry(
        self, warehouse: Warehouse, file: LandingFile, worth: Callable[[pa.Table], pa.Table]
    ) -> Iterator[None]:
        """Turn a file into tables of whom its events name, see ``EventFormat``."""
        for whole in read_documents(file, 0):
            block = worth(whole)
            if block.num_rows:
                _take_apart(warehouse, block)
                warehouse.execute(_carried_sql())
                yield

    def _breaches(self, warehouse: Warehouse) -> pa.Table:
        if self.plan is None:
            return BREACHES.empty_table()
        batches = warehouse.read(
            f"select batch_no, text from {BATCHES} where shape_code is null "
            "or shape_code = 'null_byte' and json_valid(text) order by batch_no"
        )
        return self.plan.breaches(batches["batch_no"].to_pylist(), batches["text"].to_pylist())


def _take_apart(warehouse: Warehouse, block: pa.Table) -> None:
    with warehouse.view("candor_documents", block):
        warehouse.execute(_batches_sql())
    warehouse.execute(_events_sql())


def _batches_sql() -> str:
    """The statement that makes a row of each batch; a line may be an array of them."""
    paths = fields.paths_sql(fields.BATCH_TEXTS.values())
    faults = _faults(rules.BATCH_RULES, rules.BATCH_MEMBERS, "json", "")
    return f"""
    create or replace temp table {BATCHES} as
    with {_spread_sql()},
    measured as (select *, coalesce(strlen(text), octet_length(raw)) as bytes from spread),
    shaped as (select *, {shape_code_sql(MAX_BATCH_BYTES)} as shape_code from measured),
    good as (select *, case when shape_code is null then text end as json from shaped),
    parsed as (
        select file_no, line, last_line, place, item_no, raw, text, json, shape_code,
            json_extract_string(json, {paths}) as said,
            json_extract_string(json, {rules.paths_sql(rules.BATCH_RULES)}) as texts,
            json_type(json, {rules.paths_sql(rules.BATCH_RULES)}) as types
        from good
    ),
    named as (
        select file_no, line, last_line, place, item_no, raw, text, json, shape_code,
            {fields.fields_sql(fields.BATCH_TEXTS, "said")},
            {fields.device_sql()} as anonymous_id,
            json_type(json, '$.user_attributes') as user_attributes_type,
            coalesce(json_array_length(json, '$.events'), 0) as event_count,
            {_has_user_data()} as has_user_data,
            {", ".join(faults)}
        from parsed
    ),
    identified as (
        select * replace ({judged.email_sql(fields.identity_sql("email"))} as email),
            {fields.identity_sql("customer_id")} as user_id
        from named
    )
    select *, row_number() over () as batch_no,
        {_batch_code()} as batch_code, {_shown_fields()} as batch_fields,
        {fields.context_sql()} as context, {fields.traits_sql()} as traits,
        {fields.consent_sql()} as consent,
        case when batch_code is not null then sha256(coalesce(trim(text), hex(raw)))
            when event_count = 0 then sha256(json_extract(json, '$')::varchar) end as batch_hash
    from identified
    """


def _spread_sql() -> str:
    """The tables up to spread, with a row of each batch, or of a document that is none."""
    items = f"json_extract(text, {literal('$[*]')})"
    return f"""
    documents as (
        select file_no, line, last_line, place, raw, try(decode(raw)) as text
        from candor_documents
    ),
    listed as (
        select *, case when json_valid(text) then
            case when json_type(text) = 'ARRAY' and json_array_length(text) > 0
                then {items}::varchar[] end end as items
        from documents
    ),
    spread as (
        select file_no, line, last_line, place, raw, item_no, coalesce(item, text) as text
        from listed left join unnest(listed.items) with ordinality as found(item, item_no) on true
    )"""


def _events_sql() -> str:
    """The statement that makes a row of each event, and one of a batch without any."""
    faults = _faults(rules.EVENT_RULES, rules.EVENT_MEMBERS, "event", "event is not null and ")
    paths = fields.paths_sql(fields.EVENT_TEXTS.values())
    return f"""
    create or replace temp table {EVENTS} as
    with {_unnested_sql()},
    parsed as (
        select *, case when event is not null then json_type(event) end as event_json_type,
            json_extract_string(event, {paths}) as said,
            json_extract_string(event, {rules.paths_sql(rules.EVENT_RULES)}) as texts,
            json_type(event, {rules.paths_sql(rules.EVENT_RULES)}) as types
        from spread
    ),
    named as (
        select * exclude (said), {fields.fields_sql(fields.EVENT_TEXTS, "said")} from parsed
    ),
    faulty as (
        select * exclude (wrong_types, missing, not_allowed), {", ".join(faults)} from named
    ),
    coded as (
        select * exclude (texts, types), {_event_code()} as event_code,
            {_shown_fields()} as event_fields,
            {_moment("batch_ms")} as received_at, null::timestamp as sent_at,
            {_moment("given_ms")} as given_timestamp,
            coalesce({_moment("start_ms")}, {_moment("given_ms")}) as original_timestamp,
            {_unread_times()} as unread_times
        from faulty
    )
    select *, {_event_id()} as event_id from coded
    """


def _unnested_sql() -> str:
    """The tables up to spread, with a row of each event and its position in the line."""
    good = "case when batch_code is null then json_extract(json, '$.events[*]') end"
    rows_of_batch = "case when batch_code is null then greatest(event_count, 1) else 1 end"
    return f"""
    placed as (
        select batch_no, coalesce(sum({rows_of_batch}) over (
            partition by file_no, line order by place, item_no
            rows between unbounded preceding and 1 preceding
        ), 0)::integer as rows_before
        from {BATCHES}
    ),
    spread as (
        select batches.* exclude ({", ".join(_LARGE)}), found.event, found.event_no,
            placed.rows_before + coalesce(found.event_no, 1)::integer as position
        from {BATCHES} as batches
        inner join placed using (batch_no)
        left join unnest({good}) with ordinality as found(event, event_no) on true
    )"""


def _judged_sql() -> str:
    columns = ", ".join(f"{fields.column_sql(name)} as {name}" for name in LINE_COLUMNS)
    return f"""
    create or replace temp table {CALLS} as
    with planned as (
        select events.*, whole.fields as batch_breach, single.fields as event_breach
        from {EVENTS} as events
        left join {PLAN_BREACHES} as whole
            on whole.batch_no = events.batch_no and whole.event_no is null
        left join {PLAN_BREACHES} as single
            on single.batch_no = events.batch_no and single.event_no = events.event_no
    ),
    dated as (
        select planned.*, batches.context, batches.traits, batches.consent,
            {judged.happened_sql()} as happened_at
        from planned inner join {FILES} as files using (file_no)
        inner join {BATCHES} as batches using (batch_no)
    ),
    timed as (select *, {_code()} as code from dated)
    select file_no, line, position, code, {_detail()} as detail, {columns}
    from timed
    """


def _carried_sql() -> str:
    """Two events of a line with one id are told apart: only the first one can have been stored."""
    return f"""
    create or replace temp table {CARRIED} as
    with repeated as (
        select batch_no, position,
            row_number() over (partition by line, event_id order by position) as repeat
        from {EVENTS}
    )
    select events.line, events.last_line,
        event_id || case when repeat > 1 then '#' || repeat else '' end as event_id,
        {", ".join(f"{fields.column_sql(name)} as {name}" for name in _CARRIED_COLUMNS)},
        case when events.shape_code is not null
            or events.line in (select line from {REFUSED_LINES})
            then {refused_text_sql("batches.raw")} end as refused
    from {EVENTS} as events
    inner join repeated using (batch_no, position)
    inner join (select batch_no, raw from {BATCHES}) as batches using (batch_no)
    """


# What is not written out once for each event, but joined when it is wanted.
_LARGE = ("raw", "text", "json", "context", "traits", "consent")
_CARRIED_COLUMNS = ("anonymous_id", "user_id", "previous_id", "email")


def _faults(
    field_rules: Sequence[rules.Rule],
    members: Sequence[tuple[str, str, str]],
    document: str,
    condition: str,
) -> tuple[str, ...]:
    found = {
        "wrong_types": rules.wrong_types_sql(field_rules, members, document),
        "missing": rules.missing_sql(field_rules),
        "not_allowed": rules.not_allowed_sql(field_rules),
    }
    return tuple(
        f"case when {condition}true then {sql} end as {name}" for name, sql in found.items()
    )


def _batch_code() -> str:
    return """
    case
        when shape_code is not null then shape_code
        when wrong_types is not null then 'wrong_type'
        when missing is not null then 'missing_field'
        when not_allowed is not null then 'value_not_allowed'
        when event_count = 0 and not has_user_data then 'empty_batch'
        when coalesce(user_id, anonymous_id, email) is null then 'no_identity'
    end"""


def _event_code() -> str:
    types = ", ".join(literal(name) for name in rules.EVENT_TYPES)
    return f"""
    case
        when event is null then null
        when event_json_type <> 'OBJECT' then 'wrong_type'
        when wrong_types is not null then 'wrong_type'
        when event_type not in ({types}) then 'unknown_type'
        when missing is not null then 'missing_field'
        when not_allowed is not null then 'value_not_allowed'
    end"""


def _shown_fields() -> str:
    """The fields at fault of the kind that gave the code."""
    return "coalesce(wrong_types, missing, not_allowed)"


def _code() -> str:
    """A batch with a null character is judged by its plan too, which tells more of it."""
    return f"""
    case
        when batch_code is not null and not (batch_code = 'null_byte' and batch_breach is not null)
            then batch_code
        when event_code is not null then event_code
        when coalesce(batch_breach, event_breach) is not null then 'against_data_plan'
        when unread_times is not null or happened_at is null then 'invalid_timestamp'
        when {judged.is_implausible_sql("happened_at", "given_timestamp")}
            then 'implausible_timestamp'
    end"""


def _detail() -> str:
    """Which fields are at fault, for the reason; never what they hold."""
    return """
    case
        when code = 'against_data_plan' and batch_breach is not null then batch_breach
        when code is null or (batch_code is not null and batch_fields is null) then null
        when batch_code is not null then batch_fields
        when event_no is null then 'timestamp_unixtime_ms'
        else 'events[' || (event_no - 1) || ']' || case
            when event_json_type <> 'OBJECT' then ''
            when code = 'unknown_type' then ': event_type'
            when code = 'against_data_plan' then ': ' || event_breach
            when event_code is not null then ': ' || event_fields
            else ': ' || coalesce(unread_times, 'data.timestamp_unixtime_ms') end
    end"""


def _event_id() -> str:
    """The tracker's id of an event; else what it says, of whom, and when it was said.

    An event that tells no time is the same only as part of the same batch. One that is refused for
    its form never has the id of one that is stored.
    """
    said = """concat_ws(chr(31), event::varchar, user_id, email, anonymous_id,
        case when coalesce(given_ms, start_ms) is null then concat_ws('|', batch_ms, request_id) end)"""
    batch = "coalesce(request_id, batch_id)"
    return f"""
    case
        when batch_code is not null then batch_hash
        when event is null then coalesce('mparticle-batch-' || {batch}, batch_hash)
        when event_code is not null then sha256({said})
        else coalesce(message_id, sent_message_id, 'mparticle-' || number_id, sha256({said}))
    end"""


def _has_user_data() -> str:
    paths = (
        "['$.user_attributes', '$.user_identities', '$.consent_state', '$.deleted_user_attributes']"
    )
    return f"len(list_filter(json_type(json, {paths}), lambda one: one <> 'NULL')) > 0"


def _moment(ms: str) -> str:
    return f"try(epoch_ms(try_cast({ms} as bigint)))"


def _unread_times() -> str:
    cases = ", ".join(
        f"case when {ms} is not null and {_moment(ms)} is null then {literal(path)} end"
        for ms, path in (
            ("given_ms", "data.timestamp_unixtime_ms"),
            ("start_ms", "data.event_start_unixtime_ms"),
            ("batch_ms", "timestamp_unixtime_ms"),
        )
    )
    return f"nullif(concat_ws(', ', {cases}), '')"
