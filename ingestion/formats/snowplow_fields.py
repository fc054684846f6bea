"""The fields of Snowplow's enriched events, and what the columns of raw.events are read from.

Source: Snowplow's canonical event model and its enriched TSV format, 131 fields without a header.
Expressions over the fields by name and over ``contexts`` (a JSON object: name of the entity to the
list of them) and ``data`` (what a self-describing event says), which ``snowplow.py`` makes.
"""

from __future__ import annotations

from ingestion.field_values import text_sql
from ingestion.formats import judged
from warehouse import literal

# In the published order. The 122nd is refr_device_tstamp in the stream, refr_dvce_tstamp in tables.
FIELDS = (
    "app_id", "platform", "etl_tstamp", "collector_tstamp", "dvce_created_tstamp", "event",
    "event_id", "txn_id", "name_tracker", "v_tracker", "v_collector", "v_etl", "user_id",
    "user_ipaddress", "user_fingerprint", "domain_userid", "domain_sessionidx", "network_userid",
    "geo_country", "geo_region", "geo_city", "geo_zipcode", "geo_latitude", "geo_longitude",
    "geo_region_name", "ip_isp", "ip_organization", "ip_domain", "ip_netspeed", "page_url",
    "page_title", "page_referrer", "page_urlscheme", "page_urlhost", "page_urlport", "page_urlpath",
    "page_urlquery", "page_urlfragment", "refr_urlscheme", "refr_urlhost", "refr_urlport",
    "refr_urlpath", "refr_urlquery", "refr_urlfragment", "refr_medium", "refr_source", "refr_term",
    "mkt_medium", "mkt_source", "mkt_term", "mkt_content", "mkt_campaign", "contexts",
    "se_category", "se_action", "se_label", "se_property", "se_value", "unstruct_event",
    "tr_orderid", "tr_affiliation", "tr_total", "tr_tax", "tr_shipping", "tr_city", "tr_state",
    "tr_country", "ti_orderid", "ti_sku", "ti_name", "ti_category", "ti_price", "ti_quantity",
    "pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min", "pp_yoffset_max", "useragent", "br_name",
    "br_family", "br_version", "br_type", "br_renderengine", "br_lang", "br_features_pdf",
    "br_features_flash", "br_features_java", "br_features_director", "br_features_quicktime",
    "br_features_realplayer", "br_features_windowsmedia", "br_features_gears",
    "br_features_silverlight", "br_cookies", "br_colordepth", "br_viewwidth", "br_viewheight",
    "os_name", "os_family", "os_manufacturer", "os_timezone", "dvce_type", "dvce_ismobile",
    "dvce_screenwidth", "dvce_screenheight", "doc_charset", "doc_width", "doc_height",
    "tr_currency", "tr_total_base", "tr_tax_base", "tr_shipping_base", "ti_currency",
    "ti_price_base", "base_currency", "geo_timezone", "mkt_clickid", "mkt_network", "etl_tags",
    "dvce_sent_tstamp", "refr_domain_userid", "refr_dvce_tstamp", "derived_contexts",
    "domain_sessionid", "derived_tstamp", "event_vendor", "event_name", "event_format",
    "event_version", "event_fingerprint", "true_tstamp",
)  # fmt: skip
# Self-describing JSON, which tables hold in a column for each kind instead.
DOCUMENTS = ("contexts", "derived_contexts", "unstruct_event")
ELDER_NAMES = {"refr_dvce_tstamp": "refr_device_tstamp"}
TIMES = (
    "collector_tstamp", "dvce_created_tstamp", "dvce_sent_tstamp", "derived_tstamp", "true_tstamp",
)  # fmt: skip

EVENTS = ("page_view", "page_ping", "struct", "unstruct", "transaction", "transaction_item")

# What is said of the event is a property, all else that has no column is context.
_PROPERTIES = {
    "page_ping": ("pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min", "pp_yoffset_max"),
    "transaction": (
        "tr_orderid", "tr_affiliation", "tr_total", "tr_tax", "tr_shipping", "tr_city", "tr_state",
        "tr_country", "tr_currency", "tr_total_base", "tr_tax_base", "tr_shipping_base",
        "base_currency",
    ),
    "transaction_item": (
        "ti_orderid", "ti_sku", "ti_name", "ti_category", "ti_price", "ti_quantity", "ti_currency",
        "ti_price_base", "base_currency",
    ),
}  # fmt: skip
_STRUCT = {
    "category": "se_category", "label": "se_label", "property": "se_property",
    "value": "coalesce(to_json(try_cast(se_value as double)), to_json(se_value))",
}  # fmt: skip
_IN_COLUMNS = frozenset({
    *DOCUMENTS, "event", "event_id", "user_id", "user_ipaddress", "page_url", "page_title",
    "page_referrer", "page_urlpath", "mkt_medium", "mkt_source", "mkt_term", "mkt_content",
    "mkt_campaign", "useragent", "br_lang", "os_timezone", "domain_userid", "domain_sessionid",
    "collector_tstamp", "dvce_created_tstamp", "dvce_sent_tstamp", "derived_tstamp", "se_category", "se_action", "se_label", "se_property", "se_value",
    *(name for names in _PROPERTIES.values() for name in names),
})  # fmt: skip

