"""What a model asks about: persons one by one, or accounts with their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prediction import account_rows, person_rows
from prediction.config import PropensityConfig
from prediction.inventory import ACCOUNT_SCORES, PROPENSITY_SCORES
from prediction.relations import ACCOUNTS, PROFILES
from warehouse import Table, TableName


@dataclass(frozen=True, slots=True)
class Unit:
    """One kind of what is asked about.

    Attributes:
        name: As predictions.yml has it.
        plural: In sentences.
        column: Of its id.
        scores: Where its scores are.
        described: Whose columns may part it into groups.
        features_of: Names of what is known of it, by those of what is known of persons.
        examples_sql: Query for all past dates.
        taught_by_sql: Query for the persons of these examples.
        asked_sql: Query for what is scored.
        matured_sql: Query for old scores with what came of them.
        withdrawn_sql: A test of a row of scores: that somebody does not grant what it was computed
            for.
    """

    name: str
    plural: str
    column: str
    scores: Table
    described: TableName
    features_of: Callable[[Sequence[str]], tuple[str, ...]]
    examples_sql: Callable[[PropensityConfig, Sequence[str]], str]
    taught_by_sql: Callable[[PropensityConfig], str]
    asked_sql: Callable[[PropensityConfig, Sequence[str]], str]
    matured_sql: Callable[[PropensityConfig], str]
    withdrawn_sql: Callable[[], str]


PERSON = Unit(
    "person", "persons", "person_id", PROPENSITY_SCORES, PROFILES,
    person_rows.features_of, person_rows.examples_sql, person_rows.taught_by_sql,
    person_rows.asked_sql, person_rows.matured_sql, person_rows.withdrawn_sql,
)  # fmt: skip
ACCOUNT = Unit(
    "account", "accounts", "account_id", ACCOUNT_SCORES, ACCOUNTS,
    account_rows.features_of, account_rows.examples_sql, account_rows.taught_by_sql,
    account_rows.asked_sql, account_rows.matured_sql, account_rows.withdrawn_sql,
)  # fmt: skip
UNITS: Mapping[str, Unit] = {unit.name: unit for unit in (PERSON, ACCOUNT)}


def unit_of(model: PropensityConfig) -> Unit:
    """What the model asks about."""
    return UNITS[model.unit]
