{#- Names only: what each is, in _marts__models.yml. -#}
{%- set behaved_counts = [
    'page_views_7d', 'page_views_14d', 'page_views_30d', 'page_views_60d', 'page_views_90d',
    'page_views_total', 'page_views_14_28d', 'page_views_decayed',
    'intent_pages_7d', 'intent_pages_14d', 'intent_pages_30d', 'intent_pages_60d',
    'intent_pages_90d', 'intent_pages_total', 'intent_pages_decayed',
    'form_pages_30d', 'form_pages_90d', 'form_pages_total',
    'docs_pages_30d', 'docs_pages_90d', 'docs_pages_total',
    'sessions_7d', 'sessions_14d', 'sessions_30d', 'sessions_60d', 'sessions_90d',
    'sessions_total', 'sessions_14_28d', 'sessions_decayed',
    'active_days_7d', 'active_days_14d', 'active_days_30d', 'active_days_90d',
    'active_days_total', 'downloads_30d', 'downloads_90d', 'downloads_total',
    'searches_30d', 'searches_total',
    'cta_clicks_30d', 'cta_clicks_total', 'other_tracks_30d', 'other_tracks_60d',
    'other_tracks_total',
    'tracks_7d', 'tracks_30d', 'tracks_total', 'distinct_track_events',
    'emails_delivered_30d', 'emails_delivered_90d',
    'emails_opened_30d', 'emails_opened_90d', 'emails_opened_total',
    'emails_clicked_30d', 'emails_clicked_90d', 'emails_clicked_total',
    'device_count', 'distinct_content_items', 'mean_scroll_depth', 'mean_time_on_page_s',
    'mean_scroll_depth_30d', 'deep_readings_30d'
] -%}
{#- The classes of the professional networks, as in int_persons__sized: companies of a middle size may
    differ from the small and the large ones, which a number alone does not say. -#}
{%- set company_sizes = [10, 50, 200, 500, 1000, 5000, 10000] -%}

with

spine as (

    select distinct
        person_id,
        as_of

    from {{ source('prediction', 'spine') }}

),

behaved as (

    select * from {{ ref('int_spine__behaved') }}

),

interested as (

    select * from {{ ref('int_spine__interested') }}

),

dealt as (

    select * from {{ ref('int_spine__dealt') }}

),

recorded as (

    select * from {{ ref('int_spine__recorded') }}

),

located as (

    select * from {{ ref('int_spine__located') }}

),

-- Who works where, by records and calls; a network speaks only for those of whom neither does.
employed as (

    select
        spine.person_id,
        spine.as_of,
        case when located.person_id is not null then 1 else recorded.has_company end as has_company,
        greatest(recorded.has_industry, located.has_industry) as has_industry,
        greatest(recorded.employee_count, located.employee_count) as employee_count
        {%- for name, _ in sectors_of_industry() %},
        case when recorded.has_industry = 1 then recorded.sector_{{ name }} else located.sector_{{ name }} end
            as sector_{{ name }}
        {%- endfor %}

    from spine

    left join recorded
        on spine.person_id = recorded.person_id and spine.as_of = recorded.as_of

    left join located
        on
            spine.person_id = located.person_id
            and spine.as_of = located.as_of
            and (located.is_called = 1 or coalesce(recorded.has_company, 0) = 0)

),

final as (

    select
        spine.person_id,
        spine.as_of,
        {%- for name in behaved_counts %}
        cast(coalesce(behaved.{{ name }}, 0) as double) as {{ name }},
        {%- endfor %}
        {%- for window in ['7d', '14d', '30d', '60d', '90d', 'total'] %}
        cast(
            coalesce(greatest(behaved.read_calls_{{ window }}, behaved.read_pages_{{ window }}), 0)
            as double
        ) as content_views_{{ window }},
        {%- endfor %}
        round(cast(behaved.days_since_first_seen as double), 6) as days_since_first_seen,
        round(cast(behaved.days_since_last_seen as double), 6) as days_since_last_seen,
        round(cast(behaved.days_since_last_content as double), 6) as days_since_last_content,
        round(cast(behaved.days_since_last_intent as double), 6) as days_since_last_intent,
        round(cast(behaved.days_since_last_other_track as double), 6)
            as days_since_last_other_track,
        {%- for name in [
            'distinct_topics', 'topic_entropy', 'top_topic_share', 'consideration_share',
            'decision_share', 'awareness_readings_30d', 'consideration_readings_30d',
            'decision_readings_30d'
        ] %}
        cast(coalesce(interested.{{ name }}, 0) as double) as {{ name }},
        {%- endfor %}
        {%- for name in [
            'orders_90d', 'orders_total', 'spent_total', 'tickets_90d', 'tickets_total'
        ] %}
        cast(coalesce(dealt.{{ name }}, 0) as double) as {{ name }},
        {%- endfor %}
        cast(
            case
                when recorded.record_count > 0 or behaved.is_identified = 1 then 1
                else 0
            end as double
        ) as is_known,
        cast(coalesce(recorded.record_count, 0) as double) as record_count,
        cast(coalesce(employed.has_company, 0) as double) as has_company,
        cast(coalesce(employed.has_industry, 0) as double) as has_industry,
        cast(coalesce(recorded.has_customer_record, 0) as double) as has_customer_record,
        cast(coalesce(recorded.has_crm_record, 0) as double) as has_crm_record,
        round(cast(recorded.days_since_first_record as double), 6) as days_since_first_record,
        round(ln(1 + cast(employed.employee_count as double)), 6) as employee_count_log
        {%- for size in company_sizes %},
        cast(case when employed.employee_count > {{ size }} then 1 else 0 end as double)
            as company_over_{{ size }}
        {%- endfor %}
        {%- for name, _ in sectors_of_industry() %},
        cast(coalesce(employed.sector_{{ name }}, 0) as double) as sector_{{ name }}
        {%- endfor %},
        cast(coalesce(recorded.has_job_title, 0) as double) as has_job_title
        {%- for name in ['executive', 'director', 'manager'] %},
        cast(coalesce(recorded.is_{{ name }}, 0) as double) as is_{{ name }}
        {%- endfor %}
        {%- for name, _ in functions_of_work() %},
        cast(coalesce(recorded.works_in_{{ name }}, 0) as double) as works_in_{{ name }}
        {%- endfor %}

    from spine

    {% for step in ['behaved', 'interested', 'dealt', 'recorded', 'employed'] %}
    left join {{ step }}
        on spine.person_id = {{ step }}.person_id and spine.as_of = {{ step }}.as_of
    {% endfor %}

)

select * from final
