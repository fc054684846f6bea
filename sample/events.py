"""Events of the website as columns, before they become lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sample.content import COMPANY
from sample.text import Bools, Floats, Ints

(
    PAGE, CONTENT_VIEWED, ASSET_DOWNLOADED, SITE_SEARCHED, SEARCH_RESULT_CLICKED, CTA_HERO, CTA_PRICING,
    SEEN_CONTROL, SEEN_HERO_B, SEEN_HOLDOUT, RECOMMENDATION_SHOWN, RECOMMENDATION_CLICKED,
    DEMO_REQUESTED, TRIAL_STARTER, TRIAL_TEAM, TRIAL_BUSINESS, UPGRADED_TEAM, UPGRADED_BUSINESS,
    IDENTIFY, GROUP, ALIAS,
) = range(21)  # fmt: skip
HOME, PRICING, SEARCH, DEMO, SIGNUP, PLAN, CONTENT_PAGES = range(7)
STATIC_PAGES: tuple[tuple[str, str], ...] = (
    ("/", COMPANY), ("/prices", "Prices"), ("/find", "Find"), ("/book-a-demo", "Book a demo"),
    ("/try", "Try it"), ("/my/plan", "My plan"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Events:
    """One row per event.

    ``page`` is the page it happened on and ``content`` the item it is about (-1 for none);
    ``scroll`` and ``seconds`` are -1 where they do not apply; ``extra`` is more JSON text for
    the properties, starting with a comma, or empty.
    """

    session: Ints
    at_ms: Ints
    kind: Ints
    page: Ints
    content: Ints
    scroll: Floats
    seconds: Ints
    extra: pa.Array

    def __len__(self) -> int:
        """How many there are."""
        return len(self.session)

    def at(self, rows: npt.NDArray[np.intp] | Bools) -> Events:
        """The rows asked for, by number or by mask."""
        numbers = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        kept = {part.name: getattr(self, part.name)[numbers] for part in fields(self)[:-1]}
        return Events(**kept, extra=self.extra.take(pa.array(numbers)))


def make_events(
    session: Ints, at_ms: Ints, kind: int | Ints, *, page: int | Ints | None = None,
    content: Ints | None = None, extra: pa.Array | None = None,
) -> Events:  # fmt: skip
    """Events without depth; what is about an item happens on its page unless a page is given."""
    n = len(session)
    none = np.full(n, -1, dtype=np.int64)
    about = none if content is None else content
    where: int | Ints = np.where(about >= 0, CONTENT_PAGES + about, HOME) if page is None else page
    return Events(
        session, at_ms, none * 0 + kind, none * 0 + where, about, none.astype(np.float64), none,
        pa.array([""]).take(pa.array(none * 0)) if extra is None else extra,
    )  # fmt: skip


def all_events(batches: Sequence[Events]) -> Events:
    """The batches, one after the other."""
    columns = {part.name: np.concatenate([getattr(batch, part.name) for batch in batches])
               for part in fields(Events)[:-1]}  # fmt: skip
    return Events(**columns, extra=pa.concat_arrays([batch.extra for batch in batches]))
