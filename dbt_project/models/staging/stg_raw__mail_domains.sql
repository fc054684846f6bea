with

source as (

    select * from {{ source('raw', 'mail_domains') }}

),

renamed as (

    select
        lower(trim(domain)) as domain,
        kind

    from source

)

select * from renamed
