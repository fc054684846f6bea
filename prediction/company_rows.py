"""What the records of a company itself said of it at a date, in SQL."""

from __future__ import annotations

from prediction.relations import ACCOUNT_RECORDS, ACCOUNT_VERSIONS, INDUSTRIES, PERSON_VERSIONS


def _figure(column: str) -> str:
    """The greatest of sources that describe companies for their own sake, else of all.

    Null where none is known, which ``greatest(null, 0)`` would take for 0.
    """
    greatest = f"max(ln(1 + case when versions.{column} < 0 then 0 else versions.{column} end))"
    listed = f"{greatest} filter (where keeping.source is null)"
    return f"round(coalesce({listed}, {greatest}), 6)"


def version_sql(versions: str, date: str) -> str:
    """A test that a version was the newest known one at a date."""
    return f"""
        ({versions}.record_created_at is null or {versions}.record_created_at <= {date})
        and ({versions}.known_from is null or {versions}.known_from <= {date})
        and ({versions}.known_to is null or {versions}.known_to > {date})
    """


# As the company's records were known then. Sources keep accounts for the persons in them where
# their accounts are at least one in so many of those that records of persons name; all others
# describe companies for their own sake. dbt's macro keeps_accounts has the same rule, and
# docs/concepts/profiles.md the reason.
NAMED_PER_KEPT = 10
COMPANIES = f"""
    dates as (select distinct as_of from asked),
    named as (
        select distinct dates.as_of, records.account_id
        from dates
        inner join {PERSON_VERSIONS.sql} as records
            on records.account_id is not null and {version_sql("records", "dates.as_of")}
    ),
    keeping as (
        select named.as_of, versions.source
        from named
        inner join {ACCOUNT_VERSIONS.sql} as versions
            on named.account_id = versions.account_id and {version_sql("versions", "named.as_of")}
        inner join (select as_of, count(*) as named_count from named group by as_of) as counted
            on named.as_of = counted.as_of
        group by named.as_of, versions.source, counted.named_count
        having count(distinct named.account_id) * {NAMED_PER_KEPT} >= counted.named_count
    ),
    companies as (
        select dated.account_id, dated.as_of,
               {_figure("employee_count")} as employee_count_log,
               max(case when versions.industry is not null then 1.0 end) as has_industry{{sectors}},
               {_figure("annual_revenue")} as annual_revenue_log,
               round(max(date_diff('second', versions.record_created_at, dated.as_of)) / 86400.0, 6)
                   as days_since_account_record
        from (select distinct account_id, as_of from asked) as dated
        inner join {ACCOUNT_RECORDS.sql} as records on dated.account_id = records.account_id
        inner join {ACCOUNT_VERSIONS.sql} as versions
            on records.source = versions.source
            and records.account_record_id = versions.account_id
            and {version_sql("versions", "dated.as_of")}
        left join {INDUSTRIES.sql} as industries using (industry)
        left join keeping
            on versions.source = keeping.source and dated.as_of = keeping.as_of
        group by dated.account_id, dated.as_of
    )
"""
