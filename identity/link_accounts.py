"""Find the links between account records: by domain, then by name.

Source of the legal forms: the ISO 20275 list of entity legal forms (ELF), its usual abbreviations.
"""

from __future__ import annotations

from warehouse import Warehouse

NODES = "identity_account_nodes"
LINKS = "identity_account_links"
EMAIL_DOMAINS = "email_domains"
LEGAL_FORMS = (
    "ab", "ag", "as", "aps", "bv", "co", "company", "corp", "corporation", "eg", "ek", "ev", "gbr",
    "gmbh", "inc", "incorporated", "kg", "kgaa", "kk", "lda", "limited", "llc", "llp", "lp", "ltd",
    "ltda", "mbh", "nv", "ohg", "oy", "oyj", "plc", "pte", "pty", "pvt", "sa", "sarl", "sas", "se",
    "sl", "spa", "sro", "srl", "ug",
)  # fmt: skip
# More domains than this under one name in one country are a usual name, not one company.
_MAX_DOMAINS = 3


def name_key(column: str) -> str:
    """SQL of a company's name in lower case, without accents, punctuation and legal forms."""
    plain = f"replace(replace(lower(strip_accents({column})), '.', ''), '&', ' and ')"
    words = rf"trim(regexp_replace({plain}, '[^\p{{L}}\p{{N}}]+', ' ', 'g'))"
    forms = "|".join(LEGAL_FORMS)
    bare = f"regexp_replace({words}, '((^| )(and )?({forms}))+$', '')"
    return f"nullif(regexp_replace({bare}, '^the ', ''), '')"


def host(column: str) -> str:
    """SQL of the domain of a web address: lower case, without www, port and path."""
    bare = f"regexp_replace(lower(trim({column})), '^([a-z][a-z0-9+.-]*:)?//', '')"
    name = f"regexp_replace(regexp_extract({bare}, '^[^/?#:]*'), '^www[.]|[.]$', '', 'g')"
    return f"case when contains({name}, '.') then {name} end"


def link_accounts(warehouse: Warehouse, *, names: str, min_persons: int) -> None:
    """Fill the temporary tables of records (nodes) and links between them.

    * nodes: ``node``, ``source``, ``account_record_id``, ``domain``, ``name_key``, ``country``,
      ``first_seen_at``, ``is_referred`` (person records name it), ``is_derived``
    * links: ``left_node``, ``right_node``, ``rule``, ``rank`` (1 is surest)

    Args:
        warehouse: Holds the staged accounts and persons, and the tables of persons.
        names: Temporary table (given, value) of names that are no placeholders.
        min_persons: A domain of fewer persons is no company's unless a record has it.
    """
    warehouse.execute(
        f"create or replace temp table identity_record_accounts as {_records_sql(names)}"
    )
    warehouse.execute(f"create or replace temp table {_WRITTEN} as {_WRITTEN_SQL}")
    warehouse.execute(
        f"create or replace temp table {NODES} as {_NODES_SQL}", {"min_persons": min_persons}
    )
    warehouse.execute(f"create or replace temp table identity_named_domains as {_NAMED_SQL}")
    found = " union all ".join(
        f"({sql})"
        for sql in (
            _DOMAINS_SQL,
            _PARENTS_SQL,
            _COUNTRY_SQL,
            _UNDOMAINED_SQL,
            _CONTACTS_SQL,
            _NAMESAKES_SQL,
        )
    )
    warehouse.execute(
        f"create or replace temp table {LINKS} as select left_node, right_node, rule, rank "
        f"from ({found}) where left_node <> right_node"
    )


_MAIL = "(select domain from staging.stg_raw__mail_domains)"


def _records_sql(names: str) -> str:
    return f"""
        with given as (
            select source, account_id as account_record_id, {host("domain")} as stated,
                {host("website")} as site, {name_key("value")} as name_key,
                upper(country) as country,
                coalesce(record_created_at, record_updated_at) as first_seen_at
            from staging.stg_raw__accounts left join {names} as names on names.given = name
        )
        select source, account_record_id,
            case when stated is not null and stated not in {_MAIL} then stated
                when site not in {_MAIL} then site end as domain,
            name_key, country, first_seen_at,
            account_record_id in (
                select account_id from staging.stg_raw__person_records where account_id is not null
            ) as is_referred,
            false as is_derived
        from given
    """


_WRITTEN = "identity_written_domains"
# Below this many letters two domains differ by one slip as often as not: aol.com and aon.com.
_MIN_TYPO_LENGTH = 8
# People of so many companies write from the mailboxes of a provider that no list knows.
_PROVIDER_COMPANIES = 3

_WRITTEN_SQL = f"""
    select split_part(identifier_value, '@', 2) as domain, person_id,
        min(held.first_seen_at) as first_seen_at
    from identity.identifiers as held join identity.members using (source, source_record_id)
    where identifier_type = 'email' and contains(domain, '.') and domain not in {_MAIL}
    group by domain, person_id
"""

