"""Learn from records how one person's pairs differ from all others, and from where on to link."""

from __future__ import annotations

from dataclasses import dataclass, replace

from identity.agree import weigh_parts
from identity.calibrate import judge_threshold, reviewed_until
from identity.config import IdentityConfig
from identity.constrain import Trust
from identity.frequencies import Frequencies
from identity.judge import MOST_FITTED, fit_mixture, judge_pairs
from identity.knowledge import Knowledge
from identity.link import learn_parameters
from identity.reading import Reading
from identity.verify import measure_doubt, shifted
from identity.weigh import (
    inspect_parameters,
    keep_probabilities,
    read_evidence,
    read_known,
    read_lesson,
)
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is known about the records before pairs are weighed.

    Attributes:
        key: Names what knowledge depends on besides the records.
        records: How many there are.
        reason: Why there is something to learn.
        frequencies: How usual names and birth dates are.
        reading: How values are read that can be read in two ways.
        limits: Per blocking key the largest block that is compared; empty before it is chosen.
        known: What was learned before and still holds.
    """

    key: str
    records: int
    reason: str
    frequencies: Frequencies
    reading: Reading
    limits: tuple[int, ...]
    known: Knowledge | None


def learn(
    warehouse: Warehouse, config: IdentityConfig, lesson: Lesson, *, seed: int
) -> Knowledge | None:
    """Learn the model and the threshold, and fill the table of probabilities.

    None, and no table, where no field tells people apart: the records hold next to nothing.

    Raises:
        UnusableModelError: A difference in name or birth date would count for a match.
    """
    fields = inspect_parameters(learn_parameters(warehouse, config, seed=seed)).fields
    if not fields:
        return None
    taught = read_lesson(warehouse, fields, records=lesson.records, most=MOST_FITTED)
    mixture = fit_mixture(taught, fields)
    evidence = read_evidence(warehouse, fields, records=lesson.records)
    doubt = measure_doubt(evidence, fields, mixture, least=config.min_proven_pairs)
    probabilities = shifted(judge_pairs(evidence, fields, mixture), bits=doubt)
    keep_probabilities(
        warehouse, mixture.fields(fields), probabilities, lowest=config.review_probability
    )
    weigh_parts(warehouse, lowest=config.review_probability, most=config.max_records_per_person)
    threshold = _judge_threshold(warehouse, config)
    return Knowledge(
        lesson.key, lesson.records, lesson.reason, lesson.frequencies, lesson.reading, lesson.limits, fields, mixture,
        doubt, threshold, Trust.learned(mixture), reviewed_until(warehouse),
    )  # fmt: skip


def apply_knowledge(warehouse: Warehouse, config: IdentityConfig, known: Knowledge) -> None:
    """Fill the table of probabilities by what was learned before."""
    evidence = read_known(warehouse, known.fields, known.mixture, records=known.records)
    probabilities = shifted(judge_pairs(evidence, known.fields, known.mixture), bits=known.doubt)
    keep_probabilities(
        warehouse, known.mixture.fields(known.fields), probabilities,
        lowest=config.review_probability,
    )  # fmt: skip
    weigh_parts(warehouse, lowest=config.review_probability, most=config.max_records_per_person)


def heed_reviews(warehouse: Warehouse, config: IdentityConfig, known: Knowledge) -> Knowledge:
    """Choose the threshold anew where somebody has reviewed or revoked since; needs probabilities.

    An erasure takes answers away but adds none, so it moves nobody else.
    """
    latest = reviewed_until(warehouse)
    if latest is None or (known.reviewed_until is not None and latest <= known.reviewed_until):
        return known
    return replace(
        known,
        reason="pairs were reviewed",
        threshold=_judge_threshold(warehouse, config),
        reviewed_until=latest,
    )


def _judge_threshold(warehouse: Warehouse, config: IdentityConfig) -> float:
    return judge_threshold(
        warehouse, min_precision=config.min_precision, floor=config.review_probability
    )
