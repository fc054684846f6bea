{#- What a site or an app said of the person who signed in: the spellings of the Segment spec
    and the snake case of other trackers. -#}
{%- set paths = {
    'first_name': ['firstName', 'first_name'],
    'last_name': ['lastName', 'last_name'],
    'company_name': ['company.name', 'company_name'],
    'job_title': ['title', 'job_title'],
    'city': ['address.city', 'city'],
    'state': ['address.state', 'state'],
    'postal_code': ['address.postalCode', 'postal_code'],
    'country': ['address.country', 'country']
} -%}

with

calls as (

    select
        case when user_id is not null then 'users' else 'devices' end as source,
        coalesce(user_id, anonymous_id) as source_record_id,
        event_id,
        occurred_at,
        traits

    from {{ ref('stg_raw__events') }}

    -- A group call's traits are the account's; mParticle's events carry the user's.
    where type <> 'group' and traits is not null

),

reported as (

    {% for field, names in paths.items() %}
    select
        source,
        source_record_id,
        '{{ field }}' as field,
        coalesce(
            {%- for name in names %}
            {{ clean_text(json_text('traits', name)) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as value,
        event_id,
        occurred_at

    from calls

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

ranked as (

    select
        source,
        source_record_id,
        field,
        value,
        occurred_at as updated_at,
        row_number() over (
            partition by source, source_record_id, field
            order by occurred_at desc, event_id desc
        ) as recency

    from reported

    where value is not null and source_record_id is not null

),

latest as (

    select
        source,
        source_record_id,
        field,
        value,
        updated_at

    from ranked

    where recency = 1

)

select * from latest
