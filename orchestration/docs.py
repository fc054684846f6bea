"""Write the reference pages from what the code itself declares: ``python -m orchestration.docs``.

Tables come from the packages' inventories and the dbt project, configuration from the pydantic
models, commands from the command line, errors from the error classes. Nothing is said twice, so
nothing can disagree; a test holds the committed pages to what this module would write.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.cli.app import COMMANDS, EPILOG, app
from orchestration.inventory import dbt_tables, python_tables
from orchestration.manifest import parsed_project
from orchestration.setup import SCHEMAS
from privacy import addendum_schema, receipt_schema
from warehouse import SubjectKey, Table

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
HEADER = "<!-- Written by `make docs`; edit what it is written from. -->\n"
# In the order in which data flows. Names and columns of `intermediate` may change any day.
LAYERS = {
    "raw": "Rows as the sources gave them, each with its load, source and file.",
    "staging": "One source table each: renamed, typed, trimmed; the latest version of each record.",
    "identity": "Which records and devices are which person, and why.",
    "marts": "What people and tools read: persons, accounts, events, sessions, orders, consent.",
    "prediction": "Scores, personas and the models behind them.",
    "personalization": "What each person is shown.",
    "audiences": "Who is in which audience, and why.",
    "sync": "What was sent where, and what came back.",
    "measurement": "Who met which arm, and what difference it made.",
    "privacy": "Requests, steps, receipts and the audit log.",
}
# Files of which a company may have several.
FOLDERS = {"audience": "audiences/*.yml", "event_contract": "tracking_plan/*.yml"}
LONGEST_DEFAULT = 60
ERROR_PACKAGES = (
    *("settings", "warehouse", "sample", "ingestion", "identity", "privacy", "prediction"),
    *("measurement", "audiences", "personalization", "orchestration"),
)


def write_pages(folder: Path = REFERENCE) -> list[Path]:
    """Write every page; the same code gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def pages() -> dict[str, str]:
    """Every reference page by file name."""
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "tables.md": _tables,
        "configuration.md": _configuration,
        "commands.md": _commands,
        "errors.md": _errors,
    }
    schemas = {"receipt": receipt_schema(), "addendum": addendum_schema()}
    return {
        **{name: _joined(maker()) for name, maker in makers.items()},
        **{
            f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
            for name, schema in schemas.items()
        },
    }


def _joined(blocks: Iterator[str]) -> str:
    return "\n\n".join([HEADER.rstrip(), *blocks]) + "\n"


