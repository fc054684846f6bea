"""Logistic regression by Newton's method that cannot run away.

A full step of Newton's may overshoot where an outcome is rare and log odds lie far from 0: it would end
with a slope of 0, which tells nobody apart. A step is therefore halved until it loses no more than
before; the loss is convex, so that this ends at its lowest.

Source: Boyd & Vandenberghe (2004), "Convex Optimization", section 9.5.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from prediction.dataset import Flags, Floats

STEPS, HALVINGS = 60, 30
# A step moves no weight further than this: log odds beyond it are as good as certain.
FARTHEST = 4.0
# Newton's method squares the error: after a step of 1e-4 the next would be 1e-8.
SMALLEST = 1e-4


def minimise(design: Floats, outcomes: Flags, penalty: Floats, start: Floats) -> Floats:
    """The weights with the least sum of log losses + penalty * weights^2 / 2.

    Where no part of a step loses less, and where a loss is no number, the weights stay as they are.

    Args:
        design: (n, p).
        outcomes: (n,).
        penalty: (p,), above 0.
        start: (p,), where to begin.
    """
    weights, before = start, _loss(design, outcomes, penalty, start)
    for _ in range(STEPS):
        gradient, hessian = derivatives(design, outcomes, weights, penalty)
        step = np.linalg.solve(hessian, gradient)
        largest = np.abs(step).max()
        step *= min(1.0, FARTHEST / max(largest, 1e-12))
        for _ in range(HALVINGS):
            loss = _loss(design, outcomes, penalty, weights - step)
            # Sums of many losses differ in their last digits.
            if loss <= before + 1e-10 * abs(before):
                break
            step /= 2
        else:
            return weights
        weights, before = weights - step, loss
        if largest < SMALLEST:
            break
    return weights


def derivatives(
    design: Floats, outcomes: Flags, weights: Floats, penalty: Floats
) -> tuple[Floats, Floats]:
    """Gradient and Hessian of that sum."""
    expected = special.expit(design @ weights)
    gradient = design.T @ (expected - outcomes) + penalty * weights
    # Single precision: it only points the way, the gradient says where to stop. A matrix times its
    # own transpose takes half the work of two different ones.
    half = design.astype(np.float32) * np.sqrt(expected * (1 - expected), dtype=np.float32)[:, None]
    return gradient, (half.T @ half).astype(np.float64) + np.diag(penalty)


def _loss(design: Floats, outcomes: Flags, penalty: Floats, weights: Floats) -> float:
    logits = design @ weights
    surprise = np.logaddexp(0.0, np.where(outcomes, -logits, logits)).sum()
    return float(surprise + (penalty * weights**2).sum() / 2)
