"""Segment-spec calls, one JSON object a line, judged and read by the engine.

Source: the Segment Spec (calls, common fields, message id), and Segment's stated limit of 32 KB a
call. Nothing here loops over lines: Python hands blocks of raw bytes to SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingestion.inventory import EVENTS
from ingestion.record_rows import refused_text_sql
from warehouse import quoted

# What one block becomes: a row per line, with a code where the line is refused.
CALLS = "candor_calls"
# Who is named in each line of a block.
CARRIED = "candor_carried_calls"
# The files of the lines: file_no, load_id, source, file, modified_at.
FILES = "candor_files"

TYPES = ("identify", "page", "screen", "track", "group", "alias")
# Segment refuses calls above 32 KB; a longer one never came from its API.
MAX_CALL_BYTES = 32 * 1024
# The deepest payload of the Spec has 5 levels; this leaves room and keeps parsers from harm.
MAX_DEPTH = 64
# Nothing was tracked before; device clocks that restart at 1970 or 1980 fall below.
EARLIEST = "2000-01-01"
# A server's clock may be wrong by a time zone, not by days.
MAX_AHEAD = "48 hours"

# Why a line is refused, first match wins; the reason never holds a value of the line.
REASONS = {
    "invalid_utf8": "the line is not UTF-8 text",
    "too_large": f"the call is longer than {MAX_CALL_BYTES} bytes, Segment's limit",
    "null_byte": "the line holds a null character",
    "invalid_json": "the line is not complete JSON",
    "not_an_object": "the line is JSON but not an object",
    "empty_object": "the object has no fields",
    "too_deep": f"the object nests deeper than {MAX_DEPTH} levels",
    "number_out_of_range": "a number is too large for 64 bits, or is not a number",
    "wrong_type": "a field of the Segment spec has a value of the wrong type",
    "unknown_type": f"the call's type is none of {', '.join(TYPES)}",
    "no_identity": "there is no userId, no anonymousId and no address in context.traits.email",
    "no_event_name": "a track call without the name of its event",
    "invalid_timestamp": "a timestamp cannot be read",
    "implausible_timestamp": f"the time lies before {EARLIEST} or more than {MAX_AHEAD} ahead",
    "suppressed": "the line belongs to a person who was erased",
}

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
}  # fmt: skip
# Older pages of the Spec (e-mail, video, live chat) name the type "action" and the user "user_id".
_ELDER_NAMES = {"type": "action", "user_id": "snake_user_id"}
# Fields that other rows are compared by: blanks around them mean nothing. Trimming all fields would
# cost a quarter of the whole load.
_TRIMMED = frozenset({
    "message_id", "type", "action", "event", "name", "anonymous_id", "user_id", "snake_user_id",
    "previous_id", "group_id", "trait_email", "context_email", "property_email",
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
# A quick look for numbers that need a closer one: long, with a large exponent, or none at all.
_WILD_NUMBER = r"[:,\[]\s*-?(?:[0-9]{17}|[0-9]+(?:[.][0-9]+)?[eE][+]?[0-9]{3}|NaN|Infinity)"
# A call without an id is known by what its line says.
_EVENT_ID = (
    "coalesce(message_id, case when message_id is null "
    "then sha256(rtrim(json, chr(10) || chr(13))) end)"
)
# What surrounds an address and is none of it, as identifiers.normalise_email takes it away: whoever
# was erased is known by the bare address alone.
_EMAIL = (
    "nullif(regexp_replace(lower(coalesce(trait_email, context_email, property_email)), "
    r"'^[\s\p{Z}<>]*(mailto:)?[\s\p{Z}<>]*|[\s\p{Z}<>]+$', '', 'g'), '')"
)
_TIMES = ("original_timestamp", "sent_at", "received_at", "given_timestamp")


def judged_calls_sql() -> str:
    """The statement that turns the view ``candor_lines`` into the table of judged calls.

    Wants the parameter ``now`` and the view ``candor_files``. One row per line: file_no, line,
    code (null when good), and every column of ``raw.events`` that comes from the line.
    """
    return f"""
    create or replace temp table {CALLS} as
    with texts as (
        select file_no, line, octet_length(raw) as bytes, try(decode(raw)) as text
        from candor_lines
    ),
    shaped as (
        select *, {_shape_code()} as shape_code from texts
    ),
    good as (
        select *, case when shape_code is null then text end as json from shaped
    ),
    parsed as (
        select file_no, line, shape_code, json,
            json_extract_string(json, {_paths(_TEXTS.values())}) as texts,
            json_type(json, {_paths(_TYPES)}) as types
        from good
    ),
    named as (
        select file_no, line, shape_code, json, types, {_named()}
        from parsed
    ),
    timed as (
        select * replace ({_timed()}), {_unread_time()} as has_unread_time from named
    ),
    dated as (
        select timed.*, {_happened()} as happened_at
        from timed inner join {FILES} as files using (file_no)
    )
    select file_no, line, coalesce(shape_code, {_call_code()}) as code,
        {_columns()}
    from dated
    """


def tie_sql(relation: str) -> str:
    """A number by which two copies of an event that were received at one moment are told apart.

    It follows from what the event says alone, so that it does not matter which came first.
    """
    said = ", ".join(f"{relation}.{quoted(name)}::varchar" for name in _TIE_COLUMNS)
    return f"md5_number_lower(concat_ws(chr(31), {said}))"


def carried_sql(refused_lines: str) -> str:
    """The statement that turns ``candor_lines`` into the table of whom each line names.

    One row per line: line, event_id, the identifiers that ``raw.events`` has, and ``refused``: the
    text of a line that is no JSON object, or that the view ``refused_lines`` lists.
    """
    names = [
        "message_id", "anonymous_id", "user_id", "previous_id", "trait_email", "context_email",
        "property_email", "snake_user_id",
    ]  # fmt: skip
    listed = ", ".join(f"{_value(name, names)} as {name}" for name in names)
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
        select line, raw, json, json_extract_string(json, {_paths(_TEXTS[n] for n in names)}) as texts
        from documents
    ),
    named as (select line, raw, json, {listed} from parsed)
    select line, anonymous_id, user_id, previous_id, {_EMAIL} as email,
        {_EVENT_ID} as event_id,
        case when json is null or line in (select line from {refused_lines})
            then {refused_text_sql("raw")} end as refused
    from named
    """


