"""A company in which anything may change, and whether the quick plan of a sync is the whole one."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audiences import DestinationUnavailableError, compute_memberships
from audiences.catalogue import read_catalogue
from audiences.sync import Sync, ledger, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations.fake import FakeDestination, known_by
from audiences.sync.draft import write_plan
from audiences.sync.fields import Field
from audiences.sync.settled import ASKED, MANY, SettledGroups
from audiences.sync.suppression import suppressed
from tests.audiences.conftest import AS_OF, EVERYONE, NOW, Company, audience

PEOPLE = 60
EMAIL = Identifier(type="email", form="sha256")
PERSON = Identifier(type="person_id", form="raw")
PHONE = Identifier(type="phone", form="sha256")
FIELDS = (
    Field("s", "score:paid"),
    Field("d", "decile:paid"),
    Field("p", "persona:name"),
    Field("i", "persona:id"),
)


class _UndoError(Exception):
    """Ends a transaction that is to leave nothing behind."""


class Changing:
    """One company, one sync, and one thing after another that happens to them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.company = Company()
        self.destination = FakeDestination(max_rows=7, by_identifiers=True)
        self.sync = Sync("to_fake", "everyone", "fake", "mirror", (EMAIL, PHONE), ("country",))
        self.audience = audience(EVERYONE)
        self.barred: set[str] = set()
        self.names = self.company.people(PEOPLE, country="US", is_bot=False)
        self.narrowed = self.compared = self.runs = 0

    def live(self, steps: int) -> None:
        """Let things happen, and compare the plans after each few of them."""
        for _ in range(steps):
            for _ in range(self.chance.randint(0, 3)):
                self.chance.choice(self._happenings())()
            if self.chance.random() < 0.7:
                self._compute()
            self.compare()
            if self.chance.random() < 0.6:
                self._send()
                self.compare()

    def compare(self) -> None:
        """The plan that asks about few persons is that which asks about all, as is that of few by name."""
        narrowed = self.narrowed
        with contextlib.suppress(_UndoError), self.company.warehouse.transaction():
            SettledGroups(self.company.warehouse).erase(pa.table({}))
            whole = self._plan()
            by_name = self._plan(many=0)
            raise _UndoError
        self.narrowed = narrowed
        quick = self._plan()
        assert quick == whole
        assert by_name == whole
        self.compared += 1
        self._find_who_is_lost()

    def _find_who_is_lost(self) -> None:
        """Whom the ledger takes for sent is at a destination that holds identifiers, and nobody else."""
        if self.company.rows("sync.batches", "status = 'in_flight'"):
            return
        present = self.company.rows("sync.ledger", "is_present")
        sent = [json.loads(row["identifiers"]) for row in present if row["fingerprint"]]
        assert {
            value for held in sent for value in known_by(held)
        } <= self.destination.members.keys()
        maybe = [json.loads(row["identifiers"]) for row in present]
        maybe += [one for row in present for one in json.loads(row["earlier_identifiers"] or "[]")]
        assert self.destination.members.keys() <= {
            value for held in maybe for value in known_by(held)
        }

    def _plan(self, many: int = MANY) -> tuple[Any, ...]:
        warehouse, catalogue = self.company.warehouse, read_catalogue(self.company.warehouse)
        with suppressed(warehouse, self.sync, catalogue, self._bar):
            draft = write_plan(warehouse, self.sync, catalogue, many=many)
            rows = warehouse.read(f"select * from {ledger.PLAN} order by number").to_pylist()
            asked = "select count(*) from duckdb_tables() where table_name = $name"
            self.narrowed += warehouse.scalar(asked, {"name": ASKED})
        return rows, dict(draft.gates), draft.below_minimum

    def _bar(self, known: pa.Table) -> pa.Table:
        return known.filter(pc.is_in(known["person_id"], pa.array(self.barred, pa.string())))

    def _happenings(self) -> tuple[Callable[[], None], ...]:
        return (
            self._consent, self._consent, self._trait, self._trait, self._address, self._address,
            self._phone, self._phone,
            self._hand_on, self._hand_on, self._leave, self._hold_out, self._merge, self._erase, self._suppress, self._score,
            self._persona, self._forget, self._define, self._reconfigure, self._age,
        )  # fmt: skip

    def _set(self, sql: str, **values: Any) -> None:
        self.company.warehouse.execute(sql, values)

    def _one(self) -> str:
        return self.chance.choice(self.names)

    def _compute(self) -> None:
        self.runs += 1
        compute_memberships(
            self.company.warehouse, [self.audience], run_id=f"r{self.runs}", now=self._now()
        )

    def _now(self) -> dt.datetime:
        return NOW + dt.timedelta(hours=self.runs)

    def _send(self) -> None:
        """With some rows refused or in doubt, or an answer that never comes."""
        self.runs += 1
        refused = {self._one() for _ in range(self.chance.choice((0, 0, 3)))}
        self.destination.reject = lambda row: (
            "no" if row["identifiers"].get("person_id") in refused else None
        )
        doubted = self.chance.choice(("", "", "", *"0123456789abcdef"[:4]))
        self.destination.doubt = lambda row: bool(doubted) and row["id"].endswith(doubted)
        lost = DestinationUnavailableError("fake", "http_503")
        self.destination.after = [self.chance.choice((None, None, lost))]
        run_sync(
            self.company.warehouse, self.sync, self.destination, run_id=f"s{self.runs}",
            now=self._now(), sleep=lambda _s: None, suppression=self._bar,
            only_withdrawals=self.chance.random() < 0.1,
        )  # fmt: skip
        self.destination.is_forgetful = False

    def _consent(self) -> None:
        status = self.chance.choice(("granted", "denied", "denied", "unknown"))
        self.company.consent(self._one(), "marketing", status)

    def _trait(self) -> None:
        self._set(
            "update marts.profiles set country = $c, download_count = $n where person_id = $p",
            c=self.chance.choice(("US", "DE", None)), n=self.chance.randint(0, 3), p=self._one(),
        )  # fmt: skip

    def _address(self) -> None:
        """Their own, somebody else's, one that another denied, shared, or none."""
        self._set(
            "update marts.contact_points set identifier_value = $v, is_shared = $s, "
            "denied_purposes = $d where person_id = $p and identifier_type = 'email'",
            v=self.chance.choice((f"{self._one()}@mail.example", "both@mail.example", None)),
            s=self.chance.random() < 0.2,
            d=self.chance.choice((None, "marketing", "other")),
            p=self._one(),
        )

    def _hand_on(self) -> None:
        """One gets the address of another, who keeps it, gets that of the first, or a new one."""
        one, other = self.chance.sample(self.names, 2)
        points = self.company.rows("marts.contact_points", "identifier_type = 'email'")
        held = {row["person_id"]: row["identifier_value"] for row in points}
        given = (held.get(other), held.get(one), f"new{self.runs}@mail.example")
        for person, value in ((one, given[0]), (other, self.chance.choice(given))):
            self._set(
                "update marts.contact_points set identifier_value = $v "
                "where person_id = $p and identifier_type = 'email'",
                v=value, p=person,
            )  # fmt: skip

    def _phone(self) -> None:
        """One of few numbers, which some of them share, or none."""
        person = self._one()
        self._set(
            "delete from marts.contact_points where person_id = $p and identifier_type = 'phone'",
            p=person,
        )
        self.company.insert(
            "marts.contact_points", person_id=person, identifier_type="phone",
            identifier_value=self.chance.choice(("+43125550100", "+43125550101", None)),
        )  # fmt: skip

    def _leave(self) -> None:
        self._set("delete from audiences.memberships where person_id = $p", p=self._one())

    def _hold_out(self) -> None:
        self._set(
            "update audiences.memberships set arm = 'holdout' where person_id = $p", p=self._one()
        )

    def _merge(self) -> None:
        gone, kept = self.chance.sample(self.names, 2)
        self.company.merge(gone, into=kept)

    def _erase(self) -> None:
        person = self._one()
        for table in ("marts.profiles", "marts.contact_points", "marts.consent_current"):
            self._set(f"delete from {table} where person_id = $p", p=person)

    def _suppress(self) -> None:
        self.barred ^= {self._one()}

    def _score(self) -> None:
        self.company.insert(
            "prediction.propensity_scores", model_key="paid", person_id=self._one(),
            score=self.chance.random(), decile=1, as_of=AS_OF, source="model",
        )  # fmt: skip

    def _persona(self) -> None:
        self.company.insert(
            "prediction.persona_members", person_id=self._one(), persona_id="n",
            persona_name=self.chance.choice(("Newcomer", "Expert")), confidence=1.0, as_of=AS_OF,
        )  # fmt: skip

    def _forget(self) -> None:
        self.destination.is_forgetful = self.chance.random() < 0.2

    def _define(self) -> None:
        self.audience = audience(
            self.chance.choice((EVERYONE, {"trait": "country", "is": "US"})),
            purposes=self.chance.choice((["marketing"], ["marketing"], [])) or ["marketing"],
            minimum_size=self.chance.choice((0, 0, 0, 200)),
        )

    def _reconfigure(self) -> None:
        """Another mapping, mode, form, purpose or minimum."""
        changes: dict[str, tuple[Any, ...]] = {
            "traits": (("country",), ("country", "download_count")),
            "fields": ((), FIELDS),
            "identifiers": ((EMAIL, PERSON), (PERSON,), (EMAIL,), (EMAIL, PHONE)),
            "mode": ("mirror", "mirror", "add_only", "full"),
            "purposes": ((), (), ("ads",)),
            "minimum_size": (0, 0, 40),
            "refresh_days": (None, 3),
        }
        name = self.chance.choice(list(changes))
        self.sync = dataclasses.replace(self.sync, **{name: self.chance.choice(changes[name])})

    def _age(self) -> None:
        self._set("update raw.as_of set as_of = as_of + interval 1 day")
