{#
    How often something happened in the last days before as_of, and ever:
    <name>_7d, <name>_30d, … , <name>_total.
#}
{% macro counts_by_window(name, condition, windows, of='1') -%}
    {%- for days in windows %}
        {%- if days == 'total' %}
    count({{ 'distinct ' if of != '1' }}case when {{ condition }} then {{ of }} end)
        as {{ name }}_total
        {%- else %}
    count(
        {{ 'distinct ' if of != '1' }}case
            when {{ condition }} and age_days <= {{ days }} then {{ of }}
        end
    ) as {{ name }}_{{ days }}d
        {%- endif %}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# How often something happened from so many days before as_of to so many: <name>_<first>_<last>d. #}
{% macro counts_between(name, condition, first, last) %}
    count(
        case
            when {{ condition }} and age_days > {{ first }} and age_days <= {{ last }} then 1
        end
    ) as {{ name }}_{{ first }}_{{ last }}d
{%- endmacro %}

{# How often something happened, each time worth half as much so many days later: <name>_decayed. #}
{% macro decayed(name, condition, half_life_days) %}
    coalesce(
        {{ exact_sum(
            'case when ' ~ condition
            ~ ' then exp(-0.693147 * age_days / ' ~ half_life_days ~ '.0) end'
        ) }},
        0
    ) as {{ name }}_decayed
{%- endmacro %}

{# Days between two moments, as a fraction. #}
{% macro days_between(first, second) -%}
    {{ dbt.datediff(first, second, 'second') }} / 86400.0
{%- endmacro %}

{#
    Common table expressions of what was known of companies at the dates of a step: ``dates`` and
    ``known_companies``, a row per date and record of an account.
#}
{% macro companies_known(step) -%}
companies as (

    select
        source,
        account_id,
        {{ url_host("coalesce(domain, website)") }} as domain,
        industry,
        employee_count,
        known_from,
        known_to

    from {{ ref('stg_raw__account_versions') }}

),

dates as (

    select distinct as_of from {{ step }}

),

known_companies as (

    select
        dates.as_of,
        companies.source,
        companies.account_id,
        companies.domain,
        companies.industry,
        companies.employee_count

    from dates

    inner join companies
        on {{ known_by('companies', 'dates.as_of') }}

)
{%- endmacro %}

{# Of each account that was known at a date, whatever one of its records says; after companies_known. #}
{% macro accounts_known() -%}
accounts as (

    select
        as_of,
        account_id,
        max(domain) as domain,
        max(employee_count) as employee_count,
        max(industry) as industry

    from known_companies

    group by as_of, account_id

)
{%- endmacro %}

{# A sum of doubles depends on their order in the last digits; a sum of decimals does not. #}
{% macro exact_sum(expression) -%}
    cast(sum({{ dbt.safe_cast(expression, dbt.type_numeric()) }}) as double)
{%- endmacro %}

{# Different content items of a kind that were read in the last 30 days. #}
{% macro recent_readings(condition) -%}
    sum(case when {{ condition }} and age_days <= 30 then 1 else 0 end)
{%- endmacro %}
