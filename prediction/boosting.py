"""Small boosted trees, taken apart into arrays: the challenger of the ridge regression.

Trees see what a sum cannot: that pages opened this week mean more of somebody who never bought.
Below some hundred positives they mostly see chance (simulation: AUC .730 against .776 at 50), so they
are used where they predict better at a later date, below 500 positives surely better.

Sources: gradient boosting, Friedman (2001); histograms as in LightGBM, Ke et al. (2017); reasons by
the path through each tree, Saabas (2014); the error by a delete-a-group jackknife, Kott (2001).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from prediction.dataset import Examples, Flags, Floats, Integers
from prediction.logistic import FOLDS, Z95, Calibration, Scores, calibrate, folds_of
from prediction.metrics import log_loss
from prediction.threads import on_one_thread

Settings = dict[str, Any]

# Two ways to grow, both fixed so that no data set is tuned to: held-out persons choose between them.
# Few leaves and strong shrinkage see what adds up; more leaves, and smaller ones, see what only
# several things together tell.
CAREFUL = {
    "learning_rate": 0.08, "max_leaf_nodes": 6, "min_samples_leaf": 40,
    "l2_regularization": 20.0, "max_features": 0.3, "early_stopping": False,
}  # fmt: skip
BOLD = {
    "learning_rate": 0.08, "max_leaf_nodes": 12, "min_samples_leaf": 20,
    "l2_regularization": 5.0, "max_features": 0.5, "early_stopping": False,
}  # fmt: skip
# Those held out choose how many trees as well: each way goes on as long as more of them lose less.
ROUNDS = (30, 60, 120, 240, 480)
# Which trees, how many, how sure and how calibrated is told by about so many rows, and more where so many
# persons who did it ask for them; all are learnt from.
FOLDED_ROWS, FOLDED_POSITIVES = 100_000, 2_000
# The standard error is stored for so many parts of the scores, equally many people in each.
ERROR_BINS = 10
# The weight of each feature is measured on about so many rows.
WEIGHED_ROWS = 5_000
# Rows that are sent through the trees at once: what fits into the processor's cache.
CHUNK = 8_192


@dataclass(frozen=True, slots=True)
class Trees:
    """All trees side by side; a leaf is its own child.

    Attributes:
        roots: (t,), of each tree its first node.
        columns: (m,), the feature that a node asks about; of a leaf 0.
        thresholds: (m,), up to here it goes left; of a leaf infinite.
        missing_left: (m,), whether an unknown value goes left.
        lefts: (m,), next node.
        rights: (m,), next node.
        values: (m,), mean log odds of those who came through here, against the base.
        base: Log odds before the first tree, the means of all roots included.
        depth: Steps to the deepest leaf.
    """

    roots: Integers
    columns: Integers
    thresholds: Floats
    missing_left: Flags
    lefts: Integers
    rights: Integers
    values: Floats
    base: float
    depth: int

    def logits(self, values: Floats) -> Floats:
        """Log odds of (n, features)."""
        return np.concatenate([np.empty(0), *(self._leaves(part) for part in _chunks(values))])

    def contributions(self, values: Floats) -> Floats:
        """What each feature adds to the log odds; (n, features). With ``base`` it is all."""
        return np.concatenate([np.empty((0, values.shape[1])), *map(self._paths, _chunks(values))])

    def _leaves(self, values: Floats) -> Floats:
        flat, starts = np.ascontiguousarray(values).ravel(), _starts(values)
        found = np.full(len(values), self.base)
        for root in self.roots:
            node = np.full(len(values), root)
            for _ in range(self.depth):
                node = self._next(node, flat, starts)
            found += self.values[node] - self.values[root]
        return found

    def _paths(self, values: Floats) -> Floats:
        flat, starts = np.ascontiguousarray(values).ravel(), _starts(values)
        found = np.zeros(values.size)
        for root in self.roots:
            node = np.full(len(values), root)
            for _ in range(self.depth):
                after = self._next(node, flat, starts)
                found[starts + self.columns[node]] += self.values[after] - self.values[node]
                node = after
        return found.reshape(values.shape)

    def _next(self, node: Integers, flat: Floats, starts: Integers) -> Integers:
        asked = flat[starts + self.columns[node]]
        goes_left = (asked <= self.thresholds[node]) | (self.missing_left[node] & np.isnan(asked))
        found: Integers = np.where(goes_left, self.lefts[node], self.rights[node])
        return found


@dataclass(frozen=True, slots=True)
class BoostedModel:
    """A trained challenger.

    Attributes:
        features: Names, in the order of the values that it takes.
        trees: How log odds are found.
        calibration: From log odds to probabilities.
        knots: Log odds, rising.
        errors: Standard error of the log odds at each knot.
        weights: (p,), mean size of what each feature added to those learnt from.
    """

    features: tuple[str, ...]
    trees: Trees
    calibration: Calibration
    knots: Floats
    errors: Floats
    weights: Floats

    @property
    def used(self) -> tuple[str, ...]:
        """The features that a score depends on: some tree asks about them."""
        asks = self.trees.lefts != np.arange(len(self.trees.lefts))
        return tuple(self.features[column] for column in np.unique(self.trees.columns[asks]))

    @property
    def importance(self) -> Floats:
        """Mean size of what each feature adds to the log odds."""
        return self.weights

    def predict(self, values: Floats) -> Floats:
        """Probabilities of (n, features)."""
        return self.calibration.apply(self.trees.logits(values))

    def explain(self, values: Floats) -> Scores:
        """Probabilities with intervals and contributions."""
        parts = self.trees.contributions(values)
        logits = self.trees.logits(values)
        error = np.interp(logits, self.knots, self.errors)
        return Scores(
            score=self.calibration.apply(logits),
            lower=self.calibration.apply(logits - Z95 * error),
            upper=self.calibration.apply(logits + Z95 * error),
            contributions=parts,
        )


def train_boosted(examples: Examples, *, use: Flags, seed: int) -> BoostedModel:
    """Train on examples; the same examples and seed give the same model.

    Args:
        examples: With both outcomes among them; a person may come at several dates.
        use: (p,), which features may be used.
        seed: Of folds and trees, and of whose rows are folded where not all are; a person is there
            with every date or with none, and in one fold.
    """
    # A limit on threads reaches only libraries that are loaded: without this, OpenMP's is not.
    import sklearn.ensemble  # noqa: PLC0415, F401 - slow to import

    return _train(examples, use=use, seed=seed)


@on_one_thread
def _train(examples: Examples, *, use: Flags, seed: int) -> BoostedModel:
    values = np.where(use, examples.values, 0.0)
    folded = _folded(examples, seed)
    few, known = examples.where(folded), values[folded]
    folds = folds_of(few.persons, seed)
    tried = [_choose_rounds(few, known, folds, (seed, way)) for way in (CAREFUL, BOLD)]
    chosen = min(tried, key=lambda growth: growth.loss)
    grown = _grow(_sapling(*chosen.seeded), values, examples.outcomes, chosen.rounds)
    trees, weighed = _take_apart(grown), slice(None, None, -(-len(few) // WEIGHED_ROWS))
    knots, errors = _errors(grown.decision_function(known), chosen.by_fold)
    return BoostedModel(
        features=examples.features,
        trees=trees,
        calibration=calibrate(chosen.by_fold[folds, np.arange(len(few))], few.outcomes, folds),
        knots=knots,
        # A variance goes down with the rows that were learnt from.
        errors=errors * np.sqrt(len(few) / len(examples)),
        weights=np.abs(trees.contributions(known[weighed])).mean(axis=0),
    )


def _folded(examples: Examples, seed: int) -> Flags:
    """Rows that choose: all of each person who is drawn, or of everybody where they are few."""
    rows, positives = len(examples), examples.positives
    share = max(FOLDED_ROWS / max(rows, 1), FOLDED_POSITIVES / max(positives, 1))
    if share >= 1:
        return np.ones(rows, dtype=np.bool_)
    _, codes = np.unique(examples.persons, return_inverse=True)
    drawn = np.random.default_rng(seed).random(codes.max() + 1) < share
    return np.asarray(drawn[codes], dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class _Growth:
    """How far one way of growing goes.

    Attributes:
        seeded: Its seed and settings.
        rounds: As many trees as held-out persons bear.
        loss: Their log loss.
        by_fold: (folds, n), log odds of all by each fold's trees.
    """

    seeded: tuple[int, Settings]
    rounds: int
    loss: float
    by_fold: Floats


def _choose_rounds(
    examples: Examples, values: Floats, folds: Integers, seeded: tuple[int, Settings]
) -> _Growth:
    """How many trees held-out persons bear: growing goes on as long as more of them lose less."""
    trees, own = [_sapling(*seeded) for _ in range(FOLDS)], np.arange(len(examples))
    found = _Growth(seeded, 0, np.inf, np.empty((0, 0)))
    for rounds in ROUNDS:
        by_fold = np.empty((FOLDS, len(examples)))
        for fold, grown in enumerate(trees):
            kept = folds != fold
            _grow(grown, values[kept], examples.outcomes[kept], rounds)
            by_fold[fold] = grown.decision_function(values)
        loss = log_loss(special.expit(by_fold[folds, own]), examples.outcomes)
        if loss >= found.loss:
            break
        found = _Growth(seeded, rounds, loss, by_fold)
    return found


def _sapling(seed: int, settings: Settings) -> Any:
    """No trees yet."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - slow to import

    return HistGradientBoostingClassifier(random_state=seed, warm_start=True, **settings)


