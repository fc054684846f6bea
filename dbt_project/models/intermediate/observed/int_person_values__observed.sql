{%- set fields = [
    'first_name', 'last_name', 'company_name', 'job_title', 'city', 'state', 'postal_code',
    'country', 'lifecycle_stage', 'account_id'
] -%}

with

records as (

    select * from {{ ref('stg_raw__person_records') }}

),

traits as (

    select * from {{ ref('int_traits__reported') }}

),

-- A name in one field, in no fixed order: "Last, First", else the first word is the first
-- name. It stands in only where no source gives the parts.
halves as (

    select
        source,
        source_record_id,
        coalesce(record_updated_at, record_created_at) as updated_at,
        attributes,
        case
            when full_name like '%,%' then trim({{ dbt.split_part('full_name', "','", 2) }})
            when full_name like '% %' then {{ dbt.split_part('full_name', "' '", 1) }}
        end as first_name,
        case
            when full_name like '%,%' then trim({{ dbt.split_part('full_name', "','", 1) }})
            when full_name like '% %'
                then trim(substring(full_name, {{ dbt.position("' '", 'full_name') }} + 1))
        end as last_name

    from records

    where full_name is not null

),

complete as (

    select
        records.*,
        {% for field in fields -%}
        case when {{ field }} is null then 0 else 1 end{{ ' + ' if not loop.last }}
        {%- endfor %} as completeness

    from records

),

observed as (

    {% for field in fields %}
    select
        source,
        source_record_id,
        '{{ field }}' as field,
        {{ field }} as value,
        0 as stand_in,
        completeness,
        {{ is_verified('source', 'attributes') }} as is_verified,
        coalesce(record_updated_at, record_created_at) as updated_at

    from complete

    where {{ field }} is not null

    union all
    {% endfor %}
    {% for field in ['first_name', 'last_name'] %}
    select
        source,
        source_record_id,
        '{{ field }}' as field,
        {{ field }} as value,
        1 as stand_in,
        0 as completeness,
        {{ is_verified('source', 'attributes') }} as is_verified,
        updated_at

    from halves

    where nullif({{ field }}, '') is not null

    union all
    {% endfor %}
    select
        source,
        source_record_id,
        field,
        value,
        2 as stand_in,
        0 as completeness,
        {{ is_verified('source', 'cast(null as ' ~ dbt.type_string() ~ ')') }} as is_verified,
        updated_at

    from traits

)

select * from observed
