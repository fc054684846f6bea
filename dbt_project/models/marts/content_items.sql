with

items as (

    select
        content_items.*,
        row_number() over (
            partition by content_id
            order by {{ source_rank('source') }}, source
        ) as trust_rank

    from {{ ref('stg_raw__content_items') }} as content_items

),

final as (

    select
        content_id,
        title,
        url,
        topic,
        content_type,
        funnel_stage,
        target_persona,
        published_at,
        word_count,
        summary

    from items

    where trust_rank = 1

)

select * from final
