with

source as (

    select * from {{ source('raw', 'tickets') }}

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
        ticket_id,
        record_hash,
        {{ clean_text('person_source') }} as person_source,
        {{ clean_text('person_record_id') }} as person_record_id,
        lower({{ clean_text('person_email') }}) as person_email,

        -- the ticket
        {{ clean_text('subject') }} as subject,
        {{ clean_text('topic') }} as topic,
        {{ clean_text('priority') }} as priority,
        satisfaction,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(opened_at as {{ dbt.type_timestamp() }}) as opened_at,
        cast(solved_at as {{ dbt.type_timestamp() }}) as solved_at,
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, ticket_id') }} as version_rank,
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
        ticket_id,
        record_hash,
        person_source,
        person_record_id,
        person_email,
        subject,
        topic,
        priority,
        satisfaction,
        attributes,
        opened_at,
        solved_at,
        record_created_at,
        record_updated_at,
        loaded_at,
        version_rank,
        {{ known_period('source, ticket_id') }}

    from renamed

)

select * from versions
