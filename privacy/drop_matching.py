"""Which hashes of DROP's lists the identifiers that are held would have."""

from __future__ import annotations

from collections.abc import Collection

from privacy import drop_hashes as hashes
from privacy.drop_hashes import DropList
from warehouse import literal

# Who was found for which item: (item_id, person_id, source, source_record_id, persons, …).
FOUND = "candor_drop_found"


def candidates_sql(lists: Collection[str], vin_attribute: str | None) -> str:
    """A query for ``(list_type, hash, source, source_record_id)`` of all that the lists can name.

    Names, dates and postal codes are those of records in every version; ``candor_births`` gives
    ``(source, text, born)``. Ids of devices stand for advertising and television ids.

    Args:
        lists: The lists that are asked about.
        vin_attribute: The attribute of a record that holds the number of a vehicle; None: none.
    """
    arms = [
        f"select {literal(name)} as list_type, {_hashed(DropList(name), vin_attribute)}"
        for name in sorted(lists)
    ]
    return " union all ".join(arms) or (
        "select null::varchar as list_type, null::varchar as hash, null::varchar as source, "
        "null::varchar as source_record_id limit 0"
    )


def _hashed(name: DropList, vin_attribute: str | None) -> str:
    if name in (DropList.NDZ, DropList.NAME_VIN):
        return _of_records(name, vin_attribute)
    kind, node, standardised = _ALONE[name]
    hashed = hashes.hash_sql(standardised("value"))
    return f"""
        {hashed} as hash, source, source_record_id
        from (
            select identifier_value as value, source, source_record_id
            from identity.identifiers where identifier_type = '{kind}'
            union
            select source_record_id as value, source, source_record_id
            from identity.members where source = '{node}'
        ) as held
    """


def _of_records(name: DropList, vin_attribute: str | None) -> str:
    fields = [hashes.name_sql("first_name"), hashes.name_sql("last_name")]
    if name is DropList.NDZ:
        fields += [hashes.birth_date_sql("born"), hashes.zip_sql("postal_code")]
    else:
        path = literal(f'$."{vin_attribute}"')
        number = f"json_extract_string(attributes, {path})" if vin_attribute else "null::varchar"
        fields.append(hashes.vin_sql(number))
    hashed = hashes.joined_sql(*fields)
    return f"""
        {hashed} as hash, records.source, source_record_id
        from raw.person_records as records
        left join candor_births as births
            on births.text = records.birth_date and births.source = records.source
    """


# Of lists with one field: the type of identifier, the source that stands for it, and the standard.
_ALONE = {
    DropList.EMAIL: ("email", "emails", hashes.email_sql),
    DropList.PHONE: ("phone", "", hashes.phone_sql),
    DropList.MAID: ("anonymous_id", "devices", hashes.maid_sql),
    DropList.CTVID: ("anonymous_id", "devices", hashes.ctvid_sql),
}
