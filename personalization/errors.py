"""Exceptions raised by the personalization package.

* PersonalizationError
  - EmptyBlockError
"""

from __future__ import annotations

from collections.abc import Sequence


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
