"""The relations that prediction reads, and the test of consent that all its queries share."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse import TableName, Warehouse

FEATURES = TableName("marts", "features_as_of")
EVENTS = TableName("marts", "events")
CONSENTS = TableName("marts", "consent_history")
CURRENT = TableName("marts", "current_person")
PROFILES = TableName("marts", "profiles")
HISTORY = TableName("marts", "traits_history")
ACCOUNTS = TableName("marts", "accounts")
EMPLOYED = TableName("marts", "account_members_history")
MEMBERS = TableName("identity", "members_history")
PERSONS = TableName("identity", "persons")
ACCOUNT_IDS = TableName("identity", "accounts")
ACCOUNT_RECORDS = TableName("identity", "account_records")
PERSON_VERSIONS = TableName("staging", "stg_raw__person_record_versions")
INDUSTRIES = TableName("intermediate", "int_industries__read")
ACCOUNT_VERSIONS = TableName("staging", "stg_raw__account_versions")

# A withdrawal counts for the past as well: who has not granted now is not learnt from, whatever
# was granted then. Exemptions of single sources do not help: features mix all sources.
_GRANTED = f"""
    exists (
        select 1 from {CONSENTS.sql} as consents
        where consents.person_id = {{person}} and consents.purpose = $purpose
            and consents.status = 'granted' and consents.valid_from <= {{moment}}
            and (consents.valid_to is null or consents.valid_to > {{moment}})
            and consents.known_to is null
    )
"""


def granted_sql(person: str, moment: str) -> str:
    """A test that the person has granted ``$purpose`` at a moment; unknown is not granted."""
    return _GRANTED.format(person=person, moment=moment)


def columns_of(warehouse: Warehouse, relation: TableName) -> Sequence[str]:
    """Names of the columns, in order; none where it is not there."""
    columns = warehouse.columns().to_pylist()  # one row per column, not per person
    return [
        row["column_name"]
        for row in columns
        if (row["table_schema"], row["table_name"]) == (relation.schema, relation.name)
    ]
