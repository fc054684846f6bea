"""A vendor's own OpenAPI description as a judge of requests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.conftest import SHARED_DATA

SPECS = SHARED_DATA.parent / "specs"


class Description:
    """Judges requests by files of ``specs``; silent where they are absent, or of paths ``besides``."""

    def __init__(self, *files: str, base: str = "", besides: str = "(?!)") -> None:
        self._files, self._base, self._besides = files, base, re.compile(besides)

    def require(self) -> None:
        """Skip where the descriptions are absent; in CI that is a failure."""
        if self.is_there():
            return
        if os.environ.get("CI"):
            pytest.fail(f"{SPECS} must be there in CI")
        pytest.skip(f"the vendors' descriptions are not at {SPECS}")

    def is_there(self) -> bool:
        return all((SPECS / file).is_file() for file in self._files)

    def problems(self, asked: Any) -> list[str]:
        """What the description says against a request."""
        if not self.is_there() or self._besides.search(asked.path):
            return []
        for file in self._files:
            found = _operation(_load(file), asked, self._base)
            if found is not None:
                return [f"{asked.method} {asked.path}: {p}" for p in _judge(*found, asked)]
        return [f"{asked.method} {asked.path}: no such operation"]


@lru_cache(maxsize=8)
def _load(file: str) -> dict[str, Any]:
    path = SPECS / file
    if path.suffix == ".json":
        return dict(json.loads(path.read_text()))
    return dict(YAML(typ="safe", pure=False).load(path))


def _operation(
    spec: dict[str, Any], asked: Any, base: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]] | None:
    path = asked.path.removeprefix(base)
    best = None
    for template, item in spec["paths"].items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and asked.method.lower() in item:
            best = (spec, item, item[asked.method.lower()])
            if "{" not in template:
                break
    return best


def _judge(
    spec: dict[str, Any], item: dict[str, Any], operation: dict[str, Any], asked: Any
) -> Iterator[str]:
    parameters = [_deref(spec, p) for p in (*operation.get("parameters", ()), *_shared(item))]
    known = {p["name"] for p in parameters if p["in"] == "query"}
    for parameter in parameters:
        place, name = parameter["in"], parameter["name"]
        given = {"query": asked.query.keys(), "header": asked.headers.keys()}.get(place)
        shown = name.lower() if place == "header" else name
        if given is not None and parameter.get("required") and shown not in given:
            yield f"{place} {name} is missing"
    yield from (f"query {name} is not known" for name in asked.query if name not in known)
    schema, kinds = _body(spec, operation, parameters)
    if schema is None:
        if asked.body:
            yield "takes no body"
        return
    kind = asked.headers.get("content-type", "")
    if kinds and not any(kind.startswith(one) for one in kinds):
        yield f"content type {kind} is not one of {kinds}"
    judge = jsonschema.Draft202012Validator(_plain(spec, schema))
    for error in judge.iter_errors(asked.json()):
        yield f"{error.json_path}: {error.message}"


def _shared(item: Mapping[str, Any]) -> list[Any]:
    return list(item.get("parameters", ()))


def _body(
    spec: dict[str, Any], operation: dict[str, Any], parameters: list[dict[str, Any]]
) -> tuple[Any, list[str]]:
    if "requestBody" in operation:
        content = _deref(spec, operation["requestBody"])["content"]
        return next(iter(content.values()))["schema"], list(content)
    for parameter in parameters:
        if parameter["in"] == "body":
            return parameter["schema"], ["application/json"]
    return None, []


def _deref(spec: dict[str, Any], node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = spec
        for part in node["$ref"].split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _plain(spec: dict[str, Any], node: Any, depth: int = 0) -> Any:
    """A schema as JSON Schema has it: references put in place, nullable as a type."""
    node = _deref(spec, node)
    if isinstance(node, list):
        return [_plain(spec, one, depth + 1) for one in node]
    if depth > 25 or not isinstance(node, dict):
        return node
    plain = {
        name: _named(spec, value, depth) if name == "properties" else value
        for name, value in node.items()
        if name not in _SILENT and not (name == "required" and isinstance(value, bool))
    }
    for name in _NESTED & plain.keys():
        plain[name] = _plain(spec, plain[name], depth + 1)
    return {"anyOf": [plain, {"type": "null"}]} if plain.pop("nullable", False) else plain


def _named(spec: dict[str, Any], properties: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {name: _plain(spec, value, depth + 1) for name, value in properties.items()}


_SILENT = {"example", "examples", "description", "$schema"}
_NESTED = {"items", "additionalProperties", "not", "oneOf", "anyOf", "allOf"}
