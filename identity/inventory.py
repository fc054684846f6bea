"""The tables of schema ``identity``: who is who, since when, and why."""

from __future__ import annotations

from dataclasses import replace

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

# As many as ``block`` has; checked there.
BLOCKING_KEYS = 22

_RECORD_KEY = SubjectKey(SubjectKind.SOURCE_RECORD, ("source", "source_record_id"))
_PERSON_KEY = SubjectKey(SubjectKind.PERSON_ID, ("person_id",))
_PAIR_KEYS = (
    SubjectKey(SubjectKind.SOURCE_RECORD, ("left_source", "left_record_id")),
    SubjectKey(SubjectKind.SOURCE_RECORD, ("right_source", "right_record_id")),
)

_SOURCE = Column(
    "source",
    "VARCHAR",
    Pii.NONE,
    "source of the record; users, devices and emails stand for ids in events",
)
_RECORD = Column("source_record_id", "VARCHAR", Pii.PSEUDONYMOUS, "id of the record in its source")
_PERSON = Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person")
_RUN = Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row")
# Compared instead of two texts; see ADR 0027.
_NODE = Column("node", "BIGINT", Pii.PSEUDONYMOUS, "number that follows from source and id")
_PAIR = (
    Column("left_source", "VARCHAR", Pii.NONE, "source of the first record"),
    Column("left_record_id", "VARCHAR", Pii.PSEUDONYMOUS, "the first record"),
    Column("right_source", "VARCHAR", Pii.NONE, "source of the second record"),
    Column("right_record_id", "VARCHAR", Pii.PSEUDONYMOUS, "the second record"),
)
_EVIDENCE = Column(
    "evidence",
    "VARCHAR",
    Pii.NONE,
    "JSON: bits for (positive) or against one person, by field; no values; null if not compared",
)
_PROBABILITY = Column(
    "probability", "DOUBLE", Pii.NONE, "that both are one person, 0..1; null if not compared"
)
_PERIOD = (
    Column("valid_from", "TIMESTAMP", Pii.NONE, "since when it holds, UTC"),
    Column("valid_to", "TIMESTAMP", Pii.NONE, "until when, not included, UTC; null while it holds"),
)

IDENTIFIERS = Table(
    TableName("identity", "identifiers"),
    grain="One row per record, type and value of an identifier",
    columns=(
        _SOURCE,
        _RECORD,
        Column("identifier_type", "VARCHAR", Pii.NONE, "email, phone, user_id or anonymous_id"),
        Column("identifier_value", "VARCHAR", Pii.IDENTIFIER, "the value, normalised"),
        Column("is_shared", "BOOLEAN", Pii.NONE, "several people hold it: it links nobody"),
        Column("first_seen_at", "TIMESTAMP", Pii.NONE, "first seen with the record, UTC; null if not known"),
        _NODE,
    ),
    key=("source", "source_record_id", "identifier_type", "identifier_value"),
    subjects=(_RECORD_KEY,),
)  # fmt: skip

LINKS = Table(
    TableName("identity", "links"),
    grain="One row per pair of records and kind of link that says they are one person",
    columns=(
        *_PAIR,
        Column("kind", "VARCHAR", Pii.NONE, "deterministic, probabilistic or decision"),
        Column("rule", "VARCHAR", Pii.NONE, "what the link rests on, in words without values"),
        _PROBABILITY,
        _EVIDENCE,
        Column("is_cut", "BOOLEAN", Pii.NONE, "the weakest link between two who cannot be one person"),
        Column("cut_reason", "VARCHAR", Pii.NONE, "why they cannot be; null if not cut"),
        Column("left_node", "BIGINT", Pii.PSEUDONYMOUS, "number that follows from source and id of the first record"),
        Column("right_node", "BIGINT", Pii.PSEUDONYMOUS, "the same of the second record"),
    ),
    key=("left_source", "left_record_id", "right_source", "right_record_id", "kind"),
    subjects=_PAIR_KEYS,
)  # fmt: skip

MEMBERS = Table(
    TableName("identity", "members"),
    grain="One row per record, sign-in, device or address: the person it belongs to now",
    columns=(
        _SOURCE,
        _RECORD,
        _PERSON,
        Column("assigned_at", "TIMESTAMP", Pii.NONE, "when it came to this person, UTC"),
        _RUN,
        _NODE,
    ),
    key=("source", "source_record_id"),
    subjects=(_RECORD_KEY, _PERSON_KEY),
)

