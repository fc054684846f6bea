with

events as (

    select ip from {{ ref('stg_raw__events') }}

),

{{ located('events') }}

select * from located
