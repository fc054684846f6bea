{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key=['person_id', 'content_id'],
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_changed_groups(reading_groups(ref('events'))) }}"
    )
}}

with

{% if is_growing() -%}
changed as (

    {{ changed_groups(reading_groups(ref('events'))) }}

),
{%- endif %}

events as (

    select events.*

    from {{ reading_groups(ref('events')).rows }} as events
    {%- if is_growing() %}

    inner join changed
        on events.person_id = changed.person_id
    {%- endif %}

),

counted as (

    select
        person_id,
        content_id,
        count(case when activity = 'page_view' then 1 end) as page_view_count,
        count(case when activity = 'content_view' then 1 end) as content_view_count,
        count(case when activity = 'download' then 1 end) as download_count,
        max(scroll_depth) as max_scroll_depth,
        cast(
            sum({{ dbt.safe_cast('time_on_page_s', dbt.type_numeric()) }}) as double
        ) as time_on_page_s,
        min(occurred_at) as first_viewed_at,
        max(occurred_at) as last_viewed_at,
        {{ set_fingerprint('row_fingerprint') }} as fingerprint

    from events

    group by person_id, content_id

),

final as (

    select
        person_id,
        content_id,
        -- Many sites report one reading twice, as a page call and as a track call.
        greatest(page_view_count, content_view_count) as view_count,
        download_count,
        max_scroll_depth,
        time_on_page_s,
        first_viewed_at,
        last_viewed_at,
        fingerprint,
        '{{ reading_groups(ref('events')).rules }}' as rules

    from counted

)

select * from final
