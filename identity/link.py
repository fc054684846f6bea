"""Learn from candidate pairs with Splink what its model needs: u, and m where nothing proves it.

Splink works in an in-memory database that is attached for the time of the run, so that none of
its intermediate tables, which hold personal values, ever touches the warehouse's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from identity.block import PAIRS
from identity.config import IdentityConfig
from identity.model import Comparison, splink_settings
from identity.prepare import RECORDS
from identity.train import (
    FieldParameters,
    Floats,
    field_parameters,
    is_sound,
    proven_levels,
    smoothed,
    usable_comparisons,
)
from warehouse import Warehouse, quoted

_SCRATCH = "identity_scratch"
# Enough to draw random pairs from.
_RANDOM_RECORDS = 50_000


@dataclass(frozen=True, slots=True)
class MatchParameters:
    """What agreement weighs: every field's m and u."""

    fields: tuple[FieldParameters, ...]


def learn_parameters(warehouse: Warehouse, config: IdentityConfig, *, seed: int) -> MatchParameters:
    """Measure u on random pairs and m on proven ones; see ``train``."""
    comparisons = usable_comparisons(warehouse, RECORDS)
    counts = {item.name: proven_levels(warehouse, item) for item in comparisons}
    least = config.min_proven_pairs
    poor = [
        item for item in comparisons if counts[item.name].sum() < least and not item.is_proven_only
    ]
    with _scratch(warehouse, with_pairs=bool(poor)):
        linker = _linker(warehouse, splink_settings(comparisons))
        linker.training.estimate_u_using_random_sampling(
            max_pairs=config.sampled_pairs, seed=seed, min_count_per_level=None, num_chunks=1
        )
        u = _observed_u(linker.misc.save_model_to_json(None), comparisons, config.sampled_pairs)
        learned = _expectation_maximisation(linker, comparisons) if poor else {}
    taught = {
        item: field_parameters(
            item, counts[item.name], u[item.name], learned, min_proven_pairs=least
        )
        for item in comparisons
    }
    return MatchParameters(
        tuple(
            field
            for item, field in taught.items()
            if not item.is_proven_only or is_sound(field.name, np.array(field.m), np.array(field.u))
        )
    )


@contextmanager
def _scratch(warehouse: Warehouse, *, with_pairs: bool) -> Iterator[None]:
    """Copy what Splink reads.

    Where no pairs are to be learned from, some records stand for all: their numbers are random.
    """
    most = "" if with_pairs else f"order by record limit {_RANDOM_RECORDS}"
    home = quoted(str(warehouse.scalar("select current_database()")))
    warehouse.execute(f"attach ':memory:' as {_SCRATCH}")
    try:
        warehouse.execute(f"use {_SCRATCH}")
        # Numbered in the order of their names, for the numbers decide which pairs Splink draws.
        warehouse.execute(
            "create table records as select * replace (row_number() over "
            "(order by source, source_record_id) - 1 as record), record as node "
            f"from (from temp.{RECORDS} {most}) order by record"
        )
        warehouse.execute(
            "create table pairs as select least(one.record, other.record) as join_key_l, "
            "greatest(one.record, other.record) as join_key_r, '0' as match_key "
            f"from temp.{PAIRS} join records as one on one.node = left_record "
            f"join records as other on other.node = right_record where {with_pairs}"
        )
        yield
    finally:
        warehouse.execute(f"use {home}")
        warehouse.execute(f"detach {_SCRATCH}")


def _linker(warehouse: Warehouse, settings: Mapping[str, Any]) -> Any:
    from splink import DuckDBAPI, Linker  # noqa: PLC0415 - half a second that only a run needs

    api = DuckDBAPI(warehouse.native_connection)
    linker = Linker(api.register("records"), dict(settings), log_level="ERROR")
    linker.table_management.register_blocked_pairs_for_predict(api.register("pairs"))
    return linker


def _observed_u(
    settings: Mapping[str, Any], comparisons: Sequence[Comparison], pairs: int
) -> dict[str, Floats]:
    """Shares of random pairs; a level that none showed counts as half a pair."""
    by_name = {item["output_column_name"]: item for item in settings["comparisons"]}
    observed = {}
    for comparison in comparisons:
        levels = by_name[comparison.name]["comparison_levels"][1:]
        shares = np.array([_trained(item, "u_probability") for item in levels])
        observed[comparison.name] = smoothed(shares * pairs)
    return observed


def _trained(level: Mapping[str, Any], key: str) -> float:
    value = level.get(key, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def _reads(comparison: Comparison, columns: Sequence[str]) -> bool:
    """Whether a field's levels look at one of these columns: a session on them leaves it out."""
    sql = " ".join((comparison.unknown, *(item.sql for item in comparison.levels)))
    return any(re.search(rf"\b{column}_[lr]\b", sql) for column in columns)


# Pairs that agree on one of these are persons in good part; together they leave no field untrained.
_TRAINING_BLOCKS = (("first_name", "last_name"), ("birth_date",), ("house_number", "street"))


def _expectation_maximisation(
    linker: Any, comparisons: Sequence[Comparison]
) -> dict[str, list[float]]:
    """Return m by field from Splink's own training, each session leaving out the fields it blocks on.

    A field that every session left out is not there: nothing was learned of it.
    """
    from splink import block_on  # noqa: PLC0415 - as above
    from splink.internals.exceptions import EMTrainingException  # noqa: PLC0415 - as above

    present = {item.column for item in comparisons}
    for block in _TRAINING_BLOCKS:
        if present.isdisjoint(block) and "address" not in {item.name for item in comparisons}:
            continue
        if all(_reads(item, block) for item in comparisons):
            continue
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*block), estimate_without_term_frequencies=True
            )
        except (EMTrainingException, ValueError):  # nothing to learn from: m falls below 1e-300
            continue
    settings = linker.misc.save_model_to_json(None)
    learned = {
        item["output_column_name"]: [
            _trained(one, "m_probability") for one in item["comparison_levels"][1:]
        ]
        for item in settings["comparisons"]
    }
    return {name: m for name, m in learned.items() if any(m)}
