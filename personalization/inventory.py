"""The tables of personalization, declared once for creation, docs and erasure."""

from __future__ import annotations

from personalization.inventory_backtests import BACKTESTS
from personalization.inventory_breadth import BREADTH
from personalization.inventory_calibrations import CALIBRATIONS
from personalization.inventory_email import EMAIL_BLOCKS
from personalization.inventory_half_lives import HALF_LIVES
from personalization.inventory_personas import CONTENT_GAPS, PERSONA_CONTENT
from personalization.inventory_readiness import READINESS
from personalization.inventory_search import SEARCH_PROFILES, SEARCH_WEIGHTS
from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

RECOMMENDATIONS = Table(
    TableName("personalization", "recommendations"),
    grain="One row per person, block and rank, for persons who granted personalization",
    columns=(
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "whom it is chosen for"),
        Column("block", "VARCHAR", Pii.NONE, "key of the block in content.yml"),
        Column("rank", "INTEGER", Pii.NONE, "place in the block; 1 is first"),
        Column("content_id", "VARCHAR", Pii.NONE, "the content"),
        Column("score", "DOUBLE", Pii.NONE, "share of the person's next readings expected, 0..1"),
        Column("reason", "VARCHAR", Pii.PERSONAL, "why this content, in words"),
        Column("is_discovery", "BOOLEAN", Pii.NONE, "whether the place was filled at random"),
        Column(
            "propensity",
            "DOUBLE",
            Pii.NONE,
            "probability with which this content came to this place, 0..1; 1 where nothing is drawn there",
        ),
        Column(
            "fallback_level",
            "VARCHAR",
            Pii.NONE,
            "personal: 3 or more readings; similar: 1 or 2; popular: none",
        ),
        Column(
            "is_ghost",
            "BOOLEAN",
            Pii.NONE,
            "held out of everything: what would be shown, and never is, on pages or by a sync",
        ),
        Column("policy", "VARCHAR", Pii.NONE, "name and version of the method"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("person_id", "block", "rank"),
    subjects=(SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),),
)

