"""Take the weight of a pair apart: where it starts, what each field adds, where it ends.

The bits add up exactly to the log2 odds behind the pair's probability. They are the prior, one
step a field, the step by which the pair may be explained by others than one person (a household,
namesakes), and the doubt by which the model corrects itself; see ``judge`` and ``verify``. Where
nothing but a value that many people have agrees, a last step holds the pair back; see ``weigh``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from identity.block import ADDED
from identity.compare import COMPARED
from identity.decide import RecordName
from identity.evidence import PairEvidence
from identity.judge import rival_bits
from identity.knowledge import Knowledge
from identity.nodes import NODES
from identity.prepare import RECORDS
from identity.train import FieldParameters
from identity.weigh import JUDGED, ONLY_SHARED, SHARABLE
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a waterfall.

    Attributes:
        name: The field, or what else moves the weight.
        label: The level at which the two records agree, in words.
        bits: What it adds, in bits.
        m: Share of one person's pairs at this level; None where it is no field.
        u: Share of different persons' pairs at this level; None where it is no field.
        values: The two records' normalised values; None unless they were asked for.
    """

    name: str
    label: str
    bits: float
    m: float | None = None
    u: float | None = None
    values: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """How the weight of one pair comes about.

    Attributes:
        steps: From the prior on; their bits sum to ``weight``.
        weight: log2 of the odds that both are one person.
        probability: The same as a probability, 0..1.
        threshold: Probability from which pairs link.
        was_blocked: Some blocking key brought the two together in the run.
        shared: The fields of a value that many people have, where nothing else agrees and the pair
            is held back for it; else none.
    """

    steps: tuple[Step, ...]
    weight: float
    probability: float
    threshold: float
    was_blocked: bool
    shared: tuple[str, ...] = ()


def weigh_pair(
    warehouse: Warehouse,
    known: Knowledge,
    one: RecordName,
    other: RecordName,
    *,
    show_values: bool = False,
) -> Waterfall | None:
    """Take one pair apart; None where one of the two is no source record.

    Args:
        warehouse: Holds the temporary tables of ``compare_again``, this pair among its ``also``.
        known: What it returned.
        one: A record.
        other: Another one.
        show_values: Keep the two records' values, which are personal.
    """
    rows = warehouse.read(_PAIR_SQL, _names(one, other)).to_pylist()
    if not rows:
        return None
    row = rows[0]
    values = _values(warehouse, row, one) if show_values else {}
    fields = known.mixture.fields(known.fields)
    steps = [_step(item, row, values) for item in fields]
    rivals = {name: float(b[0]) for name, b in _rivals(row, fields, known).items()}
    prior = float(np.log2(known.mixture.share_of(one.source, other.source))) - rivals["strangers"]
    against = float(np.logaddexp2.reduce(list(rivals.values()))) - rivals["strangers"]
    nearest = max(rivals, key=lambda name: rivals[name])
    steps = [
        Step("prior", "one person, before anything is compared", prior),
        *steps,
        Step("others", f"explained without one person, best as {nearest}", -against),
        Step("doubt", "the model's correction of itself", known.doubt),
    ]
    held = _hold_back(row, sum(step.bits for step in steps))
    weight = sum(step.bits for step in (*steps, *held))
    return Waterfall(
        (*steps, *held), weight, float(1 / (1 + 2.0**-weight)), known.threshold, row["was_blocked"],
        _shared(row) if held else (),
    )  # fmt: skip


def _hold_back(row: Mapping[str, Any], weight: float) -> tuple[Step, ...]:
    """The step down to the probability that is kept of a pair that only a shared value links."""
    if not row["is_only_shared"]:
        return ()
    most = float(np.log2(row["kept"]) - np.log2(1 - row["kept"]))
    if weight <= most:
        return ()
    label = f"nothing but a shared {' and '.join(_shared(row))} agrees, which links nobody"
    return (Step("shared alone", label, most - weight),)


def _shared(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in SHARABLE if row[name] > 0)


def _names(one: RecordName, other: RecordName) -> dict[str, object]:
    return {
        "one_source": one.source, "one_id": one.source_record_id,
        "other_source": other.source, "other_id": other.source_record_id,
    }  # fmt: skip


def _step(
    field: FieldParameters, row: Mapping[str, Any], values: Mapping[str, tuple[str, str]]
) -> Step:
    level = row[field.name]
    if level < 0:
        return Step(field.name, "unknown", 0.0, values=values.get(field.name))
    place = len(field.m) - 1 - level
    rarity = row[f"{field.name}_rarity"]
    label = field.labels[place]
    if rarity:
        label += ", a rare value" if rarity > 0 else ", a usual value"
    return Step(
        field.name, label, field.weights[place] + rarity, field.m[place], field.u[place],
        values.get(field.name),
    )  # fmt: skip


def _rivals(
    row: Mapping[str, Any], fields: tuple[FieldParameters, ...], known: Knowledge
) -> dict[str, Any]:
    """Bits of every other explanation of the pair."""
    levels = {
        item.name: np.array(
            [-1 if row[item.name] < 0 else len(item.m) - 1 - row[item.name]], dtype=np.int8
        )
        for item in fields
    }
    rarities = {item.name: np.array([row[f"{item.name}_rarity"]]) for item in fields}
    return rival_bits(PairEvidence(levels, rarities, 1.0), known.fields, known.mixture)


def _values(
    warehouse: Warehouse, row: Mapping[str, Any], one: RecordName
) -> dict[str, tuple[str, str]]:
    """The values that were compared, the asked record's first."""
    read = warehouse.read(
        f"select {_SHOWN}, source = $source and source_record_id = $id as is_one from {RECORDS} "
        "where record in ($left, $right) order by is_one desc",
        {"left": row["left_record"], "right": row["right_record"], "source": one.source,
         "id": one.source_record_id},
    ).to_pylist()  # fmt: skip
    return {
        name: (read[0][name] or "", read[1][name] or "") for name in read[0] if name != "is_one"
    }


_SHOWN = (
    "coalesce(first_name, initial) as first_name, last_name, middle_name, "
    "cast(birth_date as varchar) as birth_date, email, phone, company, "
    "concat_ws(' ', house_number, street, postal_code, city) as address"
)
_PAIR_SQL = f"""
    select compared.*, added.left_record is null as was_blocked, {ONLY_SHARED} as is_only_shared,
        judged.probability as kept
    from {COMPARED} as compared
    join {JUDGED} as judged using (left_record, right_record)
    join {NODES} as one on one.source = $one_source and one.source_record_id = $one_id
    join {NODES} as other on other.source = $other_source and other.source_record_id = $other_id
    left join {ADDED} as added using (left_record, right_record)
    where left_record = least(one.node, other.node) and right_record = greatest(one.node, other.node)
"""
