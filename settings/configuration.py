"""Read a YAML file into a pydantic model, and say precisely what is wrong with it.

ruamel.yaml keeps line numbers, pydantic knows what is allowed; this module joins the two.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from settings.allowed import allowed_words, suggestion
from settings.errors import (
    ConfigurationError,
    FaultyConfigurationError,
    MissingConfigError,
    MissingConfigFolderError,
    Problem,
    SettingsError,
)

Location = tuple[str | int, ...]
T = TypeVar("T")

_MISFIT = "misfit"


class StrictModel(pydantic.BaseModel):
    """Base of every configuration model: unknown keys are refused, values never change."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


# More names than this are not listed, but the nearest few of them.
_MANY, _NEAR = 40, 6

M = TypeVar("M", bound=pydantic.BaseModel)


def load_config(path: Path, model: type[M], *, missing_ok: bool = False) -> M:
    """Read one configuration file.

    Args:
        path: The YAML file.
        model: What it must say.
        missing_ok: Take the model's defaults where the file is not there.

    Raises:
        MissingConfigError: The file is not there and ``missing_ok`` is false.
        MissingConfigFolderError: Nor is its folder.
        ConfigurationError: It is not YAML, or not what ``model`` allows; all problems at once.
    """
    if missing_ok and not path.exists():
        return model()
    document = _read_yaml(path)
    try:
        # A value may name a file beside this one.
        return model.model_validate(_plain(document), context={"folder": path.parent})
    except pydantic.ValidationError as error:
        problems = tuple(_problem(model, document, item) for item in error.errors())
        raise ConfigurationError(path, problems) from None


def unknown_name(
    path: Path, location: Location, name: str, known: Collection[str], *, what: str
) -> Problem:
    """What to say of a name that another file should declare, in a file that was read.

    Args:
        path: The YAML file.
        location: Keys and places in lists that lead to the name.
        name: The name.
        known: The names that there are.
        what: What they are, e.g. "sources in sources.yml".
    """
    document = _read_yaml(path)
    key = ".".join(str(part) for part in location if isinstance(part, str))
    allowed = f"{suggestion(name, known)}{what}: {_listed(name, known)}"
    return Problem(_line_of(document, location), key, repr(name), allowed)


def line_of(path: Path, location: Location) -> int | None:
    """The line, from 1, on which the deepest part of a place stands that a YAML file has."""
    return _line_of(_read_yaml(path), location)


def misfit(place: Location, found: object, allowed: str) -> PydanticCustomError:
    """What a model's validator raises of a value that does not fit what stands elsewhere in the file.

    Args:
        place: Keys and places in lists that lead to the value, from the model on.
        found: The value.
        allowed: What would fit.
    """
    facts = {"place": place, "found": found, "allowed": allowed}
    return PydanticCustomError(_MISFIT, "{allowed}", facts)


def unfit_name(
    place: Location, name: str, known: Collection[str], *, what: str
) -> PydanticCustomError:
    """The same of a name that is none of those that are known."""
    listed = ", ".join(sorted(known)) or "none"
    return misfit(place, name, f"{suggestion(name, known)}{what}: {listed}")


def read_together(
    readers: Iterable[Callable[[], T]], *, expected: tuple[type[Exception], ...] = (SettingsError,)
) -> list[T]:
    """Read several configuration files, and tell what is wrong with all of them.

    Args:
        readers: Each reads one file.
        expected: What they raise where a file is at fault.

    Raises:
        FaultyConfigurationError: Several are at fault; of one alone its own error is raised.
    """
    read: list[T] = []
    errors: dict[str, Exception] = {}
    for reader in readers:
        try:
            read.append(reader())
        except expected as error:
            each = error.errors if isinstance(error, FaultyConfigurationError) else [error]
            errors |= {str(one): one for one in each}
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        raise FaultyConfigurationError(tuple(errors.values()))
    return read


def _listed(name: str, known: Collection[str]) -> str:
    """All names that there are; of many those that resemble it."""
    names = sorted(known)
    if len(names) <= _MANY:
        return ", ".join(names) or "none"
    near = difflib.get_close_matches(name, names, n=_NEAR, cutoff=0.4)
    return (
        f"{', '.join([*near, 'and'])} {len(names) - len(near)} others" if near else f"{len(names)}"
    )


def _read_yaml(path: Path) -> Any:
    yaml = YAML(typ="rt", pure=True)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not path.parent.is_dir():  # told once, whichever of its files are read
            raise MissingConfigFolderError(path.parent) from None
        raise MissingConfigError(path) from None
    except (OSError, UnicodeDecodeError) as error:
        detail = f"a file that cannot be read ({type(error).__name__})"
        problem = Problem(None, None, detail, "expected readable UTF-8 text")
        raise ConfigurationError(path, (problem,)) from error
    try:
        return yaml.load(text) or CommentedMap()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problem = Problem(line, None, "text that is not YAML", str(error.problem))
        raise ConfigurationError(path, (problem,)) from None


def _plain(node: Any) -> Any:
    """Strip ruamel's round-trip types so that pydantic sees ordinary values."""
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


def _problem(model: type[pydantic.BaseModel], document: Any, item: Any) -> Problem:
    place = _place(item)
    is_absent = item["type"] in {"missing", "union_tag_not_found"}
    written = _written(document, place, keep_last=is_absent)
    return Problem(
        line=_line_of(document, place),
        key=".".join(str(part) for part in written) or None,
        found=_found(item),
        allowed=allowed_words(model, item),
    )


def _place(item: Any) -> Location:
    """Where the value at fault stands, as pydantic tells it, or whoever raised :func:`misfit`."""
    location = tuple(part for part in item["loc"] if part != "[key]")
    if item["type"] == _MISFIT:
        return (*location, *item["ctx"]["place"])
    if item["type"].startswith("union_tag_"):
        return (*location, _tag_key(item))
    return location


def _tag_key(item: Any) -> str:
    """The key that tells the branch of a union, as a file writes it: the alias comes last."""
    return str(re.findall(r"'(\w+)'", item["ctx"]["discriminator"])[-1])


def _written(document: Any, location: Location, *, keep_last: bool) -> Location:
    """The place as the file spells it: without the names of a union's branches."""
    node, written = document, []
    for place, part in enumerate(location):
        is_kept = keep_last and place == len(location) - 1
        if isinstance(node, dict | list) and not _holds(node, part) and not is_kept:
            continue
        written.append(part)
        node = node[part] if isinstance(node, dict | list) and not is_kept else None  # type: ignore[index]
    return tuple(written)


def _holds(node: Any, part: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return part in node


def _line_of(document: Any, location: Location) -> int | None:
    """The line of the deepest part of ``location`` that the document has, from 1."""
    node, line = document, None
    for part in location:
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            continue  # a union's branch name in pydantic's location is no part of the file
        node = node[part]
    return line


def _found(item: Any) -> str:
    kind, given = item["type"], item["input"]
    if kind in {"extra_forbidden", "missing", "union_tag_not_found"}:
        return "an unknown key" if kind == "extra_forbidden" else "nothing"
    if kind == _MISFIT:
        return repr(item["ctx"]["found"])
    if kind == "union_tag_invalid":
        return repr(item["ctx"]["tag"])
    # Whole branches of a file are not shown: the line tells where they are.
    if isinstance(given, dict):
        return f"the keys {', '.join(map(str, given))}" if given else "no keys"
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:77]}..."
