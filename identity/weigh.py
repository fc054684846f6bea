"""Give every candidate pair its probability and choose from which one on pairs are links."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from identity.compare import COMPARED
from identity.decide import DECISIONS
from identity.errors import UnusableModelError
from identity.judge import Judgement, Levels, PairEvidence, judge_pairs
from identity.link import SCORED, MatchParameters, score_pairs
from identity.match import DETERMINISTIC
from identity.train import FieldParameters, Floats, is_sound
from warehouse import Warehouse

JUDGED = "identity_judged"
# A model that lets these count the wrong way would join families.
_NAMES = frozenset({"first_name", "last_name", "birth_date"})


def weigh_pairs(warehouse: Warehouse, parameters: MatchParameters, *, records: int) -> Judgement:
    """Fill the temporary table of probabilities: left_record, right_record, probability, evidence.

    Raises:
        UnusableModelError: A difference in name or birth date would count for a match.
    """
    sound = inspect_parameters(parameters)
    score_pairs(warehouse, sound)
    pairs = _read_pairs(warehouse, sound.fields)
    evidence = PairEvidence(
        {item.name: _levels(pairs, item) for item in sound.fields},
        {item.name: _adjustments(pairs, item) for item in sound.fields},
        max(records * (records - 1) / 2, 1.0),
    )
    judgement = judge_pairs(evidence, sound.fields)
    judged = pairs.select(["left_record", "right_record"]).append_column(
        "probability", pa.array(judgement.probabilities)
    )
    with warehouse.view("identity_arriving_pairs", judged):
        bits = ", ".join(_bits(item) for item in sound.fields)
        warehouse.execute(
            f"create or replace temp table {JUDGED} as select arriving.*, to_json({{{bits}}}) as "
            f"evidence from identity_arriving_pairs as arriving "
            f"join {SCORED} as scored using (left_record, right_record)"
        )
    return judgement


def weigh_nothing(warehouse: Warehouse) -> None:
    """Leave the table of probabilities empty: rules alone decide."""
    warehouse.execute(
        f"create or replace temp table {JUDGED} (left_record bigint, right_record bigint, "
        "probability double, evidence varchar)"
    )


def inspect_parameters(parameters: MatchParameters) -> MatchParameters:
    """Leave out fields that count the wrong way; refuse where a name does.

    Raises:
        UnusableModelError: A difference in name or birth date would count for a match, or
            nothing is left.
    """
    bad = {item.name for item in parameters.fields if not _counts_rightly(item)}
    reasons = [
        f"a {name.replace('_', ' ')} that differs counts for a match" for name in bad & _NAMES
    ]
    kept = tuple(item for item in parameters.fields if item.name not in bad)
    if reasons or not kept:
        raise UnusableModelError(tuple(sorted(reasons)) or ("no field tells people apart",))
    return MatchParameters(parameters.prior, kept)


def choose_threshold(probabilities: Floats, *, min_precision: float, floor: float) -> float:
    """Return the lowest probability from which on the expected precision is kept.

    The mean probability of all pairs at or above a threshold is the share of them that is right,
    as far as the model is calibrated; a decided pair counts as 0 or 1. Where no threshold keeps
    the precision, nothing is linked (a threshold above 1).

    Args:
        probabilities: Of pairs that no identifier links.
        min_precision: Share of links that must be right.
        floor: Never link below this.
    """
    ranked = np.sort(probabilities)[::-1]
    if not len(ranked):
        return 1.0
    expected = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    kept = ranked[expected >= min_precision]
    return max(float(kept[-1]), floor) if len(kept) else 1.1


def undecided_probabilities(warehouse: Warehouse) -> Floats:
    """Read the probabilities of pairs that no identifier links; decided ones as 0 or 1."""
    rows = warehouse.read(
        f"""
        select case decision when 'must_link' then 1.0 when 'cannot_link' then 0.0
            else probability end as probability
        from {JUDGED}
        anti join {DETERMINISTIC} using (left_record, right_record)
        left join {DECISIONS} on left_node = left_record and right_node = right_record
        """
    )
    return np.asarray(rows.column("probability").to_numpy(), dtype=np.float64)


def _counts_rightly(field: FieldParameters) -> bool:
    return is_sound(field.name, np.array(field.m), np.array(field.u))


def _read_pairs(warehouse: Warehouse, fields: tuple[FieldParameters, ...]) -> pa.Table:
    levels = ", ".join(f"compared.{item.name}" for item in fields)
    weights = ", ".join(f"mw_{item.name}" for item in fields)
    return warehouse.read(
        f"select left_record, right_record, {levels}, {weights} from {COMPARED} as compared "
        f"join {SCORED} as scored using (left_record, right_record) "
        "order by left_record, right_record"
    )


def _levels(pairs: pa.Table, field: FieldParameters) -> Levels:
    """The level's place from the strongest (0); -1 is unknown."""
    level = pairs.column(field.name).to_numpy()
    return np.where(level < 0, -1, len(field.m) - 1 - level).astype(np.int8)


def _adjustments(pairs: pa.Table, field: FieldParameters) -> Floats:
    """What Splink's term frequencies add to a level's weight, in bits."""
    weights = np.append(np.array(field.weights), 0.0)
    scored = pairs.column(f"mw_{field.name}").to_numpy()
    return np.asarray(scored - weights[_levels(pairs, field)], dtype=np.float64)


def _bits(field: FieldParameters) -> str:
    return f"'{field.name}': nullif(round(mw_{field.name}, 1), 0)"
