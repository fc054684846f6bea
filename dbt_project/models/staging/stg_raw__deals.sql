with

source as (

    select * from {{ source('raw', 'deals') }}

),

renamed as (

    select
        -- ids
        load_id,
        source,
        file,
        deal_id,
        record_hash,
        {{ clean_text('person_source') }} as person_source,
        {{ clean_text('person_record_id') }} as person_record_id,
        lower({{ clean_text('person_email') }}) as person_email,
        {{ clean_text('account_id') }} as account_id,

        -- the deal
        {{ clean_text('name') }} as name,
        {{ clean_text('deal_type') }} as deal_type,
        {{ clean_text('pipeline') }} as pipeline,
        lower({{ clean_text('stage') }}) as stage,
        amount,
        {{ currency_code('currency') }} as currency,
        probability,
        is_closed,
        is_won,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(closed_at as {{ dbt.type_timestamp() }}) as closed_at,
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, deal_id') }} as version_rank

    from source

),

latest as (

    select
        load_id,
        source,
        file,
        deal_id,
        record_hash,
        person_source,
        person_record_id,
        person_email,
        account_id,
        name,
        deal_type,
        pipeline,
        stage,
        amount,
        currency,
        probability,
        is_closed,
        is_won,
        attributes,
        closed_at,
        record_created_at,
        record_updated_at,
        loaded_at

    from renamed

    where version_rank = 1

)

select * from latest
