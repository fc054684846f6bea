"""The tables of audiences and of what was sent, declared once for creation, docs and erasure."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

_BY_PERSON = (SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),)

_AUDIENCE = Column("audience_key", "VARCHAR", Pii.NONE, "the audience's key")
_PERSON = Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person, as named at that time")
_RUN = Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row")
_SYNC = Column("sync_key", "VARCHAR", Pii.NONE, "the sync's key")
_DESTINATION = Column("destination_key", "VARCHAR", Pii.NONE, "the destination's key")
_ARM = Column("arm", "VARCHAR", Pii.NONE, "treatment, or holdout: never sent")
_BATCH = Column("batch_id", "VARCHAR", Pii.NONE, "the batch, which is also its idempotency key")
_IDENTIFIERS = Column(
    "identifiers", "VARCHAR", Pii.IDENTIFIER, "JSON object of the identifiers sent, hashed or raw"
)
_FINGERPRINT = Column(
    "fingerprint", "VARCHAR", Pii.PSEUDONYMOUS, "SHA-256 of the identifiers and traits sent"
)
_RULES = Column(
    "rules", "VARCHAR", Pii.NONE, "digest of how the sync plans: the same text, the same plan"
)
_ROW = Column(
    "row_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person's name in this sync; no other sync has it"
)

MEMBERSHIPS = Table(
    TableName("audiences", "memberships"),
    grain="One row per audience and current member, held-out members included",
    columns=(
        _AUDIENCE,
        _PERSON,
        Column("entered_at", "TIMESTAMP", Pii.NONE, "when this stay in the audience began, UTC"),
        _ARM,
        Column(
            "reasons",
            "VARCHAR",
            Pii.PERSONAL,
            "JSON list: each clause in words, whether it was met, the count or score found",
        ),
    ),
    key=("audience_key", "person_id"),
    subjects=_BY_PERSON,
)

MEMBERSHIP_CHANGES = Table(
    TableName("audiences", "membership_changes"),
    grain="One row per entry into or exit from an audience",
    columns=(
        _AUDIENCE,
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person; null where it was erased"),
        Column("change", "VARCHAR", Pii.NONE, "entered or exited"),
        Column(
            "cause",
            "VARCHAR",
            Pii.NONE,
            "data: what is known of the person; rule: the audience's definition; identity: merges "
            "and splits; consent; model: scores or personas of another publication; erasure",
        ),
        Column("detail", "VARCHAR", Pii.NONE, "the cause in words, without personal values"),
        _ARM,
        _RUN,
        Column("changed_at", "TIMESTAMP", Pii.NONE, "when it was computed, UTC"),
    ),
    subjects=_BY_PERSON,
    aged_by="changed_at",
)

SIZES = Table(
    TableName("audiences", "sizes"),
    grain="One row per audience and run; no person's rows",
    columns=(
        _AUDIENCE,
        _RUN,
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment the rules were judged at, UTC"),
        Column("matched", "BIGINT", Pii.NONE, "persons who meet the rules"),
        Column("suppressed", "BIGINT", Pii.NONE, "of these, persons without a required consent"),
        Column(
            "outranked",
            "BIGINT",
            Pii.NONE,
            "of these, persons with every consent who are in an audience that goes before it",
        ),
        Column("members", "BIGINT", Pii.NONE, "matched less suppressed and outranked"),
        Column("held_out", "BIGINT", Pii.NONE, "of the members, those in the hold-out"),
        Column("minimum_size", "BIGINT", Pii.NONE, "members below which nobody new is sent"),
        Column(
            "status",
            "VARCHAR",
            Pii.NONE,
            "ready, too_small, or held: a model, persona, list or the rows of a table that it "
            "needs are not there, so its members stay as they were",
        ),
        Column(
            "rules",
            "VARCHAR",
            Pii.NONE,
            "SHA-256 of its definition and of those that it refers to: the same text, the same rules",
        ),
        Column("computed_at", "TIMESTAMP", Pii.NONE, "when it was computed, UTC"),
    ),
    key=("audience_key", "run_id"),
    aged_by="computed_at",
)

SUPPRESSED_MEMBERS = Table(
    TableName("audiences", "suppressed_members"),
    grain="One row per audience, person who meets its rules, and consent that is missing",
    columns=(
        _AUDIENCE,
        _PERSON,
        Column("reason", "VARCHAR", Pii.NONE, "consent:<purpose>:<denied or unknown>"),
        _RUN,
    ),
    key=("audience_key", "person_id", "reason"),
    subjects=_BY_PERSON,
)

DEFINITIONS = Table(
    TableName("audiences", "definitions"),
    grain="One row per configured audience, as it was last computed; no person's rows",
    columns=(
        _AUDIENCE,
        Column("name", "VARCHAR", Pii.NONE, "what people call it"),
        Column("purposes", "VARCHAR", Pii.NONE, "JSON list: consents that each member needs"),
        Column("minimum_size", "BIGINT", Pii.NONE, "members below which nobody new is sent"),
        Column("definition", "VARCHAR", Pii.NONE, "JSON of its configuration"),
    ),
    key=("audience_key",),
)

LEDGER = Table(
    TableName("sync", "ledger"),
    grain="One row per sync and person ever sent: what the destination last acknowledged",
    columns=(
        _SYNC,
        _DESTINATION,
        _PERSON,
        _ROW,
        Column(
            "fingerprint",
            "VARCHAR",
            Pii.PSEUDONYMOUS,
            "SHA-256 of the identifiers and traits sent; refused: a batch with a change of the person "
            "was; null: due, and put anew if still to be there",
        ),
        _IDENTIFIERS,
        Column(
            "status",
            "VARCHAR",
            Pii.NONE,
            "acknowledged, rejected, removed, or unknown: sent without an answer",
        ),
        Column("is_present", "BOOLEAN", Pii.NONE, "whether the destination may hold the person"),
        Column(
            "earlier_identifiers",
            "VARCHAR",
            Pii.IDENTIFIER,
            "JSON list of objects sent before, which may be there still: no answer came to the "
            "change; null where there are none",
        ),
        _BATCH,
        Column("acknowledged_at", "TIMESTAMP", Pii.NONE, "last acknowledgement, UTC; null if none"),
        Column("reason", "VARCHAR", Pii.NONE, "code of the last rejection, or why removed"),
    ),
    key=("sync_key", "person_id"),
    subjects=_BY_PERSON,
)

RUNS = Table(
    TableName("sync", "runs"),
    grain="One row per sync and run; no person's rows",
    columns=(
        _RUN,
        _SYNC,
        _DESTINATION,
        _AUDIENCE,
        Column(
            "status",
            "VARCHAR",
            Pii.NONE,
            "running, succeeded, partial, failed, or held: only who had to go was removed, or, below "
            "a minimum, nobody new was sent",
        ),
        Column("added", "BIGINT", Pii.NONE, "rows acknowledged as new"),
        Column("changed", "BIGINT", Pii.NONE, "rows acknowledged as changed"),
        Column("removed", "BIGINT", Pii.NONE, "rows acknowledged as removed"),
        Column("rejected", "BIGINT", Pii.NONE, "rows refused; tried again by the next run"),
        Column("unanswered", "BIGINT", Pii.NONE, "rows sent or due without an answer"),
        Column("held_out", "BIGINT", Pii.NONE, "members not sent: hold-out"),
        Column("no_consent", "BIGINT", Pii.NONE, "members not sent: consent missing"),
        Column("suppressed", "BIGINT", Pii.NONE, "members not sent: erased before"),
        Column(
            "unreachable", "BIGINT", Pii.NONE, "members not sent: no identifier that may be sent"
        ),
        Column(
            "held",
            "BIGINT",
            Pii.NONE,
            "rows that a guard kept back; below a minimum, every member who could be sent",
        ),
        Column(
            "code",
            "VARCHAR",
            Pii.NONE,
            "why the run stopped early or was held: too_many_removals, empty_source, "
            "below_minimum or the destination's answer; null else",
        ),
        Column("started_at", "TIMESTAMP", Pii.NONE, "UTC"),
        Column("finished_at", "TIMESTAMP", Pii.NONE, "UTC; null while running or killed"),
    ),
    key=("run_id", "sync_key"),
    aged_by="started_at",
)

BATCHES = Table(
    TableName("sync", "batches"),
    grain="One row per batch, written before it is sent; no person's rows",
    columns=(
        _BATCH,
        _SYNC,
        _DESTINATION,
        _RUN,
        Column("kind", "VARCHAR", Pii.NONE, "delta or erasure"),
        Column("position", "BIGINT", Pii.NONE, "number of the batch in its sync, from 0"),
        Column(
            "target",
            "VARCHAR",
            Pii.NONE,
            "what the members were put into there, such as a list; null where nothing is named",
        ),
        Column(
            "place",
            "VARCHAR",
            Pii.NONE,
            "fingerprint of where the destination was; null where its key alone tells",
        ),
        Column("rows", "BIGINT", Pii.NONE, "rows in the batch"),
        Column("status", "VARCHAR", Pii.NONE, "in_flight, acknowledged, refused or voided"),
        Column("attempts", "BIGINT", Pii.NONE, "times it was handed to the destination"),
        Column("code", "VARCHAR", Pii.NONE, "why it was refused or is still in flight"),
        Column(
            "answer", "VARCHAR", Pii.NONE, "what the service said in the end, as HTTP 202; or null"
        ),
        Column(
            "jobs",
            "VARCHAR",
            Pii.NONE,
            "JSON: jobs that it started at the service, asked about by the next run; null once answered",
        ),
        Column("created_at", "TIMESTAMP", Pii.NONE, "when the intent was committed, UTC"),
        Column("finished_at", "TIMESTAMP", Pii.NONE, "UTC; null while in flight"),
    ),
    key=("batch_id",),
    aged_by="created_at",
)

ROW_RESULTS = Table(
    TableName("sync", "row_results"),
    grain="One row per batch and person in it: what was to be sent and what came of it",
    columns=(
        _BATCH,
        _SYNC,
        _PERSON,
        _ROW,
        Column("operation", "VARCHAR", Pii.NONE, "add, change, remove or erase"),
        Column("cause", "VARCHAR", Pii.NONE, "why the row was due"),
        _FINGERPRINT,
        _IDENTIFIERS,
        Column(
            "previous_identifiers",
            "VARCHAR",
            Pii.IDENTIFIER,
            "JSON object sent before, where it differs; null else",
        ),
        Column(
            "traits", "VARCHAR", Pii.PERSONAL, "JSON object of the traits sent; null on removal"
        ),
        Column("status", "VARCHAR", Pii.NONE, "pending, acknowledged, rejected, refused or voided"),
        Column("reason", "VARCHAR", Pii.NONE, "code of the rejection; null else"),
        Column("recorded_at", "TIMESTAMP", Pii.NONE, "when the status was last set, UTC"),
    ),
    key=("batch_id", "person_id"),
    subjects=_BY_PERSON,
    aged_by="recorded_at",
)

ACCEPTANCES = Table(
    TableName("sync", "acceptances"),
    grain="One row per sync whose next run may remove more persons than its guard allows",
    columns=(
        _SYNC,
        Column("removals", "BIGINT", Pii.NONE, "at most so many"),
        Column("accepted_at", "TIMESTAMP", Pii.NONE, "when somebody accepted it, UTC"),
    ),
    key=("sync_key",),
)

SETTLED = Table(
    TableName("sync", "settled"),
    grain="One row per sync and person, or two of one hash, with a row that its plans read",
    columns=(
        _SYNC,
        _RULES,
        Column("bucket", "BIGINT", Pii.PSEUDONYMOUS, "the group, by a hash of the persons' ids"),
        Column(
            "digest",
            "BIGINT",
            Pii.PSEUDONYMOUS,
            "checksum of all that the plan read of them; the same again, nothing is due again; "
            "null where something was due",
        ),
        Column("ready", "BIGINT", Pii.NONE, "members of the group who may be sent"),
        Column("held_out", "BIGINT", Pii.NONE, "members who are held out"),
        Column("no_consent", "BIGINT", Pii.NONE, "members without a consent"),
        Column("suppressed", "BIGINT", Pii.NONE, "members who were erased before"),
        Column("unreachable", "BIGINT", Pii.NONE, "members without an identifier to send"),
    ),
    key=("sync_key", "bucket"),
)

SETTLED_PARTS = Table(
    TableName("sync", "settled_parts"),
    grain="One row per sync, table that its plan reads, and part of four to eight persons",
    columns=(
        _SYNC,
        _RULES,
        Column("source", "BIGINT", Pii.NONE, "number of the table among those that the plan reads"),
        Column(
            "part",
            "BIGINT",
            Pii.PSEUDONYMOUS,
            "the part, by a hash of the persons' ids; -1 is all of the table",
        ),
        Column("digest", "BIGINT", Pii.PSEUDONYMOUS, "checksum of its rows when last planned"),
    ),
    key=("sync_key", "source", "part"),
)

TABLES: tuple[Table, ...] = (
    MEMBERSHIPS,
    MEMBERSHIP_CHANGES,
    SIZES,
    SUPPRESSED_MEMBERS,
    DEFINITIONS,
    LEDGER,
    RUNS,
    BATCHES,
    ROW_RESULTS,
    ACCEPTANCES,
    SETTLED,
    SETTLED_PARTS,
)
