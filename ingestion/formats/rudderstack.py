"""RudderStack calls: the Segment spec, with a merge call, a channel, and consent by category.

Source: RudderStack's event spec (common fields, merge, consent management) and its warehouse
schema, which writes the common fields in snake case.
"""

from __future__ import annotations

from ingestion.field_values import text_sql
from ingestion.formats.judged import email_sql
from ingestion.formats.segment import TYPES, SegmentCalls

# RudderStack's SDKs and gateway take calls of up to 4 MB.
MAX_CALL_BYTES = 4 * 1024 * 1024

_TEXTS = {
    "context_traits": "$.context.traits",
    "request_ip": "$.request_ip",
    "rudder_id": "$.rudderId",
    "consents_allowed": "$.context.consentManagement.allowedConsentIds",
    "consents_denied": "$.context.consentManagement.deniedConsentIds",
    "snake_message_id": "$.message_id",
    "snake_anonymous_id": "$.anonymous_id",
    "snake_previous_id": "$.previous_id",
    "snake_group_id": "$.group_id",
    "snake_original_timestamp": "$.original_timestamp",
    "snake_sent_at": "$.sent_at",
    "snake_received_at": "$.received_at",
}
_ELDERS = {
    "message_id": "snake_message_id",
    "anonymous_id": "snake_anonymous_id",
    "previous_id": "snake_previous_id",
    "group_id": "snake_group_id",
    "original_timestamp": "snake_original_timestamp",
    "sent_at": "snake_sent_at",
    "received_at": "snake_received_at",
}


def _merged(*types: str) -> str:
    """The values of these types that a merge call joins, as a list; empty for other calls."""
    names = ", ".join(f"'{name}'" for name in types)
    return f"""
    list_filter(
        list_transform(
            list_filter(json_extract(json, '$.mergeProperties[*]'),
                lambda one: lower(json_extract_string(one, '$.type')) in ({names})),
            lambda one: {text_sql("json_extract_string(one, '$.value')")}),
        lambda one: one is not null)"""


def _is_no_merge() -> str:
    texts = (f"json_extract_string(one, '$.{name}')" for name in ("type", "value"))
    said = " and ".join(f"{text_sql(text)} is not null" for text in texts)
    items = "json_extract(json, '$.mergeProperties[*]')"
    return (
        f"case when type = 'merge' then len(list_filter({items}, lambda one: {said})) < 2 "
        "else false end"
    )


def _consents(ids: str, decision: str) -> str:
    """Members of a JSON object, one for each category in a list of ids; null where it is none."""
    listed = f"json_extract({ids}, '$[*]')"
    return f"""
    case when json_valid({ids}) then
        list_transform({listed}, lambda one:
            to_json(json_extract_string(one, '$'))::varchar || ':{decision}') end"""


_USERS = _merged("userid", "user_id")
_DEVICES = _merged("anonymousid", "anonymous_id", "deviceid", "device_id")
_EMAILS = _merged("email")
_USER_ID = f"coalesce(user_id, {_USERS}[1])"

RUDDERSTACK_CALLS = SegmentCalls(
    types=(*TYPES, "merge"),
    max_bytes=MAX_CALL_BYTES,
    texts=_TEXTS,
    elders=_ELDERS,
    columns={
        "user_id": _USER_ID,
        "previous_id": f"""
        coalesce(previous_id, list_filter({_USERS}, lambda one: one <> {_USER_ID})[1])""",
        "anonymous_id": f"coalesce(anonymous_id, {_DEVICES}[1])",
        "email": email_sql(f"coalesce(trait_email, context_email, property_email, {_EMAILS}[1])"),
        "ip": "coalesce(ip, request_ip)",
        # The SDKs put what is known of the user into every call's context; an identify says it.
        "traits": "coalesce(traits, case when type = 'identify' then context_traits end)",
        "properties": """
        coalesce(properties, case when type = 'merge' then
            json_object('mergeProperties', json_extract(json, '$.mergeProperties'))::varchar end)""",
        "context": """
        case when rudder_id is not null and json_valid(coalesce(context, '{}')) then
            json_merge_patch(coalesce(context, '{}'), json_object('rudderId', rudder_id))::varchar
            else context end""",
        "consent": f"""
        coalesce(consent, case when consents_allowed is not null or consents_denied is not null then
            '{{"categoryPreferences":{{' || array_to_string(list_concat(
                {_consents("consents_allowed", "true")}, {_consents("consents_denied", "false")}
            ), ',') || '}}}}' end)""",
    },
    refusals={
        "no_merge_properties": (
            "a merge call without two mergeProperties that each have a type and a value",
            _is_no_merge(),
        )
    },
)
