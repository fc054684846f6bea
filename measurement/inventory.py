"""The tables of measurement, declared once for creation, docs and erasure."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

_BY_PERSON = (SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),)

_EXPERIMENT = Column("experiment_key", "VARCHAR", Pii.NONE, "key of the experiment")
_PERSON = Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person, as named at that time")
_METRIC = Column("metric", "VARCHAR", Pii.NONE, "key of the outcome")
_RUN = Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row")
_FIRST = Column("first_exposed_at", "TIMESTAMP", Pii.NONE, "first exposure to any arm, UTC")

ASSIGNMENTS = Table(
    TableName("measurement", "assignments"),
    grain="One row per experiment and unit that met it",
    columns=(
        _EXPERIMENT,
        Column("unit_type", "VARCHAR", Pii.NONE, "person or account: what was drawn"),
        Column("unit_id", "VARCHAR", Pii.PSEUDONYMOUS, "the unit; for persons the person_id"),
        Column("arm", "VARCHAR", Pii.NONE, "the arm of the first exposure, kept for good"),
        Column("assigned_at", "TIMESTAMP", Pii.NONE, "when the unit first met the arm, UTC"),
    ),
    key=("experiment_key", "unit_type", "unit_id"),
    subjects=(SubjectKey(SubjectKind.PERSON_ID, ("unit_id",)),),
)

EXPOSURES = Table(
    TableName("measurement", "exposures"),
    grain="One row per experiment and person who met it",
    columns=(
        _EXPERIMENT,
        _PERSON,
        Column("arm", "VARCHAR", Pii.NONE, "the arm of the first exposure of what was drawn"),
        _FIRST,
        Column(
            "segment",
            "VARCHAR",
            Pii.PERSONAL,
            "the first segment that fits, of an account any of its persons, met or not; null: none does",
        ),
        Column("unit_id", "VARCHAR", Pii.PSEUDONYMOUS, "what was drawn: the account or the person"),
        Column("is_crossover", "BOOLEAN", Pii.NONE, "whether the person met another arm than this"),
        Column("exposure_count", "BIGINT", Pii.NONE, "exposures to any arm"),
        Column(
            "is_known_before",
            "BOOLEAN",
            Pii.NONE,
            "whether somebody had signed in, or left an address, on that browser by the first exposure; "
            "null: not told by an event, or companies are drawn",
        ),
        _RUN,
    ),
    key=("experiment_key", "person_id"),
    subjects=_BY_PERSON,
    aged_by="first_exposed_at",
)

OUTCOMES = Table(
    TableName("measurement", "outcomes"),
    grain="One row per experiment, metric and person who met the experiment",
    columns=(
        _EXPERIMENT,
        _METRIC,
        _PERSON,
        _FIRST,
        Column("is_mature", "BOOLEAN", Pii.NONE, "whether the window had closed; only these count"),
        Column("has_converted", "BOOLEAN", Pii.NONE, "whether the event fell into the window"),
        Column("converted_at", "TIMESTAMP", Pii.NONE, "the first such event, UTC; null: none"),
        Column("closes_at", "TIMESTAMP", Pii.NONE, "when the window closes, UTC"),
        Column("value", "DOUBLE", Pii.NONE, "the outcome: 1 or 0, a count, or a sum"),
        Column("per", "DOUBLE", Pii.NONE, "what it is counted per: 1, or events in the window"),
        Column("before", "DOUBLE", Pii.NONE, "the outcome before the exposure; 0: not asked for"),
        _RUN,
    ),
    key=("experiment_key", "metric", "person_id"),
    subjects=_BY_PERSON,
    aged_by="first_exposed_at",
)

LIFT = Table(
    TableName("measurement", "lift"),
    grain="One row per experiment, metric, segment and pair of arms; no person's rows",
    columns=(
        _EXPERIMENT,
        _METRIC,
        Column(
            "is_primary", "BOOLEAN", Pii.NONE, "whether the experiment is decided by the metric"
        ),
        Column("segment", "VARCHAR", Pii.NONE, "the segment; global: everybody"),
        Column("arm", "VARCHAR", Pii.NONE, "the arm that is judged"),
        Column("baseline_arm", "VARCHAR", Pii.NONE, "the arm that it is compared with"),
        Column("n", "BIGINT", Pii.NONE, "persons in the arm whose window has closed"),
        Column("n_baseline", "BIGINT", Pii.NONE, "persons in the baseline, likewise"),
        Column("rate", "DOUBLE", Pii.NONE, "outcome of the arm: a share, or a mean"),
        Column("rate_baseline", "DOUBLE", Pii.NONE, "outcome of the baseline"),
        Column(
            "effect", "DOUBLE", Pii.NONE, "rate less rate_baseline, adjusted where asked; or null"
        ),
        Column("ci_low", "DOUBLE", Pii.NONE, "lower end of the 95 % interval of effect"),
        Column("ci_high", "DOUBLE", Pii.NONE, "upper end of the 95 % interval of effect"),
        Column(
            "p_value", "DOUBLE", Pii.NONE, "two-sided, of no difference; null: too few for a test"
        ),
        Column(
            "q_value",
            "DOUBLE",
            Pii.NONE,
            "p_value corrected for how many comparisons are made alike: segments of all pairs of arms; of "
            "secondary metrics all of them; null: the primary metric of everybody",
        ),
        Column("shrunken_effect", "DOUBLE", Pii.NONE, "effect drawn towards the other segments"),
        Column("shrunken_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("shrunken_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column("minimum_detectable", "DOUBLE", Pii.NONE, "smallest effect found in 8 of 10 cases"),
        Column(
            "kept_variance",
            "DOUBLE",
            Pii.NONE,
            "share of the noise that the adjustment for the time before left; 1 without one",
        ),
        Column("look", "INTEGER", Pii.NONE, "which planned look it is; null: none are planned"),
        Column("verdict", "VARCHAR", Pii.NONE, "helped, harmed or cannot_tell"),
        Column("reason", "VARCHAR", Pii.NONE, "why this verdict, in words"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment it was measured at, UTC"),
        _RUN,
    ),
    key=("experiment_key", "metric", "segment", "arm", "baseline_arm"),
)

TABLES: tuple[Table, ...] = (ASSIGNMENTS, EXPOSURES, OUTCOMES, LIFT)
