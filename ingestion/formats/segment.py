"""Segment-spec calls, one JSON object a line, judged and read by the engine.

Source: the Segment Spec (calls, common fields, message id), and Segment's stated limit of 32 KB a
call. Nothing here loops over lines: Python hands blocks of raw bytes to SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from ingestion.field_values import text_sql
from ingestion.files import LandingFile, read_ahead, read_blocks, read_lines
from ingestion.formats import judged
from ingestion.formats.json_text import REASONS as TEXT_REASONS
from ingestion.formats.json_text import odd_lines, shape_code_sql
from ingestion.formats.judged import CALLS, CARRIED, FILES, LINE_COLUMNS, REFUSED_LINES
from ingestion.record_rows import refused_text_sql
from warehouse import Warehouse, literal

TYPES = ("identify", "page", "screen", "track", "group", "alias")
# Segment refuses calls above 32 KB; a longer one never came from its API.
MAX_CALL_BYTES = 32 * 1024

_TEXTS = {
    "message_id": "$.messageId", "type": "$.type", "event": "$.event", "name": "$.name",
    "anonymous_id": "$.anonymousId", "user_id": "$.userId", "previous_id": "$.previousId",
    "group_id": "$.groupId", "original_timestamp": "$.originalTimestamp", "sent_at": "$.sentAt",
    "received_at": "$.receivedAt", "given_timestamp": "$.timestamp",
    "trait_email": "$.traits.email", "context_email": "$.context.traits.email",
    "property_email": "$.properties.email", "page_url": "$.context.page.url",
    "page_path": "$.context.page.path", "page_title": "$.context.page.title",
    "page_referrer": "$.context.page.referrer", "property_url": "$.properties.url",
    "property_path": "$.properties.path", "property_title": "$.properties.title",
    "property_referrer": "$.properties.referrer", "campaign_source": "$.context.campaign.source",
    "campaign_medium": "$.context.campaign.medium", "campaign_name": "$.context.campaign.name",
    "ip": "$.context.ip", "user_agent": "$.context.userAgent", "locale": "$.context.locale",
    "timezone": "$.context.timezone", "device_type": "$.context.device.type",
    "content_id": "$.properties.content_id", "scroll_depth": "$.properties.scroll_depth",
    "time_on_page_s": "$.properties.time_on_page_s", "query": "$.properties.query",
    "properties": "$.properties", "traits": "$.traits", "context": "$.context",
    "consent": "$.context.consent", "action": "$.action", "snake_user_id": "$.user_id",
    "channel": "$.channel", "session_id": "$.context.sessionId",
    "campaign_term": "$.context.campaign.term", "campaign_content": "$.context.campaign.content",
    "asset": "$.properties.asset", "file_name": "$.properties.file_name",
    "position": "$.properties.position", "block": "$.properties.block",
    "placement": "$.properties.placement", "location": "$.properties.location",
}  # fmt: skip
# Older pages of the Spec (e-mail, video, live chat) name the type "action" and the user "user_id".
_ELDER_NAMES = {"type": "action", "user_id": "snake_user_id"}
# Fields that other rows are compared by, beside those of another name: blanks around them mean
# nothing. Trimming all fields would cost a quarter of the whole load.
_TRIMMED = frozenset({
    "message_id", "type", "action", "event", "name", "anonymous_id", "user_id", "snake_user_id",
    "previous_id", "group_id", "session_id", "trait_email", "context_email", "property_email",
})  # fmt: skip
_DOCUMENTS = frozenset({"properties", "traits", "context", "consent"})
# Which JSON types a field may have: ids are texts, or numbers that some trackers send.
_ID, _TEXT, _OBJECT = (
    ("VARCHAR", "UBIGINT", "BIGINT", "NULL"),
    ("VARCHAR", "NULL"),
    ("OBJECT", "NULL"),
)
_TYPES = {
    "$.messageId": _ID, "$.anonymousId": _ID, "$.userId": _ID, "$.user_id": _ID,
    "$.previousId": _ID, "$.groupId": _ID, "$.type": _TEXT, "$.event": _TEXT, "$.name": _TEXT,
    "$.originalTimestamp": _TEXT, "$.sentAt": _TEXT, "$.receivedAt": _TEXT, "$.timestamp": _TEXT,
    "$.properties": _OBJECT, "$.traits": _OBJECT, "$.context": _OBJECT, "$.context.page": _OBJECT,
    "$.context.consent": _OBJECT,
}  # fmt: skip
# Which of the types a line has are not allowed.
_HAS_WRONG_TYPE = f"""
    len(list_filter(
        json_type(json, [{", ".join(literal(path) for path in _TYPES)}]),
        lambda type, place: type is not null
            and not list_contains([{", ".join(str(list(one)) for one in _TYPES.values())}][place], type)
    )) > 0"""
_IDS = ("message_id", "anonymous_id", "user_id", "snake_user_id", "previous_id", "group_id")
_TIMES = ("original_timestamp", "sent_at", "received_at", "given_timestamp")


@dataclass(frozen=True, slots=True)
class SegmentCalls:
    """Calls in the form of the Segment spec, or of a tool that follows it; an ``EventFormat``.

    Attributes:
        types: Names of the calls.
        max_bytes: The longest call that the tool's API takes.
        texts: Fields beside those of the Segment spec: name and path.
        columns: Expressions over the fields, for columns of ``raw.events`` that are read otherwise
            than the Segment spec says.
        elders: Fields that may have another name: theirs and that of the field that holds it.
        refusals: Further codes, each with its reason and a test over the fields and ``json``.
    """

    types: tuple[str, ...] = TYPES
    max_bytes: int = MAX_CALL_BYTES
    texts: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    elders: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Every code of a refusal and what it means."""
        return (
            TEXT_REASONS
            | judged.REASONS
            | {
                "too_large": f"the call is longer than {self.max_bytes} bytes, the limit of its API",
                "wrong_type": "a field of the specification has a value of the wrong type",
                "unknown_type": f"the call's type is none of {', '.join(self.types)}",
                "no_identity": "there is no userId, no anonymousId and no address in context.traits.email",
                "no_event_name": "a track call without the name of its event",
            }
            | {code: why for code, (why, _) in self.refusals.items()}
        )

    @property
    def own_columns(self) -> AbstractSet[str]:
        """None."""
        return frozenset()

    def judge(
        self, warehouse: Warehouse, files: Sequence[LandingFile], *, now: datetime
    ) -> Iterator[None]:
        """Turn the files into tables of judged calls, see ``EventFormat``."""
        for block in read_ahead(_with_oddity(block) for block in read_blocks(files)):
            with warehouse.view("candor_lines", block):
                warehouse.execute(self.judged_sql(), {"now": now})
            yield

    def carry(
        self, warehouse: Warehouse, file: LandingFile, worth: Callable[[pa.Table], pa.Table]
    ) -> Iterator[None]:
        """Turn a file into tables of whom its lines name, see ``EventFormat``."""
        for whole in read_lines(file, 0):
            block = worth(whole)
            if block.num_rows:
                with warehouse.view("candor_lines", block):
                    warehouse.execute(self.carried_sql())
                yield

    def judged_sql(self) -> str:
        """The statement that turns the view ``candor_lines`` into the table of judged calls."""
        return f"""
        create or replace temp table {CALLS} as
        with texts as (
            select file_no, line, is_odd, octet_length(raw) as bytes, try(decode(raw)) as text
            from candor_lines
        ),
        shaped as (
            select *, {shape_code_sql(self.max_bytes, "is_odd")} as shape_code from texts
        ),
        good as (
            select *, case when shape_code is null then text end as json from shaped
        ),
        parsed as (
            select file_no, line, is_odd, shape_code, json,
                json_extract_string(json, {_paths(self._texts.values())}) as texts
            from good
        ),
        listed as (
            select file_no, line, is_odd, shape_code, json, {_listed(len(self._texts))} from parsed
        ),
        named as (
            select file_no, line, is_odd, shape_code, json, {self._named(list(self._texts))}
            from listed
        ),
        timed as (select *, {_timed()} from named),
        dated as (
            select timed.*, {judged.happened_sql()} as happened_at
            from timed inner join {FILES} as files using (file_no)
        )
        select file_no, line, 1 as position, coalesce(shape_code, {self._call_code()}) as code,
            {self._columns()}
        from dated
        """

    def carried_sql(self) -> str:
        """The statement that turns ``candor_lines`` into the table of whom each line names."""
        names = list(_IDENTIFYING) + list(self.texts)
        paths = _paths(self._texts[name] for name in names)
        return f"""
        create or replace temp table {CARRIED} as
        with texts as (select line, raw, try(decode(raw)) as text from candor_lines),
        documents as (
            select line, raw, case when json_valid(text) then
                case when json_type(text) = 'OBJECT' and not contains(text, '\u0000') then text end
                end as json
            from texts
        ),
        parsed as (
            select line, raw, json, json_extract_string(json, {paths}) as texts from documents
        ),
        listed as (select line, raw, json, {_listed(len(names))} from parsed),
        named as (select line, raw, json, {self._named(names)} from listed)
        select line, line as last_line, {self._columns(_CARRIED_COLUMNS)},
            case when json is null or line in (select line from {REFUSED_LINES})
                then {refused_text_sql("raw")} end as refused
        from named
        """

    @property
    def _texts(self) -> Mapping[str, str]:
        return {**_TEXTS, **self.texts}

    def _named(self, names: Sequence[str]) -> str:
        elders = {**_ELDER_NAMES, **self.elders}
        return ", ".join(f"{_value(name, names, elders)} as {_written(name)}" for name in names)

    def _call_code(self) -> str:
        """The checks that look at the fields."""
        types = ", ".join(literal(name) for name in self.types)
        # Trackers put an id of the call or a time into each call, and somebody's id. A call without
        # any, as in examples of the specification, is written by hand: it is counted, and is nobody's.
        has_envelope = f"coalesce(message_id, {', '.join(map(_written, _TIMES))}) is not null"
        return f"""
        case
            when case when {_may_have_wrong_type(types)} then {_HAS_WRONG_TYPE} else false end
                then 'wrong_type'
            when type is null or type not in ({types}) then 'unknown_type'
            when coalesce({self._column("user_id")}, anonymous_id, context_email) is null
                and {has_envelope} then 'no_identity'
            when type = 'track' and event is null then 'no_event_name'
            {" ".join(f"when {test} then {literal(code)}" for code, (_, test) in self.refusals.items())}
            when {_unread_time()} or happened_at is null then 'invalid_timestamp'
            when {judged.is_implausible_sql("happened_at", "given_timestamp")}
                then 'implausible_timestamp'
        end"""

    def _columns(self, names: Sequence[str] = LINE_COLUMNS) -> str:
        """Columns of ``raw.events`` that come from the line."""
        return ", ".join(f"{self._column(name)} as {name}" for name in names)

    def _column(self, name: str) -> str:
        return self.columns.get(name, _COLUMNS.get(name, name))


