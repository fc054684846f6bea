"""The table of what a backtest of recommendations said."""

from __future__ import annotations

from warehouse import Column, Pii, Table, TableName

BACKTESTS = Table(
    TableName("personalization", "backtests"),
    grain="One row per method of recommending: how good it would have been; no person's rows",
    columns=(
        Column(
            "method",
            "VARCHAR",
            Pii.NONE,
            "popular, interests, groups, groups_and_co_reading, co_reading_and_groups, "
            "groups_and_ease, ease_and_groups; the first word leads",
        ),
        Column("ndcg", "DOUBLE", Pii.NONE, "mean NDCG@10 over readers, 0..1; null: not judged"),
        Column("ci_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("ci_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column("rival", "VARCHAR", Pii.NONE, "the simpler method that it had to beat; or null"),
        Column("gain", "DOUBLE", Pii.NONE, "its NDCG@10 less the rival's, reader by reader"),
        Column("gain_low", "DOUBLE", Pii.NONE, "lower end of the gain's 95 % interval"),
        Column("gain_high", "DOUBLE", Pii.NONE, "upper end of the gain's 95 % interval"),
        Column("is_champion", "BOOLEAN", Pii.NONE, "whether it is in use"),
        Column("readers", "BIGINT", Pii.NONE, "readers judged: who read something new since"),
        Column("days", "DOUBLE", Pii.NONE, "how long ago the lists were made, days"),
        Column("reason", "VARCHAR", Pii.NONE, "why the method in use is, in words"),
        Column("skipped", "VARCHAR", Pii.NONE, "why this method was not tried; null where it was"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("method",),
)
