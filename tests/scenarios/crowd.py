"""People among whom the stories happen, enough for a model: families, namesakes, slips and gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from tests.identity.conftest import NOW, day

FIRST = ("Ann", "Ben", "Carla", "David", "Erika", "Frank", "Greta", "Henry", "Irene", "Jonas", "Karen", "Louis",
         "Mary", "Nils", "Olga", "Paul", "Rosa", "Simon", "Tessa", "Ulrich", "Vera", "Walter", "Xenia", "John")  # fmt: skip
LAST = ("Smith", "Miller", "Baker", "Turner", "Walker", "Fisher", "Carter", "Mason", "Parker", "Cooper",
        "Hunter", "Porter", "Weaver", "Archer", "Sawyer", "Brewer", "Glover", "Thatcher")  # fmt: skip
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in (
        "source", "source_record_id", "first_name", "last_name", "birth_date", "city", "postal_code",
        "street", "email", "phone",
    )] + [("loaded_at", pa.timestamp("us")), ("record_created_at", pa.timestamp("us"))]
)  # fmt: skip


def crowd(families: int) -> pa.Table:
    """About five records per family: each member in the CRM, three of four in the shop too."""
    chance = np.random.default_rng(5)
    rows = [row for number in range(families) for row in _family(chance, number)]
    return pa.Table.from_pylist(rows, _SCHEMA)


def _family(chance: np.random.Generator, number: int) -> Iterator[dict[str, Any]]:
    home = {
        "last_name": str(chance.choice(LAST)),
        "street": f"{number % 90 + 1} {('Oak', 'Elm', 'Mill')[number % 3]} Street",
        "city": f"Town {number % 7}",
        "postal_code": f"{10_000 + number % 60}",
    }
    landline = f"+1303444{number:04}"
    names = chance.choice(FIRST, size=int(chance.integers(1, 5)), replace=False)
    if number % 9 == 0:
        names = np.append(names, names[0])
    for place, first_name in enumerate(names):
        year = (1948 if place < 2 else 1982) + int(chance.integers(0, 30))
        person = {
            **home,
            "first_name": str(first_name),
            "birth_date": f"{year}-{chance.integers(1, 13):02}-{chance.integers(1, 29):02}",
            "email": f"{first_name}.{home['last_name']}{number}{place}@mail.test-crowd.org".lower(),
            "phone": landline if chance.random() < 0.4 else f"+1202{700 + place}{number:04}",
        }
        yield from _records(chance, person, f"crowd-{number}-{place}")


def _records(
    chance: np.random.Generator, person: dict[str, str], own_id: str
) -> Iterator[dict[str, Any]]:
    seen = {"source_record_id": own_id, "loaded_at": NOW, "record_created_at": day(1)}
    yield {"source": "crm", **person, **seen}
    if chance.random() < 0.75:
        kept = {name: value for name, value in person.items() if chance.random() < 0.8}
        slip = {"birth_date": None} if chance.random() < 0.1 else {}
        yield {"source": "shop", **kept, "last_name": person["last_name"], **slip, **seen}
