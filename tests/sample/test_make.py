from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import sample
from sample import (
    LEAST_PEOPLE,
    FolderNotEmptyError,
    SampleError,
    TooFewPeopleError,
    TruthInsideLandingError,
    make,
    make_sample,
)
from sample.block import make_block
from sample.make import _blocks, _found_world
from tests.sample.conftest import PEOPLE, Made


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_in(folder: Path, *, people: int = 600, seed: int = 3) -> Path:
    make_sample(people=people, seed=seed, out=folder / "landing", truth=folder / "truth")
    return folder


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = make_in(tmp_path / "first"), make_in(tmp_path / "second")

    assert digests(first) == digests(second)


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    first, second = make_in(tmp_path / "first", seed=3), make_in(tmp_path / "second", seed=4)

    same = digests(first).items() & digests(second).items()
    assert {name for name, _ in same} == {"landing/as_of.txt"}


def test_several_blocks_share_no_id_address_or_mobile_phone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = _found_world(48_000, 9)

    blocks = [make_block(world, number, start, 800).cast for number, start, _ in _blocks(48_000)]

    assert len(blocks) == 2
    for column in ("person_id", "personal_email", "work_email", "mobile", "landline"):
        ours, others = (set(getattr(cast.people, column).to_pylist()) - {None} for cast in blocks)
        assert not ours & others, column
    ours, others = (set(cast.companies.domain.to_pylist()) for cast in blocks)
    assert not ours & others


@pytest.mark.parametrize("people", [300, 24_000, 35_999, 36_000, 100_000, 1_000_000])
def test_blocks_cover_everybody_once_and_none_is_much_larger(people: int) -> None:
    blocks = list(_blocks(people))

    starts, sizes = [start for _, start, _ in blocks], [size for _, _, size in blocks]
    assert starts == [0, *np.cumsum(sizes)[:-1]]
    assert sum(sizes) == people
    assert max(sizes) <= 36_000


def test_files_grow_with_the_number_of_people(tmp_path: Path, made: Made) -> None:
    small = make_sample(people=600, seed=3, out=tmp_path / "landing", truth=tmp_path / "truth")

    for of_small, of_large in (
        (small.events, made.report.events),
        (small.records, made.report.records),
    ):
        assert of_large / of_small == pytest.approx(PEOPLE / 600, rel=0.15)


def test_the_smallest_company_can_be_made(tmp_path: Path) -> None:
    report = make_sample(
        people=LEAST_PEOPLE, seed=1, out=tmp_path / "landing", truth=tmp_path / "truth"
    )

    assert report.events > 0


def test_too_few_people_are_refused_with_the_least_number(tmp_path: Path) -> None:
    with pytest.raises(TooFewPeopleError, match=f"at least {LEAST_PEOPLE}"):
        make_in(tmp_path, people=LEAST_PEOPLE - 1)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["landing", "truth"])
def test_a_folder_that_holds_something_is_never_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.csv").write_text("a\n1\n")

    with pytest.raises(FolderNotEmptyError, match=name):
        make_in(tmp_path)

    assert digests(tmp_path).keys() == {f"{name}/mine.csv"}


def test_empty_folders_are_taken(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "truth").mkdir()

    make_in(tmp_path)

    assert (tmp_path / "landing" / "as_of.txt").exists()


@pytest.mark.parametrize(
    ("out", "truth"),
    [
        pytest.param("landing", "landing/truth", id="inside"),
        pytest.param("all/landing", "all", id="around"),
        pytest.param("landing", "landing", id="the-same"),
        pytest.param("landing", "other/../landing/truth", id="by-a-detour"),
    ],
)
def test_the_truth_must_lie_outside_the_landing_folder(
    tmp_path: Path, out: str, truth: str
) -> None:
    with pytest.raises(TruthInsideLandingError):
        make_sample(people=600, seed=3, out=tmp_path / out, truth=tmp_path / truth)

    assert not list(tmp_path.iterdir())


def test_a_run_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(make, "experiment_table", fail)  # the last file but one

    with pytest.raises(OSError, match="disk is full"):
        make_in(tmp_path)

    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_does_not_disturb_the_next(tmp_path: Path) -> None:
    half = tmp_path / ".landing.unfinished" / "crm"
    half.mkdir(parents=True)
    (half / "hubspot_contacts.csv").write_text("Record ID\nhalf")

    make_in(tmp_path)

    whole = make_in(tmp_path / "whole")
    assert digests(tmp_path / "landing") == digests(whole / "landing")
    assert not half.exists()


def test_progress_is_told_from_nothing_to_all(tmp_path: Path) -> None:
    told: list[float | None] = []

    make_sample(
        people=600, seed=3, out=tmp_path / "landing", truth=tmp_path / "truth",
        progress=lambda _, share: told.append(share),
    )  # fmt: skip

    assert told == [0.0, 1.0]


def test_the_manifest_counts_what_the_files_hold(made: Made) -> None:
    manifest = json.loads((made.truth / "manifest.json").read_text())

    for name, rows in manifest["rows"].items():
        held = (
            made.table(name).num_rows
            if name.endswith(".csv")
            else (made.landing / name).read_bytes().count(b"\n")
        )
        assert held == rows, name
    assert manifest["event_lines"] == made.report.events == sum(map(len, made.event_lines.values()))
    assert manifest["records_total"] == made.report.records == made.truth_table("records").num_rows
    assert manifest["as_of"] == (made.landing / "as_of.txt").read_text().strip()


def test_every_error_is_a_sample_error() -> None:
    errors = [value for name, value in vars(sample).items() if name.endswith("Error")]

    assert len(errors) == 4
    assert all(issubclass(error, SampleError) for error in errors)


def test_no_row_is_visited_in_python() -> None:
    by_row = {"to_pylist", "tolist", "iterrows", "itertuples", "vectorize", "apply_along_axis"}

    sources = sorted(Path(sample.__file__).parent.glob("*.py"))
    called = {
        (path.name, node.attr)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    assert len(sources) > 20
    assert not {(name, attribute) for name, attribute in called if attribute in by_row}
