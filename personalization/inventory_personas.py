"""The tables of what personas read, and of what is not there for them; no person's rows."""

from __future__ import annotations

from warehouse import Column, Pii, Table, TableName

_PERSONA = Column("persona_id", "VARCHAR", Pii.NONE, "the persona, as prediction.personas names it")
_NAME = Column("persona_name", "VARCHAR", Pii.NONE, "its name when the row was written")
_MEMBERS = Column("members", "BIGINT", Pii.NONE, "its members who granted personalization and read")
_AS_OF = Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC")
_RUN = Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row")

PERSONA_CONTENT = Table(
    TableName("personalization", "persona_content"),
    grain="One row per persona, facet and value: how much it reads of it; no person's rows",
    columns=(
        _PERSONA,
        _NAME,
        _MEMBERS,
        Column("facet", "VARCHAR", Pii.NONE, "content, topic, content_type or funnel_stage"),
        Column("value", "VARCHAR", Pii.NONE, "the content id, topic, type or stage"),
        Column("readings", "BIGINT", Pii.NONE, "items of it that members read, each person's once"),
        Column("expected", "DOUBLE", Pii.NONE, "readings, did the persona read as all readers do"),
        Column("response", "DOUBLE", Pii.NONE, "readings to expected, drawn towards 1 by evidence"),
        Column("response_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("response_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column(
            "depth",
            "DOUBLE",
            Pii.NONE,
            "mean of its readers' deepest scroll, 0..1, drawn towards that of all; null: unmeasured",
        ),
        Column("verdict", "VARCHAR", Pii.NONE, "more or less than all readers, or alike: not told"),
        _AS_OF,
        _RUN,
    ),
    key=("persona_id", "facet", "value"),
)

CONTENT_GAPS = Table(
    TableName("personalization", "content_gaps"),
    grain="One row per persona and funnel stage: how much content there is; no person's rows",
    columns=(
        _PERSONA,
        _NAME,
        _MEMBERS,
        Column("funnel_stage", "VARCHAR", Pii.NONE, "the stage"),
        Column(
            "items",
            "BIGINT",
            Pii.NONE,
            "published content of the stage that is meant for the persona or on a topic of which "
            "it reads more than others; all of it where there is no such topic",
        ),
        Column(
            "unread", "DOUBLE", Pii.NONE, "of these, how many a member has not read, on average"
        ),
        Column("status", "VARCHAR", Pii.NONE, "gap: nothing; thin: fewer than 3 unread; covered"),
        Column(
            "topics",
            "VARCHAR",
            Pii.NONE,
            "JSON list of the topics that were looked for; empty: any",
        ),
        _AS_OF,
        _RUN,
    ),
    key=("persona_id", "funnel_stage"),
)
