"""Exceptions raised by the measurement package.

* MeasurementError
  - InvalidSharesError
  - InvalidExperimentError
  - UnknownExperimentError
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


class MeasurementError(Exception):
    """Something that stops a measurement from being honest."""


class InvalidSharesError(MeasurementError, ValueError):
    """The shares of an experiment's arms do not make a whole."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self.shares = dict(shares)
        listed = ", ".join(f"{arm}: {share}" for arm, share in shares.items())
        super().__init__(
            f"shares of arms must lie between 0 and 1 and add up to 1, found {listed or 'none'}"
        )


class InvalidExperimentError(MeasurementError, ValueError):
    """Segments ask for things that are not there or that the experiment moves; all at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"experiments.yml cannot be used:{listed}")


class UnknownExperimentError(MeasurementError, LookupError):
    """Nobody knows an experiment of this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(sorted(known))
        super().__init__(
            f"there is no experiment {name!r}; experiments.yml has: "
            f"{', '.join(self.known) or 'none yet'}"
        )