_IDENTIFYING = (
    "message_id", "anonymous_id", "user_id", "previous_id", "trait_email", "context_email",
    "property_email", "snake_user_id",
)  # fmt: skip
_CARRIED_COLUMNS = ("event_id", "anonymous_id", "user_id", "previous_id", "email")

# How columns of raw.events are read from the fields; the others have the field's name.
_COLUMNS = {
    # A call without an id is known by what its line says.
    "event_id": "coalesce(message_id, case when message_id is null "
    "then sha256(rtrim(json, chr(10) || chr(13))) end)",
    "event": "coalesce(event, name)",
    "email": judged.email_sql("coalesce(trait_email, context_email, property_email)"),
    "timestamp": "happened_at",
    "is_late": judged.is_late_sql("happened_at"),
    "page_url": "coalesce(page_url, property_url)",
    "page_path": "coalesce(page_path, property_path)",
    "page_title": "coalesce(page_title, property_title)",
    "page_referrer": "coalesce(page_referrer, property_referrer)",
    "scroll_depth": "try_cast(scroll_depth as double)",
    "time_on_page_s": "try_cast(time_on_page_s as double)",
    "search_query": "query",
    "download": "coalesce(asset, file_name)",
    "item_position": "try_cast(position as bigint)",
    "block": "coalesce(block, placement, location)",
}