MEMBERS_HISTORY = Table(
    TableName("identity", "members_history"),
    grain="One row per record and period: the person it belonged to then",
    columns=(_SOURCE, _RECORD, _PERSON, *_PERIOD, _NODE),
    subjects=(_RECORD_KEY, _PERSON_KEY),
)

DEVICES = Table(
    TableName("identity", "devices"),
    grain="One row per device and period: whose it was",
    columns=(
        Column("anonymous_id", "VARCHAR", Pii.PSEUDONYMOUS, "the browser or device"),
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "whose it was; null where it is shared"),
        *_PERIOD,
        Column("is_shared", "BOOLEAN", Pii.NONE, "several persons sign in: its anonymous history is nobody's"),
    ),
    key=("anonymous_id", "valid_from"),
    subjects=(SubjectKey(SubjectKind.ANONYMOUS_ID, ("anonymous_id",)), _PERSON_KEY),
)  # fmt: skip

PERSONS = Table(
    TableName("identity", "persons"),
    grain="One row per person id ever given",
    columns=(
        _PERSON,
        Column("status", "VARCHAR", Pii.NONE, "active, merged, or retired: nothing belongs to it any more"),
        Column("merged_into", "VARCHAR", Pii.PSEUDONYMOUS, "the person it became part of; null if not merged"),
        Column("created_at", "TIMESTAMP", Pii.NONE, "when the id was given, UTC"),
    ),
    key=("person_id",),
    subjects=(_PERSON_KEY, SubjectKey(SubjectKind.PERSON_ID, ("merged_into",))),
)  # fmt: skip

CHANGES = Table(
    TableName("identity", "changes"),
    grain="One row per merge of two persons or split of one",
    columns=(
        Column("change_id", "VARCHAR", Pii.PSEUDONYMOUS, "the change"),
        Column("change_type", "VARCHAR", Pii.NONE, "merge or split"),
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person who stays"),
        Column("other_person_id", "VARCHAR", Pii.PSEUDONYMOUS, "who was merged into it, or split off"),
        Column("cause", "VARCHAR", Pii.NONE, "why, in words without values"),
        _RUN,
        Column("changed_at", "TIMESTAMP", Pii.NONE, "when it was computed, UTC"),
    ),
    key=("change_id",),
    subjects=(_PERSON_KEY, SubjectKey(SubjectKind.PERSON_ID, ("other_person_id",))),
    aged_by="changed_at",
)  # fmt: skip

REVIEW_QUEUE = Table(
    TableName("identity", "review_queue"),
    grain="One row per pair of records that is likely but not certain to be one person",
    columns=(*_PAIR, _PROBABILITY, _EVIDENCE),
    key=("left_source", "left_record_id", "right_source", "right_record_id"),
    subjects=_PAIR_KEYS,
)

DECISIONS = Table(
    TableName("identity", "decisions"),
    grain="One row per decision of a person on two records; it stands above every link",
    columns=(
        Column("decision_id", "VARCHAR", Pii.PSEUDONYMOUS, "the decision"),
        Column("decision", "VARCHAR", Pii.NONE, "must_link or cannot_link"),
        *_PAIR,
        Column("reason", "VARCHAR", Pii.PERSONAL, "why, in the decider's words; null if not said"),
        Column("decided_at", "TIMESTAMP", Pii.NONE, "when, UTC"),
        Column("origin", "VARCHAR", Pii.NONE, "by_hand, review, rule_review (of a pair that a rule keeps apart), split or merge; null is by_hand"),
        Column("act_id", "VARCHAR", Pii.PSEUDONYMOUS, "what was decided in one go; null: the decision alone"),
        Column("revoked_at", "TIMESTAMP", Pii.NONE, "when it was revoked, UTC; null while it stands"),
    ),
    key=("decision_id",),
    subjects=_PAIR_KEYS,
)  # fmt: skip

RUNS = Table(
    TableName("identity", "runs"),
    grain="One row per run that resolved anew; no person's rows",
    columns=(
        _RUN,
        Column("fingerprint", "VARCHAR", Pii.NONE, "of everything that the run read"),
        Column("records", "BIGINT", Pii.NONE, "source records"),
        Column("persons", "BIGINT", Pii.NONE, "active persons"),
        Column("threshold", "DOUBLE", Pii.NONE, "match probability from which pairs link; null without a model"),
        Column("whole_because", "VARCHAR", Pii.NONE, "why everything was resolved; null where only what changes can reach was"),
        Column("state", "VARCHAR", Pii.NONE, "hash of what the run left for the next and of what it had learned"),
        Column("finished_at", "TIMESTAMP", Pii.NONE, "UTC"),
    ),
    key=("run_id",),
    aged_by="finished_at",
)  # fmt: skip

