"""Score candidate pairs with Splink.

Splink works in an in-memory database that is attached for the time of the run, so that none of
its intermediate tables, which hold personal values, ever touches the warehouse's file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
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
    proven_levels,
    smoothed,
    usable_comparisons,
)
from warehouse import Warehouse, quoted

SCORED = "identity_scored"
_SCRATCH = "identity_scratch"


@dataclass(frozen=True, slots=True)
class MatchParameters:
    """What Splink weighs by: the prior and every field's m and u."""

    prior: float
    fields: tuple[FieldParameters, ...]


def score_pairs(warehouse: Warehouse, parameters: MatchParameters) -> None:
    """Fill the temporary table of scores: left_record, right_record, match_weight, mw_<field>.

    ``match_weight`` is in bits and holds the prior.
    """
    m = {item.name: item.m for item in parameters.fields}
    u = {item.name: item.u for item in parameters.fields}
    comparisons = [item for item in usable_comparisons(warehouse, RECORDS) if item.name in m]
    with _scratch(warehouse):
        linker = _linker(warehouse, splink_settings(comparisons, m=m, u=u, prior=parameters.prior))
        scored = linker.inference.predict(warning_mode="never").physical_name
        weights = ", ".join(_weight(item) for item in comparisons)
        warehouse.execute(
            f"create or replace temp table {SCORED} as select record_l as left_record, "
            f"record_r as right_record, match_weight, {weights} from {scored}"
        )


def learn_parameters(warehouse: Warehouse, config: IdentityConfig, *, seed: int) -> MatchParameters:
    """Measure u on random pairs and m on proven ones; see ``train``."""
    comparisons = usable_comparisons(warehouse, RECORDS)
    counts = {item.name: proven_levels(warehouse, item) for item in comparisons}
    with _scratch(warehouse):
        linker = _linker(warehouse, splink_settings(comparisons))
        linker.training.estimate_u_using_random_sampling(
            max_pairs=config.sampled_pairs, seed=seed, min_count_per_level=None, num_chunks=1
        )
        u = _observed_u(linker.misc.save_model_to_json(None), comparisons, config.sampled_pairs)
        poor = [item for item in comparisons if counts[item.name].sum() < config.min_proven_pairs]
        learned = _expectation_maximisation(linker, comparisons) if poor else {}
    fields = tuple(
        field_parameters(
            item, counts[item.name], u[item.name], learned, min_proven_pairs=config.min_proven_pairs
        )
        for item in comparisons
    )
    return MatchParameters(prior=1e-4, fields=fields)


def save_parameters(parameters: MatchParameters, path: Path, *, fingerprint: str) -> None:
    """Write parameters as JSON with the fingerprint of the data that taught them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"fingerprint": fingerprint, **asdict(parameters)}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
    partial.replace(path)


def load_parameters(path: Path, *, fingerprint: str) -> MatchParameters | None:
    """Read parameters; None where there are none for these data."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.pop("fingerprint", None) != fingerprint:
        return None
    fields = tuple(
        FieldParameters(
            name=item["name"],
            labels=tuple(item["labels"]),
            m=tuple(item["m"]),
            u=tuple(item["u"]),
            origin=item["origin"],
            proven_pairs=item["proven_pairs"],
        )
        for item in document["fields"]
    )
    return MatchParameters(prior=document["prior"], fields=fields)


@contextmanager
def _scratch(warehouse: Warehouse) -> Iterator[None]:
    home = quoted(str(warehouse.scalar("select current_database()")))
    warehouse.execute(f"attach ':memory:' as {_SCRATCH}")
    try:
        warehouse.execute(f"use {_SCRATCH}")
        warehouse.execute(f"create table records as select * from temp.{RECORDS}")
        warehouse.execute(
            "create table pairs as select left_record as join_key_l, right_record as join_key_r, "
            f"'0' as match_key from temp.{PAIRS}"
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


# Pairs that agree on one of these are persons in good part; together they leave no field untrained.
_TRAINING_BLOCKS = (("first_name", "last_name"), ("birth_date",), ("house_number", "street"))


def _expectation_maximisation(
    linker: Any, comparisons: Sequence[Comparison]
) -> dict[str, list[float]]:
    """Return m by field from Splink's own training, each session leaving out the fields it blocks on."""
    from splink import block_on  # noqa: PLC0415 - as above
    from splink.internals.exceptions import EMTrainingException  # noqa: PLC0415 - as above

    present = {item.column for item in comparisons}
    for block in _TRAINING_BLOCKS:
        if present.isdisjoint(block) and "address" not in {item.name for item in comparisons}:
            continue
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*block), estimate_without_term_frequencies=True
            )
        except EMTrainingException:
            continue
    settings = linker.misc.save_model_to_json(None)
    return {
        item["output_column_name"]: [
            _trained(one, "m_probability") for one in item["comparison_levels"][1:]
        ]
        for item in settings["comparisons"]
    }


def _weight(comparison: Comparison) -> str:
    frequency = any(item.frequency_of for item in comparison.levels)
    adjusted = f" + mw_tf_adj_{comparison.name}" if frequency else ""
    return f"mw_{comparison.name}{adjusted} as mw_{comparison.name}"
