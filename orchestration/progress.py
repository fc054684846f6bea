"""What a run tells the person who waits for it: one line per step, when asked for.

Assets announce their steps here; the command line listens, the UI has its own view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, float | None], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hand every announcement made inside to ``listener``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def announce(step: str, share: float | None = None) -> None:
    """Say which step has begun, or which share of it (0..1) is done."""
    listener = _listener.get()
    if listener is not None:
        listener(step, share)
