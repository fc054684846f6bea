"""The tables of schema ``raw`` that say who people are and what they decided about their data."""

from __future__ import annotations

from ingestion.inventory_columns import (
    ATTRIBUTES,
    BY_RECORD,
    ORIGIN,
    PERSON_RECORD,
    TIMES,
    VERSION,
    text,
    time,
)
from warehouse import Pii, SubjectKey, SubjectKind, Table, TableName

PERSON_RECORDS = Table(
    TableName("raw", "person_records"),
    grain="One row per version of one source record",
    columns=(
        *ORIGIN,
        text("source_record_id", Pii.PSEUDONYMOUS, "id of the record in its source"),
        *VERSION,
        text("first_name", Pii.PERSONAL, "as given"),
        text("middle_name", Pii.PERSONAL, "as given"),
        text("last_name", Pii.PERSONAL, "as given"),
        text("full_name", Pii.PERSONAL, "as given, in any order"),
        text("email", Pii.IDENTIFIER, "as given"),
        text("phone", Pii.IDENTIFIER, "as given"),
        text("street", Pii.PERSONAL, "as given"),
        text("city", Pii.PERSONAL, "as given"),
        text("state", Pii.PERSONAL, "as given"),
        text("postal_code", Pii.PERSONAL, "as given"),
        text("country", Pii.PERSONAL, "as given"),
        text("birth_date", Pii.PERSONAL, "as given"),
        text("company_name", Pii.PERSONAL, "as given"),
        text("company_domain", Pii.PERSONAL, "as given"),
        text("job_title", Pii.PERSONAL, "as given"),
        text("lifecycle_stage", Pii.NONE, "as given"),
        text("account_id", Pii.NONE, "the account in the same CRM; null if none"),
        text("user_id", Pii.PSEUDONYMOUS, "id of the record in events; null if none"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "source_record_id", "record_hash"),
    subjects=(
        SubjectKey(SubjectKind.SOURCE_RECORD, ("source", "source_record_id")),
        SubjectKey(SubjectKind.USER_ID, ("user_id",)),
    ),
    aged_by="loaded_at",
)

CONSENT_EVENTS = Table(
    TableName("raw", "consent_events"),
    grain="One row per decision of one subject on one purpose",
    columns=(
        *ORIGIN,
        text("consent_event_id", Pii.PSEUDONYMOUS, "hash of subject, purpose, status and time"),
        *VERSION,
        text("subject_email", Pii.IDENTIFIER, "who, by address, lower case; else null"),
        text("anonymous_id", Pii.PSEUDONYMOUS, "who, by browser or device; else null"),
        *PERSON_RECORD,
        text("purpose", Pii.NONE, "what for"),
        text("status", Pii.NONE, "granted or denied; a withdrawal is denied"),
        time("occurred_at", "when decided"),
        text("channel", Pii.NONE, "where decided, e.g. a banner"),
        *TIMES,
    ),
    key=("consent_event_id",),
    subjects=(
        SubjectKey(SubjectKind.EMAIL, ("subject_email",)),
        SubjectKey(SubjectKind.ANONYMOUS_ID, ("anonymous_id",)),
        BY_RECORD,
    ),
)
