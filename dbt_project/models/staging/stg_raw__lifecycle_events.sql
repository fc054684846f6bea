with

source as (

    select * from {{ source('raw', 'lifecycle_events') }}

),

renamed as (

    select
        -- ids
        load_id,
        source,
        file,
        lifecycle_event_id,
        record_hash,
        {{ clean_text('person_source') }} as person_source,
        {{ clean_text('person_record_id') }} as person_record_id,
        lower({{ clean_text('person_email') }}) as person_email,

        -- the change
        lower({{ clean_text('stage') }}) as stage,
        lower({{ clean_text('previous_stage') }}) as previous_stage,

        -- timestamps, UTC
        cast(changed_at as {{ dbt.type_timestamp() }}) as changed_at,
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, lifecycle_event_id') }} as version_rank

    from source

),

latest as (

    select
        load_id,
        source,
        file,
        lifecycle_event_id,
        record_hash,
        person_source,
        person_record_id,
        person_email,
        stage,
        previous_stage,
        changed_at,
        record_created_at,
        record_updated_at,
        loaded_at

    from renamed

    where version_rank = 1

)

select * from latest
