"""The tables of prediction, declared once for creation, docs and erasure."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

_BY_PERSON = (SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),)

_MODEL = Column("model_key", "VARCHAR", Pii.NONE, "the model, as predictions.yml names it")
_PERSON = Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person, as named at that time")
_AS_OF = Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which everything was known, UTC")
_VERSION = Column("model_version", "VARCHAR", Pii.NONE, "the version that answered")

# What a score says, whoever it is of.
_SCORED = (
    Column("score", "DOUBLE", Pii.PERSONAL, "probability, 0..1; null where data are too few"),
    Column("lower", "DOUBLE", Pii.PERSONAL, "lower end of its 95 % interval; null for rules"),
    Column("upper", "DOUBLE", Pii.PERSONAL, "upper end of its 95 % interval; null for rules"),
    Column(
        "decile",
        "BIGINT",
        Pii.PERSONAL,
        "1 to 10, the tenths of those scored; 1 is the likeliest; equal scores are in one, the likelier: of "
        "few different scores some are large and others are missing; null without a score",
    ),
    Column("source", "VARCHAR", Pii.NONE, "who answers: model, rule, or insufficient: nobody"),
    Column(
        "reasons",
        "VARCHAR",
        Pii.PERSONAL,
        "JSON list of the strongest features and their effects on the log odds, compared "
        "with the average one",
    ),
)

SPINE = Table(
    TableName("prediction", "spine"),
    grain="One row per model, person and date: for whom and when features are wanted",
    columns=(
        _PERSON,
        _AS_OF,
        Column(
            "role",
            "VARCHAR",
            Pii.NONE,
            "training; judging: the later date that a model is judged at; recent: between the "
            "two, learnt from once the model is judged; scoring",
        ),
        _MODEL,
        Column(
            "is_eligible",
            "BOOLEAN",
            Pii.PERSONAL,
            "whether the person fits what the model asks for; of accounts one such member is enough",
        ),
        Column(
            "has_done",
            "BOOLEAN",
            Pii.PERSONAL,
            "whether the person had done what rules out; of accounts any such member does",
        ),
    ),
    key=("model_key", "person_id", "as_of"),
    subjects=_BY_PERSON,
)

PROPENSITY_SCORES = Table(
    TableName("prediction", "propensity_scores"),
    grain="One row per model, person and date: the published score",
    columns=(
        _MODEL,
        _PERSON,
        _AS_OF,
        *_SCORED,
        _VERSION,
    ),
    key=("model_key", "person_id", "as_of"),
    subjects=_BY_PERSON,
    aged_by="as_of",
)

ACCOUNT_SCORES = Table(
    TableName("prediction", "account_scores"),
    grain="One row per model of accounts, account and date: the published score",
    columns=(
        _MODEL,
        Column("account_id", "VARCHAR", Pii.NONE, "the account, as named at that time"),
        _AS_OF,
        *_SCORED,
        Column(
            "person_id",
            "VARCHAR",
            Pii.PSEUDONYMOUS,
            "the only member whose doings it was computed from, whose it then is; null: of several",
        ),
        _VERSION,
    ),
    key=("model_key", "account_id", "as_of"),
    subjects=_BY_PERSON,
    aged_by="as_of",
)

ACCOUNT_SCORE_MEMBERS = Table(
    TableName("prediction", "account_score_members"),
    grain="One row per score of an account and member whose doings it was computed from",
    columns=(
        _MODEL,
        Column("account_id", "VARCHAR", Pii.NONE, "the account, as named at that time"),
        _AS_OF,
        Column(
            "person_id",
            "VARCHAR",
            Pii.PSEUDONYMOUS,
            "the member, as named at that time; who leaves takes the score along",
        ),
    ),
    key=("model_key", "account_id", "as_of", "person_id"),
    subjects=_BY_PERSON,
    aged_by="as_of",
)

PERSONAS = Table(
    TableName("prediction", "personas"),
    grain="One row per persona and version of the grouping; no person's rows",
    columns=(
        Column("persona_id", "VARCHAR", Pii.NONE, "kept over retrainings; unassigned: the rest"),
        Column("persona_name", "VARCHAR", Pii.NONE, "from what sets it apart, or personas.yml"),
        Column("status", "VARCHAR", Pii.NONE, "published, provisional or retired"),
        Column("description", "VARCHAR", Pii.NONE, "what its readers read more than others"),
        Column("members", "BIGINT", Pii.NONE, "readers in it when they were last assigned"),
        Column("traits", "VARCHAR", Pii.NONE, "JSON list: facet, value, share, times the average"),
        _VERSION,
        _AS_OF,
    ),
    key=("persona_id", "model_version"),
)

PERSONA_MEMBERS = Table(
    TableName("prediction", "persona_members"),
    grain="One row per reader and date: the published persona",
    columns=(
        _PERSON,
        Column("persona_id", "VARCHAR", Pii.PERSONAL, "the persona; null: unassigned"),
        Column("persona_name", "VARCHAR", Pii.PERSONAL, "its name at that time; null: unassigned"),
        Column("confidence", "DOUBLE", Pii.PERSONAL, "probability of the likeliest persona, 0..1"),
        _AS_OF,
    ),
    key=("person_id", "as_of"),
    subjects=_BY_PERSON,
    aged_by="as_of",
)

MODELS = Table(
    TableName("prediction", "models"),
    grain="One row per model and version, rules included; no person's rows",
    columns=(
        _MODEL,
        _VERSION,
        Column(
            "status",
            "VARCHAR",
            Pii.NONE,
            "champion: it answers; refused: it failed its gates; insufficient: nothing answers; retired",
        ),
        Column(
            "algorithm",
            "VARCHAR",
            Pii.NONE,
            "ridge_logistic, sparse_logistic, boosted_trees, mixture, rule or none",
        ),
        Column("reason", "VARCHAR", Pii.NONE, "why it has this status, every reason in words"),
        Column("metrics", "VARCHAR", Pii.NONE, "JSON object, measured at the later date"),
        Column("trained_as_of", "TIMESTAMP", Pii.NONE, "what was known when it was decided, UTC"),
        Column("data_fingerprint", "VARCHAR", Pii.NONE, "SHA-256 of what was learnt from"),
        Column("config_fingerprint", "VARCHAR", Pii.NONE, "SHA-256 of its configuration"),
        Column("path", "VARCHAR", Pii.NONE, "its folder below artifacts/; null for rules"),
        Column(
            "file_digests",
            "VARCHAR",
            Pii.NONE,
            "JSON object: SHA-256 of each file in its folder; null for rules and for versions of before",
        ),
        Column("scores_fingerprint", "VARCHAR", Pii.NONE, "SHA-256 of what was last scored"),
        Column(
            "is_passed", "BOOLEAN", Pii.NONE, "whether nothing spoke against it when it was made"
        ),
        Column("is_chosen", "BOOLEAN", Pii.NONE, "whether a person put it in force"),
        Column(
            "purpose",
            "VARCHAR",
            Pii.NONE,
            "consent that scores of the model ask for, as predictions.yml last had it; null: unknown",
        ),
        Column(
            "in_force_from",
            "TIMESTAMP",
            Pii.NONE,
            "since what moment of the data it answers, UTC; null where it never did",
        ),
        Column("created_at", "TIMESTAMP", Pii.NONE, "when it was decided by the clock, UTC"),
    ),
    key=("model_key", "model_version"),
)

LEARNT_FROM = Table(
    TableName("prediction", "learnt_from"),
    grain="One row per model, data that versions of it learnt from, and person in these data",
    columns=(
        _MODEL,
        Column("data_fingerprint", "VARCHAR", Pii.NONE, "as in prediction.models"),
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person; of accounts, each member"),
    ),
    key=("model_key", "data_fingerprint", "person_id"),
    subjects=_BY_PERSON,
)

MODEL_CHANGES = Table(
    TableName("prediction", "model_changes"),
    grain="One row per change of who answers: which version took over, who decided and why",
    columns=(
        _MODEL,
        Column("model_version", "VARCHAR", Pii.NONE, "the version that answers from then on"),
        Column("previous_version", "VARCHAR", Pii.NONE, "who answered before; null at first"),
        Column("action", "VARCHAR", Pii.NONE, "trained, promoted or rolled_back"),
        Column("reason", "VARCHAR", Pii.NONE, "why, in words"),
        Column("changed_by", "VARCHAR", Pii.NONE, "candor, or who gave the command: a colleague"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment of the data, UTC"),
        Column("changed_at", "TIMESTAMP", Pii.NONE, "by the clock, UTC"),
    ),
    key=("model_key", "model_version", "changed_at"),
)

DRIFT = Table(
    TableName("prediction", "drift"),
    grain="One row per model, date and thing looked at: how far it moved; no person's rows",
    columns=(
        _MODEL,
        _VERSION,
        _AS_OF,
        Column("kind", "VARCHAR", Pii.NONE, "feature, score, labels or ranking"),
        Column("subject", "VARCHAR", Pii.NONE, "the feature; else what kind says"),
        Column("measure", "VARCHAR", Pii.NONE, "psi, observed_to_expected or auc"),
        Column("value", "DOUBLE", Pii.NONE, "of the measure; null where it was not tested"),
        Column("lower", "DOUBLE", Pii.NONE, "lower end of its 99 % interval; null for psi"),
        Column("upper", "DOUBLE", Pii.NONE, "upper end of its 99 % interval; null for psi"),
        Column("threshold", "DOUBLE", Pii.NONE, "psi that chance would hardly reach; least auc"),
        Column("p_value", "DOUBLE", Pii.NONE, "chance of as much without any movement, 0..1"),
        Column("people", "BIGINT", Pii.NONE, "persons or accounts that were looked at"),
        Column(
            "status",
            "VARCHAR",
            Pii.NONE,
            "stable; moved: further than chance; failed: surely past what is allowed; not_tested: too few",
        ),
        Column(
            "tier",
            "VARCHAR",
            Pii.NONE,
            "page: probabilities did not come true; ticket: scores or outcomes moved; "
            "information: a feature moved; none",
        ),
    ),
    key=("model_key", "as_of", "kind", "subject"),
)

TABLES: tuple[Table, ...] = (
    SPINE, PROPENSITY_SCORES, ACCOUNT_SCORES, ACCOUNT_SCORE_MEMBERS, PERSONAS, PERSONA_MEMBERS,
    MODELS, LEARNT_FROM, MODEL_CHANGES, DRIFT,
)  # fmt: skip
