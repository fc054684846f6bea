"""Files, commands, make targets and tables that the documentation names are there."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from audiences import Audience
from audiences.sync import DestinationsConfig
from orchestration.cli.app import COMMANDS, app
from orchestration.inventory import dbt_tables, python_tables
from orchestration.manifest import parsed_project

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
SPAN = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A file that the reader is to write: its text follows.
SHOWN = re.compile(r"^`([^`\n]+)`:\n\n```", re.MULTILINE)
PATH = re.compile(r"[\w.-]+(/[\w.*-]+)*/?")
TABLE = re.compile(r"[a-z]+\.[a-z][a-z_]+")
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"}

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.fixture(scope="module")
def commands() -> Any:
    for name in COMMANDS:
        importlib.import_module(f"orchestration.cli.{name}")
    return get_command(app)


@pytest.fixture(scope="module")
def tables() -> set[str]:
    declared = (*python_tables(), *dbt_tables(parsed_project().manifest))
    return {str(table.name) for table in declared}


@by_page
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []


@by_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    named = {span for span in SPAN.findall(text) if _names_a_path(span)} - set(SHOWN.findall(text))

    assert sorted(path for path in named if not any(ROOT.glob(path.rstrip("/")))) == []


@by_page
def test_every_command_that_is_named_exists(page: Path, commands: Any) -> None:
    named = [line for line in _lines(page) if line.startswith("candor ")]

    assert [line for line in named if not _is_known(commands, shlex.split(line)[1:])] == []


@by_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in _lines(page) if re.fullmatch(r"make [a-z]+", line)}

    assert named - targets == set()


@by_page
def test_every_table_that_is_named_exists(page: Path, tables: set[str]) -> None:
    schemas = {table.split(".")[0] for table in tables}
    spans = {span for span in SPAN.findall(page.read_text()) if TABLE.fullmatch(span)}
    # A column of a source and a Python module look alike: `identity.yml`, `sources.yml`.
    named = {span for span in spans if span.split(".")[0] in schemas and not span.endswith(".yml")}

    assert named - tables == set()


def _names_a_path(span: str) -> bool:
    return bool(PATH.fullmatch(span)) and "/" in span and span.split("/", maxsplit=1)[0] in FOLDERS


def _lines(page: Path) -> Iterator[str]:
    text = page.read_text()
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            yield line.removeprefix("$ ").split("  #")[0].strip()
    yield from SPAN.findall(BLOCK.sub("", text))


def _is_known(command: Any, words: list[str]) -> bool:
    """Whether the words are a command of the tree, with options that it has."""
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        if words[0].isupper():  # `candor GROUP --help` says it of all
            return True
        if words[0] not in command.commands:
            return False
        command = command.commands[words.pop(0)]
    options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    options |= {"--help", "-h"}
    return all(word.split("=")[0] in options for word in words if word.startswith("-"))


def test_the_examples_of_the_tutorial_are_valid() -> None:
    audience, sync = re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / "docs/tutorial.md").read_text(), re.MULTILINE | re.DOTALL
    )
    destinations = yaml.safe_load((ROOT / "config/destinations.yml").read_text())
    destinations["syncs"].update(yaml.safe_load(sync))

    assert Audience.model_validate(yaml.safe_load(audience)).key == "price_lookers"
    syncs = DestinationsConfig.model_validate(destinations).syncs
    assert syncs["price_lookers_to_exports"].audience == "price_lookers"
