with

succeeded as (

    select * from {{ ref('int_persons__succeeded') }}

),

final as (

    select
        person_id,
        current_person_id

    from succeeded

)

select * from final
