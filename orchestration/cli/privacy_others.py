"""What became of requests that were begun before, when a command carries out one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestration.cli.output import console
from settings import Paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from privacy import RequestStanding, SubjectRequest


@contextmanager
def naming_others(paths: Paths, request: SubjectRequest) -> Iterator[None]:
    """Name every other request that goes on meanwhile, with what it came to, also after an error."""
    before = _standing(paths)
    try:
        yield
    finally:
        for name, case in _standing_if_told(paths).items():
            earlier = before.get(name)
            if name != request.request_id and earlier and earlier.is_open and case != earlier:
                console.print(
                    f"Begun before and gone on: {name} ({case.request_type}), {_came_to(case)}"
                )


def _standing_if_told(paths: Paths) -> Mapping[str, RequestStanding]:
    """What became of all; where it cannot be read, neither an error nor what was done may be hidden."""
    from orchestration.cli.exits import expected_errors  # noqa: PLC0415 - loads every package

    expected: tuple[type[Exception], ...] = (*expected_errors(), OSError)
    try:
        return _standing(paths)
    except expected as error:
        console.print(
            f"What became of other requests cannot be read now ({type(error).__name__}): candor privacy list"
        )
        return {}


def _came_to(case: RequestStanding) -> str:
    why = "; ".join(case.why_open)
    return f"{case.status}: {why}" if why else case.status


def _standing(paths: Paths) -> Mapping[str, RequestStanding]:
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from privacy import read_standing  # noqa: PLC0415 - as above

    if not paths.warehouse.is_file():
        return {}
    with Company(paths).open_warehouse() as warehouse:
        return {case.subject_request_id: case for case in read_standing(warehouse)}
