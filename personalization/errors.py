"""Exceptions raised by the personalization package.

* PersonalizationError
  - InvalidEmailBlockError
  - UnknownEmailBlockError
  - SlotKeyTwiceError
  - UnknownSlotError
  - MissingArtefactError
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path


class PersonalizationError(Exception):
    """Something that keeps content from being chosen."""


class InvalidEmailBlockError(PersonalizationError, ValueError):
    """Rules of e-mail blocks ask for columns that are not there or cannot answer; all at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(
            f"content.yml cannot be used:{listed}\n"
            "docs/reference/tables.md lists the columns of marts.profiles"
        )


class UnknownEmailBlockError(PersonalizationError, LookupError):
    """An e-mail block was asked for that is not configured."""

    def __init__(self, block: str, known: Collection[str]) -> None:
        self.block, self.known = block, tuple(known)
        super().__init__(
            f"{block!r} is no e-mail block of content.yml; there are: {', '.join(known) or 'none'}"
        )


class SlotKeyTwiceError(PersonalizationError, ValueError):
    """A block and an experiment have the same key, so a request cannot say which it means."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        super().__init__(
            f"content.yml and experiments.yml both have the key {', '.join(keys)}: "
            "rename the block, as the key of an experiment must never change"
        )


class UnknownSlotError(PersonalizationError, LookupError):
    """Nothing is decided for a slot of this name."""

    def __init__(self, slot: str, known: Sequence[str]) -> None:
        self.slot, self.known = slot, tuple(known)
        super().__init__(
            f"there is no slot {slot!r}; known are the blocks of content.yml and the experiments "
            f"with variants of experiments.yml, as of the last run: {', '.join(known) or 'none'}"
        )


class MissingArtefactError(PersonalizationError, FileNotFoundError):
    """There is no artefact to decide from, or not one that this version can read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is not there or was made by another version: `candor run` makes it"
        )

    def __str__(self) -> str:
        return str(self.args[0])
