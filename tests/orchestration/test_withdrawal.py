"""While changes of persons wait for somebody's word, withdrawn consents still go out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sample import make_sample
from tests.command_line import Answer, run_candor
from tests.conftest import ROOT
from tests.orchestration.wrong_merge import AUDIENCE
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(1800)]

SYNC = "ads_to_files"
DESTINATIONS = f"""\
destinations:
  files: {{kind: file, folder: out, purposes: [], legal_basis: inside the company}}
syncs:
  {SYNC}: {{audience: ads, destination: files, identifiers: [{{type: email, form: raw}}]}}
"""
# Without a model many persons fall apart, for no reason of their own.
STRICT = "probabilistic: false\nmax_changed_share: 0.0\nmin_changed_persons: 1\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A company that was published once."""

    home: Path
    config: Path

    @property
    def folders(self) -> tuple[str, ...]:
        return ("--config", str(self.config), "--home", str(self.home))

    def sent(self) -> dict[str, str]:
        """The address of each person whom the destination holds."""
        found = self._rows("select person_id, identifiers from sync.ledger where is_present")
        return {row["person_id"]: json.loads(row["identifiers"])["email"] for row in found}

    def silent(self) -> str:
        """An address of somebody active who never spoke of advertising."""
        (row,) = self._rows(
            "select min(identifier_value) as email from marts.contact_points "
            "inner join marts.profiles using (person_id) where identifier_type = 'email' "
            "and not is_shared and last_seen_at is not null and person_id not in "
            "(select person_id from marts.consent_current where purpose = 'advertising')"
        )
        return row["email"]

    def statuses(self) -> list[str]:
        return [row["status"] for row in self._rows("select status from sync.runs order by started_at")]  # fmt: skip

    def say(self, email: str, status: str, at: str) -> None:
        line = {"subject": {"email": email}, "purpose": "advertising", "status": status,
                "timestamp": at, "source": "form"}  # fmt: skip
        path = self.home / "landing" / "privacy" / "consent_events.jsonl"
        with path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def file(self) -> str:
        return (self.home / "artifacts" / "out" / SYNC / "current.csv").read_text()

    def _rows(self, sql: str) -> list[dict[str, str]]:
        with DuckDBWarehouse.open(self.home / "warehouse.duckdb") as warehouse:
            rows: list[dict[str, str]] = warehouse.read(sql).to_pylist()
            return rows


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "home", tmp_path / "config")
    shutil.copytree(ROOT / "config", place.config)
    make_sample(people=300, seed=7, out=place.home / "landing", truth=tmp_path / "truth")
    for path in (place.config / "audiences").iterdir():
        path.unlink()
    audience = AUDIENCE.format(key="ads", purpose="advertising")
    everyone = audience.replace("{event: Page Remembered, at_least: 1}", "{trait: last_seen_at, is_known: true}")  # fmt: skip
    (place.config / "audiences" / "ads.yml").write_text(everyone)
    (place.config / "destinations.yml").write_text(DESTINATIONS)
    run_candor("run", "--json", *place.folders)
    return place


def test_withdrawals_go_out_while_publishing_is_held_and_additions_wait(
    place: Place, candor: Callable[..., Answer]
) -> None:
    before = place.sent()
    leaving, staying = sorted(before)[:2]
    address = place.silent()
    (place.config / "identity.yml").write_text(STRICT)
    place.say(before[leaving], "denied", "2027-01-01T10:00:00Z")
    place.say(address, "granted", "2027-01-01T10:00:00Z")

    held = candor("run", *place.folders)

    assert held.code != 0
    assert "candor run --accept-identity-changes" in held.err + held.out
    assert place.sent() == {name: email for name, email in before.items() if name != leaving}
    assert before[leaving] not in place.file()
    assert before[staying] in place.file()

    assert candor("sync", "run", *place.folders).code != 0
    assert place.statuses() == ["succeeded", "held", "held"]
    assert address not in place.file()

    run_candor("run", "--accept-identity-changes", "--json", *place.folders)

    assert address in place.file()
    assert before[leaving] not in place.file()

    _objects(place, candor)
    _is_held(place, candor)


def _objects(place: Place, candor: Callable[..., Answer]) -> None:
    """An objection reaches the destination in the same run."""
    email = sorted(place.sent().values())[0]

    assert candor("privacy", "object", "--email", email, *place.folders).code == 0

    assert email not in place.sent().values()
    assert email not in place.file()


def _is_held(place: Place, candor: Callable[..., Answer]) -> None:
    """An erasure that waits for a legal hold keeps the person and stops all that is sent."""
    email = sorted(place.sent().values())[0]
    count = f"select count(*) as n from identity.identifiers where identifier_value = '{email}'"
    before = place._rows(count)
    assert candor("privacy", "hold", "add", "--email", email, "--reason", "case 7", *place.folders).code == 0  # fmt: skip
    (hold,) = json.loads(candor("privacy", "hold", "list", "--json", *place.folders).out)

    answer = candor("privacy", "erase", "--email", email, "--yes", *place.folders)

    assert answer.code != 0
    assert hold["hold"] in answer.err
    assert email not in place.sent().values()
    assert place._rows(count) == before
    release = ("privacy", "hold", "release", hold["hold"], "--reason", "settled")
    assert candor(*release, *place.folders).code == 0
