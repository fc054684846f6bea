"""The parsed dbt project: made once for each state of its files, shared by all processes.

dbt takes seconds to parse, and a code location is loaded often. The result therefore lies in a
folder with a fingerprint of every file that went into it, and is made again only when that differs.
Every file is put in place by one rename, so processes that parse at once do not disturb each other.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.dbt_log import DbtLog
from orchestration.errors import DbtProjectError
from settings import Paths

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
SOURCE_FOLDERS = ("models", "macros", "tests")
SOURCE_FILES = ("dbt_project.yml", "profiles.yml")
SOURCE_SUFFIXES = frozenset({".sql", ".yml", ".md"})
FINGERPRINT = "fingerprint"


@dataclass(frozen=True, slots=True)
class ParsedProject:
    """Where the parsed project lies.

    Attributes:
        project: The folder of its sources.
        folder: Holds the two files below and the fingerprint of what they were made from.
    """

    project: Path
    folder: Path

    @property
    def manifest(self) -> Path:
        """The manifest as JSON: what Dagster and the table inventory read."""
        return self.folder / "manifest.json"

    @property
    def state(self) -> Path:
        """The manifest as dbt keeps it for itself."""
        return self.folder / "partial_parse.msgpack"

    def is_made_from(self, fingerprint: str) -> bool:
        """Whether it is there and was made from files of this fingerprint."""
        try:
            known = (self.folder / FINGERPRINT).read_text(encoding="utf-8")
        except OSError:
            return False
        return known == fingerprint and self.manifest.exists() and self.state.exists()


def parsed_project(paths: Paths | None = None, *, project: Path = PROJECT_DIR) -> ParsedProject:
    """The parsed project, parsed now if its files have changed.

    It lies in the project's target folder, or in the data home where that cannot be written.

    Args:
        paths: The company's folders; by default those that the CANDOR_ variables name.
        project: The folder of the dbt project.

    Raises:
        DbtProjectError: dbt cannot parse the project.
    """
    paths = paths or Paths.resolve(os.environ)
    near = ParsedProject(project, project / "target" / "parsed")
    at_home = ParsedProject(project, paths.dbt / "parsed")
    fingerprint = fingerprint_of(project)
    for place in (near, at_home):
        if place.is_made_from(fingerprint):
            return place
    if _can_be_written(near.folder):
        return _parse(near, fingerprint, paths)
    paths.make_home()
    at_home.folder.mkdir(exist_ok=True)
    return _parse(at_home, fingerprint, paths)


def fingerprint_of(project: Path) -> str:
    """A digest of everything that a parse depends on: the files and dbt itself."""
    digest = sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in _sources(project):
        digest.update(f"\0{path.relative_to(project)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a dbt command works.

    Attributes:
        project: The folder of the dbt project.
        warehouse: The DuckDB file; dbt names the database after it.
        target: The folder for everything that dbt writes.
    """

    project: Path
    warehouse: Path
    target: Path


def run_dbt(arguments: Sequence[str], place: Workplace, *, manifest: Any = None) -> Any:
    """Run one dbt command in this process and let go of the warehouse file.

    A process of its own would cost five seconds of start-up, and dagster-dbt's asks the package
    registry for news each time. dbt prints nothing; its log in the target folder is written by us.

    Args:
        arguments: The command and its options.
        place: Where it works.
        manifest: The parsed project; without it dbt parses.

    Returns:
        dbt's own result (``dbtRunnerResult``).
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - slow
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - slow

    folders = ["--project-dir", str(place.project), "--profiles-dir", str(place.project)]
    folders += ["--target-path", str(place.target), "--log-path", str(place.target)]
    quiet = ["--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
    with _variables({"CANDOR_WAREHOUSE": str(place.warehouse), "DO_NOT_TRACK": "1"}):
        try:
            runner = dbtRunner(manifest=manifest, callbacks=[DbtLog(place.target)])
            return runner.invoke([*arguments, *folders, *quiet])
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def load_manifest(parsed: ParsedProject) -> Any:
    """Read the parsed project as dbt wants it; a build changes it, so each needs its own."""
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415 - slow
    from dbt.parser.manifest import extended_mashumuro_decoder  # noqa: PLC0415 - slow

    with _collector_paused():
        state = parsed.state.read_bytes()
        manifest = Manifest.from_msgpack(state, decoder=extended_mashumuro_decoder)
        manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    return manifest


def _sources(project: Path) -> Iterator[Path]:
    folders = (path for name in SOURCE_FOLDERS for path in (project / name).rglob("*"))
    files = [project / name for name in SOURCE_FILES]
    yield from sorted([*files, *(path for path in folders if path.suffix in SOURCE_SUFFIXES)])


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _parse(wanted: ParsedProject, fingerprint: str, paths: Paths) -> ParsedProject:
    with tempfile.TemporaryDirectory(dir=wanted.folder, prefix=".parsing-") as scratch:
        made = ParsedProject(wanted.project, Path(scratch))
        place = Workplace(wanted.project, paths.warehouse, made.folder)
        with _collector_paused():
            done = run_dbt(["parse", "--no-partial-parse"], place)
        if not done.success:
            raise DbtProjectError(wanted.project, str(done.exception))
        # The fingerprint comes last: it vouches for the others.
        (made.folder / FINGERPRINT).write_text(fingerprint, encoding="utf-8")
        for name in (made.state.name, made.manifest.name, FINGERPRINT):
            (made.folder / name).replace(wanted.folder / name)
    return wanted


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Parsing makes millions of objects and no garbage: looking for some takes a fifth of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


if __name__ == "__main__":
    parsed_project()
