"""The table of what people meet, against those who are held out."""

from __future__ import annotations

from warehouse import Column, Pii, Table, TableName

BREADTH = Table(
    TableName("personalization", "breadth"),
    grain="One row per measure and subject: how much of the content people meet; no person's rows",
    columns=(
        Column("measure", "VARCHAR", Pii.NONE,
               "topics_per_reader; exposure_gini, 0 even to 1 uneven; discovery_yield, 0..1"),
        Column("subject", "VARCHAR", Pii.NONE, "readings, shown, pages or mailings"),
        Column("n", "BIGINT", Pii.NONE, "readers, or persons to whom a draw was shown; companies "
               "where these are held out; of what is shown, places"),
        Column("n_held_out", "BIGINT", Pii.NONE, "likewise of those who are held out"),
        Column("value", "DOUBLE", Pii.NONE, "of those who are chosen for; null: fewer than 10 people"),
        Column("value_held_out", "DOUBLE", Pii.NONE, "of those who are held out; null: fewer than 10"),
        Column("effect", "DOUBLE", Pii.NONE, "the difference; null: too few, or no hold-out"),
        Column("ci_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("ci_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column("verdict", "VARCHAR", Pii.NONE, "wider, narrower or cannot_tell"),
        Column("reason", "VARCHAR", Pii.NONE, "why this verdict, in words"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("measure", "subject"),
)  # fmt: skip
