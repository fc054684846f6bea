"""Keep the linear algebra and the trees on one thread.

Their tasks are small, and their threads wait by spinning: on two cores that something else uses too,
370 steps of a training took 52 s on two threads and 1.8 s on one, 120 trees 5.4 s and .8 s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

P = ParamSpec("P")
R = TypeVar("R")


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function with one thread of linear algebra and of OpenMP."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(limits=1):
            return function(*args, **kwargs)

    return limited
