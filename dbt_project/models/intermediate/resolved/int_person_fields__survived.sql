with

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
        {{ source_rank('observed.source') }} as source_rank

    from observed

    inner join members
        on
            observed.source = members.source
            and observed.source_record_id = members.source_record_id

),

{%- set window -%}
    partition by person_id, field
    order by
        stand_in, source_rank, updated_at desc nulls last, completeness desc,
        source, source_record_id
{%- endset %}

ranked as (

    select
        trusted.*,
        row_number() over ({{ window }}) as survival_rank,
        lead(stand_in) over ({{ window }}) as next_stand_in,
        lead(source_rank) over ({{ window }}) as next_source_rank,
        lead(updated_at) over ({{ window }}) as next_updated_at,
        lead(completeness) over ({{ window }}) as next_completeness,
        min(value) over (partition by person_id, field) as least_value,
        max(value) over (partition by person_id, field) as greatest_value

    from trusted

),

-- The first rule by which the winner differs from the runner-up is the reason.
survived as (

    select
        person_id,
        field,
        value,
        source,
        source_record_id,
        case
            when next_stand_in is null then 'only source of this field'
            when least_value = greatest_value then 'all sources agree'
            when stand_in <> next_stand_in then 'stated rather than derived'
            when source_rank <> next_source_rank then 'most trusted source'
            when updated_at is not null and next_updated_at is null then 'only dated record'
            when updated_at <> next_updated_at then 'most recent record'
            when completeness <> next_completeness then 'most complete record'
            else 'first of equals by source and record id'
        end as reason

    from ranked

    where survival_rank = 1

)

select * from survived
