"""Nothing that a full run writes down about itself names anybody: no log, no metadata, no SQL.

Every person of the company is a canary: each address, telephone number, name, sign-in, browser and record;
so are the secrets in the environment of the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.fernhill.conftest import SECRET, Run
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]

# A value in one word, or a name in two. Shorter ones may stand anywhere by chance.
_WORDS = re.compile(r"[\w.+@-]{8,}|(?<=\b)(?=(\w+ \w+))")
MIN_CANARIES = 30_000


@pytest.fixture
def canaries(warehouse: DuckDBWarehouse) -> frozenset[str]:
    rows = warehouse.read(
        """
        select distinct lower(value) as value from (
            select unnest([email, source_record_id, phone, user_id]) as value
            from raw.person_records
            union all select unnest([anonymous_id, user_id, email, ip]) from raw.events
            union all select first_name || ' ' || last_name from raw.person_records
            union all select person_id from identity.persons
        )
        -- What has no digit, sign or blank is a word, such as what a form puts in for nobody.
        where length(value) >= 8 and regexp_matches(value, '[0-9@ ]')
        """
    )
    return frozenset(rows["value"].to_pylist())


def test_a_run_writes_down_nothing_of_anybody(
    run: Run, fernhill: Path, canaries: frozenset[str]
) -> None:
    kept = [path for name in ("dagster", "dbt") for path in (run.home / name).rglob("*")]

    assert len(canaries) > MIN_CANARIES
    assert _named([fernhill / "crm" / "hubspot_contacts.csv"], canaries)  # it does find them
    assert {path.suffix for path in kept} >= {".db", ".err", ".log", ".sql"}
    assert _named(kept, canaries) == {}
    assert _words(str(run.outcome)) & canaries == set()


def test_a_run_writes_down_no_secret_of_its_environment(run: Run) -> None:
    kept = [path for path in run.home.rglob("*") if path.is_file()]

    assert len(kept) > 100
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
    assert SECRET not in str(run.outcome)


def _named(paths: Iterable[Path], canaries: frozenset[str]) -> dict[str, int]:
    """How many canaries each file names; which is not said."""
    found = {
        str(path): len(_words(path.read_bytes().decode("latin-1")) & canaries)
        for path in paths
        if path.is_file()
    }
    return {name: count for name, count in found.items() if count}


def _words(text: str) -> set[str]:
    return {match[1] or match[0] for match in _WORDS.finditer(text.lower())}
