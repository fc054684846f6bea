"""One small sample company for all tests of the folder."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pytest

from sample import SampleReport, make_sample

PEOPLE, SEED = 3_000, 41


@dataclass(frozen=True)
class Made:
    """A sample company on disk."""

    landing: Path
    truth: Path
    report: SampleReport

    def table(self, name: str) -> pa.Table:
        """A CSV file of the landing folder, all columns as text."""
        return read_csv(self.landing / name)

    def truth_table(self, name: str) -> pa.Table:
        """A CSV file of the truth folder, all columns as text."""
        return read_csv(self.truth / f"{name}.csv")

    @cached_property
    def event_lines(self) -> dict[str, list[bytes]]:
        """The lines of every event file, without newlines."""
        files = sorted(self.landing.glob("events/*/*.jsonl.gz"))
        return {
            path.relative_to(self.landing).as_posix(): gzip.decompress(path.read_bytes()).split(
                b"\n"
            )[:-1]
            for path in files
        }


def read_csv(path: Path) -> pa.Table:
    with path.open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    assert {len(row) for row in rows} <= {len(header)}, path
    columns = zip(*rows, strict=True) if rows else [() for _ in header]
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(header, columns, strict=True)}
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("sample")
    landing, truth = folder / "landing", folder / "truth"
    return Made(landing, truth, make_sample(people=PEOPLE, seed=SEED, out=landing, truth=truth))
