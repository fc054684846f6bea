"""Say how two records hang together or why they do not, each link with its weight taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from identity.decide import RecordName
from identity.explain import Hop, explain_pair, trace_path
from identity.knowledge import Knowledge
from identity.waterfall import Waterfall, weigh_pair
from warehouse import Warehouse

Pairs = Sequence[tuple[RecordName, RecordName]]
# Compares the staged records again, these pairs among them; see ``resolve.compare_again``.
Comparer = Callable[[Pairs], Knowledge | None]

_NO_MODEL = (
    "No model weighs pairs here: there are too few records, it is switched off, or what was "
    "learned is of another configuration or other records (`candor run` learns anew)."
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why two records are linked, or not.

    Attributes:
        left: A record.
        right: Another one.
        said: The reason in words, without values.
        waterfall: How their weight comes about; None where nothing was or can be compared.
    """

    left: RecordName
    right: RecordName
    said: str
    waterfall: Waterfall | None


def reasons_of_pair(
    warehouse: Warehouse,
    compare: Comparer,
    one: RecordName,
    other: RecordName,
    *,
    show_values: bool = False,
) -> tuple[Reason, ...]:
    """Return one reason per link of the path between two records, or the one why there is none.

    Args:
        warehouse: Holds the persons.
        compare: Asked once for all pairs.
        one: A record, sign-in, address or device.
        other: Another one.
        show_values: Keep the values that were compared, which are personal.

    Raises:
        UnknownRecordError: One is nobody's record.
    """
    path = trace_path(warehouse, one, other)
    pairs = [(hop.left, hop.right) for hop in path] if path else [(one, other)]
    known = compare(pairs)
    weights = [
        weigh_pair(warehouse, known, *pair, show_values=show_values) if known else None
        for pair in pairs
    ]
    if path:
        return tuple(
            Reason(
                hop.left, hop.right, _said_of_link(hop, weight, has_model=known is not None), weight
            )
            for hop, weight in zip(path, weights, strict=True)
        )
    if path is not None:
        said = "They are one person, and no link lies between them: two spellings of one address."
        return (Reason(one, other, said, None),)
    between = explain_pair(warehouse, one, other)
    said = _said_of_strangers(between, weights[0], has_model=known is not None)
    return (Reason(one, other, said, weights[0]),)


def _said_of_link(hop: Hop, weight: Waterfall | None, *, has_model: bool) -> str:
    said = f"Linked: {hop.rule} ({hop.kind})."
    if hop.kind != "probabilistic" and weight is not None:
        return f"{said} That links them by itself; what the model says stands below."
    if weight is None and has_model:
        return f"{said} A sign-in, address or device holds no values to compare."
    return said if has_model else f"{said} {_NO_MODEL}"


def _said_of_strangers(between: pa.Table, weight: Waterfall | None, *, has_model: bool) -> str:
    cuts = sorted(
        {row["cut_reason"] for row in between.to_pylist() if row["is_cut"] and row["cut_reason"]}
    )
    said = ["They are two persons: no path of links leads from one to the other."]
    if cuts:
        said.append(f"A link between the two persons was cut: {'; '.join(cuts)}.")
    if not has_model:
        said.append(_NO_MODEL)
    elif weight is None:
        said.append("At least one of them is no source record and holds no values to compare.")
    elif weight.shared:
        said.append(
            f"Nothing but a shared {' and '.join(weight.shared)} agrees. A value that many people "
            "have adds to what else agrees and links nobody by itself, so the pair is held back."
        )
    elif not weight.was_blocked:
        said.append(
            "They were never compared: no blocking key brought them together. What the model "
            "would have said stands below."
        )
    elif weight.probability < weight.threshold:
        said.append("They were compared, and their probability is below the threshold.")
    return " ".join(said)
