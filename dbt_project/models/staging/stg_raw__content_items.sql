with

versions as (

    select * from {{ ref('stg_raw__content_item_versions') }}

),

latest as (

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
        loaded_at

    from versions

    where version_rank = 1

)

select * from latest