def _listed(count: int) -> str:
    """The texts as columns: the engine would look into the list anew for each mention of one."""
    return ", ".join(f"texts[{place}] as text_{place}" for place in range(1, count + 1))


def _value(name: str, names: Sequence[str], elders: Mapping[str, str]) -> str:
    """A field's text, null when empty, by its name or by the one it used to have."""
    text = f"text_{names.index(name) + 1}"
    if name not in _DOCUMENTS:
        is_compared = name in _TRIMMED or name in elders.values()
        text = text_sql(text) if is_compared else f"nullif({text}, '')"
    elder = elders.get(name)
    return text if elder is None else f"coalesce({text}, {_value(elder, names, elders)})"


def _written(name: str) -> str:
    """The name of a field's text; a time has its own when it is read."""
    return f"{name}_text" if name in _TIMES else name


def _timed() -> str:
    return ", ".join(f"{judged.time_sql(_written(name))} as {name}" for name in _TIMES)


def _unread_time() -> str:
    return " or ".join(f"({_written(name)} is not null and {name} is null)" for name in _TIMES)


def _may_have_wrong_type(types: str) -> str:
    """A quick look at the texts of the fields; to ask for the types takes a pass over the line."""
    # A text may begin with a brace as well, but then the line is odd or spells it with an escape.
    is_escaped = r"case when contains(json, '\') then contains(json, '\u007') else false end"
    documents = (f"not starts_with({name}, '{{')" for name in sorted(_DOCUMENTS))
    page = "coalesce(page_url, page_path, page_title, page_referrer) is null"
    tests = [
        "is_odd", is_escaped, *documents, f"({page} and contains(context, '\"page\":'))",
        f"type not in ({types})", _unread_time(),
        *(_may_be_no_text(name) for name in ("event", "name")),
        *(_may_be_no_id(name) for name in _IDS),
    ]  # fmt: skip
    return f"coalesce({' or '.join(tests)}, false)"


def _may_be_no_text(name: str) -> str:
    return f"{name} < ':' or {_may_be_nested(name)}"


def _may_be_no_id(name: str) -> str:
    """A fraction is no id, but whole numbers are."""
    fraction = " or ".join(f"contains({name}, '{sign}')" for sign in ".eE")
    return f"({name} < ':' and strlen({name}) < 26 and ({fraction})) or {_may_be_nested(name)}"


def _may_be_nested(name: str) -> str:
    return rf"({name} >= '[' and {name} < '\') or {name} >= '{{' or {name} in ('true', 'false')"


def _with_oddity(block: pa.Table) -> pa.Table:
    return block.append_column("is_odd", odd_lines(block["raw"]))


def _paths(paths: Iterable[str]) -> str:
    return f"[{', '.join(literal(path) for path in paths)}]"
