with

source as (

    select * from {{ source('raw', 'loads') }}

),

renamed as (

    select
        load_id,
        source,
        received_date,

        -- A file of a day is there by the midnight after it.
        {{ dbt.dateadd('day', 1, 'cast(received_date as ' ~ dbt.type_timestamp() ~ ')') }}
            as arrived_at,
        received_date = min(received_date) over (partition by source) as is_first

    from source

)

select * from renamed
