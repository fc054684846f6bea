"""Write who scored what: deciles and reasons included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from prediction.config import PropensityConfig
from prediction.dataset import Asked, Floats
from prediction.inventory import (
    ACCOUNT_SCORE_MEMBERS,
    ACCOUNT_SCORES,
    MODELS,
    PROPENSITY_SCORES,
)
from prediction.logistic import Scores
from prediction.objecting import forget_members, forget_unknown, objecting_persons
from prediction.registry import Decision
from prediction.states import TRAINERS
from prediction.units import UNITS, Unit, unit_of
from warehouse import Warehouse

REASONS = 3
# An effect below this on the log odds (2 % of the odds) moved nothing that is worth a word.
MIN_EFFECT = 0.02

_FRESH = "candor_fresh_scores"
# Tenths of those who were first scored at this date by this version. They stay when somebody is
# erased, so that nobody else moves; equal scores are in one tenth, the better one.
_DECILES = f"""
    with stored as (
        select decile, score from {{stored}}
        where model_key = $model_key and as_of = $as_of::timestamp and model_version = $version
            and score is not null
    ),
    ranked as (
        select ntile(10) over (order by score desc, {{unit}}) as decile, score
        from {_FRESH} where score is not null
    ),
    tenths as (
        select decile, min(score) as lowest from stored group by decile
        union all
        select decile, min(score) from ranked
        where not exists (select 1 from stored) group by decile
    ),
    placed as (
        select score, coalesce(min(tenths.decile), 10) as decile
        from (select distinct score from {_FRESH} where score is not null) as found
        left join tenths on found.score >= tenths.lowest
        group by score
    )
    select $model_key as model_key, {{ids}}, $as_of::timestamp as as_of, score, lower, upper,
           placed.decile,
           $source as source,
           cast(to_json(list_filter(
               [{", ".join(f"{{{{'feature': feature_{n}, 'effect': effect_{n}}}}}" for n in range(REASONS))}],
               lambda reason: abs(reason.effect) >= {MIN_EFFECT}
           )) as varchar) as reasons,
           $version as model_version
    from {_FRESH} left join placed using (score)
    order by {{unit}}
"""


# Nobody has granted an empty purpose.
_LEFT = f"""
    select scored.model_key, coalesce(any_value(models.purpose), '') as purpose
    from (
        select model_key from {PROPENSITY_SCORES.name.sql}
        union select model_key from {ACCOUNT_SCORES.name.sql}
    ) as scored
    left join {MODELS.name.sql} as models using (model_key)
    where not list_contains($keys::varchar[], scored.model_key)
    group by scored.model_key
"""
_DATED = "model_key = $model_key and as_of = $as_of::timestamp"
_MEMBERS = f"""
    select $model_key as model_key, account_id, $as_of::timestamp as as_of,
           unnest(member_ids) as person_id
    from {_FRESH} order by account_id, person_id
"""


def write_scores(
    warehouse: Warehouse,
    decision: Decision,
    asked: Asked,
    scores: Scores,
    *,
    unit: Unit,
    as_of: dt.datetime,
) -> int:
    """Put the scores of this date in place; other dates stay. Returns how many rows."""
    is_of_members = asked.members is not None
    ids = f"{unit.column}, only_id as person_id" if is_of_members else unit.column
    dated = {"model_key": decision.model_key, "as_of": as_of}
    with warehouse.view(_FRESH, _table(asked, scores, unit)), warehouse.transaction():
        if is_of_members:
            warehouse.replace_where(ACCOUNT_SCORE_MEMBERS.name, _DATED, _MEMBERS, dated)
        return warehouse.replace_where(
            unit.scores.name,
            _DATED,
            _DECILES.format(stored=unit.scores.name.sql, unit=unit.column, ids=ids),
            {
                **dated,
                "source": _SOURCES.get(decision.algorithm, "insufficient"),
                "version": decision.model_version,
            },
        )


def withdraw_scores(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> None:
    """Remove scores of any date that somebody does not grant (any more), and of another unit."""
    unit = unit_of(model)
    for other in UNITS.values():
        if other is not unit:
            warehouse.execute(
                f"delete from {other.scores.name.sql} where model_key = $model_key",
                {"model_key": key},
            )
    if model.scored == "consented":
        _withdraw(warehouse, unit, {"model_key": key, "purpose": model.purpose, "as_of": as_of})
    forget_members(warehouse)


def withdraw_unconfigured(
    warehouse: Warehouse, keys: Collection[str], *, as_of: dt.datetime
) -> None:
    """Remove scores that nobody computes anew, of any date, where somebody does not grant them.

    Of models that the configuration names no more by the purpose that they had last; where that is
    not known, all. Of all models those of accounts of which it is not known who was counted.

    Args:
        warehouse: Where.
        keys: The models of the configuration.
        as_of: The moment at which a grant counts, UTC.
    """
    forget_unknown(warehouse)
    left = warehouse.read(_LEFT, {"keys": list(keys)}).to_pylist()  # one row per model
    for row in left:
        for unit in UNITS.values():
            _withdraw(warehouse, unit, {**row, "as_of": as_of})
    forget_members(warehouse)


def _withdraw(warehouse: Warehouse, unit: Unit, model: Mapping[str, object]) -> None:
    with objecting_persons(warehouse):
        warehouse.execute(
            f"delete from {unit.scores.name.sql} "
            f"where model_key = $model_key and ({unit.withdrawn_sql()})",
            model,
        )


def nothing_known(asked: Asked) -> Scores:
    """The scores where nothing answers: unknown for everybody."""
    unknown = np.full(len(asked), np.nan)
    return Scores(unknown, unknown, unknown, np.zeros(asked.values.shape))


def _table(asked: Asked, scores: Scores, unit: Unit) -> pa.Table:
    largest = np.argsort(-np.abs(scores.contributions), axis=1, kind="stable")[:, :REASONS]
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        unit.column: asked.ids,
        "score": _known(scores.score),
        "lower": _known(scores.lower),
        "upper": _known(scores.upper),
    }
    if asked.members is not None and asked.only is not None:
        columns |= {"member_ids": asked.members, "only_id": asked.only}
    for number in range(REASONS):
        which = largest[:, number] if largest.shape[1] > number else np.zeros(len(asked), dtype=int)
        columns[f"feature_{number}"] = _named(which, asked.features)
        effects = np.take_along_axis(scores.contributions, which[:, None], axis=1)[:, 0]
        columns[f"effect_{number}"] = pa.array(np.round(effects, 3))
    return pa.table(columns)


def _named(which: np.ndarray, names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), pa.array(list(names)))


def _known(values: Floats) -> pa.Array:
    # The last digits depend on how many rows a matrix product has; nobody's score may.
    return pa.array(np.round(values, 9), mask=np.isnan(values))


_SOURCES = {**dict.fromkeys(TRAINERS, "model"), "rule": "rule"}
