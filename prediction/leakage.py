"""Features that tell the outcome so well that they may have been made from it.

Two alarms. A feature with an AUC above .95 leaks, whatever else there is. Below that a leak shows by
its place among the others: what people do says something in many columns, each a little; a column
that is written because of the outcome says more than all of them together. In the public set
online_shoppers the value of pages is known once somebody has bought: it ranks with .863, everything
else together with .75. In telco_churn no column is above .74, and all but any one of them reach .85.

A column can be honest and stand out so: then ``trusted`` in predictions.yml says that somebody knows
how it comes about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from prediction.dataset import Examples, Flags, Floats
from prediction.logistic import single_feature_aucs, train
from prediction.metrics import auc, auc_gain

LEAK_AUC = 0.95
# Only what ranks so well alone is looked into: single columns of behaviour stay below .75.
SUSPECT_AUC = 0.80
# By so much, surely, a column must rank better than all others together.
SURPLUS = 0.03
# A copy of a column leaks what the column leaks: it is not counted among the others.
COPY = 0.9


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that should not be learnt from before somebody has looked into it.

    Attributes:
        feature: Its name.
        alone: Its AUC by itself.
        others: The AUC of all others together; None where its own is reason enough.
    """

    feature: str
    alone: float
    others: float | None

    @property
    def reason(self) -> str:
        """What speaks against the model, and what to do."""
        if self.others is None:
            return (
                f"{self.feature} alone tells the outcome (AUC {self.alone:.3f}): it leaks it; put it "
                "under leave_out in predictions.yml"
            )
        return (
            f"look into {self.feature}: put it under trusted in predictions.yml if you know that it is "
            "not written because of the outcome, else under leave_out; it alone ranks better "
            f"(AUC {self.alone:.3f}) than everything else together ({self.others:.3f})"
        )


def find_leaks(
    earlier: Examples, later: Examples, use: Flags, *, trusted: Collection[str] = (), seed: int
) -> tuple[Leak, ...]:
    """Features in use that tell the outcome nearly perfectly, or better than all others together.

    Args:
        earlier: What is learnt from.
        later: What is judged on.
        use: (p,), which features are used.
        trusted: Features that may stand out.
        seed: Of folds and bootstrap.
    """
    alone = single_feature_aucs(earlier)
    return tuple(
        leak
        for column in np.flatnonzero(use & (alone > SUSPECT_AUC))
        for leak in _look_into(earlier, later, use, int(column), seed)
        if leak.others is None or leak.feature not in trusted
    )


def _look_into(
    earlier: Examples, later: Examples, use: Flags, column: int, seed: int
) -> Iterator[Leak]:
    name, alone = earlier.features[column], float(single_feature_aucs(earlier)[column])
    if alone > LEAK_AUC:
        yield Leak(name, alone, None)
        return
    shown = _turned(earlier, later, column)
    others = use & ~_copies(earlier.values, column)
    if not others.any():
        return
    rest = train(earlier, use=others, seed=seed).predict(later.values)
    if auc_gain(shown, rest, later.outcomes, seed=seed).low > SURPLUS:
        yield Leak(name, auc(shown, later.outcomes), auc(rest, later.outcomes))


def _turned(earlier: Examples, later: Examples, column: int) -> Floats:
    """The column at the later date, the way round that told more at the earlier ones."""
    filled = [np.nan_to_num(data.values[:, column], nan=-1.0) for data in (earlier, later)]
    return filled[1] if auc(filled[0], earlier.outcomes) >= 0.5 else -filled[1]


def _copies(values: Floats, column: int) -> Flags:
    """The column itself, and those whose ranks go with it."""
    ranks = stats.rankdata(np.nan_to_num(values, nan=-1.0), axis=0)
    centred = ranks - ranks.mean(axis=0)
    lengths = np.maximum(np.sqrt((centred**2).sum(axis=0)), 1e-9)
    alike = np.abs(centred.T @ centred[:, column]) / (lengths * lengths[column])
    return np.asarray(alike >= COPY, dtype=np.bool_)
