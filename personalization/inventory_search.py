"""The tables of search."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

_AS_OF = Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC")
_RUN = Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row")

SEARCH_PROFILES = Table(
    TableName("personalization", "search_profiles"),
    grain="One row per person, facet and value that the person reads more of than others do",
    columns=(
        Column("person_id", "VARCHAR", Pii.PSEUDONYMOUS, "who granted personalization and reads"),
        Column("facet", "VARCHAR", Pii.NONE, "topic, content_type or funnel_stage"),
        Column("value", "VARCHAR", Pii.PERSONAL, "the topic, type or stage"),
        Column(
            "affinity",
            "DOUBLE",
            Pii.PERSONAL,
            "the person's share of it less everybody's, times n / (n + k), 0..1",
        ),
        Column("readings", "DOUBLE", Pii.PERSONAL, "n: items read, decayed by age"),
        _AS_OF,
        _RUN,
    ),
    key=("person_id", "facet", "value"),
    subjects=(SubjectKey(SubjectKind.PERSON_ID, ("person_id",)),),
)

SEARCH_WEIGHTS = Table(
    TableName("personalization", "search_weights"),
    grain="One row per facet: how much it counts when results are reranked; no person's rows",
    columns=(
        Column("facet", "VARCHAR", Pii.NONE, "topic, content_type or funnel_stage"),
        Column("weight", "DOUBLE", Pii.NONE, "its share of the interests, 0..1"),
        Column(
            "source", "VARCHAR", Pii.NONE, "declared: as content.yml says; learned: from clicks"
        ),
        Column(
            "clicked_queries", "BIGINT", Pii.NONE, "searches with a click whose results are known"
        ),
        Column("reason", "VARCHAR", Pii.NONE, "why these weights, in words"),
        _AS_OF,
        _RUN,
    ),
    key=("facet",),
)
