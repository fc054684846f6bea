"""What a model may not know without a reason, and how it treats groups of people.

A column that is sensitive, or made from one, is used only where predictions.yml names it together
with what it is used for. The card compares groups by what was foretold and what they then did; of
small groups it says nothing, because a rate of few people tells of each of them.

Source: interval of a share, Wilson (1927).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from prediction.config import PredictionsConfig, PropensityConfig
from prediction.dataset import Flags, Floats, Texts
from prediction.errors import SensitiveFeatureError, SensitiveTargetError, UnknownTraitError
from prediction.logistic import Z95
from prediction.metrics import Interval, auc
from prediction.outcomes import FEWEST_OF_A_KIND, ratio_of_counts

# The same number below which drift is not tested; smaller groups are put together.
FEWEST = 50
OTHERS = "other groups"


@dataclass(frozen=True, slots=True)
class Group:
    """People of one kind at the later date.

    Attributes:
        name: What they have in common.
        people: How many.
        rate: Share who did it.
        rate_interval: 95 % of it.
        predicted: Mean score.
        observed_to_expected: Who did it, over the sum of the scores.
        ratio_interval: 95 % of it.
        chosen: Share of them in the top tenth of all.
        chosen_interval: 95 % of it.
        found: Of those who did it, the share in the top tenth of all; None where too few did.
        found_interval: 95 % of it.
        auc: How well scores rank within the group; None where too few did or did not.
    """

    name: str
    people: int
    rate: float
    rate_interval: Interval
    predicted: float
    observed_to_expected: float
    ratio_interval: Interval
    chosen: float
    chosen_interval: Interval
    found: float | None
    found_interval: Interval | None
    auc: float | None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def without_sensitive(
    config: PredictionsConfig,
    sensitive: Mapping[str, Sequence[str]],
    traits: Mapping[str, Sequence[str]] | None = None,
    *,
    kept: Collection[str] | None = None,
) -> PredictionsConfig:
    """The models with every sensitive feature left out that they name no use for.

    Args:
        config: As predictions.yml has it.
        sensitive: Of each sensitive feature the columns that it comes from.
        traits: Of each sensitive trait that is predicted the columns that it comes from.
        kept: The traits whose changes are kept; None: not asked.

    Raises:
        SensitiveFeatureError: The rule of a model needs one of them.
        UnknownTraitError: A model predicts a state of a trait of which no history is kept.
        SensitiveTargetError: A model predicts one of these traits and names no use for it.
    """
    for key, model in config.models.items():
        predicted = model.target.state.trait if model.target.state else ""
        if predicted and kept is not None and predicted not in kept:
            raise UnknownTraitError(key, predicted, sorted(kept))
        if predicted in (traits or {}) and predicted not in model.sensitive:
            raise SensitiveTargetError(key, predicted, (traits or {})[predicted])
    models = {key: _allowed(key, model, sensitive) for key, model in config.models.items()}
    return config.model_copy(update={"models": models})


def compare_groups(kinds: Texts, scores: Floats, outcomes: Flags) -> tuple[Group, ...]:
    """How each group was treated, the largest first; small ones together as others.

    Args:
        kinds: (n,), what each person is; empty where that is unknown.
        scores: (n,), probabilities.
        outcomes: (n,), whether it was done.
    """
    top = scores >= np.quantile(scores, 0.9)
    names, numbers, sizes = np.unique(kinds, return_inverse=True, return_counts=True)
    labels = np.where(sizes >= FEWEST, np.where(names == "", "unknown", names), OTHERS)[numbers]
    found = [_group(name, labels == name, scores, outcomes, top) for name in np.unique(labels)]
    return tuple(
        sorted((g for g in found if g.people >= FEWEST), key=lambda g: (-g.people, g.name))
    )


def share_interval(count: int, people: int) -> Interval:
    """95 % interval of a share."""
    share, squared = count / people, Z95**2 / people
    middle = (share + squared / 2) / (1 + squared)
    half = Z95 / (1 + squared) * np.sqrt(share * (1 - share) / people + squared / (4 * people))
    return Interval(max(float(middle - half), 0.0), min(float(middle + half), 1.0))


def _allowed(
    key: str, model: PropensityConfig, sensitive: Mapping[str, Sequence[str]]
) -> PropensityConfig:
    undeclared = sorted(set(sensitive) - set(model.sensitive))
    needed = {factor.feature for factor in model.rule.factors} if model.rule else set()
    if refused := [name for name in undeclared if name in needed]:
        raise SensitiveFeatureError(key, {name: sensitive[name] for name in refused})
    left_out = sorted({*model.leave_out, *undeclared})
    return model.model_copy(update={"leave_out": left_out}) if undeclared else model


def _group(name: str, inside: Flags, scores: Floats, outcomes: Flags, top: Flags) -> Group:
    people, done = int(inside.sum()), int(outcomes[inside].sum())
    expected, chosen = float(scores[inside].sum()), int(top[inside].sum())
    # What is expected of these people was learnt from all: its own error is left out.
    low, high = ratio_of_counts(done, expected, 10**9, 0.05)
    told, hit = done >= FEWEST_OF_A_KIND, int(top[inside & outcomes].sum())
    ranked = min(done, people - done) >= FEWEST_OF_A_KIND
    return Group(
        name=str(name),
        people=people,
        rate=done / people,
        rate_interval=share_interval(done, people),
        predicted=expected / people,
        observed_to_expected=done / expected,
        ratio_interval=Interval(low, high),
        chosen=chosen / people,
        chosen_interval=share_interval(chosen, people),
        found=hit / done if told else None,
        found_interval=share_interval(hit, done) if told else None,
        auc=auc(scores[inside], outcomes[inside]) if ranked else None,
    )


def groups_of(
    groups: Mapping[str, Texts], scores: Floats, outcomes: Flags
) -> dict[str, list[dict[str, object]]]:
    """The comparison of each column, for the card."""
    return dict(_compared(groups, scores, outcomes))


def _compared(
    groups: Mapping[str, Texts], scores: Floats, outcomes: Flags
) -> Iterator[tuple[str, list[dict[str, object]]]]:
    for column, kinds in groups.items():
        yield column, [group.as_dict() for group in compare_groups(kinds, scores, outcomes)]
