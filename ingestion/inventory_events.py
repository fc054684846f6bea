"""The table of what people did: one row per event."""

from __future__ import annotations

from ingestion.inventory_columns import LOADED_AT, ORIGIN, number, text, time
from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

EVENTS = Table(
    TableName("raw", "events"),
    grain="One row per event; of several copies the one received first",
    columns=(
        text("event_id", Pii.PSEUDONYMOUS, "the source's message id, else a hash of the line"),
        *ORIGIN,
        Column("line", "BIGINT", Pii.NONE, "line in the file, from 1; row for Parquet"),
        Column("position", "INTEGER", Pii.NONE, "place in the line, from 1: a batch holds several"),
        text("type", Pii.NONE, "identify, page, screen, track, group, alias or merge"),
        text("event", Pii.NONE, "name of a track call, or of the page or screen"),
        text("anonymous_id", Pii.PSEUDONYMOUS, "the browser or device; null if not said"),
        text("user_id", Pii.PSEUDONYMOUS, "the signed-in user; null if none"),
        text("previous_id", Pii.PSEUDONYMOUS, "of alias and merge: the user id that it replaces"),
        text("group_id", Pii.PSEUDONYMOUS, "of group: the account"),
        text(
            "email", Pii.IDENTIFIER, "address in traits, context.traits or properties, lower case"
        ),
        time("original_timestamp", "when it happened by the device's clock; null if not said"),
        time("sent_at", "when it was sent by the device's clock; null if not said"),
        time("received_at", "when the source received it; null if not said, never invented"),
        time(
            "timestamp",
            "when it happened, corrected for the device's clock, or when its file was last written where it tells no time",
        ),
        Column(
            "is_late", "BOOLEAN", Pii.NONE, "received more than 3 days after; null if not known"
        ),
        text("channel", Pii.NONE, "what sent it, e.g. web, mobile, server; null if not said"),
        text("session_id", Pii.PSEUDONYMOUS, "the tracker's own visit; null if it keeps none"),
        text("page_url", Pii.PERSONAL, "address of the page"),
        text("page_path", Pii.NONE, "path of the page"),
        text("page_title", Pii.NONE, "title of the page"),
        text("page_referrer", Pii.PERSONAL, "address of the page before"),
        text("campaign_source", Pii.NONE, "utm_source"),
        text("campaign_medium", Pii.NONE, "utm_medium"),
        text("campaign_name", Pii.NONE, "utm_campaign"),
        text("campaign_term", Pii.NONE, "utm_term"),
        text("campaign_content", Pii.NONE, "utm_content"),
        text("ip", Pii.PERSONAL, "address of the device"),
        text("user_agent", Pii.PERSONAL, "what the browser says it is"),
        text("locale", Pii.NONE, "language and country, e.g. en-US"),
        text("timezone", Pii.NONE, "IANA name, e.g. America/Boise"),
        text("device_type", Pii.NONE, "as the source says, e.g. mobile"),
        text("content_id", Pii.NONE, "the content item; null if none"),
        number("scroll_depth", "share of the page that was seen, 0..1"),
        number("time_on_page_s", "seconds"),
        text("search_query", Pii.PERSONAL, "what was searched for"),
        text("download", Pii.PERSONAL, "the asset or file that was downloaded"),
        text("block", Pii.PERSONAL, "the block of the page that was shown or clicked"),
        Column("item_position", "BIGINT", Pii.NONE, "place of the clicked result or item, from 1"),
        text("properties", Pii.PERSONAL, "JSON as given", is_long=True),
        text("traits", Pii.IDENTIFIER, "JSON as given", is_long=True),
        text("context", Pii.IDENTIFIER, "JSON as given", is_long=True),
        text("consent", Pii.NONE, "JSON of context.consent; null if not transmitted"),
        LOADED_AT,
    ),
    key=("event_id",),
    subjects=(
        SubjectKey(SubjectKind.ANONYMOUS_ID, ("anonymous_id",)),
        SubjectKey(SubjectKind.USER_ID, ("user_id",)),
        SubjectKey(SubjectKind.USER_ID, ("previous_id",)),
        SubjectKey(SubjectKind.EMAIL, ("email",)),
    ),
    aged_by="timestamp",
)
