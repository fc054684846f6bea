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
