"""What is told of an error that nobody foresaw: its kind and its place, not its words.

Words of a library may repeat what it was given, as in "could not convert string to float: 'x'",
and Dagster keeps words, stack and causes of whatever ends a step. Ours are written to name nobody.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.errors import UnexpectedError

OUR_PACKAGES = frozenset({
    "audiences", "identifiers", "identity", "ingestion", "measurement", "orchestration",
    "personalization", "prediction", "privacy", "sample", "settings", "warehouse",
})  # fmt: skip
# How a command or a step is ended on purpose.
_ENDS = frozenset({"click", "dagster", "typer"})
# Words of a missing package and of too little memory are of machines; a test's own are its answer.
_OF_NO_ROW = (AssertionError, ImportError, MemoryError)
_ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def without_foreign_words() -> Iterator[None]:
    """Let what goes wrong inside be told without a value of a row, causes included.

    Raises:
        UnexpectedError: In place of an error that is not ours; its stack is kept.
    """
    try:
        yield
    except Exception as error:
        told = as_told(error)
        if told is error:
            raise
        raise told from told.__cause__


def as_told(error: Exception) -> Exception:
    """The error itself where its words may be told, else one that says its kind and place."""
    told = _told(error)
    # Of a cause that may not be told, what it led to says enough.
    causes = [cause for cause in _causes(error) if _may_be_told(cause)]
    for effect, cause in zip([told, *causes], [*causes, None], strict=True):
        effect.__cause__ = cause
    return told


def _told(error: Exception) -> Exception:
    if _may_be_told(error):
        return error
    told = UnexpectedError(type(error).__name__, _place(error))
    told.__traceback__ = error.__traceback__
    return told


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to it, nearest first, each once: causes may go in a ring."""
    seen = {id(error)}
    cause = _cause(error)
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = _cause(cause)


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _may_be_told(error: BaseException) -> bool:
    if isinstance(error, OSError):
        # Libraries derive errors of their own from it, whose words are theirs.
        return type(error).__module__ == "builtins" and isinstance(error.errno, int)
    package = type(error).__module__.partition(".")[0]
    return package in OUR_PACKAGES | _ENDS or isinstance(error, _OF_NO_ROW)


def _place(error: Exception) -> str:
    """The innermost line of ours that led to it."""
    found = "a library"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in OUR_PACKAGES:
            found = f"{path.relative_to(_ROOT)}:{frame.lineno}"
    return found
