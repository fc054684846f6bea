"""A million records with one address cost what a million records cost, and stay a million persons."""

from __future__ import annotations

import resource
import time

import pytest

from tests.identity.conftest import Company
from tests.scenarios.test_bad_input import fill, sizes

COUNTS = {"sample": 20_000, "full": 1_000_000}
NAMES = {
    "one name": {"first_name": "'Ann'", "last_name": "'Lee'"},
    "many names": {"first_name": "'Name' || n % 997", "last_name": "'Surname' || n % 991"},
}


@pytest.fixture
def company(tmp_path) -> Company:
    return Company(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_an_address_of_the_whole_world_joins_nobody(
    company: Company, request: pytest.FixtureRequest, names: dict[str, str]
) -> None:
    count = COUNTS[request.config.getoption("--trials")]
    company.configure(probabilistic=False)
    fill(company, count, email="'one@mail.test-crowd.org'", **names)
    began = time.monotonic()

    company.resolve()

    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{count} records: {time.monotonic() - began:.1f} s, at most {gigabytes:.1f} GB")  # noqa: T201
    assert sizes(company) == [1] * count
