"""A first plan of many persons fits into the memory that a sync may hold."""

from __future__ import annotations

from audiences import compute_memberships
from audiences.sync import Sync, plan_sync
from tests.audiences.changing import EMAIL
from tests.audiences.conftest import EVERYONE, NOW, Company, audience

PEOPLE = 50_000


def test_a_first_plan_of_many_persons_goes_to_disk_in_parts(company: Company) -> None:
    """A twentieth of a million persons with long traits, and an eighth of the memory for these."""
    _fill(company)
    sync = Sync("to_fake", "everyone", "fake", "mirror", (EMAIL,), ("country",))

    with company.warehouse.within_memory("78 MiB"):
        found = plan_sync(company.warehouse, sync)

    assert found.added == PEOPLE


def _fill(company: Company) -> None:
    warehouse = company.warehouse
    warehouse.execute("set threads = 2")
    warehouse.execute(
        f"""
        insert into marts.profiles (person_id, country)
        select 'p' || lpad(i::varchar, 9, '0'), repeat(chr(65 + (i % 26)::integer), 400)
        from range({PEOPLE}) as persons(i)
        """
    )
    warehouse.execute(
        """
        insert into marts.contact_points
            (person_id, identifier_type, identifier_value, is_preferred, is_shared)
        select person_id, 'email', person_id || '@mail.example', true, false from marts.profiles
        """
    )
    warehouse.execute(
        """
        insert into marts.consent_current (person_id, purpose, status)
        select person_id, 'marketing', 'granted' from marts.profiles
        """
    )
    compute_memberships(warehouse, [audience(EVERYONE)], run_id="r0", now=NOW)