CHURN = Table(
    TableName("identity", "churn"),
    grain="One row per run that resolved anew: how many persons it changed; no person's rows",
    columns=(
        _RUN,
        Column("status", "VARCHAR", Pii.NONE, "published; accepted: above the bound, and accepted; held: not published; withdrawn: what was held is no longer asked for"),
        Column("persons", "BIGINT", Pii.NONE, "persons known before, by more than a device, of whom something is still there"),
        Column("merged", "BIGINT", Pii.NONE, "of these, persons now one with another of them"),
        Column("split", "BIGINT", Pii.NONE, "of these, persons whose records are now several persons'"),
        Column("renamed", "BIGINT", Pii.NONE, "of these, persons whose records stayed together under another id"),
        Column("changed", "BIGINT", Pii.NONE, "of these, persons to whom any of the three happened"),
        Column("unexplained", "BIGINT", Pii.NONE, "of the changed, persons without a new, changed or removed record, sign-in or decision"),
        Column("bound", "DOUBLE", Pii.NONE, "max_changed_share of identity.yml in that run, 0..1"),
        Column("causes", "VARCHAR", Pii.NONE, "JSON list: likely causes in words; names of settings and sources, no values"),
        Column("settings", "VARCHAR", Pii.NONE, "JSON: four hexadecimal digits of a hash of each setting, to tell which changed"),
        Column("measured_at", "TIMESTAMP", Pii.NONE, "UTC"),
    ),
    key=("run_id",),
    aged_by="measured_at",
)  # fmt: skip

_TEXT = "VARCHAR"
# Texts that hardly two records share: of these few rows are read, and a dictionary of them is as
# large as they are. Texts that thousands share are packed: a tenth of the blocks is read for them.
_PLAIN = frozenset({
    "email", "local_part", "mailbox", "mailbox_digits", "gmail_mailbox", "phone", "street",
})  # fmt: skip
PREPARED = Table(
    TableName("identity", "prepared_records"),
    grain="One row per source record: its values as they are compared, kept for the next run",
    columns=(
        Column("record", "BIGINT", Pii.PSEUDONYMOUS, "number that follows from source and id"),
        _SOURCE,
        replace(_RECORD, is_plain=True),
        Column("user_id", _TEXT, Pii.PSEUDONYMOUS, "the sign-in; null without", is_plain=True),
        *(
            Column(name, _TEXT, pii, f"{meaning}; null where it is not known", is_plain=name in _PLAIN)
            for name, pii, meaning in (
                ("first_name", Pii.PERSONAL, "first name, folded; perhaps as the mailbox spells it"),
                ("initial", Pii.PERSONAL, "first letter of the first name"),
                ("middle_name", Pii.PERSONAL, "middle name, folded"),
                ("last_name", Pii.PERSONAL, "last name, folded; perhaps as the mailbox spells it"),
                ("given_name", Pii.PERSONAL, "the name behind a nickname"),
                ("told_first_name", Pii.PERSONAL, "first name that the record itself tells, folded"),
                ("told_initial", Pii.PERSONAL, "first letter of it"),
                ("email", Pii.IDENTIFIER, "address, normalised"),
                ("local_part", Pii.PERSONAL, "of the address, what is before the @ and any plus"),
                ("mailbox", Pii.PERSONAL, "the letters of the local part"),
                ("mailbox_digits", Pii.PERSONAL, "the digits of the local part"),
                ("email_domain", Pii.PERSONAL, "of the address, what is behind the @"),
                ("gmail_mailbox", Pii.PERSONAL, "the local part without dots; null where it is not Gmail's"),
                ("phone", Pii.IDENTIFIER, "phone, E.164"),
                ("house_number", Pii.PERSONAL, "number of the house"),
                ("street", Pii.PERSONAL, "street, folded"),
                ("city", Pii.PERSONAL, "city, folded"),
                ("state", Pii.PERSONAL, "state, folded"),
                ("postal_code", Pii.PERSONAL, "postal code without blanks"),
                ("company", Pii.NONE, "company, folded, without its legal form"),
            )
        ),
        Column("birth_date", "DATE", Pii.PERSONAL, "date of birth; null where it is not known"),
        Column("first_seen_at", "TIMESTAMP", Pii.NONE, "when its source first had it, UTC; null where it is not known"),
        Column("seniority", "BIGINT", Pii.NONE, "the smaller the older; no two alike but by chance"),
        Column("is_spelled", "BOOLEAN", Pii.NONE, "the mailbox told the last name"),
        Column("mailbox_names_owner", "BOOLEAN", Pii.NONE, "the mailbox is named after the person"),
        Column("mailbox_is_free", "BOOLEAN", Pii.NONE, "the address is at a provider where anybody can have one; null without an address"),
        Column("email_is_shared", "BOOLEAN", Pii.NONE, "several people hold the address: it links nobody"),
        Column("phone_is_shared", "BOOLEAN", Pii.NONE, "the same of the phone"),
        Column("first_name_count", "BIGINT", Pii.NONE, "records that bear the first name"),
        Column("last_name_count", "BIGINT", Pii.NONE, "records that bear the last name"),
        *(
            Column(f"{name}_rarity", "DOUBLE", Pii.NONE, f"bits that an agreement in the {name.replace('_', ' ')} gains by being rare; null without one")
            for name in ("first_name", "given_name", "last_name", "birth_date")
        ),
        *(
            Column(f"key_{number}", "UBIGINT", Pii.PSEUDONYMOUS, "hash of a value by which candidates are found; null where it is not known")
            for number in range(BLOCKING_KEYS)
        ),
        Column("name_key", "UBIGINT", Pii.PSEUDONYMOUS, "hash of the initial and the surname without blanks, as a mailbox may spell them; null where one is not known"),
    ),
    key=("source", "source_record_id"),
    subjects=(_RECORD_KEY,),
)  # fmt: skip

