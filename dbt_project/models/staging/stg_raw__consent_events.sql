with

source as (

    select * from {{ source('raw', 'consent_events') }}

),

renamed as (

    select
        -- ids
        load_id,
        source,
        file,
        consent_event_id,
        lower({{ clean_text('subject_email') }}) as subject_email,
        {{ clean_text('anonymous_id') }} as anonymous_id,
        {{ clean_text('person_source') }} as person_source,
        {{ clean_text('person_record_id') }} as person_record_id,

        -- the decision
        lower({{ clean_text('purpose') }}) as purpose,
        lower({{ clean_text('status') }}) as status,
        {{ clean_text('channel') }} as channel,

        -- timestamps, UTC
        cast(occurred_at as {{ dbt.type_timestamp() }}) as occurred_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at

    from source

)

select * from renamed
