{%- set unasked = "('email_delivered', 'email_refused', 'exposure')" -%}
{#- Signs of a page's being open and answers to its banner show that somebody is there: no step. -#}
{%- set no_step = "('page_ping', 'consent')" -%}
{#- Where people ask to be served, and where they learn how it works. -#}
{%- set page_kinds = {
    'form': 'demo|trial|sign-?up|register|contact|book',
    'docs': '/docs?(/|$)|documentation|/help(/|$)|/support(/|$)|/developers?(/|$)|/api(/|$)',
} -%}
{%- set previous -%}
    lag(occurred_at) over (
        partition by person_id, as_of, visitor_id
        order by occurred_at, event_id
    )
{%- endset -%}

with

known as (

    select * from {{ ref('int_spine_events__known') }}

),

-- Sessions as they looked then: an event that came in late may have joined two of them since.
stepped as (

    select
        known.*,
        case
            when visitor_id is null then 0
            when {{ dbt.dateadd('minute', var('session_gap_minutes'), previous) }} >= occurred_at
                then 0
            else 1
        end as is_session_start,
        case
            when activity is null or activity not in {{ unasked }} then age_days
        end as acted_days,
        case
            when
                type = 'track' and activity not in {{ unasked }} and activity not in {{ no_step }}
                then 1
            else 0
        end as is_own_track,
        cast({{ dbt.date_trunc('day', 'occurred_at') }} as {{ dbt.type_timestamp() }})
            as active_day,
        case
            when
                activity = 'page_view'
                and {{ matches('lower(page_path)', var('intent_path_pattern')) }}
                then 1
            else 0
        end as is_intent_page,
        {%- for kind, pattern in page_kinds.items() %}
        case
            when activity = 'page_view' and {{ matches('lower(page_path)', pattern) }} then 1
            else 0
        end as is_{{ kind }}_page{{ ',' if not loop.last }}
        {%- endfor %}

    from known

),

behaved as (

    select
        person_id,
        as_of,

        {{- counts_by_window('page_views', "activity = 'page_view'", [7, 14, 30, 60, 90, 'total']) }},
        {{- counts_by_window(
            'read_pages',
            "activity = 'page_view' and content_id is not null",
            [7, 14, 30, 60, 90, 'total']
        ) }},
        {{- counts_by_window(
            'read_calls', "activity = 'content_view'", [7, 14, 30, 60, 90, 'total']
        ) }},
        {{- counts_by_window(
            'intent_pages', 'is_intent_page = 1', [7, 14, 30, 60, 90, 'total']
        ) }},
        {{- counts_by_window('form_pages', 'is_form_page = 1', [30, 90, 'total']) }},
        {{- counts_by_window('docs_pages', 'is_docs_page = 1', [30, 90, 'total']) }},
        {{- counts_by_window(
            'sessions', 'is_session_start = 1', [7, 14, 30, 60, 90, 'total']
        ) }},
        {{- counts_between('page_views', "activity = 'page_view'", 14, 28) }},
        {{- counts_between('sessions', 'is_session_start = 1', 14, 28) }},
        {{- decayed('page_views', "activity = 'page_view'", 14) }},
        {{- decayed('intent_pages', 'is_intent_page = 1', 14) }},
        {{- decayed('sessions', 'is_session_start = 1', 14) }},
        {{- counts_by_window(
            'active_days', 'visitor_id is not null', [7, 14, 30, 90, 'total'], of='active_day'
        ) }},
        {{- counts_by_window('downloads', "activity = 'download'", [30, 90, 'total']) }},
        {{- counts_by_window('searches', "activity = 'search'", [30, 'total']) }},
        {{- counts_by_window('cta_clicks', "activity = 'cta_click'", [30, 'total']) }},
        {{- counts_by_window(
            'other_tracks', "activity = 'other_track'", [30, 60, 'total']
        ) }},
        {{- counts_by_window('tracks', 'is_own_track = 1', [7, 30, 'total']) }},
        {{- counts_by_window('emails_delivered', "activity = 'email_delivered'", [30, 90]) }},
        {{- counts_by_window('emails_opened', "activity = 'email_opened'", [30, 90, 'total']) }},
        {{- counts_by_window('emails_clicked', "activity = 'email_clicked'", [30, 90, 'total']) }},
        count(distinct case when type = 'track' then event end) as distinct_track_events,
        count(distinct visitor_id) as device_count,
        count(distinct content_id) as distinct_content_items,
        max(case when source in ('users', 'emails') then 1 else 0 end) as is_identified,
        {{ exact_sum('scroll_share') }} / count(scroll_share) as mean_scroll_depth,
        {{ exact_sum('attention_s') }} / count(attention_s) as mean_time_on_page_s,
        {{ exact_sum('case when age_days <= 30 then scroll_share end') }}
        / count(case when age_days <= 30 then scroll_share end) as mean_scroll_depth_30d,
        count(case when scroll_share >= 0.75 and age_days <= 30 then 1 end) as deep_readings_30d,
        max(acted_days) as days_since_first_seen,
        min(acted_days) as days_since_last_seen,
        min(case when activity = 'content_view' or content_id is not null then age_days end)
            as days_since_last_content,
        min(case when is_intent_page = 1 then age_days end) as days_since_last_intent,
        min(case when activity = 'other_track' then age_days end) as days_since_last_other_track

    from stepped

    group by person_id, as_of

)

select * from behaved
