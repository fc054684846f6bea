"""What audiences may speak of: columns, models and personas that the warehouse has."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from warehouse import TableName, Warehouse

PROFILES = TableName("marts", "profiles")
ACCOUNTS = TableName("marts", "accounts")
ACCOUNT_MEMBERS = TableName("marts", "account_members")
EVENTS = TableName("marts", "events")
CONTACT_POINTS = TableName("marts", "contact_points")
CONSENT = TableName("marts", "consent_current")
CURRENT_PERSON = TableName("marts", "current_person")
PERSONS = TableName("identity", "persons")
IDENTITY_CHANGES = TableName("identity", "changes")
SCORES = TableName("prediction", "propensity_scores")
ACCOUNT_SCORES = TableName("prediction", "account_scores")
PERSONA_MEMBERS = TableName("prediction", "persona_members")
RECOMMENDATIONS = TableName("personalization", "recommendations")
EMAIL_BLOCKS = TableName("personalization", "email_blocks")
CONTENT_ITEMS = TableName("marts", "content_items")
AS_OF = TableName("raw", "as_of")


# Columns of a profile that show what the run before published, and where to ask for them. Whoever
# read them here would see the news of one run only in the next.
LAGGING = {"persona_id": "persona", "persona_name": "persona", "scores": "score"}


class ValueKind(StrEnum):
    """Kinds of values that have tests of their own."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "yes or no"
    TIME = "time"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Names that a clause may use.

    Attributes:
        columns: Of each table, its columns and what they hold; None where only the data will tell.
        models: Keys of the models whose latest publication has a score for anybody.
        account_models: Those of them that score accounts.
        ruled: Those of them whose latest scores are of a rule and of no trained model.
        personas: Names and ids of the personas that are published.
        empty: Marts that rules read and that have no row.
        types: Of each table, its columns and the engine's types.
    """

    columns: Mapping[TableName, Mapping[str, ValueKind | None]]
    models: frozenset[str]
    personas: frozenset[str]
    account_models: frozenset[str] = frozenset()
    ruled: frozenset[str] = frozenset()
    empty: frozenset[TableName] = frozenset()
    types: Mapping[TableName, Mapping[str, str]] = field(default_factory=dict)

    def of(self, table: TableName) -> Mapping[str, ValueKind | None]:
        """The columns of one table; none when it is not there."""
        return self.columns.get(table, {})


def read_catalogue(warehouse: Warehouse) -> Catalogue:
    """Read the names off the warehouse."""
    found: dict[TableName, dict[str, ValueKind | None]] = {}
    types: dict[TableName, dict[str, str]] = {}
    # One row per column of the schema, not per person.
    for row in warehouse.columns().to_pylist():
        table = TableName(row["table_schema"], row["table_name"])
        found.setdefault(table, {})[row["column_name"]] = _kind(row["data_type"])
        types.setdefault(table, {})[row["column_name"]] = row["data_type"]
    of_accounts = _models(warehouse, ACCOUNT_SCORES)
    return Catalogue(
        columns=found,
        models=_models(warehouse, SCORES) | of_accounts,
        account_models=of_accounts,
        ruled=frozenset().union(
            *(_ruled(warehouse, table) for table in (SCORES, ACCOUNT_SCORES) if table in found)
        ),
        personas=_names(warehouse, PERSONA_MEMBERS, "persona_name")
        | _names(warehouse, PERSONA_MEMBERS, "persona_id"),
        empty=frozenset(
            table
            for table in (PROFILES, EVENTS, ACCOUNT_MEMBERS)
            if table in found and _is_empty(warehouse, table)
        ),
        types=types,
    )


def declared_catalogue(types: Mapping[TableName, Mapping[str, str]]) -> Catalogue:
    """The same by what is declared, before anything is built: no model and no persona is published.

    Args:
        types: Of each table its columns and their types; empty where none is declared.
    """
    columns = {
        table: {name: _kind(of) for name, of in found.items() if of}
        | {name: None for name, of in found.items() if not of}
        for table, found in types.items()
    }
    return Catalogue(columns, frozenset(), frozenset(), types=types)


def merged_sql(catalogue: Catalogue, *, among: str | None = None) -> str:
    """Query for (person_id, current_person_id): the ids that lead to another person now.

    Args:
        catalogue: The tables that the warehouse has.
        among: Query for the person_id of those to ask about, each once; None: all. Where it is
            empty, nothing is read.
    """
    if CURRENT_PERSON not in catalogue.columns:
        return "select null::varchar as person_id, null::varchar as current_person_id limit 0"
    join = f"({among}) inner join" if among else ""
    using = "using (person_id)" if among else ""
    return f"""
        select distinct person_id, current_person_id from {join} {CURRENT_PERSON.sql} {using}
        where current_person_id <> person_id
    """


def suggestion(name: str, known: Collection[str]) -> str:
    """What the user may have meant, and what there is."""
    if not known:
        return "none is published yet"
    close = difflib.get_close_matches(name.lower(), sorted(known), n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(sorted(known))}"


def _models(warehouse: Warehouse, scores: TableName) -> frozenset[str]:
    if not warehouse.exists(scores):
        return frozenset()
    rows = warehouse.read(
        f"""
        select model_key as name
        from (
            select model_key, as_of, count(score) as scored from {scores.sql}
            group by model_key, as_of
        )
        group by model_key
        having arg_max(scored, as_of) > 0
        """
    )
    return frozenset(rows["name"].to_pylist())


def _ruled(warehouse: Warehouse, scores: TableName) -> frozenset[str]:
    rows = warehouse.read(
        f"select model_key as name from {scores.sql} "
        "group by model_key having arg_max(source, as_of) = 'rule'"
    )
    return frozenset(rows["name"].to_pylist())


def _is_empty(warehouse: Warehouse, table: TableName) -> bool:
    return bool(warehouse.scalar(f"select not exists (select 1 from {table.sql})"))


def _names(warehouse: Warehouse, table: TableName, column: str) -> frozenset[str]:
    if not warehouse.exists(table):
        return frozenset()
    rows = warehouse.read(
        f"select distinct {column} as name from {table.sql} where {column} is not null"
    )
    return frozenset(rows["name"].to_pylist())


def _kind(data_type: str) -> ValueKind:
    base = data_type.upper().partition("(")[0]
    if base in {"VARCHAR", "UUID", "STRING", "TEXT"} or base.startswith("ENUM"):
        return ValueKind.TEXT
    if base == "BOOLEAN":
        return ValueKind.BOOLEAN
    if base == "DATE" or base.startswith("TIMESTAMP"):
        return ValueKind.TIME
    if base in {"FLOAT", "DOUBLE", "DECIMAL", "NUMERIC"} or base.endswith(("INT", "INTEGER")):
        return ValueKind.NUMBER
    return ValueKind.OTHER