VARIANT_POLICIES = Table(
    TableName("personalization", "variant_policies"),
    grain="One row per experiment, segment and arm: how often to show it; no person's rows",
    columns=(
        Column("experiment_key", "VARCHAR", Pii.NONE, "key of the experiment"),
        Column(
            "segment",
            "VARCHAR",
            Pii.NONE,
            "the segment; global: whom no segment fits, but n and converted of everybody",
        ),
        Column("arm", "VARCHAR", Pii.NONE, "the variant"),
        Column("probability", "DOUBLE", Pii.NONE, "share of the segment to show it to, 0..1"),
        Column("n", "BIGINT", Pii.NONE, "persons who met it and whose window has closed"),
        Column("converted", "BIGINT", Pii.NONE, "of these, who converted"),
        Column("effect", "DOUBLE", Pii.NONE, "expected rate less the baseline's; null: unknown"),
        Column("p_best", "DOUBLE", Pii.NONE, "probability of being the best; null: unknown"),
        Column("p_harmful", "DOUBLE", Pii.NONE, "probability that the baseline is better; or null"),
        Column(
            "fallback_level",
            "VARCHAR",
            Pii.NONE,
            "segment: learnt there, leaning on the others; global: of all together; uniform: too "
            "few, so by shares of the experiment, else alike",
        ),
        Column("reason", "VARCHAR", Pii.NONE, "why this share, in words"),
        Column(
            "state",
            "VARCHAR",
            Pii.NONE,
            "shown; paused: probably harmful, a precaution; on_trial: shown again after a pause; "
            "switched_off: harm is proven",
        ),
        Column(
            "p_harmful_alone",
            "DOUBLE",
            Pii.NONE,
            "p_harmful by the segment's own people alone, which the guard heeds; of those since judged_from, "
            "where it is given; null: fewer than 50 in an arm",
        ),
        Column(
            "withheld_since", "TIMESTAMP", Pii.NONE, "since when in this state, UTC; null: shown"
        ),
        Column(
            "judged_from",
            "TIMESTAMP",
            Pii.NONE,
            "the guard heeds those alone who met an arm from then on, UTC; null: everybody",
        ),
        Column("pauses", "INTEGER", Pii.NONE, "how often it was paused so far"),
        Column(
            "tried_again_at",
            "TIMESTAMP",
            Pii.NONE,
            "when a pause is over unless it ends before, UTC; null: not paused, or never",
        ),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which outcomes count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("experiment_key", "segment", "arm"),
)

CONTEXT_LISTS = Table(
    TableName("personalization", "context_lists"),
    grain="One row per block, topic being read and content, for whom nothing is known of; "
    "no person's rows",
    columns=(
        Column("block", "VARCHAR", Pii.NONE, "key of the block in content.yml"),
        Column("topic", "VARCHAR", Pii.NONE, "topic of the page that is read; empty: any other"),
        Column("rank", "INTEGER", Pii.NONE, "place in the list; null: only drawn at random"),
        Column("content_id", "VARCHAR", Pii.NONE, "the content"),
        Column("reason", "VARCHAR", Pii.NONE, "why this content, in words"),
        Column("is_drawable", "BOOLEAN", Pii.NONE, "whether the drawn places may draw it"),
        Column("policy", "VARCHAR", Pii.NONE, "name and version of the method"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("block", "topic", "content_id"),
)

DRAW_UNITS = Table(
    TableName("personalization", "draw_units"),
    grain="One row per draw and person or company that is drawn by another id than today's",
    columns=(
        Column(
            "draw", "VARCHAR", Pii.NONE,
            "holdout, slot:<key of the experiment>, email_block:<key of the block>",
        ),
        Column("unit_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person or company, as named today"),
        Column(
            "drawn_as", "VARCHAR", Pii.PSEUDONYMOUS,
            "the id that met the draw first, and is drawn: an earlier one of theirs, or the keyed "
            "hash of a browser",
        ),
        Column("first_at", "TIMESTAMP", Pii.NONE, "when that was, UTC; null: the oldest id of a company that met nothing"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("draw", "unit_id"),
    subjects=(
        SubjectKey(SubjectKind.PERSON_ID, ("unit_id",)),
        SubjectKey(SubjectKind.PERSON_ID, ("drawn_as",)),
    ),
)  # fmt: skip

DECISIONS = Table(
    TableName("personalization", "decisions"),
    grain="One row per decision and position, as logged before it was shown",
    columns=(
        Column("decision_id", "VARCHAR", Pii.NONE, "the decision; one page request and slot"),
        Column("request_id", "VARCHAR", Pii.PSEUDONYMOUS, "the page request"),
        Column("decided_at", "TIMESTAMP", Pii.NONE, "when, UTC"),
        Column("slot", "VARCHAR", Pii.NONE, "key of the block or the experiment"),
        Column("slot_kind", "VARCHAR", Pii.NONE, "block or variant"),
        Column("position", "INTEGER", Pii.NONE, "place in the slot; 1 is first"),
        Column("unit_kind", "VARCHAR", Pii.NONE, "person, account, anonymous; null: no consent"),
        Column("unit_id", "VARCHAR", Pii.PSEUDONYMOUS, "what was drawn; null: no consent"),
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person, as named then; or null"),
        Column("arm", "VARCHAR", Pii.NONE, "the variant; personalised, contextual or holdout"),
        Column("action_id", "VARCHAR", Pii.NONE, "the content or variant"),
        Column(
            "propensity", "DOUBLE", Pii.NONE, "probability of this action in this place, 0..1"
        ),
        Column("eligible", "VARCHAR", Pii.NONE, "JSON: what it was drawn from; of variants with "
               "the probability of each"),
        Column("n_eligible", "INTEGER", Pii.NONE, "how many it was drawn from; null: the run drew"),
        Column("is_discovery", "BOOLEAN", Pii.NONE, "whether the place was drawn at random"),
        Column("is_ghost", "BOOLEAN", Pii.NONE, "held out: it would have been shown, and was not"),
        Column("is_repeat", "BOOLEAN", Pii.NONE, "kept, as this visit was shown it before"),
        Column("reason", "VARCHAR", Pii.PERSONAL, "why, in words"),
        Column(
            "fallback_level", "VARCHAR", Pii.NONE,
            "personal, similar, popular, context; of variants segment, global, uniform; "
            "contextual: no consent; stale: what was published is too old",
        ),
        Column("segment", "VARCHAR", Pii.PERSONAL, "the unit's segment in the experiment; or null"),
        Column("policy", "VARCHAR", Pii.NONE, "name and version of the method or of the shares"),
        Column("artefact_version", "VARCHAR", Pii.NONE, "the artefact that was asked"),
        Column("artefact_built_at", "TIMESTAMP", Pii.NONE, "up to when it knew, UTC"),
        Column("consent", "VARCHAR", Pii.NONE, "granted, denied or unknown, for personalization"),
        Column("consent_version", "VARCHAR", Pii.NONE, "when that was decided, UTC; or null"),
        Column("inputs", "VARCHAR", Pii.PERSONAL, "JSON: all that the decision follows from; in "
               "the first position, null in the others", is_long=True),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that loaded the row"),
    ),
    key=("decision_id", "position"),
    subjects=(
        SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),
        SubjectKey(SubjectKind.PERSON_ID, ("unit_id",)),
    ),
    aged_by="decided_at",
)  # fmt: skip

POLICY_VALUES = Table(
    TableName("personalization", "policy_values"),
    grain="One row per experiment, policy and estimator: what it would have earned; "
    "no person's rows",
    columns=(
        Column("experiment_key", "VARCHAR", Pii.NONE, "key of the experiment"),
        Column("metric", "VARCHAR", Pii.NONE, "key of the outcome that it shares its arms out by"),
        Column(
            "policy",
            "VARCHAR",
            Pii.NONE,
            "shares as learnt (from the other half of the units), or always the same arm",
        ),
        Column("estimator", "VARCHAR", Pii.NONE, "ips, snips or doubly_robust"),
        Column("value", "DOUBLE", Pii.NONE, "share that would have converted; null: refused"),
        Column("ci_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("ci_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column("n", "BIGINT", Pii.NONE, "units whose first decision is judged"),
        Column("converted", "BIGINT", Pii.NONE, "of these, who converted"),
        Column("effective_n", "DOUBLE", Pii.NONE, "decisions of equal weight that say as much"),
        Column("effective_converted", "DOUBLE", Pii.NONE, "likewise of who converted"),
        Column("largest_weight", "DOUBLE", Pii.NONE, "of one decision, share of all weights"),
        Column("refusal", "VARCHAR", Pii.NONE, "why no value is given; null where one is"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which outcomes count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("experiment_key", "policy", "estimator"),
)

TABLES: tuple[Table, ...] = (
    RECOMMENDATIONS,
    CONTEXT_LISTS,
    HALF_LIVES,
    BACKTESTS,
    CALIBRATIONS,
    VARIANT_POLICIES,
    DRAW_UNITS,
    DECISIONS,
    POLICY_VALUES,
    BREADTH,
    EMAIL_BLOCKS,
    SEARCH_PROFILES,
    SEARCH_WEIGHTS,
    PERSONA_CONTENT,
    CONTENT_GAPS,
    READINESS,
)