_SNOWPLOW = "com_snowplowanalytics_snowplow"
# A collector that may not know anybody gives everybody this id.
_NOBODY = "00000000-0000-0000-0000-000000000000"
_CHANNELS = {"mob": "mobile", "srv": "server", "cnsl": "console"}
# A link to one of these is a download.
_DOCUMENT_LINK = r"[.](pdf|docx?|xlsx?|pptx?|odt|ods|odp|csv|zip|epub|rtf)([?#].*)?$"
# What was answered: listed scopes are granted by these, refused by those. "pending" and
# "implicit_consent" are no answers.
_GRANTS, _DENIALS = ("allow_all", "allow_selected"), ("deny_all", "expired", "withdrawn")


def _entity(kind: str, *members: str) -> str:
    """The first of these members that the first entity of a kind has.

    Snowplow's loaders write Parquet with the members' names in snake case.
    """
    texts = ", ".join(
        f"json_extract_string(contexts, {literal(f'$.{kind}[0].{name}')})" for name in members
    )
    return text_sql(f"coalesce({texts})")


def _said(*members: str) -> str:
    """The first of these that the self-describing event says."""
    texts = ", ".join(f"json_extract_string(data, {literal(f'$.{name}')})" for name in members)
    return f"nullif(trim(coalesce({texts})), '')"


def _object(members: dict[str, str]) -> str:
    """A JSON object without the members that are null."""
    listed = ", ".join(f"{literal(name)}, {value}" for name, value in members.items())
    return f"json_merge_patch('{{}}', json_object({listed}))"


def _scroll_depth() -> str:
    """Down to where the page was seen: what lay above the window, and the window."""
    seen, height = "try_cast(pp_yoffset_max as double)", "try_cast(doc_height as double)"
    window = "coalesce(try_cast(br_viewheight as double), 0)"
    return f"""
    case when event = 'page_ping' and {height} > 0 and {seen} >= 0
        then least(1.0, ({seen} + {window}) / {height}) end"""


def _search_query() -> str:
    """The words of a search within the site, which Snowplow's schema lists."""
    terms = "array_to_string(json_extract_string(data, '$.terms[*]'), ' ')"
    return f"""
    case when event = 'unstruct' then
        coalesce(nullif(trim({terms}), ''), {_said("query", "search_query", "search_term")}) end"""


def _download() -> str:
    link = _said("targetUrl", "target_url")
    return f"""
    case when event <> 'unstruct' then null
        when {_NAME} in ('file_download', 'asset_downloaded', 'download')
            then coalesce({_said("asset", "fileName", "file_name", "name", "file")}, {link})
        when {_NAME} = 'link_click' and regexp_matches(lower({link}), {literal(_DOCUMENT_LINK)})
            then {link}
        else {_said("asset", "fileName", "file_name")}
    end"""


def _consent() -> str:
    """Decisions by purpose, in the form of Segment's context.consent; null where none was made.

    A scope that is not listed was not answered. Other bases than consent are no decision of the
    person.
    """
    answer = "json_extract_string(data, '$.event_type')"
    grants, denials = (", ".join(map(literal, names)) for names in (_GRANTS, _DENIALS))
    is_granted = f"case when {answer} in ({grants}) then ':true' else ':false' end"
    scopes = f"""
        list_transform(
            list_sort(list_distinct(json_extract_string(data, '$.consent_scopes[*]'))),
            lambda one: to_json(one)::varchar || {is_granted})"""
    return f"""
    case when {_NAME} = 'consent_preferences' and {answer} in ({grants}, {denials})
            and lower(json_extract_string(data, '$.basis_for_processing')) = 'consent'
        then '{{"categoryPreferences":{{' || array_to_string({scopes}, ',') || '}}}}' end"""


