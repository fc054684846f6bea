"""What mParticle says a batch and its events look like, and the SQL that finds what does not.

Source: mParticle's published JSON Schema of the Events API and its JSON reference. Where the two
differ, what either allows is allowed: a batch in an archive was accepted by mParticle. Ids and
times may be written as texts, as in what mParticle itself sends out. Fields that are not named here
are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingestion.field_values import text_sql
from warehouse import literal

EVENT_TYPES = (
    "session_start", "session_end", "screen_view", "custom_event", "crash_report", "opt_out",
    "first_run", "pre_attribution", "push_registration", "application_state_transition",
    "push_message", "network_performance", "breadcrumb", "profile", "push_reaction",
    "commerce_event", "user_attribute_change", "user_identity_change", "uninstall", "validation",
    "attribution",
)  # fmt: skip

_CUSTOM_TYPES = (
    "navigation", "location", "search", "transaction", "user_content", "user_preference", "social",
    "media", "other", "unknown", "attribution", "consent_granted", "consent_denied",
)  # fmt: skip
_COMMERCE_TYPES = (
    "add_to_cart", "remove_from_cart", "checkout", "checkout_option", "click", "view_detail",
    "purchase", "refund", "promotion_view", "promotion_click", "add_to_wishlist",
    "remove_from_wishlist", "remove_from_wish_list", "impression",
)  # fmt: skip

# Which JSON types a field of a kind may have; null always stands for nothing said.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "text": ("VARCHAR",),
    "scalar": ("VARCHAR", "BOOLEAN", "BIGINT", "UBIGINT", "DOUBLE"),
    "id": ("VARCHAR", "BIGINT", "UBIGINT"),
    "integer": ("VARCHAR", "BIGINT", "UBIGINT"),
    "number": ("VARCHAR", "BIGINT", "UBIGINT", "DOUBLE"),
    "flag": ("BOOLEAN",),
    "object": ("OBJECT",),
    "list": ("ARRAY",),
    "identities": ("OBJECT", "ARRAY"),
}
# Numbers may come as texts; what such a text must be.
_READABLE = {"integer": "bigint", "number": "double"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field must be.

    Attributes:
        path: Dotted, from the batch or the event.
        kind: One of ``_KINDS``.
        needed_by: A condition under which the field may not be missing.
        values: The only texts it may have; empty for any.
    """

    path: str
    kind: str
    needed_by: str = "false"
    values: tuple[str, ...] = ()


def _of(*types: str) -> str:
    return f"event_type in ({', '.join(literal(name) for name in types)})"


BATCH_RULES = (
    Rule("events", "list"),
    Rule("user_attributes", "object"),
    Rule("deleted_user_attributes", "list"),
    Rule("user_identities", "identities"),
    Rule("user_identities.customer_id", "id"),
    Rule("user_identities.email", "text"),
    Rule("device_info", "object"),
    Rule("device_info.platform", "text"),
    Rule("application_info", "object"),
    Rule("source_info", "object"),
    Rule("attribution_info", "object"),
    Rule("integration_attributes", "object"),
    Rule("partner_identities", "object"),
    Rule("context", "object"),
    Rule("consent_state", "object"),
    Rule("consent_state.gdpr", "object"),
    Rule("consent_state.ccpa", "object"),
    Rule("environment", "text", values=("production", "development", "unknown")),
    Rule("source_request_id", "id"),
    Rule("batch_id", "id"),
    Rule("mpid", "integer"),
    Rule("mp_deviceid", "text"),
    Rule("ip", "text"),
    Rule("sdk_version", "scalar"),
    Rule("timestamp_unixtime_ms", "integer"),
)

EVENT_RULES = (
    Rule("event_type", "text", needed_by="true"),
    Rule("data", "object", needed_by="true"),
    Rule("data.timestamp_unixtime_ms", "integer"),
    Rule("data.event_start_unixtime_ms", "integer"),
    Rule("data.session_start_unixtime_ms", "integer"),
    Rule("data.source_message_id", "id"),
    Rule("data.event_id", "id"),
    Rule("data.session_id", "id"),
    Rule("data.session_uuid", "text"),
    Rule("data.custom_attributes", "object"),
    Rule("data.custom_flags", "object"),
    Rule("data.location", "object"),
    Rule("data.location.latitude", "number"),
    Rule("data.location.longitude", "number"),
    Rule("data.device_current_state", "object"),
    Rule("data.event_name", "text", needed_by=_of("custom_event")),
    Rule("data.custom_event_type", "text", needed_by=_of("custom_event"),
         values=(*_CUSTOM_TYPES, *_COMMERCE_TYPES)),
    Rule("data.screen_name", "text", needed_by=_of("screen_view")),
    Rule("data.label", "scalar", needed_by=_of("breadcrumb")),
    Rule("data.is_opted_out", "flag"),
    Rule("data.session_duration_ms", "integer"),
    Rule("data.register", "flag", needed_by=_of("push_registration")),
    Rule("data.registration_token", "text", needed_by=_of("push_registration")),
    Rule("data.application_transition_type", "text", needed_by=_of("application_state_transition"),
         values=("application_initialized", "application_exit", "application_background",
                 "application_foreground")),
    Rule("data.push_message_type", "text", needed_by=_of("push_message"),
         values=("sent", "received", "action")),
    Rule("data.profile_event_type", "text", values=("signup", "login", "logout", "update", "delete")),
    Rule("data.user_attribute_name", "text", needed_by=_of("user_attribute_change")),
    Rule("data.product_action", "object"),
    Rule("data.product_action.action", "text",
         needed_by="json_type(event, '$.data.product_action') = 'OBJECT'",
         values=(*_COMMERCE_TYPES[:8], *_COMMERCE_TYPES[10:13])),
    Rule("data.product_action.transaction_id", "id"),
    Rule("data.product_action.total_amount", "number"),
    Rule("data.product_action.tax_amount", "number"),
    Rule("data.product_action.shipping_amount", "number"),
    Rule("data.product_action.products", "list"),
    Rule("data.promotion_action", "object"),
    Rule("data.promotion_action.action", "text",
         needed_by="json_type(event, '$.data.promotion_action') = 'OBJECT'",
         values=("view", "click")),
    Rule("data.promotion_action.promotions", "list"),
    Rule("data.product_impressions", "list"),
    Rule("data.shopping_cart", "object"),
    Rule("data.shopping_cart.products", "list"),
    Rule("data.currency_code", "text"),
)  # fmt: skip