def _shape_code() -> str:
    """The checks that look at the text as a whole, cheapest first.

    A costly check stands in a case of its own: the engine evaluates both sides of an ``and``, but a
    branch of a case only for the rows that reach it.
    """
    return f"""
    case
        when text is null then 'invalid_utf8'
        when bytes > {MAX_CALL_BYTES} + 2 then 'too_large'
        when contains(text, chr(0)) or contains(text, '\\u0000') then 'null_byte'
        when not json_valid(text) then 'invalid_json'
        when json_type(text) <> 'OBJECT' then 'not_an_object'
        when regexp_full_match(text, '\\s*\\{{\\s*\\}}\\s*') then 'empty_object'
        when case when {_many_brackets()} then {_is_too_deep()} else false end
            then 'too_deep'
        when case when regexp_matches(text, '{_WILD_NUMBER}') then {_has_wild_number()} else false end
            then 'number_out_of_range'
    end"""


def _without_strings() -> str:
    return r"""regexp_replace(text, '"(?:[^"\\]|\\.)*"', '', 'g')"""


def _many_brackets() -> str:
    return f"length(text) - length(replace(replace(text, '{{', ''), '[', '')) > {MAX_DEPTH}"


def _is_too_deep() -> str:
    """Whether brackets are left after the innermost pairs were taken away MAX_DEPTH times."""
    brackets = f"regexp_replace({_without_strings()}, '[^][{{}}]', '', 'g')"
    rounds = f"list_transform(range({MAX_DEPTH}), lambda i: '')"
    return rf"""
    length(list_reduce(
        list_prepend({brackets}, {rounds}),
        lambda remaining, turn: regexp_replace(remaining, '\{{\}}|\[\]', '', 'g')
    )) > 0"""


