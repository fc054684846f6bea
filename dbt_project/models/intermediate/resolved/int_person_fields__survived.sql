{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key=['person_id', 'field'],
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_changed_groups(value_groups()) }}"
    )
}}

with

fingerprints as (

    select
        person_id,
        row_fingerprint as fingerprint

    from {{ ref('int_person_values__numbered') }}

),

{% if is_growing() -%}
-- Rows of whom anything differs were deleted before.
changed as (

    select fingerprints.person_id

    from fingerprints

    left join (select distinct person_id from {{ this }}) as built
        on fingerprints.person_id = built.person_id

    where built.person_id is null

),
{%- endif %}

-- `values` is a keyword.
observed as (

    select * from {{ ref('int_person_values__observed') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

trusted as (

    select
        members.person_id,
        observed.*,
        lower(trim(observed.value)) as plain_value,
        {{ field_strategy('observed.field') }} as strategy,
        {{ field_source_rank('observed.field', 'observed.source') }} as source_rank,
        {{ field_trusts('observed.field', 'observed.source') }} as is_named

    from observed

    inner join members
        on
            observed.source = members.source
            and observed.source_record_id = members.source_record_id
    {%- if is_growing() %}

    inner join changed
        on members.person_id = changed.person_id
    {%- endif %}

),

-- A record that gives a value twice, as a part and in its full name, gives it once.
numbered as (

    select
        trusted.*,
        row_number() over (
            partition by person_id, field, plain_value, source, source_record_id
            order by stand_in
        ) as mention

    from trusted

),

counted as (

    select
        numbered.*,
        sum(case when mention = 1 then 1 else 0 end) over (
            partition by person_id, field, plain_value
        ) as agreement

    from numbered

),

-- What decides first, by strategy; what a strategy does not look at is equal for all.
judged as (

    select
        counted.*,
        case
            when strategy = 'verified_first' and not is_verified then 1 else 0
        end as unverified_rank,
        -- What a person said lately, or where the order of trust names it, counts beside what a record
        -- states; a split name never does.
        case
            when strategy = 'source_priority' and stand_in = 2 and is_named then 0
            when strategy not in ('most_recent', 'most_frequent') then stand_in
            when stand_in = 1 then 1
            else 0
        end as derived_rank,
        case when strategy = 'source_priority' then source_rank else 0 end as trust,
        case when strategy = 'most_frequent' then agreement else 0 end as frequency,
        case when strategy = 'most_complete' then completeness else 0 end as fullness,
        case when strategy = 'most_recent' then updated_at end as recency

    from counted

),

ranked as (

    select
        judged.*,
        row_number() over (
            partition by person_id, field
            order by
                unverified_rank, derived_rank, trust, frequency desc, fullness desc,
                recency desc nulls last,
                stand_in, source_rank, updated_at desc nulls last, completeness desc,
                source, source_record_id
        ) as survival_rank,
        count(*) over (partition by person_id, field) as candidate_count

    from judged

),

winners as (

    select * from ranked

    where survival_rank = 1

),

-- The best of those that say something else: what beat it is the reason.
others as (

    select
        ranked.*,
        row_number() over (
            partition by ranked.person_id, ranked.field
            order by ranked.survival_rank
        ) as other_rank,
        count(*) over (partition by ranked.person_id, ranked.field) as losing_count

    from ranked

    inner join winners
        on ranked.person_id = winners.person_id and ranked.field = winners.field

    where ranked.plain_value <> winners.plain_value

),

survived as (

    select
        winners.person_id,
        winners.field,
        winners.value,
        winners.source,
        winners.source_record_id,
        winners.strategy,
        case
            when winners.candidate_count = 1 then 'only source of this field'
            when others.person_id is null then 'all sources agree'
            when winners.unverified_rank <> others.unverified_rank then 'verified record'
            when winners.derived_rank <> others.derived_rank then 'stated rather than derived'
            when winners.trust <> others.trust then 'most trusted source'
            when winners.frequency <> others.frequency then 'given by most records'
            when winners.fullness <> others.fullness then 'most complete record'
            when winners.recency is not null and others.recency is null then 'only dated record'
            when winners.recency <> others.recency then 'most recent record'
            when winners.stand_in <> others.stand_in then 'stated rather than derived'
            when winners.source_rank <> others.source_rank then 'most trusted source'
            when winners.updated_at is not null and others.updated_at is null
                then 'only dated record'
            when winners.updated_at <> others.updated_at then 'most recent record'
            when winners.completeness <> others.completeness then 'most complete record'
            else 'first of equals by source and record id'
        end as reason,
        winners.candidate_count,
        coalesce(others.losing_count, 0) as losing_count,
        fingerprints.fingerprint,
        '{{ survival_rules() }}' as rules

    from winners

    inner join fingerprints
        on winners.person_id = fingerprints.person_id

    left join others
        on
            winners.person_id = others.person_id
            and winners.field = others.field
            and others.other_rank = 1

)

select * from survived