# Lists, and objects of any names, whose members must be of a kind: path with a star for the member.
BATCH_MEMBERS = (
    ("user_identities", "user_identities[*]", "object"),
    ("user_identities", "user_identities.*", "scalar"),
    ("consent_state.gdpr", "consent_state.gdpr.*", "object"),
    ("consent_state.gdpr", "consent_state.gdpr.*.consented", "flag"),
    ("consent_state.ccpa", "consent_state.ccpa.*", "object"),
    ("consent_state.ccpa", "consent_state.ccpa.*.consented", "flag"),
)
EVENT_MEMBERS = (
    ("data.product_action.products", "data.product_action.products[*]", "object"),
    ("data.product_action.products", "data.product_action.products[*].price", "number"),
    ("data.product_action.products", "data.product_action.products[*].quantity", "number"),
    ("data.promotion_action.promotions", "data.promotion_action.promotions[*]", "object"),
    ("data.product_impressions", "data.product_impressions[*]", "object"),
    ("data.shopping_cart.products", "data.shopping_cart.products[*]", "object"),
)


def paths_sql(rules: Iterable[Rule]) -> str:
    """The list of the rules' paths, for ``json_type`` and ``json_extract_string``."""
    return f"[{', '.join(literal(f'$.{rule.path}') for rule in rules)}]"


def wrong_types_sql(
    rules: Iterable[Rule], members: Iterable[tuple[str, str, str]], document: str
) -> str:
    """An expression for the fields that have a value of the wrong type; null if none has.

    Wants the columns types and texts: what ``json_type`` and ``json_extract_string`` say of
    :func:`paths_sql`.
    """
    tests = [
        (rule.path, _is_wrong(rule.kind, f"types[{place}]", f"texts[{place}]"))
        for place, rule in enumerate(rules, start=1)
    ]
    tests += [
        (path, _has_wrong_member(document, f"$.{member}", kind)) for path, member, kind in members
    ]
    return _named(tests)


def missing_sql(rules: Iterable[Rule]) -> str:
    """An expression for the fields that are missing; null if none is. Blanks are nothing said."""
    return _named(
        (
            rule.path,
            f"{rule.needed_by} and {_is_missing(place)}",
        )
        for place, rule in enumerate(rules, start=1)
        if rule.needed_by != "false"
    )


def _is_missing(place: int) -> str:
    return f"(coalesce(types[{place}], 'NULL') = 'NULL' or {text_sql(f'texts[{place}]')} is null)"


def not_allowed_sql(rules: Iterable[Rule]) -> str:
    """An expression for the fields with a value that is none of those allowed; null if none."""
    return _named(
        (rule.path, f"lower(texts[{place}]) not in ({', '.join(map(literal, rule.values))})")
        for place, rule in enumerate(rules, start=1)
        if rule.values
    )


def _is_wrong(kind: str, type_name: str, text: str) -> str:
    allowed = ", ".join(literal(name) for name in (*_KINDS[kind], "NULL"))
    wrong = f"{type_name} not in ({allowed})"
    if kind not in _READABLE:
        return wrong
    return f"{wrong} or ({text} <> '' and try_cast({text} as {_READABLE[kind]}) is null)"


def _has_wrong_member(document: str, path: str, kind: str) -> str:
    """Taking a document apart once more costs much; most do not hold the list at all."""
    place, name = literal(path), re.findall(r"\w+", path.removeprefix("$.data"))[0]
    allowed = ", ".join(literal(name) for name in (*_KINDS[kind], "NULL"))
    wrong = f"len(list_filter(json_type({document}, {place}), lambda t: t not in ({allowed}))) > 0"
    if kind in _READABLE:
        wrong = (
            f"{wrong} or len(list_filter(json_extract_string({document}, {place}), lambda t: "
            f"t <> '' and try_cast(t as {_READABLE[kind]}) is null)) > 0"
        )
    holds_it = f"contains({document}::varchar, {literal(name)})"
    return f"case when {holds_it} then {wrong} else false end"


def _named(tests: Iterable[tuple[str, str]]) -> str:
    by_path: dict[str, list[str]] = {}
    for path, test in tests:
        by_path.setdefault(path, []).append(test)
    cases = ", ".join(
        f"case when {' or '.join(found)} then {literal(path)} end"
        for path, found in by_path.items()
    )
    return f"nullif(concat_ws(', ', {cases}), '')" if by_path else "null::varchar"
