"""The table of e-mail blocks."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

EMAIL_BLOCKS = Table(
    TableName("personalization", "email_blocks"),
    grain="One row per e-mail block, send, person and slot: what is sent, or would have been",
    columns=(
        Column("block", "VARCHAR", Pii.NONE, "key of the block in content.yml"),
        Column("send_id", "VARCHAR", Pii.NONE, "the send: the block and the day it is counted by"),
        Column("send_date", "DATE", Pii.NONE, "the first day on which the send may go out"),
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "whom it is for, as named at that time"),
        Column("slot", "INTEGER", Pii.NONE, "place in the block; 1 is first"),
        Column("content_id", "VARCHAR", Pii.NONE, "the content, or a default; never null"),
        Column("arm", "VARCHAR", Pii.NONE, "personalised, business_as_usual or none"),
        Column(
            "arm_probability",
            "DOUBLE",
            Pii.NONE,
            "probability with which the person came into the arm, 0..1; 1 where it was not drawn",
        ),
        Column(
            "is_randomised",
            "BOOLEAN",
            Pii.NONE,
            "whether the arm was drawn; false: personalization is not granted, or the person is held "
            "out of everything, so business as usual",
        ),
        Column(
            "is_ghost",
            "BOOLEAN",
            Pii.NONE,
            "true in the arm none: it would have been sent, and is not",
        ),
        Column(
            "rule", "VARCHAR", Pii.PERSONAL, "rule of content.yml that fits the person; null: none"
        ),
        Column("reason", "VARCHAR", Pii.PERSONAL, "why this content, in words"),
        Column("is_discovery", "BOOLEAN", Pii.NONE, "whether the slot was filled at random"),
        Column(
            "propensity",
            "DOUBLE",
            Pii.NONE,
            "probability with which this content came to this slot, 0..1; 1 where nothing is drawn there",
        ),
        Column(
            "fallback_level",
            "VARCHAR",
            Pii.NONE,
            "where it comes from: rule: what the rule asks for; block: what the block lets through; "
            "usual: the list for everybody; popular: that list had ended; default: nothing was left",
        ),
        Column(
            "ranking",
            "VARCHAR",
            Pii.NONE,
            "how much was known: personal: 3 or more readings; similar: 1 or 2; popular: none; "
            "same_for_all: nothing of the person was looked at",
        ),
        Column("policy", "VARCHAR", Pii.NONE, "name and version of the method"),
        Column("config_version", "VARCHAR", Pii.NONE, "SHA-256 of the block's configuration, cut"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("block", "send_id", "person_id", "slot"),
    subjects=(SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),),
    aged_by="as_of",
)
