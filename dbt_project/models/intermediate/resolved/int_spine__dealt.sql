{#- Orders and tickets name a person by record or by address; either node may be known. -#}
with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

orders as (

    select * from {{ ref('stg_raw__order_versions') }}

    -- A charge that failed was never a purchase; a refund came later than the purchase.
    where status is null or status not in ('failed', 'declined', 'draft')

),

tickets as (

    select * from {{ ref('stg_raw__ticket_versions') }}

),

{% for name, key, moment, measure in [
    ('orders', 'order_id', 'ordered_at', 'amount'),
    ('tickets', 'ticket_id', 'opened_at', 'satisfaction')
] %}
known_{{ name }} as (

    select
        nodes.person_id,
        nodes.as_of,
        {{ name }}.source,
        {{ name }}.{{ key }},
        {{ name }}.{{ moment }},
        {{ name }}.{{ measure }}

    from {{ name }}

    inner join nodes
        on
            {{ name }}.person_source = nodes.source
            and {{ name }}.person_record_id = nodes.source_record_id
            and {{ name }}.{{ moment }} < nodes.as_of
            and {{ known_by(name, 'nodes.as_of') }}

    union

    select
        nodes.person_id,
        nodes.as_of,
        {{ name }}.source,
        {{ name }}.{{ key }},
        {{ name }}.{{ moment }},
        {{ name }}.{{ measure }}

    from {{ name }}

    inner join nodes
        on
            nodes.source = 'emails'
            and {{ name }}.person_email = nodes.source_record_id
            and {{ name }}.{{ moment }} < nodes.as_of
            and {{ known_by(name, 'nodes.as_of') }}

),
{% endfor %}

dealt as (

    select
        person_id,
        as_of,
        1 as is_order,
        {{ days_between('ordered_at', 'as_of') }} as age_days,
        amount

    from known_orders

    union all

    select
        person_id,
        as_of,
        0 as is_order,
        {{ days_between('opened_at', 'as_of') }} as age_days,
        null as amount

    from known_tickets

),

counted as (

    select
        person_id,
        as_of,
        {{- counts_by_window('orders', 'is_order = 1', [90, 'total']) }},
        {{- counts_by_window('tickets', 'is_order = 0', [90, 'total']) }},
        coalesce({{ exact_sum('amount') }}, 0) as spent_total,
        min(case when is_order = 1 then age_days end) as days_since_last_order

    from dealt

    group by person_id, as_of

)

select * from counted
