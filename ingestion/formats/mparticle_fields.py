"""What the columns of raw.events are read from in mParticle's batches and events.

Expressions over the columns that ``mparticle.py`` makes: json (the batch), event, and the fields
named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ingestion.field_values import text_sql
from ingestion.formats import judged
from warehouse import literal

# The first of these that a batch names is the device. mp_deviceid is mParticle's own id of an
# installed app or a browser. An advertising id is that of a whole device, and may be reset.
_DEVICE_IDS = (
    "$.mp_deviceid", "$.device_info.ios_idfv", "$.device_info.android_uuid", "$.device_info.amp_id",
    "$.device_info.roku_publisher_id", "$.device_info.microsoft_publisher_id",
    "$.device_info.fire_advertising_id", "$.device_info.ios_advertising_id",
    "$.device_info.android_advertising_id", "$.device_info.roku_advertising_id",
    "$.device_info.microsoft_advertising_id", "$.mpid",
)  # fmt: skip
# What devices say that have no id, or may not tell it.
_NO_ID = ("0", "00000000-0000-0000-0000-000000000000")

# mParticle's reserved attributes, under the names that profiles read.
_RESERVED = {
    "first_name": "$FirstName", "last_name": "$LastName", "city": "$City", "state": "$State",
    "postal_code": "$Zip", "country": "$Country",
}  # fmt: skip

BATCH_TEXTS = {
    "request_id": "$.source_request_id", "batch_id": "$.batch_id", "mpid": "$.mpid",
    "batch_ms": "$.timestamp_unixtime_ms", "ip": "$.ip", "channel": "$.source_info.channel",
    "platform": "$.device_info.platform", "user_agent": "$.device_info.http_header_user_agent",
    "language": "$.device_info.locale_language", "locale_country": "$.device_info.locale_country",
    "campaign_source": "$.attribution_info.publisher",
    "campaign_name": "$.attribution_info.campaign",
    "customer_id": "$.user_identities.customer_id", "email": "$.user_identities.email",
    **{name: f'$.user_attributes."{given}"' for name, given in _RESERVED.items()},
    **{f"lower_{name}": f'$.user_attributes."{given.lower()}"' for name, given in _RESERVED.items()},
}  # fmt: skip
EVENT_TEXTS = {
    "event_type": "$.event_type", "message_id": "$.data.source_message_id",
    "sent_message_id": "$.message_id", "number_id": "$.data.event_id",
    "given_ms": "$.data.timestamp_unixtime_ms", "start_ms": "$.data.event_start_unixtime_ms",
    "session_uuid": "$.data.session_uuid", "session_number": "$.data.session_id",
    "event_name": "$.data.event_name", "screen_name": "$.data.screen_name",
    "commerce_action": "$.data.product_action.action",
    "promotion_action": "$.data.promotion_action.action",
    "new_identity": "$.data.new.identity", "new_identity_type": "$.data.new.identity_type",
    "old_identity": "$.data.old.identity", "old_identity_type": "$.data.old.identity_type",
    "launch_referral": "$.data.launch_referral",
    "page_url": "$.data.custom_attributes.url", "page_path": "$.data.custom_attributes.path",
    "page_title": "$.data.custom_attributes.title",
    "page_referrer": "$.data.custom_attributes.referrer",
    "content_id": "$.data.custom_attributes.content_id",
    "scroll_depth": "$.data.custom_attributes.scroll_depth",
    "time_on_page_s": "$.data.custom_attributes.time_on_page_s",
    "query": "$.data.custom_attributes.query", "asset": "$.data.custom_attributes.asset",
    "file_name": "$.data.custom_attributes.file_name",
    "item_position": "$.data.custom_attributes.position",
    "block": "$.data.custom_attributes.block", "placement": "$.data.custom_attributes.placement",
}  # fmt: skip

# What is no property of what happened: it has a column, or describes the event; it goes to the
# context.
_COMMON_DATA = (
    "timestamp_unixtime_ms", "event_start_unixtime_ms", "session_start_unixtime_ms", "event_id",
    "source_message_id", "session_id", "session_uuid", "location", "device_current_state",
    "is_goal_defined", "lifetime_value_change", "lifetime_value_attribute_name",
    "data_connection_type", "event_num", "view_controller", "is_main_thread", "canonical_name",
    "event_system_notification_info", "custom_flags",
    "custom_event_type", "event_name", "screen_name",
)  # fmt: skip
# What is not context: it has columns of its own, or opens the company's account at mParticle.
_NO_CONTEXT = ("events", "user_attributes", "api_key", "api_keys")


def identity_sql(kind: str) -> str:
    """An identity of the user; mParticle sends out a list of them, of which the last counts."""
    listed = f"""
        list_filter(json_extract(json, '$.user_identities[*]'),
            lambda one: json_extract_string(one, '$.identity_type') = {literal(kind)})[-1]"""
    return f"""
    case when contains(json, '"identity_type"')
        then list_transform([json_extract_string({listed}, '$.identity')],
            lambda one: {text_sql("one")})[1]
        else {kind} end"""


def device_sql() -> str:
    """The first id of a device that the batch names, else the mpid."""
    none = ", ".join(literal(value) for value in _NO_ID)
    return f"""
    list_filter(
        list_transform(json_extract_string(json, {paths_sql(_DEVICE_IDS)}),
            lambda one: {text_sql("one")}),
        lambda one: one is not null and one not in ({none})
    )[1]"""


def context_sql() -> str:
    """The batch without its events."""
    return f"json_merge_patch(json, {literal(_forgetting(_NO_CONTEXT))})"


def traits_sql() -> str:
    """The attributes as given, and the reserved ones under the names that profiles read too."""
    reserved = ", ".join(f"{literal(name)}, coalesce({name}, lower_{name})" for name in _RESERVED)
    return f"""
    case when user_attributes_type = 'OBJECT' then
        json_merge_patch(
            json_merge_patch('{{}}', json_object({reserved})),
            json_extract(json, '$.user_attributes')
        ) end"""


def consent_sql() -> str:
    """Decisions by purpose, in the form of Segment's context.consent.

    Whoever opted out of a sale has decided; whoever did not, has not agreed to it.
    """
    purposes = """
        list_transform(
            list_zip(json_keys(json, '$.consent_state.gdpr'),
                json_extract(json, '$.consent_state.gdpr.*')),
            lambda one: to_json(one[1])::varchar || ':'
                || json_extract_string(one[2], '$.consented'))"""
    opted_out = "json_extract_string(json, '$.consent_state.ccpa.data_sale_opt_out.consented')"
    return f"""
    case when contains(json, '"consent_state"') then
        case when json_type(json, '$.consent_state') = 'OBJECT' then
        '{{"categoryPreferences":{{' || array_to_string(list_concat(
            {purposes}, case when {opted_out} = 'true' then ['"data_sale":false'] end
        ), ',') || '}}}}' end end"""


def _properties() -> str:
    """Custom attributes and what the type says; where names clash, the attributes stand apart too."""
    attributes = "coalesce(json_extract(event, '$.data.custom_attributes'), '{}')"
    forgotten = literal(_forgetting((*_COMMON_DATA, "custom_attributes")))
    own = f"json_merge_patch(json_extract(event, '$.data'), {forgotten})"
    merged = f"json_merge_patch({attributes}, {own})"
    return f"""
    case when event is null or json_type(event, '$.data') <> 'OBJECT' then null
        when list_has_any(json_keys({attributes}), json_keys({own}))
            then json_merge_patch({merged}, json_object('custom_attributes', {attributes}::json))
        else {merged} end"""


def _event_context() -> str:
    """The batch's context with what the event says beside what its type says."""
    kept = ", ".join(
        f"{literal(name)}, json_extract(event, {literal(f'$.data.{name}')})"
        for name in _COMMON_DATA
    )
    return f"""
    case when event is null then context
        else json_merge_patch(context, json_object('event', json_object('event_type', event_type, {kept})))
    end"""


