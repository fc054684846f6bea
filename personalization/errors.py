"""Exceptions raised by the personalization package.

* PersonalizationError
  - EmptyBlockError
  - InvalidEmailBlockError
  - UnknownEmailBlockError
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


class PersonalizationError(Exception):
    """Something that keeps content from being chosen."""


class EmptyBlockError(PersonalizationError, ValueError):
    """The filters of some blocks fit no content that is published."""

    def __init__(self, blocks: Sequence[str]) -> None:
        self.blocks = tuple(blocks)
        super().__init__(
            f"no published content fits the filters and bans of: {', '.join(blocks)}; "
            "compare content_types, topics and stages in content.yml with marts.content_items"
        )


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
