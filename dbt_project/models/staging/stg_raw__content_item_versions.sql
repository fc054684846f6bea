with

source as (

    select * from {{ source('raw', 'content_items') }}

),

loads as (

    select load_id, arrived_at, is_first from {{ ref('stg_raw__loads') }}

),

renamed as (

    select
        -- ids
        source.load_id,
        source,
        file,
        content_id,
        record_hash,

        -- the item
        {{ clean_text('url') }} as url,
        {{ clean_text('title') }} as title,
        {{ clean_text('topic') }} as topic,
        {{ clean_text('content_type') }} as content_type,
        lower({{ clean_text('funnel_stage') }}) as funnel_stage,
        {{ clean_text('target_persona') }} as target_persona,
        word_count,
        {{ clean_text('summary') }} as summary,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(published_at as {{ dbt.type_timestamp() }}) as published_at,
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, content_id') }} as version_rank,
        {{ learnt_at() }} as learnt_at,
        coalesce(loads.is_first, true) as is_first

    from source

    left join loads
        on source.load_id = loads.load_id

),

versions as (

    select
        load_id,
        source,
        file,
        content_id,
        record_hash,
        url,
        title,
        topic,
        content_type,
        funnel_stage,
        target_persona,
        word_count,
        summary,
        attributes,
        published_at,
        record_created_at,
        record_updated_at,
        loaded_at,
        version_rank,
        {{ known_period('source, content_id') }}

    from renamed

)

select * from versions
