"""Read a YAML file into a pydantic model, and say precisely what is wrong with it.

ruamel.yaml keeps line numbers, pydantic knows what is allowed; this module joins the two.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from pydantic_core import PydanticCustomError
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from settings.allowed import allowed_words, suggestion
from settings.errors import (
    ConfigurationError,
    FaultyConfigurationError,
    Problem,
    SettingsError,
)
from settings.reading import read_yaml
from settings.unrepeated import HIDDEN_VALUE, may_be_somebodys, told_key, told_place

Location = tuple[str | int, ...]
T = TypeVar("T")

_MISFIT = "misfit"


class StrictModel(pydantic.BaseModel):
    """Base of every configuration model: unknown keys are refused, values never change."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# More names than this are not listed, but the nearest few of them.
_MANY, _NEAR = 40, 6

# Bounds from below, and those from above that must leave something between them.
_OPPOSITE = (
    ("at_least", "at_most"), ("at_least", "less_than"), ("more_than", "at_most"),
    ("more_than", "less_than"), ("after", "before"),
)  # fmt: skip

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
    document = read_yaml(path)
    try:
        # A value may name a file beside this one.
        return model.model_validate(_plain(document), context={"folder": path.parent})
    except pydantic.ValidationError as error:
        problems = [_problem(model, document, item) for item in error.errors()]
        raise ConfigurationError(path, tuple(_joined(problems))) from None


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
    document = read_yaml(path)
    key = told_place(part for part in location if isinstance(part, str))
    allowed = f"{suggestion(name, known)}{what}: {_listed(name, known)}"
    return Problem(_line_of(document, location), key, _told(name), allowed)


def problem_at(path: Path, location: Location, found: str, allowed: str) -> Problem:
    """What to say of a value that does not fit what stands elsewhere, in a file that was read.

    Args:
        path: The YAML file.
        location: Keys and places in lists that lead to the value.
        found: What stands there.
        allowed: What would fit.
    """
    said = HIDDEN_VALUE if may_be_somebodys(found) else found
    return Problem(_line_of(read_yaml(path), location), told_place(location), said, allowed)


def line_of(path: Path, location: Location) -> int | None:
    """The line, from 1, on which the deepest part of a place stands that a YAML file has."""
    return _line_of(read_yaml(path), location)


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


def refuse_empty_range(test: pydantic.BaseModel) -> None:
    """Refuse bounds between which there is nothing; those that a model does not have do not count.

    Args:
        test: Says at_least or more_than, at_most or less_than, after and before.
    """
    bounds = {name: getattr(test, name, None) for names in _OPPOSITE for name in names}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    for low, high in _OPPOSITE:
        if {low, high} <= given.keys():
            is_open = (low, high) != ("at_least", "at_most")
            if given[low] > given[high] or (is_open and given[low] == given[high]):
                allowed = f"nothing is both that and {low} {given[low]}: change one of the two"
                raise misfit((high,), given[high], allowed)


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
        key=told_place(written) or None,
        found=_found(item),
        allowed=allowed_words(model, item),
    )


def _joined(problems: Iterable[Problem]) -> Iterator[Problem]:
    """What may be one thing or another is refused for each of them: told once, with all of them."""
    by_place: dict[tuple[int | None, str | None, str], list[str]] = {}
    for problem in problems:
        at = (problem.line, problem.key, problem.found)
        by_place.setdefault(at, []).append(problem.allowed)
    for (line, key, found), ways in by_place.items():
        unlike = list(dict.fromkeys(ways))
        said = [unlike[0], *(way.removeprefix("expected ") for way in unlike[1:])]
        yield Problem(line, key, found, ", or ".join(said))


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
        return _told(item["ctx"]["found"])
    return _told(item["ctx"]["tag"] if kind == "union_tag_invalid" else given)


def _told(given: Any) -> str:
    """A value in few words. Whole branches are not shown: the line tells where they are."""
    if isinstance(given, dict):
        return f"the keys {', '.join(map(told_key, given))}" if given else "no keys"
    if isinstance(given, list):
        return f"a list of {len(given)}" if given else "an empty list"
    if may_be_somebodys(given):
        return HIDDEN_VALUE
    text = repr(given)
    return "nothing" if given is None else text if len(text) <= 80 else f"{text[:77]}..."
