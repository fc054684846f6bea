with

persons as (

    select person_id

    from {{ source('identity', 'persons') }}

    where status = 'active'

),

known as (

    select distinct person_id

    from {{ source('identity', 'members') }}

    where source <> 'devices'

),

described as (

    select * from {{ ref('int_persons__described') }}

),

employed as (

    select * from {{ ref('int_persons__employed') }}

),

accounts as (

    select * from {{ ref('accounts') }}

),

active as (

    select * from {{ ref('int_persons__active') }}

),

channelled as (

    select * from {{ ref('int_persons__channelled') }}

),

interested as (

    select * from {{ ref('int_persons__interested') }}

),

served as (

    select * from {{ ref('int_persons__served') }}

),

typified as (

    select * from {{ ref('int_persons__typified') }}

),

scored as (

    select * from {{ ref('int_persons__scored') }}

),

profiled as (

    select
        persons.person_id,
        known.person_id is not null as is_known,
        coalesce(
            active.bot_event_count > 0 and active.bot_event_count = active.event_count, false
        ) as is_bot,
        described.first_name,
        described.last_name,
        coalesce(described.company_name, accounts.name) as company_name,
        described.job_title,
        described.city,
        described.state,
        described.postal_code,
        described.country,
        described.lifecycle_stage,
        employed.account_id,
        accounts.industry,
        accounts.employee_count,
        active.last_locale as locale,
        active.last_timezone as timezone,
        active.last_device_type as device_type,
        channelled.first_channel,
        channelled.last_channel,
        active.first_seen_at,
        active.last_seen_at,
        coalesce(active.session_count, 0) as session_count,
        coalesce(active.event_count, 0) as event_count,
        coalesce(active.page_view_count, 0) as page_view_count,
        coalesce(interested.content_view_count, 0) as content_view_count,
        coalesce(active.download_count, 0) as download_count,
        coalesce(active.search_count, 0) as search_count,
        active.last_search_query,
        interested.top_topic,
        coalesce(active.email_delivered_count, 0) as email_delivered_count,
        coalesce(active.email_opened_count, 0) as email_opened_count,
        coalesce(active.email_clicked_count, 0) as email_clicked_count,
        coalesce(served.order_count, 0) as order_count,
        case when served.person_id is null then 0 else served.total_spent end as total_spent,
        served.last_ordered_at,
        coalesce(served.ticket_count, 0) as ticket_count,
        served.mean_satisfaction,
        typified.persona_id,
        typified.persona_name,
        scored.scores

    from persons

    left join known
        on persons.person_id = known.person_id

    left join described
        on persons.person_id = described.person_id

    left join employed
        on persons.person_id = employed.person_id

    left join accounts
        on employed.account_id = accounts.account_id

    left join active
        on persons.person_id = active.person_id

    left join channelled
        on persons.person_id = channelled.person_id

    left join interested
        on persons.person_id = interested.person_id

    left join served
        on persons.person_id = served.person_id

    left join typified
        on persons.person_id = typified.person_id

    left join scored
        on persons.person_id = scored.person_id

)

select * from profiled
