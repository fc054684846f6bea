"""What is allowed where a configuration file is at fault, in words: never in those of a library."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pydantic

Location = tuple[str | int, ...]


# Kinds of pydantic's errors about bounds, and what its JSON Schema calls the bound.
_BOUNDS = {
    "greater_than_equal": "minimum",
    "greater_than": "exclusiveMinimum",
    "less_than_equal": "maximum",
    "less_than": "exclusiveMaximum",
}
_SCHEMA_BOUNDS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
}  # fmt: skip
_BOUND_WORDS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}

# Forms that several files ask for, in words.
_FORMS = {
    r"^[a-z][a-z0-9_]*$": "small letters, digits and _, a letter first",
    r"^[a-z][a-z0-9_]{0,39}$": "small letters, digits and _, a letter first, 40 at most",
    r"^[^\s@A-Z]+$": "small letters, without the @ and what is behind it",
    r"^[^\s@/A-Z]+\.[^\s@/A-Z.]+$": "a domain in small letters, such as mail.example",
}

# What pydantic says in the words of Python.
_PLAIN = {
    "missing": "this key is required",
    "union_tag_not_found": "this key is required: it says what the others mean",
    "dict_type": "expected keys with values",
    "model_attributes_type": "expected keys with values",
    "invalid_key": "expected a key that is a text: put it in quotes",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "int_parsing_size": "expected a whole number with fewer digits",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "string_type": "expected a text: put it in quotes",
    "string_too_short": "expected a text of at least {min_length} signs",
    "string_too_long": "expected a text of at most {max_length} signs",
    "too_short": "expected a list of at least {min_length}",
    "too_long": "expected a list of at most {max_length}",
    "too_short Dictionary": "expected keys with values, at least {min_length}",
    "too_long Dictionary": "expected keys with values, at most {max_length}",
    "tuple_type": "expected a list",
    "set_type": "expected a list",
    "frozen_set_type": "expected a list",
    "finite_number": "expected a finite number",
    "path_type": "expected the path of a file or folder",
    **dict.fromkeys(
        ("url_parsing", "url_scheme", "url_type"), "expected an address such as https://example.com"
    ),
    "date_type": "expected a date such as 2026-03-14",
    "datetime_type": "expected a moment such as 2026-03-14 17:06",
}


def allowed_words(model: type[pydantic.BaseModel], item: Any) -> str:
    """What would be right in place of what one error of pydantic is about."""
    kind, context = item["type"], item.get("ctx", {})
    names = _names(model, item)
    if names is not None:
        return names
    if kind in _BOUNDS:
        return _between(_bounded(model, item), context)
    if kind == "string_pattern_mismatch":
        return _form(model, item)
    if kind.startswith("date"):
        kind = f"{kind.partition('_')[0]}_type"
    if context.get("min_length") == 1 and context.get("field_type") != "Dictionary":
        return f"expected a {'text' if kind.startswith('string') else 'list'}, not an empty one"
    plain = _PLAIN.get(f"{kind} {context.get('field_type')}", _PLAIN.get(kind))
    return plain.format(**context) if plain else str(item["msg"]).removeprefix("Value error, ")


def _form(model: type[pydantic.BaseModel], item: Any) -> str:
    """Which texts are allowed: in words where there are some, else what it is and its pattern."""
    pattern = item["ctx"]["pattern"]
    if pattern in _FORMS:
        return f"expected {_FORMS[pattern]}"
    of = _node(model, item["loc"]).get("description")
    form = f"of the form {pattern}"
    return f"{of} It is {form}" if of else f"expected a text {form}"


def _names(model: type[pydantic.BaseModel], item: Any) -> str | None:
    """The keys or words that are allowed, and the likeliest one; None where it is not about them."""
    kind, given, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        names = _field_names(model, tuple(item["loc"])[:-1])
        hint = suggestion(str(item["loc"][-1]), names)
        return f"{hint}allowed: {', '.join(names) if names else 'no further keys'}"
    if kind == "model_type":
        return f"expected some of the keys {', '.join(_field_names(model, tuple(item['loc'])))}"
    if kind == "union_tag_invalid":
        names = re.findall(r"'([^']*)'", context["expected_tags"])
        return f"{suggestion(context['tag'], names)}allowed: {', '.join(names)}"
    if kind in {"literal_error", "enum"}:
        names = re.findall(r"'([^']*)'|([^', ]+)(?=,| or |$)", context["expected"])
        listed = [word or bare for word, bare in names]
        shown = (word if re.search(r"\w", word) else repr(word) for word in listed)
        return f"{suggestion(str(given), listed)}allowed: {', '.join(shown)}"
    return None


def _bounded(model: type[pydantic.BaseModel], item: Any) -> dict[str, Any]:
    """The bounds of a number, of the branch that has some where it may be something else too."""
    node = _node(model, item["loc"])
    branches = (node, *node.get("anyOf", ()), *node.get("oneOf", ()))
    return dict(next((one for one in branches if set(_BOUNDS.values()) & set(one)), node))


def _between(node: dict[str, Any], context: dict[str, Any]) -> str:
    """Which numbers are allowed: by the model, or at least by the bound that was broken."""
    given = {short: node[long] for short, long in _SCHEMA_BOUNDS.items() if long in node}
    bounds = given or {name: context[name] for name in _SCHEMA_BOUNDS if name in context}
    what = "a whole number" if node.get("type") == "integer" else "a number"
    if {"ge", "le"} <= set(bounds):
        return f"expected {what} from {bounds['ge']:g} to {bounds['le']:g}"
    said = (f"{_BOUND_WORDS[name]} {bound:g}" for name, bound in bounds.items())
    return f"expected {what} {' and '.join(said)}"


def _field_names(model: type[pydantic.BaseModel], location: Location) -> Sequence[str]:
    """The keys allowed at a place, read off the model's JSON Schema."""
    schema = model.model_json_schema()
    node = _resolved(schema, _node(model, location))
    # What may be left out is one branch of two: its keys, or nothing.
    branches = (node, *(_resolved(schema, branch) for branch in node.get("anyOf", ())))
    return sorted({name for branch in branches for name in branch.get("properties", {})})


def _node(model: type[pydantic.BaseModel], location: Location) -> dict[str, Any]:
    """The part of the model's JSON Schema that describes a place."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = _child(_resolved(schema, node), schema, part)
    return node


def _child(node: dict[str, Any], schema: dict[str, Any], part: str | int) -> dict[str, Any]:
    if isinstance(part, int):
        return dict(node.get("items", {}))
    if part in node.get("properties", {}):
        return dict(node["properties"][part])
    for resolved in _branches(node, schema):
        if part in resolved.get("properties", {}):
            return dict(resolved["properties"][part])
        if _names_branch(resolved, part):
            return resolved
    patterns = list(node.get("patternProperties", {}).values())
    extra = patterns[0] if patterns else node.get("additionalProperties", {})
    return dict(extra) if isinstance(extra, dict) and extra else node


def _branches(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a value may be, of choices within choices too: optional conditions are such."""
    for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        resolved = _resolved(schema, branch)
        yield resolved
        yield from _branches(resolved, schema)


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


def suggestion(name: str, known: Collection[str]) -> str:
    """The known name that may have been meant, as a question; empty where none is near."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {close[0]!r}? " if close else ""
