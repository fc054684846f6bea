"""The table of what keeping lists to their readers' topics costs and brings."""

from __future__ import annotations

from warehouse import Column, Pii, Table, TableName

CALIBRATIONS = Table(
    TableName("personalization", "calibrations"),
    grain="One row per block: whether its lists keep to their readers' topics; no person's rows",
    columns=(
        Column("block", "VARCHAR", Pii.NONE, "key of the block in content.yml"),
        Column("asked", "DOUBLE", Pii.NONE, "calibration of the block in content.yml, 0..1"),
        Column("used", "DOUBLE", Pii.NONE, "what is in force: asked, or 0"),
        Column("ndcg", "DOUBLE", Pii.NONE, "mean NDCG of the calibrated list over its places, at "
               "most 10; null: not judged"),
        Column("plain_ndcg", "DOUBLE", Pii.NONE, "likewise of the list by score alone"),
        Column("gain", "DOUBLE", Pii.NONE, "the difference, reader by reader"),
        Column("gain_low", "DOUBLE", Pii.NONE, "lower end of its 95 % interval"),
        Column("gain_high", "DOUBLE", Pii.NONE, "upper end of its 95 % interval"),
        Column("topics", "DOUBLE", Pii.NONE, "topics of a calibrated list, on average"),
        Column("plain_topics", "DOUBLE", Pii.NONE, "likewise by score alone"),
        Column("readers", "BIGINT", Pii.NONE, "readers judged: who turned to the block's content"),
        Column("reason", "VARCHAR", Pii.NONE, "why it is used or not, in words"),
        Column("as_of", "TIMESTAMP", Pii.NONE, "the moment up to which readings count, UTC"),
        Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row"),
    ),
    key=("block",),
)  # fmt: skip
