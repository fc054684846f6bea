"""The tables of privacy that name people; an erasure removes their rows as any others."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

_BY_RECORD = SubjectKey(SubjectKind.SOURCE_RECORD, ("source", "source_record_id"))
_SOURCE = Column("source", "VARCHAR", Pii.NONE, "the source; or users, devices, emails")
_RECORD_ID = Column(
    "source_record_id", "VARCHAR", Pii.IDENTIFIER, "id of the record; of emails the address"
)

HOLD_RECORDS = Table(
    TableName("privacy", "hold_records"),
    grain="One row per source record of a person under a legal hold",
    columns=(
        Column("hold_id", "VARCHAR", Pii.NONE, "the hold; its rows go when it ends"),
        _SOURCE,
        _RECORD_ID,
    ),
    key=("hold_id", "source", "source_record_id"),
    subjects=(_BY_RECORD,),
)

OBJECTIONS = Table(
    TableName("privacy", "objections"),
    grain="One row per identifier that objects to a purpose, request or signal",
    columns=(
        Column("subject_request_id", "VARCHAR", Pii.NONE, "the request; null for a signal"),
        Column("kind", "VARCHAR", Pii.NONE, "objection, do_not_sell_or_share, gpc and the like"),
        Column("regulation", "VARCHAR", Pii.NONE, "gdpr or ccpa"),
        Column("purpose", "VARCHAR", Pii.NONE, "what is denied; profiling among them"),
        Column("source", "VARCHAR", Pii.NONE, "the source; or users, devices, emails; or null"),
        Column("source_record_id", "VARCHAR", Pii.IDENTIFIER, "the record that objects; or null"),
        Column("email", "VARCHAR", Pii.IDENTIFIER, "the address that objects; or null"),
        Column("phone", "VARCHAR", Pii.IDENTIFIER, "the number that objects; or null"),
        Column("user_id", "VARCHAR", Pii.PSEUDONYMOUS, "the user who objects; or null"),
        Column("anonymous_id", "VARCHAR", Pii.PSEUDONYMOUS, "the browser that objects; or null"),
        Column("objected_at", "TIMESTAMP", Pii.NONE, "when, UTC"),
        Column("recorded_at", "TIMESTAMP", Pii.NONE, "when we knew, UTC"),
        Column("withdrawn_at", "TIMESTAMP", Pii.NONE, "until when, UTC; null while it stands"),
        Column("withdrawal_recorded_at", "TIMESTAMP", Pii.NONE, "when we knew that, UTC; or null"),
    ),
    subjects=(
        _BY_RECORD,
        SubjectKey(SubjectKind.EMAIL, ("email",)),
        SubjectKey(SubjectKind.PHONE, ("phone",)),
        SubjectKey(SubjectKind.USER_ID, ("user_id",)),
        SubjectKey(SubjectKind.ANONYMOUS_ID, ("anonymous_id",)),
    ),
)

OBJECTING_PERSONS = Table(
    TableName("privacy", "objecting_persons"),
    grain="One row per person, purpose and period of an objection, as the persons are today",
    columns=(
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person"),
        Column("purpose", "VARCHAR", Pii.NONE, "what is denied; profiling among them"),
        Column("objected_at", "TIMESTAMP", Pii.NONE, "since when, UTC"),
        Column("recorded_at", "TIMESTAMP", Pii.NONE, "when we knew, UTC"),
        Column("withdrawn_at", "TIMESTAMP", Pii.NONE, "until when, UTC; null while it stands"),
        Column("withdrawal_recorded_at", "TIMESTAMP", Pii.NONE, "when we knew that, UTC; or null"),
    ),
    subjects=(SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),),
)
