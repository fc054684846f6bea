"""Repeat purchases of customers who never say goodbye: the BG/NBD model, by maximum likelihood.

While alive a customer buys at a rate of its own (gamma over customers); after each purchase it may
leave, with a chance of its own (beta over customers). Three numbers per customer are enough: how
often it bought again, when last, and how long it has been known.

Source: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", equations 6 and 10; the numbers of a table by Fader & Hardie (2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from prediction.dataset import Floats
from prediction.errors import TooFewPurchasesError

# On sparser data the likelihood has no maximum: the chance of leaving runs to 0 or 1.
MIN_REPEATERS = 200
# The four logarithms are kept within what any shop can have.
_BOUND = 12.0


@dataclass(frozen=True, slots=True)
class Purchases:
    """What is known of n customers, in one unit of time.

    Attributes:
        repeats: (n,), purchases after the first.
        last: (n,), time from the first to the latest purchase; 0 where there was one.
        known: (n,), time from the first purchase to now.
    """

    repeats: Floats
    last: Floats
    known: Floats


@dataclass(frozen=True, slots=True)
class RepeatModel:
    """The four parameters.

    Attributes:
        r: Shape of the rates of buying.
        alpha: Their scale, in units of time.
        a: Of the chance of leaving after a purchase, weight of leaving.
        b: Weight of staying.
    """

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, purchases: Purchases) -> Floats:
        """Probability that each customer has not left; 1 where it bought once."""
        x, last, known = purchases.repeats, purchases.last, purchases.known
        odds = (
            self.a / (self.b + np.maximum(x, 1) - 1)
            * ((self.alpha + known) / (self.alpha + last)) ** (self.r + x)
        )  # fmt: skip
        return np.asarray(np.where(x > 0, 1 / (1 + odds), 1.0), dtype=np.float64)

    def expected(self, purchases: Purchases, ahead: float) -> Floats:
        """Purchases to expect of each customer within the time ahead."""
        x, known, above = (
            purchases.repeats,
            purchases.known,
            self.a + self.b + purchases.repeats - 1,
        )
        share = (self.alpha + known) / (self.alpha + known + ahead)
        series = special.hyp2f1(self.r + x, self.b + x, above, 1 - share)
        found = above / (self.a - 1) * (1 - share ** (self.r + x) * series) * self.alive(purchases)
        return np.asarray(found, dtype=np.float64)


def fit_repeats(purchases: Purchases) -> RepeatModel:
    """The parameters that make the purchases likeliest.

    Raises:
        TooFewPurchasesError: Too few customers came back to tell how they leave.
    """
    repeaters = int((purchases.repeats > 0).sum())
    if repeaters < MIN_REPEATERS:
        raise TooFewPurchasesError(repeaters, MIN_REPEATERS)
    found = optimize.minimize(
        _loss, np.zeros(4), args=(purchases,), method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 4,
        options={"ftol": 1e-12, "gtol": 1e-8},
    )  # fmt: skip
    return RepeatModel(*(float(value) for value in np.exp(found.x)))


def _loss(logs: Floats, purchases: Purchases) -> float:
    """Mean negative log likelihood."""
    r, alpha, a, b = np.exp(logs)
    x, last, known = purchases.repeats, purchases.last, purchases.known
    rate = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    leaving = special.betaln(a, b + x) - special.betaln(a, b)
    stayed = leaving - (r + x) * np.log(alpha + known)
    left = (
        special.betaln(a + 1, b + np.maximum(x, 1) - 1) - special.betaln(a, b)
        - (r + x) * np.log(alpha + last)
    )  # fmt: skip
    both = np.where(x > 0, np.logaddexp(stayed, left), stayed)
    return float(-np.mean(rate + both))