NODE_STATES = Table(
    TableName("identity", "node_states"),
    grain="One row per record, sign-in, device or address: what it was when it was last resolved",
    columns=(
        _SOURCE,
        replace(_RECORD, is_plain=True),
        _NODE,
        Column("row_hash", "UBIGINT", Pii.PSEUDONYMOUS, "hash of all that was known of it"),
        Column("component", "BIGINT", Pii.PSEUDONYMOUS, "the node that names all nodes that links bring together, cut ones too"),
        Column("address_key", "UBIGINT", Pii.PSEUDONYMOUS, "of an address, hash of its normalised form; else null"),
    ),
    key=("source", "source_record_id"),
    subjects=(_RECORD_KEY,),
)  # fmt: skip

LARGE_BLOCKS = Table(
    TableName("identity", "large_blocks"),
    grain="One row per value that too many records share for each to be compared with each; speaks of no single person",
    columns=(
        Column("key_number", "UTINYINT", Pii.NONE, "which of the values by which candidates are found"),
        Column("key", "UBIGINT", Pii.NONE, "hash of the value, which hundreds of records have at least"),
        Column("size", "BIGINT", Pii.NONE, "records that have it"),
    ),
    key=("key_number", "key"),
)  # fmt: skip

_ACCOUNT = Column("account_id", "VARCHAR", Pii.NONE, "the company")

ACCOUNT_RECORDS = Table(
    TableName("identity", "account_records"),
    grain="One row per account record or domain of addresses: the company it belongs to now; speaks of no person",
    columns=(
        Column("source", "VARCHAR", Pii.NONE, "source of the record; email_domains stands for domains of addresses"),
        Column("account_record_id", "VARCHAR", Pii.NONE, "id of the record in its source, or the domain"),
        _ACCOUNT,
        Column("domain", "VARCHAR", Pii.NONE, "its domain; null where it has none of its own"),
        Column("rule", "VARCHAR", Pii.NONE, "what it belongs there by: own record, same domain, subdomain, same name and country, same name, domain of its contacts"),
        Column("assigned_at", "TIMESTAMP", Pii.NONE, "when it came to this company, UTC"),
        _RUN,
    ),
    key=("source", "account_record_id"),
)  # fmt: skip

ACCOUNTS = Table(
    TableName("identity", "accounts"),
    grain="One row per account id ever given; speaks of no person",
    columns=(
        _ACCOUNT,
        Column("status", "VARCHAR", Pii.NONE, "active, merged, or retired: nothing belongs to it any more"),
        Column("merged_into", "VARCHAR", Pii.NONE, "the company it became part of; null if not merged"),
        Column("created_at", "TIMESTAMP", Pii.NONE, "when the id was given, UTC"),
    ),
    key=("account_id",),
)  # fmt: skip

TABLES: tuple[Table, ...] = (
    IDENTIFIERS,
    LINKS,
    MEMBERS,
    MEMBERS_HISTORY,
    DEVICES,
    PERSONS,
    CHANGES,
    REVIEW_QUEUE,
    DECISIONS,
    RUNS,
    CHURN,
    PREPARED,
    NODE_STATES,
    LARGE_BLOCKS,
    ACCOUNT_RECORDS,
    ACCOUNTS,
)
