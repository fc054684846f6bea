with

source as (

    select * from {{ source('raw', 'subscriptions') }}

),

renamed as (

    select
        -- ids
        load_id,
        source,
        file,
        subscription_id,
        record_hash,
        {{ clean_text('person_source') }} as person_source,
        {{ clean_text('person_record_id') }} as person_record_id,
        lower({{ clean_text('person_email') }}) as person_email,
        {{ clean_text('account_id') }} as account_id,

        -- the subscription
        {{ clean_text('plan') }} as plan,
        lower({{ clean_text('status') }}) as status,
        lower({{ clean_text('billing_period') }}) as billing_period,
        quantity,
        amount,
        mrr,
        {{ currency_code('currency') }} as currency,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(started_at as {{ dbt.type_timestamp() }}) as started_at,
        cast(trial_ends_at as {{ dbt.type_timestamp() }}) as trial_ends_at,
        cast(renews_at as {{ dbt.type_timestamp() }}) as renews_at,
        cast(cancelled_at as {{ dbt.type_timestamp() }}) as cancelled_at,
        cast(ended_at as {{ dbt.type_timestamp() }}) as ended_at,
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, subscription_id') }} as version_rank

    from source

),

latest as (

    select
        load_id,
        source,
        file,
        subscription_id,
        record_hash,
        person_source,
        person_record_id,
        person_email,
        account_id,
        plan,
        status,
        billing_period,
        quantity,
        amount,
        mrr,
        currency,
        attributes,
        started_at,
        trial_ends_at,
        renews_at,
        cancelled_at,
        ended_at,
        record_created_at,
        record_updated_at,
        loaded_at

    from renamed

    where version_rank = 1

)

select * from latest
