"""Claims about the shape of the code, so that it stays as small and plain as it is."""

from __future__ import annotations

import ast
import importlib
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = (
    "audiences", "identifiers", "identity", "ingestion", "measurement", "orchestration",
    "personalization", "prediction", "privacy", "sample", "settings", "warehouse",
)  # fmt: skip
MAX_P90 = 25
MAX_BODY = 60
MAX_MODULE = 400


@dataclass(frozen=True, slots=True)
class Body:
    """One function's body without its docstring, in lines."""

    name: str
    lines: int


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def bodies() -> list[Body]:
    return [body for path in modules() for body in _bodies_of(path)]


def summary() -> str:
    """One line about all function bodies of the product."""
    sizes = sorted(body.lines for body in bodies())
    longest = max(bodies(), key=lambda body: body.lines)
    return (
        f"function bodies, in lines: median {statistics.median(sizes):.0f}, p90 {_p90(sizes)}, "
        f"longest {longest.lines} ({longest.name})"
    )


def test_nine_of_ten_function_bodies_fit_in_25_lines() -> None:
    assert _p90(sorted(body.lines for body in bodies())) <= MAX_P90


def test_no_function_body_is_longer_than_60_lines() -> None:
    assert [body for body in bodies() if body.lines > MAX_BODY] == []


def test_no_module_is_longer_than_400_lines() -> None:
    long = [str(p.relative_to(ROOT)) for p in modules() if len(p.read_text().splitlines()) > MAX_MODULE]  # fmt: skip

    assert long == []


@pytest.mark.parametrize("package", [p for p in PACKAGES if p != "orchestration"])
def test_each_package_names_its_public_face(package: str) -> None:
    module = importlib.import_module(package)
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }

    assert module.__doc__
    assert set(module.__all__) == imported


@pytest.mark.parametrize("package", [p for p in PACKAGES if (ROOT / p / "errors.py").exists()])
def test_the_tree_of_errors_is_drawn_on_top_of_their_module(package: str) -> None:
    tree = ast.parse((ROOT / package / "errors.py").read_text())
    drawn = ast.get_docstring(tree) or ""
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    errors = [name for name in classes if name.endswith("Error")]

    assert [name for name in errors if name not in drawn] == []


def _bodies_of(path: Path) -> Iterator[Body]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if body:
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
                yield Body(f"{path.relative_to(ROOT)}:{node.name}", lines)


def _p90(sizes: list[int]) -> int:
    return sizes[int(len(sizes) * 0.9)]
