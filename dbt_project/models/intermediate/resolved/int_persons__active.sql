with

events as (

    select * from {{ ref('events') }}

    where person_id is not null

),

counted as (

    select
        person_id,
        -- What was sent to a person is not what the person did.
        min(
            case
                when coalesce(activity, '') not in ('email_delivered', 'email_refused')
                    then occurred_at
            end
        ) as first_seen_at,
        max(
            case
                when coalesce(activity, '') not in ('email_delivered', 'email_refused')
                    then occurred_at
            end
        ) as last_seen_at,
        count(*) as event_count,
        count(distinct session_id) as session_count,
        count(case when activity = 'page_view' then 1 end) as page_view_count,
        count(case when activity = 'download' then 1 end) as download_count,
        count(case when activity = 'search' then 1 end) as search_count,
        count(case when activity = 'email_delivered' then 1 end) as email_delivered_count,
        count(case when activity = 'email_opened' then 1 end) as email_opened_count,
        count(case when activity = 'email_clicked' then 1 end) as email_clicked_count,
        count(case when is_bot then 1 end) as bot_event_count

    from events

    group by person_id

)

select * from counted
