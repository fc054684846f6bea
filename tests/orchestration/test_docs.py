from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.docs import REFERENCE, pages, write_pages


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages()


def test_the_committed_pages_are_what_the_code_declares(written: dict[str, str]) -> None:
    committed = {path.name: path.read_text() for path in REFERENCE.iterdir()}

    stale = sorted(name for name in written if committed.get(name) != written[name])
    assert stale == [], "run `make docs`"


def test_every_parameter_column_and_key_is_explained(written: dict[str, str]) -> None:
    unexplained = [
        f"{name}: {line}"
        for name, text in written.items()
        for line in text.splitlines()
        if re.fullmatch(r"\| .* \|  \|", line)
    ]

    assert unexplained == []


def test_writing_twice_writes_the_same(written: dict[str, str], tmp_path: Path) -> None:
    write_pages(tmp_path)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == written


def test_no_page_names_a_folder_of_this_machine(written: dict[str, str]) -> None:
    assert [name for name, text in written.items() if str(Path.home()) in text] == []


def test_folders_that_the_readme_and_the_tutorial_make_in_a_clone_stay_out_of_git() -> None:
    """They hold landing files and profiles."""
    root = REFERENCE.parents[1]
    told = (root / "README.md").read_text() + (root / "docs" / "tutorial.md").read_text()
    made = set(re.findall(r"--(?:out|config|landing) ([a-z]+)\b", told)) - {"config"}

    ignored = {line.strip("/") for line in (root / ".gitignore").read_text().splitlines()}

    assert {"tutorial", "mycompany"} <= made
    assert made <= ignored