# A domain that one person alone writes from may be their own. A slip of the fingers in a known
# domain is none, nor is one that people of many companies write from.
_NODES_SQL = f"""
    with domains as (
        select domain, min(first_seen_at) as first_seen_at from {_WRITTEN}
        group by domain having count(distinct person_id) >= $min_persons
    ),
    known as (
        select domain from identity_record_accounts where domain is not null
        union select domain from staging.stg_raw__mail_domains
    ),
    unknown as (select domain from domains anti join known using (domain)),
    slips as (
        select unknown.domain from unknown join known
            on left(unknown.domain, 1) = left(known.domain, 1)
            and abs(length(unknown.domain) - length(known.domain)) <= 1
        where least(length(unknown.domain), length(known.domain)) >= {_MIN_TYPO_LENGTH}
            and damerau_levenshtein(unknown.domain, known.domain) = 1
    ),
    providers as (
        select one.domain from {_WRITTEN} as one semi join unknown using (domain)
        join {_WRITTEN} as other using (person_id)
        where other.domain in (
            select domain from identity_record_accounts where domain is not null
        )
        group by one.domain having count(distinct other.domain) >= {_PROVIDER_COMPANIES}
    ),
    both_kinds as (
        select * from identity_record_accounts
        union all
        select '{EMAIL_DOMAINS}', domain, domain, null, null, first_seen_at, false, true
        from domains anti join slips using (domain) anti join providers using (domain)
    )
    select row_number() over (order by source, account_record_id) - 1 as node, * from both_kinds
"""

_DOMAINS_SQL = f"""
    select min(node) over (partition by domain) as left_node, node as right_node,
        'same domain' as rule, 1 as rank
    from {NODES} where domain is not null
"""

# Addresses at eu.acme.com belong to the company of acme.com, if that has a record.
_PARENTS_SQL = f"""
    with dots as (
        select node, string_split(domain, '.') as labels,
            unnest(generate_series(2, len(labels) - 1)) as first
        from {NODES} where is_derived
    ),
    parents as (
        select dots.node, owners.node as owner from dots
        join {NODES} as owners
            on owners.domain = array_to_string(labels[dots.first:], '.')
        where not owners.is_derived
        qualify row_number() over (partition by dots.node order by first, owners.node) = 1
    )
    select owner, node, 'subdomain', 2 from parents
"""

# Per name and domain: the country, and what stands for all domains that are one company by name.
_NAMED_SQL = f"""
    with named as (
        select name_key, domain, max(country) as country, min(node) as node
        from {NODES} where name_key is not null and domain is not null group by name_key, domain
    )
    select *, case
            when country is not null and count(*) over (partition by name_key, country)
                between 2 and {_MAX_DOMAINS}
            then min(node) over (partition by name_key, country) else node
        end as company
    from named
"""

_COUNTRY_SQL = "select company, node, 'same name and country', 3 from identity_named_domains"

_FITTING = """
    (nodes.country is null or named.country is null or nodes.country = named.country)
"""

_UNDOMAINED_SQL = f"""
    select min(company), nodes.node, 'same name', 4
    from {NODES} as nodes join identity_named_domains as named
        on named.name_key = nodes.name_key and {_FITTING}
    where nodes.domain is null
    group by nodes.node having count(distinct company) = 1
"""

# Of the persons whose records name the account, more than half of those with an address of any
# company, and two at least, write from one domain. A name that a company has says more.
_CONTACTS_SQL = f"""
    with contacts as (
        select nodes.node, split_part(identifier_value, '@', 2) as domain, person_id
        from {NODES} as nodes
        join staging.stg_raw__person_records as records on account_id = account_record_id
        join identity.identifiers as held
            on held.source = records.source and held.source_record_id = records.source_record_id
        join identity.members as members
            on members.source = records.source
            and members.source_record_id = records.source_record_id
        where nodes.domain is null and not is_derived and identifier_type = 'email'
            and account_record_id in (
                select account_record_id from {NODES} where not is_derived
                group by account_record_id having count(*) = 1
            )
            and not exists (
                select 1 from identity_named_domains as named
                where named.name_key = nodes.name_key and {_FITTING}
            )
    ),
    counted as (
        select node, domain, count(distinct person_id) as persons from contacts
        where domain not in {_MAIL} group by node, domain
        qualify persons >= 2 and persons > sum(persons) over (partition by node) / 2
    )
    select min(owners.node), counted.node, 'domain of its contacts', 5
    from counted join {NODES} as owners using (domain) group by counted.node
"""

_NAMESAKES_SQL = f"""
    select min(node) over company, node, 'same name', 4
    from (
        select node, name_key, country, case when min(country) over (partition by name_key)
                is distinct from max(country) over (partition by name_key) then country else '' end as place
        from {NODES} as nodes where domain is null and name_key is not null and not exists (
            select 1 from identity_named_domains as named
            where named.name_key = nodes.name_key and {_FITTING}
        )
    )
    where place is not null
    window company as (partition by name_key, place)
"""