def _grow(trees: Any, values: Floats, outcomes: Flags, rounds: int) -> Any:
    """Go on to so many trees; in steps or at once, they are the same."""
    # scikit-learn fails on a column of which nothing is known; no tree asks about a constant.
    known = np.where(np.isnan(values).all(axis=0), 0.0, values)
    return trees.set_params(max_iter=rounds).fit(known, outcomes)


def _take_apart(grown: Any) -> Trees:
    """scikit-learn's nodes as plain arrays; the values of inner nodes are means of their leaves."""
    # There is no public way to the nodes; a test compares with what scikit-learn itself predicts.
    trees = [round_[0].nodes for round_ in grown._predictors]  # noqa: SLF001 - as said
    base = float(np.ravel(grown._baseline_prediction)[0])  # noqa: SLF001 - as said
    sizes = np.array([len(nodes) for nodes in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    nodes, offsets = np.concatenate(trees), np.repeat(roots, sizes)
    leaf, own = nodes["is_leaf"].astype(np.bool_), np.arange(len(nodes))
    lefts = np.where(leaf, own, nodes["left"].astype(np.int64) + offsets)
    rights = np.where(leaf, own, nodes["right"].astype(np.int64) + offsets)
    values = _means(nodes["value"].astype(np.float64), nodes["count"], (lefts, rights), leaf)
    return Trees(
        roots=roots,
        columns=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        thresholds=np.where(leaf, np.inf, nodes["num_threshold"]),
        missing_left=leaf | nodes["missing_go_to_left"].astype(np.bool_),
        lefts=lefts,
        rights=rights,
        values=values,
        base=base + float(values[roots].sum()),
        depth=int(nodes["depth"].max()),
    )


def _means(
    values: Floats, counts: Integers, children: tuple[Integers, Integers], leaf: Flags
) -> Floats:
    lefts, rights = children
    found = values.copy()
    for node in reversed(np.flatnonzero(~leaf)):  # children come after their parents
        left, right = lefts[node], rights[node]
        weighted = counts[left] * found[left] + counts[right] * found[right]
        found[node] = weighted / (counts[left] + counts[right])
    return found


def _errors(logits: Floats, by_fold: Floats) -> tuple[Floats, Floats]:
    """Knots and the jackknife's root mean square error at each, from the lowest log odds up."""
    groups = len(by_fold)
    spread = (groups - 1) * by_fold.var(axis=0)
    parts = np.array_split(np.argsort(logits, kind="stable"), ERROR_BINS)
    knots = np.array([logits[part].mean() for part in parts])
    return knots, np.sqrt(np.array([spread[part].mean() for part in parts]))


def _chunks(values: Floats) -> Iterator[Floats]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _starts(values: Floats) -> Integers:
    found: Integers = np.arange(len(values), dtype=np.int64) * values.shape[1]
    return found
