"""What is told of an error that nobody foresaw: its kind and its place, not its words.

Words of a library may repeat what it was given, as in "could not convert string to float: 'x'",
and Dagster keeps words, stack and causes of whatever ends a step. Ours are written to name nobody.
Errors of the machine keep their words, but not the names of files that others gave: whoever put a
file into the landing folder may have named it after somebody.
"""

from __future__ import annotations

import functools
import inspect
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from orchestration.errors import UnexpectedError
from settings import Paths

OUR_PACKAGES = frozenset({
    "audiences", "identifiers", "identity", "ingestion", "measurement", "orchestration",
    "personalization", "prediction", "privacy", "sample", "settings", "warehouse",
})  # fmt: skip
# How a command or a step is ended on purpose.
_ENDS = frozenset({"click", "dagster", "typer"})
# Words of a missing package and of too little memory are of machines; a test's own are its answer.
_OF_NO_ROW = (AssertionError, ImportError, MemoryError)
Told = TypeVar("Told", bound=BaseException)
Given = ParamSpec("Given")
Result = TypeVar("Result")
_ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def without_foreign_words(paths: Paths) -> Iterator[None]:
    """Let what goes wrong inside be told without a value of a row, causes included.

    Args:
        paths: The company's folders, to know which files Candor named.

    Raises:
        UnexpectedError: In place of an error that is not ours; its stack is kept.
    """
    try:
        yield
    except Exception as error:
        told = as_told(error, paths)
        if told is error:
            raise
        raise told from told.__cause__


def in_own_words(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Let what goes wrong anywhere in a function of Dagster's be told without a value of a row.

    It stands next to the function, below Dagster's decorator: Dagster keeps what passes that one.
    """
    # Dagster asks whether it is a generator, and reads the types of what it returns.
    wrap = _generating if inspect.isgeneratorfunction(function) else _calling
    return cast("Callable[Given, Result]", functools.wraps(function)(wrap(function)))


def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*given: Any, **named: Any) -> Any:
        with without_foreign_words(Paths.resolve(os.environ)):
            return function(*given, **named)

    return called


def _generating(function: Callable[..., Any]) -> Callable[..., Any]:
    def generated(*given: Any, **named: Any) -> Iterator[Any]:
        with without_foreign_words(Paths.resolve(os.environ)):
            yield from function(*given, **named)

    return generated


def as_told(error: Exception, paths: Paths | None = None) -> Exception:
    """The error itself where its words may be told, else one that says its kind and place.

    Args:
        error: What went wrong.
        paths: The company's folders; None where files are named by whoever gave the command.
    """
    told = _told(error, paths)
    # Of a cause that may not be told, what it led to says enough.
    causes = [_without_names(cause, paths) for cause in _causes(error) if _may_be_told(cause)]
    for effect, cause in zip([told, *causes], [*causes, None], strict=True):
        effect.__cause__ = cause
    return told


def _told(error: Exception, paths: Paths | None) -> Exception:
    if _may_be_told(error):
        return _without_names(error, paths)
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
    package = type(error).__module__.partition(".")[0]
    if package in OUR_PACKAGES | _ENDS:
        return True
    if isinstance(error, OSError):
        # Libraries derive errors of their own from it, whose words are theirs.
        return package == "builtins" and isinstance(error.errno, int)
    return isinstance(error, _OF_NO_ROW)


def _without_names(error: Told, paths: Paths | None) -> Told | OSError:
    """The same error; of one of the machine, files are told by ``tell_file``, not in its words."""
    if paths is None or not isinstance(error, OSError) or type(error).__module__ != "builtins":
        return error
    if error.errno is None:
        return error
    names = (error.filename, error.filename2)
    first, second = (None if name is None else tell_file(name, paths) for name in names)
    # Arrow writes the name of the file into what says why.
    told = OSError(error.errno, os.strerror(error.errno), first, None, second)
    told.__traceback__ = error.__traceback__
    return told


def tell_file(name: str | bytes | os.PathLike[str] | int, paths: Paths) -> str:
    """A file by its name where Candor or a configuration gave it, else by its place.

    Below the landing folder: its number in each folder, in order of the bytes of the names, so that
    ``LC_ALL=C ls -A | sed -n 2p`` shows the one that is told as ``#2``.

    Args:
        name: A path, or the number of an open file.
        paths: The company's folders.
    """
    if isinstance(name, int):
        return f"open file {name}"
    path = Path(os.fsdecode(name)).absolute()
    if not path.is_relative_to(paths.landing):
        return str(Path(*("..." if "@" in part else part for part in path.parts)))
    places, folder = [str(paths.landing)], paths.landing
    for part in path.relative_to(paths.landing).parts:
        places.append(_number(part, folder))
        folder /= part
    return "/".join(places)


def _number(name: str, folder: Path) -> str:
    try:
        found = sorted(os.fsencode(path.name) for path in folder.iterdir())
    except OSError:
        return "?"
    return f"#{found.index(os.fsencode(name)) + 1}" if os.fsencode(name) in found else "?"


def _place(error: Exception) -> str:
    """The innermost line of ours that led to it."""
    found = "a library"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in OUR_PACKAGES:
            found = f"{path.relative_to(_ROOT)}:{frame.lineno}"
    return found
