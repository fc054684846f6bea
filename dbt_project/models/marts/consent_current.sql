with

history as (

    select * from {{ ref('consent_history') }}

),

final as (

    select
        person_id,
        purpose,
        status,
        valid_from as decided_at

    from history

    where valid_to is null and known_to is null

)

select * from final
