with

source as (

    select * from {{ source('raw', 'orders') }}

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
        order_id,
        record_hash,
        {{ clean_text('person_source') }} as person_source,
        {{ clean_text('person_record_id') }} as person_record_id,
        lower({{ clean_text('person_email') }}) as person_email,

        -- the order
        {{ clean_text('sku') }} as sku,
        amount,
        {{ currency_code('currency') }} as currency,
        lower({{ clean_text('status') }}) as status,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(ordered_at as {{ dbt.type_timestamp() }}) as ordered_at,
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, order_id') }} as version_rank,
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
        order_id,
        record_hash,
        person_source,
        person_record_id,
        person_email,
        sku,
        amount,
        currency,
        status,
        attributes,
        ordered_at,
        record_created_at,
        record_updated_at,
        loaded_at,
        version_rank,
        {{ known_period('source, order_id') }}

    from renamed

)

select * from versions