def _grid(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|").replace("<", "\\<")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("``", "`")


def _sentence(text: str) -> str:
    """Close what a declaration says in half a sentence."""
    plain = _plain(text)
    return plain if not plain or plain.endswith((".", ":")) else f"{plain}."


# Tables


def _tables() -> Iterator[str]:
    yield "# Tables"
    yield (
        "Every table, what one of its rows is, and what each column says. *pii* is how much a column "
        "tells of a person: none, pseudonymous (an id), personal (a property), identifier (an address "
        "or number that reaches the person), sensitive. All times are UTC."
    )
    built = sorted(dbt_tables(parsed_project().manifest), key=lambda table: table.name.name)
    tables = (*python_tables(), *built)
    for schema, purpose in LAYERS.items():
        yield f"## {schema}"
        yield purpose
        for table in tables:
            if table.name.schema == schema:
                yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.name}"
    yield _sentence(table.grain)
    facts = []
    if table.key:
        facts.append(f"Key: {_codes(table.key)}.")
    if table.subjects:
        found = ", or ".join(_found_by(subject) for subject in table.subjects)
        facts.append(f"A person's rows are found by {found}.")
    if table.aged_by:
        facts.append(f"Retention counts from `{table.aged_by}`.")
    if facts:
        yield " ".join(facts)
    typed = any(column.type for column in table.columns)
    head = ["column", *(["type"] if typed else []), "pii", "meaning"]
    yield _grid(
        head,
        (
            [f"`{c.name}`", *([c.type.lower()] if typed else []), str(c.pii), c.description]
            for c in table.columns
        ),
    )


def _found_by(subject: SubjectKey) -> str:
    columns = _codes(subject.columns)
    kind = str(subject.kind)
    return columns if subject.columns == (kind,) else f"{columns} ({kind})"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# Configuration


def _configuration() -> Iterator[str]:
    yield "# Configuration"
    yield (
        "What each file in the configuration folder may say. Unknown keys are refused, with file, line "
        "and what is allowed. `candor schema --out FOLDER` writes the same as JSON Schemas for editors; "
        "`candor init` writes commented examples."
    )
    for name, model in SCHEMAS.items():
        schema = model.model_json_schema()
        file = FOLDERS.get(name, f"{name}.yml")
        yield f"## {file}"
        yield from _object(schema)
        for part, definition in schema.get("$defs", {}).items():
            if "properties" in definition:
                yield f"### {name}: {part}"
                yield from _object(definition)
            elif "enum" in definition:
                yield f"### {name}: {part}"
                yield _sentence(definition.get("description", ""))
                yield f"One of {_codes(definition['enum'])}."


def _object(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("description"):
        yield _sentence(schema["description"].split("\n\n")[0])
    required = set(schema.get("required", ()))
    if schema.get("properties"):
        yield _grid(
            ["key", "value", "default", "meaning"],
            (
                [
                    f"`{key}`",
                    _kind(value),
                    _default(key, value, required),
                    value.get("description", ""),
                ]
                for key, value in schema["properties"].items()
            ),
        )


def _default(key: str, value: Mapping[str, Any], required: set[str]) -> str:
    if key in required:
        return "required"
    default = value.get("default")
    if default is None or default in ([], {}, ""):
        return ""
    text = default if isinstance(default, str) else json.dumps(default)
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else f"{len(default)} usual ones"


def _kind(value: Mapping[str, Any]) -> str:
    """A value's type in words; what refers to a part of the page is named after it."""
    if "$ref" in value:
        return str(value["$ref"]).rsplit("/", 1)[-1]
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return _codes(value["enum"])
    options = value.get("anyOf") or value.get("oneOf") or value.get("allOf")
    if options:
        kinds = dict.fromkeys(_kind(option) for option in options)
        return " or ".join(kind for kind in kinds if kind != "null")
    return _plain_kind(value)


def _plain_kind(value: Mapping[str, Any]) -> str:
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}" if "items" in value else "list"
    if value.get("type") == "object":
        inner = next(iter(value.get("patternProperties", {}).values()), None)
        inner = inner or value.get("additionalProperties")
        return f"map to {_kind(inner)}" if isinstance(inner, dict) else "map"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    kind = str(value.get("format") or value.get("type", "anything"))
    return words.get(kind, kind)


# Commands


def _commands() -> Iterator[str]:
    from typer.main import get_command  # noqa: PLC0415 - only this page needs it

    for name in COMMANDS:
        importlib.import_module(f"orchestration.cli.{name}")
    yield "# Commands"
    yield "`candor --help` and `candor COMMAND --help` say the same on the terminal."
    yield EPILOG
    yield from _command(get_command(app), "candor")


def _command(command: Any, path: str) -> Iterator[str]:
    parts = getattr(command, "commands", None)
    if parts is None:
        yield f"## {path}"
        yield _help(command.help)
        yield f"```\n{' '.join([path, *_usage(command)])}\n```"
        options = [p for p in command.params if p.name != "help"]
        if options:
            yield _grid(["parameter", "default", "meaning"], map(_parameter, options))
        return
    for name in sorted(parts):
        yield from _command(parts[name], f"{path} {name}")


def _help(text: str | None) -> str:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(re.sub(r"\s+", " ", part).strip() for part in paragraphs)


def _usage(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = str(parameter.name).upper()
            yield name if parameter.required else f"[{name}]"
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.required:
            yield f"{parameter.opts[0]} {str(parameter.name).upper()}"


def _parameter(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        label = str(parameter.name).upper()
    else:
        label = ", ".join([*parameter.opts, *parameter.secondary_opts])
    default = "required" if parameter.required else _shown(parameter.default)
    return [f"`{label}`", default, getattr(parameter, "help", None) or ""]


def _shown(default: object) -> str:
    if (
        default is None
        or default is False
        or callable(default)
        or isinstance(default, (list, tuple))
    ):
        return ""
    return "" if default == "" else f"`{default}`"


# Errors


def _errors() -> Iterator[str]:
    yield "# Errors"
    yield (
        "Every error that Candor raises on purpose, by package. The message says what, where and what to "
        "do next, without any personal value. " + EPILOG
    )
    for package in ERROR_PACKAGES:
        module = importlib.import_module(f"{package}.errors")
        classes = [
            c
            for _, c in inspect.getmembers(module, inspect.isclass)
            if c.__module__ == module.__name__
        ]
        raised = [c for c in classes if issubclass(c, Exception)]
        raised.sort(key=lambda c: inspect.getsourcelines(c)[1])
        yield f"## {package}"
        rows = ([f"`{c.__name__}`", _codes(_bases(c)), _first_line(c)] for c in raised)
        yield _grid(["error", "is a", "when"], rows)


def _bases(error: type) -> list[str]:
    return [base.__name__ for base in error.__bases__]


def _first_line(error: type) -> str:
    return _sentence((error.__doc__ or "").split("\n\n")[0])


if __name__ == "__main__":
    for page in write_pages():
        print(page)  # noqa: T201 - a command's answer