def _has_wild_number() -> str:
    """Beyond 64 bits as a whole number, beyond a double as a fraction, or NaN."""
    return f"""
    (regexp_matches({_without_strings()}, 'NaN|Infinity')
        or len(list_filter(
            regexp_extract_all({_without_strings()}, '-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?'),
            lambda n: not isfinite(coalesce(try_cast(n as double), 'inf'::double))
                or (regexp_full_match(n, '-?[0-9]+') and try_cast(n as bigint) is null
                    and try_cast(n as ubigint) is null)
        )) > 0)"""


def _named() -> str:
    return ", ".join(f"{_value(name, list(_TEXTS))} as {name}" for name in _TEXTS)


def _value(name: str, names: Sequence[str]) -> str:
    """A field's text, null when empty, by its name or by the one it used to have."""
    text = f"texts[{names.index(name) + 1}]"
    if name not in _DOCUMENTS:
        text = f"nullif(trim({text}), '')" if name in _TRIMMED else f"nullif({text}, '')"
    elder = _ELDER_NAMES.get(name)
    return text if elder is None else f"coalesce({text}, {_value(elder, names)})"


def _timed() -> str:
    return ", ".join(f"try_cast({name} as timestamptz)::timestamp as {name}" for name in _TIMES)


def _unread_time() -> str:
    unread = (
        f"({name} is not null and try_cast({name} as timestamptz) is null)" for name in _TIMES
    )
    return " or ".join(f"coalesce({test}, false)" for test in unread)


def _happened() -> str:
    """Segment's clock rule: receivedAt - (sentAt - originalTimestamp), else the best clock given.

    A call that tells no time was received, as far as anybody knows, when its file was written.
    """
    return """
    coalesce(
        try(received_at - (sent_at - original_timestamp)),
        given_timestamp, original_timestamp, received_at, sent_at,
        least(files.modified_at, $now)
    )"""


def _call_code() -> str:
    """The checks that look at the fields."""
    limit = f"coalesce(received_at, $now) + interval '{MAX_AHEAD}'"
    implausible = " or ".join(
        f"{moment} < timestamp '{EARLIEST}' or {moment} > {limit}"
        for moment in ("happened_at", "given_timestamp")
    )
    types = ", ".join(f"'{name}'" for name in TYPES)
    wrong = " or ".join(
        f"types[{place}] not in {allowed}" for place, allowed in enumerate(_TYPES.values(), start=1)
    )
    return f"""
    case
        when {wrong} then 'wrong_type'
        when type is null or type not in ({types}) then 'unknown_type'
        when coalesce(user_id, anonymous_id, context_email) is null
            then 'no_identity'
        when type = 'track' and event is null then 'no_event_name'
        when has_unread_time or happened_at is null then 'invalid_timestamp'
        when ({implausible}) or received_at > $now + interval '{MAX_AHEAD}'
            then 'implausible_timestamp'
    end"""


def _columns() -> str:
    """The columns of ``raw.events`` that come from the line."""
    computed = {
        "event_id": _EVENT_ID,
        "event": "coalesce(event, name)",
        "email": _EMAIL,
        "timestamp": "happened_at",
        "page_url": "coalesce(page_url, property_url)",
        "page_path": "coalesce(page_path, property_path)",
        "page_title": "coalesce(page_title, property_title)",
        "page_referrer": "coalesce(page_referrer, property_referrer)",
        "scroll_depth": "try_cast(scroll_depth as double)",
        "time_on_page_s": "try_cast(time_on_page_s as double)",
        "search_query": "query",
    }
    return ", ".join(f"{computed.get(name, name)} as {name}" for name in LINE_COLUMNS)


_TIE_COLUMNS = (
    "type", "event", "anonymous_id", "user_id", "previous_id", "group_id", "email", "timestamp",
    "original_timestamp", "sent_at", "page_url", "ip", "properties", "traits", "context",
)  # fmt: skip


def _paths(paths: Iterable[str]) -> str:
    listed = ", ".join(f"'{path}'" for path in paths)
    return f"[{listed}]"


# Everything but where the row came from.
LINE_COLUMNS = tuple(
    name
    for name in EVENTS.column_names
    if name not in {"load_id", "source", "file", "line", "loaded_at"}
)
