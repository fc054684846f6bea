"""Read a YAML file into a pydantic model, and say precisely what is wrong with it.

ruamel.yaml keeps line numbers, pydantic knows what is allowed; this module joins the two.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from settings.errors import ConfigurationError, MissingConfigError, Problem

Location = tuple[str | int, ...]


class StrictModel(pydantic.BaseModel):
    """Base of every configuration model: unknown keys are refused, values never change."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=pydantic.BaseModel)


def load_config(path: Path, model: type[M], *, missing_ok: bool = False) -> M:
    """Read one configuration file.

    Args:
        path: The YAML file.
        model: What it must say.
        missing_ok: Take the model's defaults where the file is not there.

    Raises:
        MissingConfigError: The file is not there and ``missing_ok`` is false.
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
    allowed = f"{_suggestion(name, known)}{what}: {', '.join(sorted(known)) or 'none'}"
    return Problem(_line_of(document, location), key, repr(name), allowed)


def _suggestion(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def _read_yaml(path: Path) -> Any:
    yaml = YAML(typ="rt", pure=True)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingConfigError(path) from None
    except (OSError, UnicodeDecodeError) as error:
        detail = f"a file that cannot be read ({type(error).__name__})"
        problem = Problem(None, path.name, detail, "expected readable UTF-8 text")
        raise ConfigurationError(path, (problem,)) from error
    try:
        return yaml.load(text) or CommentedMap()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problem = Problem(line, path.name, "text that is not YAML", str(error.problem))
        raise ConfigurationError(path, (problem,)) from None


def _plain(node: Any) -> Any:
    """Strip ruamel's round-trip types so that pydantic sees ordinary values."""
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


def _problem(model: type[pydantic.BaseModel], document: Any, item: Any) -> Problem:
    location = tuple(item["loc"])
    return Problem(
        line=_line_of(document, location),
        key=".".join(str(part) for part in _written(document, location)) or "(top)",
        found=_found(item),
        allowed=_allowed(model, item),
    )


def _written(document: Any, location: Location) -> Location:
    """The place as the file spells it: without the names of a union's branches."""
    node, written = document, []
    for part in location[:-1]:
        if isinstance(node, dict | list) and not _holds(node, part):
            continue
        written.append(part)
        node = node[part] if isinstance(node, dict | list) else None  # type: ignore[index]
    return (*written, *location[-1:])


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
    if item["type"] == "extra_forbidden":
        return "an unknown key"
    if item["type"] == "missing":
        return "nothing"
    text = repr(item["input"])
    return text if len(text) <= 80 else f"{text[:77]}..."


def _allowed(model: type[pydantic.BaseModel], item: Any) -> str:
    if item["type"] != "extra_forbidden":
        return str(item["msg"])
    names = _field_names(model, tuple(item["loc"])[:-1])
    hint = _suggestion(str(item["loc"][-1]), names)
    return f"{hint}allowed: {', '.join(names) if names else 'no further keys'}"


def _field_names(model: type[pydantic.BaseModel], location: Location) -> Sequence[str]:
    """The keys allowed at a place, read off the model's JSON Schema."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = _child(_resolved(schema, node), schema, part)
    return sorted(_resolved(schema, node).get("properties", {}))


def _child(node: dict[str, Any], schema: dict[str, Any], part: str | int) -> dict[str, Any]:
    if isinstance(part, int):
        return dict(node.get("items", {}))
    if part in node.get("properties", {}):
        return dict(node["properties"][part])
    for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        resolved = _resolved(schema, branch)
        if part in resolved.get("properties", {}):
            return dict(resolved["properties"][part])
        if _names_branch(resolved, part):
            return resolved
    patterns = list(node.get("patternProperties", {}).values())
    extra = patterns[0] if patterns else node.get("additionalProperties", {})
    return dict(extra) if isinstance(extra, dict) and extra else node


def _names_branch(branch: dict[str, Any], part: str) -> bool:
    """Whether ``part`` is the tag by which pydantic names this branch of a union."""
    tags = {
        tag
        for field in branch.get("properties", {}).values()
        for tag in (field.get("const"), *field.get("enum", ()))
    }
    return part in tags or part == branch.get("title")


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    return dict(schema["$defs"][reference.rsplit("/", 1)[-1]])
