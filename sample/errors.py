"""Exceptions raised by the sample package.

* SampleError
  - TooFewPeopleError
  - FolderNotEmptyError
  - TruthInsideLandingError
"""

from __future__ import annotations

from pathlib import Path


class SampleError(Exception):
    """The sample company cannot be made."""


class TooFewPeopleError(SampleError, ValueError):
    """So few people that households, companies and experiments would be empty."""

    def __init__(self, people: int, least: int) -> None:
        self.people, self.least = people, least
        super().__init__(
            f"{people} people are too few for a sample company: ask for at least {least}, "
            f"e.g. --people 10000"
        )


class FolderNotEmptyError(SampleError, FileExistsError):
    """A folder that would be written holds files already, or is a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} exists and is not an empty folder: remove it, or name another folder; "
            "the sample never writes over files"
        )


class TruthInsideLandingError(SampleError, ValueError):
    """The truth would lie in the landing folder (or around it), where the pipeline reads."""

    def __init__(self, truth: Path, out: Path) -> None:
        self.truth, self.out = truth, out
        super().__init__(
            f"the truth folder {truth} and the landing folder {out} must lie beside each other: "
            f"choose a folder outside, e.g. --truth {out}.truth"
        )
