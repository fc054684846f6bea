"""The tables of personalization, declared once for creation, docs and erasure."""

from __future__ import annotations

from personalization.inventory_email import EMAIL_BLOCKS
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
            "probability with which this content came to this place, 0..1; 1 where not drawn",
        ),
        Column(
            "fallback_level",
            "VARCHAR",
            Pii.NONE,
            "personal: 3 or more readings; similar: 1 or 2; popular: none",
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
        Column("segment", "VARCHAR", Pii.NONE, "the segment; global: whom no segment fits"),
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
            "segment: learnt there, leaning on the others; global: of all together; uniform: too few",
        ),
        Column("reason", "VARCHAR", Pii.NONE, "why this share, in words"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which outcomes count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("experiment_key", "segment", "arm"),
)

TABLES: tuple[Table, ...] = (
    RECOMMENDATIONS, VARIANT_POLICIES, EMAIL_BLOCKS, SEARCH_PROFILES, SEARCH_WEIGHTS,
    PERSONA_CONTENT, CONTENT_GAPS, READINESS,
)  # fmt: skip
