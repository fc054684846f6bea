"""The table of readiness; no person's rows."""

from __future__ import annotations

from warehouse import Column, Pii, Table, TableName

READINESS = Table(
    TableName("personalization", "readiness"),
    grain="One row per capability and subject: what the data are enough for; no person's rows",
    columns=(
        Column(
            "capability",
            "VARCHAR",
            Pii.NONE,
            "identity, propensity, personas, recommendations, hero, search, email, segments, holdout",
        ),
        Column("subject", "VARCHAR", Pii.NONE, "the model, block, experiment or outcome; or empty"),
        Column(
            "level",
            "VARCHAR",
            Pii.NONE,
            "not_yet: nothing can be done; rules; hybrid: a model leaning on rules; full: a model",
        ),
        Column("have", "VARCHAR", Pii.NONE, "what there is, in words"),
        Column("missing", "VARCHAR", Pii.NONE, "JSON list: what is missing for the next level"),
        Column("reach", "BIGINT", Pii.NONE, "persons whom it would reach in 30 days"),
        Column("start_rank", "BIGINT", Pii.NONE, "1 or 2: start here; null: not among them"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment that was looked at, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("capability", "subject"),
)
