"""Judge many JSON documents by one JSON Schema; nothing is ever downloaded.

The library judges documents by the list; only what is wrong is touched one by one. A fault holds no
value of a document, but its path does hold names, and those that the schema does not say come from
the data: they may be somebody's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from pydantic_core import from_json

DRAFT = "https://json-schema.org/draft/2020-12/schema"
# The rule of a document that no parser takes: a number without end, half a surrogate.
UNREADABLE = "unreadable"

# Under this name the schema of a document is known to the schema of a list of them.
_DOCUMENT_SCHEMA = "urn:candor:document"
# Formats are judged, unknown ones are refused, and no schema is fetched from anywhere.
_STRICT: Mapping[str, Any] = {
    "validate_formats": True, "ignore_unknown_formats": False, "offline": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one document.

    Attributes:
        document_no: Its place in the list, from 0.
        path: From the document to what is wrong; an object, where properties are missing or too
            much.
        rule: The keyword of JSON Schema that is broken, or ``UNREADABLE``.
        properties: Which properties are missing or too much; empty for other rules.
    """

    document_no: int
    path: tuple[str | int, ...]
    rule: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema ready to judge.

    Attributes:
        validator: Judges a list of documents at once.
        names: Every name of a property that the schema says, however deep.
    """

    validator: jsonschema_rs.Validator
    names: frozenset[str]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Schema:
        """Compile a schema.

        Raises:
            ValueError: It is no JSON Schema; says where and why.
        """
        return cls(_compiled(schema), frozenset(_names(schema)))

    def faults(self, documents: Sequence[str], first: int = 0) -> Iterator[Fault]:
        """Everything that is wrong with these texts in JSON, in one call of the library.

        Where a document is beyond the parser, the list is halved until it stands alone.

        Args:
            documents: The texts.
            first: The number of the first one.
        """
        try:
            errors = list(self.validator.iter_errors(from_json(f"[{','.join(documents)}]")))
        except ValueError:
            if len(documents) == 1:
                yield Fault(first, (), UNREADABLE)
                return
            half = len(documents) // 2
            yield from self.faults(documents[:half], first)
            yield from self.faults(documents[half:], first + half)
            return
        for error in errors:
            number, *path = error.instance_path
            kind = error.kind  # made anew whenever it is asked for
            properties = _properties_at_fault(kind.name, kind)
            yield Fault(first + int(number), tuple(path), kind.name, properties)


def _properties_at_fault(rule: str, kind: Any) -> tuple[str, ...]:
    if rule in ("additionalProperties", "unevaluatedProperties"):
        return tuple(kind.unexpected)
    return (kind.property,) if rule == "required" else ()


def _compiled(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """A validator of lists whose items each follow this schema."""
    try:
        text = json.dumps(schema)
        # By itself first: what is wrong in it is then named by its own place.
        jsonschema_rs.validator_for(text, **_STRICT)
        registry = jsonschema_rs.Registry([(_DOCUMENT_SCHEMA, json.loads(text))])
        whole = {
            "$schema": schema.get("$schema", DRAFT),
            "type": "array",
            "items": {"$ref": _DOCUMENT_SCHEMA},
        }
        return jsonschema_rs.validator_for(whole, registry=registry, **_STRICT)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"{_place(error.instance_path)}{error.message}") from None
    except jsonschema_rs.ReferencingError as error:
        raise ValueError(f"a reference leads nowhere: {error}") from None
    except TypeError as error:
        raise ValueError(f"{error}: write dates and times in quotes") from None


def _place(path: Sequence[str | int]) -> str:
    return f"at {'.'.join(map(str, path))}: " if path else ""


def _names(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _names(part)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        if isinstance(schema.get("required"), list):
            yield from (name for name in schema["required"] if isinstance(name, str))
        for part in schema.values():
            yield from _names(part)