def _forgetting(names: Sequence[str]) -> str:
    """The patch (RFC 7396) that takes these members away."""
    return "{" + ",".join(f'"{name}":null' for name in names) + "}"


_IS_CUSTOMER_CHANGE = (
    "(event_type = 'user_identity_change' and new_identity_type = 'customer_id' "
    "and old_identity_type = 'customer_id' and new_identity <> old_identity)"
)
_IS_WEB = "(coalesce(lower(platform), '') = 'web' or coalesce(channel, '') = 'javascript')"

# How columns of raw.events are read; the others have the field's name.
_COLUMNS = {
    "type": f"""
    case
        when event is null then 'identify'
        when event_type = 'screen_view' then case when {_IS_WEB} then 'page' else 'screen' end
        when {_IS_CUSTOMER_CHANGE} then 'alias'
        when event_type in ('user_attribute_change', 'user_identity_change', 'profile')
            then 'identify'
        else 'track'
    end""",
    "event": """
    coalesce(event_name, case when event_type = 'screen_view' then screen_name end,
        case when event_type = 'commerce_event' then coalesce(commerce_action,
            'promotion_' || promotion_action, case when json_type(event,
            '$.data.product_impressions') = 'ARRAY' then 'impression' end) end, event_type)""",
    "user_id": f"case when {_IS_CUSTOMER_CHANGE} then new_identity else user_id end",
    "previous_id": f"case when {_IS_CUSTOMER_CHANGE} then old_identity end",
    "group_id": "null::varchar",
    "timestamp": "happened_at",
    "is_late": judged.is_late_sql("happened_at"),
    "session_id": "coalesce(session_uuid, session_number)",
    "page_url": "page_url",
    "page_title": "coalesce(page_title, case when event_type = 'screen_view' then screen_name end)",
    "page_referrer": "coalesce(page_referrer, launch_referral)",
    "campaign_medium": "null::varchar",
    "campaign_term": "null::varchar",
    "campaign_content": "null::varchar",
    "locale": "coalesce(lower(language) || '-' || upper(locale_country), lower(language))",
    "timezone": "null::varchar",
    "device_type": "platform",
    "scroll_depth": "try_cast(scroll_depth as double)",
    "time_on_page_s": "try_cast(time_on_page_s as double)",
    "search_query": "query",
    "download": "coalesce(asset, file_name)",
    "item_position": "try_cast(item_position as bigint)",
    "block": "coalesce(block, placement)",
    "properties": _properties(),
    "traits": """
    case when event_type = 'user_attribute_change' then json_merge_patch(coalesce(traits, '{}'),
        json_object(json_extract_string(event, '$.data.user_attribute_name'),
            json_extract(event, '$.data.new')))
        else traits end""",
    "context": _event_context(),
}


def column_sql(name: str) -> str:
    """How a column of raw.events is read; most have the field's name."""
    return _COLUMNS.get(name, name)


def fields_sql(names: Mapping[str, str], values: str) -> str:
    """The texts of a list, each under its name; null when blank."""
    return ", ".join(
        f"{text_sql(f'{values}[{place}]')} as {name}" for place, name in enumerate(names, start=1)
    )


def paths_sql(paths: Iterable[str]) -> str:
    """A list of JSON paths."""
    return f"[{', '.join(literal(path) for path in paths)}]"
