"""The table of what a backtest said of how fast popularity fades."""

from __future__ import annotations

from warehouse import Column, Pii, Table, TableName

HALF_LIVES = Table(
    TableName("personalization", "half_lives"),
    grain="One row per half-life of popularity: how good what is popular would have been; no "
    "person's rows",
    columns=(
        Column("half_life_days", "DOUBLE", Pii.NONE, "days after which a reading counts half"),
        Column("ndcg", "DOUBLE", Pii.NONE, "mean NDCG@10 over readers, 0..1; null: not judged"),
        Column("ci_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("ci_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column("rival", "DOUBLE", Pii.NONE, "the half-life that it had to beat, days; or null"),
        Column("gain", "DOUBLE", Pii.NONE, "its NDCG@10 less the rival's, reader by reader"),
        Column("gain_low", "DOUBLE", Pii.NONE, "lower end of the gain's 95 % interval"),
        Column("gain_high", "DOUBLE", Pii.NONE, "upper end of the gain's 95 % interval"),
        Column("is_used", "BOOLEAN", Pii.NONE, "whether popularity fades by it"),
        Column("readers", "BIGINT", Pii.NONE, "readers judged: who read something new since"),
        Column("days", "DOUBLE", Pii.NONE, "how long ago the lists were made, days"),
        Column("reason", "VARCHAR", Pii.NONE, "why the half-life in use is, in words"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("half_life_days",),
)
