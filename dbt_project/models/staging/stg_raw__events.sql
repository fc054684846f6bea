{#- What campaigns write may hold the address of whom they wrote to; they are of nobody. -#}
{%- set campaign_parameters = {
    'source': 'utm_source',
    'medium': 'utm_medium',
    'name': 'utm_campaign',
    'term': 'utm_term',
    'content': 'utm_content'
} -%}

with

source as (

    select * from {{ source('raw', 'events') }}

),

renamed as (

    select
        -- ids
        event_id,
        load_id,
        source,
        file,
        line,
        position,
        {{ clean_text('anonymous_id') }} as anonymous_id,
        {{ clean_text('user_id') }} as user_id,
        {{ clean_text('previous_id') }} as previous_id,
        {{ clean_text('group_id') }} as group_id,
        lower({{ clean_text('email') }}) as email,
        {{ clean_text('content_id') }} as content_id,
        {{ clean_text('session_id') }} as tracker_session_id,

        -- what happened
        lower(trim(type)) as type,
        {{ clean_text('event') }} as event,
        {{ clean_text('page_url') }} as page_url,
        coalesce(
            {{ clean_text('page_path') }},
            {{ without_addresses(url_path(clean_text('page_url'))) }}
        ) as page_path,
        {{ clean_text('page_title') }} as page_title,
        {{ clean_text('page_referrer') }} as page_referrer,
        {%- for field, parameter in campaign_parameters.items() %}
        {%- set told = clean_text('campaign_' ~ field) -%}
        {%- set read = url_parameter('page_url', parameter) %}
        {{ without_addresses('coalesce(' ~ told ~ ', ' ~ read ~ ')') }} as campaign_{{ field }},
        {%- endfor %}
        {{ clean_text('search_query') }} as search_query,
        {{ clean_text('download') }} as download,
        {{ clean_text('block') }} as block,
        item_position,
        scroll_depth,
        time_on_page_s,

        -- from where
        {{ clean_text('channel') }} as sending_channel,
        {{ clean_text('ip') }} as ip,
        {{ clean_text('user_agent') }} as user_agent,
        {{ clean_text('locale') }} as locale,
        {{ clean_text('timezone') }} as timezone,
        {{ clean_text('device_type') }} as device_type,

        -- JSON
        properties,
        traits,
        context,
        consent,

        -- timestamps, UTC
        cast(source.timestamp as {{ dbt.type_timestamp() }}) as occurred_at,
        cast(original_timestamp as {{ dbt.type_timestamp() }}) as original_timestamp,
        cast(sent_at as {{ dbt.type_timestamp() }}) as sent_at,
        cast(received_at as {{ dbt.type_timestamp() }}) as received_at,
        is_late,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at

    from source

)

select * from renamed