def _properties() -> str:
    cases = " ".join(
        f"when {literal(event)} then {_object({name: name for name in names})}"
        for event, names in _PROPERTIES.items()
    )
    return f"""
    case event
        when 'struct' then {_object(_STRUCT)}
        when 'unstruct' then case when json_type(data) = 'OBJECT' then data end
        {cases}
    end"""


def _context() -> str:
    """Everything that has no column, and the entities by kind; parsing those again costs most."""
    members = {"page_view_id": _entity(f"{_SNOWPLOW}_web_page", "id")}
    members |= {name: name for name in FIELDS if name not in _IN_COLUMNS}
    members |= {name: _plain_time(name) for name in ("etl_tstamp", "refr_dvce_tstamp")}
    flat = f"({_object(members)}::varchar)"
    return f"""
    replace({flat}[:-2] || ',"contexts":' || contexts || '}}', '{{,"contexts":', '{{"contexts":')"""


def _plain_time(name: str) -> str:
    """A moment written in one way, whatever the file's type; what is none stays as it is."""
    return f"coalesce({judged.time_sql(name)}::varchar, {name})"


_NAME = "coalesce(event_name, schema_name)"
_IS_SCREEN = f"(event = 'unstruct' and {_NAME} = 'screen_view')"
_SESSION = f"{_SNOWPLOW}_client_session"
_DEVICE_CLASS = _entity("nl_basjes_yauaa_context", "deviceClass", "device_class")

# How columns of raw.events are read; the others have the field's name.
_COLUMNS = {
    "type": f"""
    case when event = 'page_view' then 'page' when {_IS_SCREEN} then 'screen' else 'track' end""",
    "event": f"""
    case event
        when 'page_view' then null
        when 'page_ping' then 'Page Ping'
        when 'struct' then se_action
        when 'unstruct' then case when {_IS_SCREEN} then {_said("name")} else {_NAME} end
        else event
    end""",
    # In apps the tracker keeps the device and the visit in an entity.
    "anonymous_id": f"""
    coalesce(domain_userid, {_entity(_SESSION, "userId", "user_id")}, nullif(network_userid, '{_NOBODY}'))""",
    "session_id": f"coalesce(domain_sessionid, {_entity(_SESSION, 'sessionId', 'session_id')})",
    "previous_id": "null::varchar",
    "group_id": "null::varchar",
    "email": judged.email_sql("json_extract_string(data, '$.email')"),
    "timestamp": "happened_at",
    "is_late": judged.is_late_sql("happened_at"),
    "channel": "case platform "
    + " ".join(f"when {literal(code)} then {literal(name)}" for code, name in _CHANNELS.items())
    + " else platform end",
    "page_path": "page_urlpath",
    "campaign_source": "mkt_source",
    "campaign_medium": "mkt_medium",
    "campaign_name": "mkt_campaign",
    "campaign_term": "mkt_term",
    "campaign_content": "mkt_content",
    "ip": "user_ipaddress",
    "user_agent": "useragent",
    "locale": "br_lang",
    "timezone": "coalesce(os_timezone, geo_timezone)",
    "device_type": f"coalesce(dvce_type, {_DEVICE_CLASS})",
    "content_id": _said("content_id", "contentId"),
    "scroll_depth": _scroll_depth(),
    # A ping does not say how long the tracker waits between two of them.
    "time_on_page_s": f"try_cast({_said('time_on_page_s')} as double)",
    "search_query": _search_query(),
    "download": _download(),
    "block": f"""
    case when {_NAME} in ('link_click', 'button_click') then {_said("elementId", "element_id", "id", "block")}
        else {_said("block", "placement", "location")} end""",
    "item_position": f"try_cast({_said('position')} as bigint)",
    "properties": _properties(),
    "traits": "null::varchar",
    "context": _context(),
    "consent": _consent(),
}


def column_sql(name: str) -> str:
    """How a column of raw.events is read; most have the field's name."""
    return _COLUMNS.get(name, name)


def happened_sql() -> str:
    """When it happened: the pipeline's own estimate if there is one, else as in every format.

    Source: Snowplow, derived_tstamp: true_tstamp, else collector_tstamp - (dvce_sent_tstamp -
    dvce_created_tstamp); a tracker that knows the true time says so.
    """
    return f"coalesce(derived_at, true_at, {judged.happened_sql()})"


def no_name_sql() -> str:
    """Whether an event that must have a name has none."""
    return f"(event = 'struct' and se_action is null) or (event = 'unstruct' and {_NAME} is null)"
