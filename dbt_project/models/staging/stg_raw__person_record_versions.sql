with

source as (

    select * from {{ source('raw', 'person_records') }}

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
        source_record_id,
        record_hash,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('user_id') }} as user_id,

        -- the person
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('middle_name') }} as middle_name,
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('full_name') }} as full_name,
        lower({{ clean_text('email') }}) as email,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('birth_date') }} as birth_date,

        -- the address
        {{ clean_text('street') }} as street,
        {{ clean_text('city') }} as city,
        {{ clean_text('state') }} as state,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('country') }} as country,

        -- the work
        {{ clean_text('company_name') }} as company_name,
        lower({{ clean_text('company_domain') }}) as company_domain,
        {{ clean_text('job_title') }} as job_title,
        {{ clean_text('lifecycle_stage') }} as lifecycle_stage,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, source_record_id') }} as version_rank,
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
        source_record_id,
        record_hash,
        account_id,
        user_id,
        first_name,
        middle_name,
        last_name,
        full_name,
        email,
        phone,
        birth_date,
        street,
        city,
        state,
        postal_code,
        country,
        company_name,
        company_domain,
        job_title,
        lifecycle_stage,
        attributes,
        record_created_at,
        record_updated_at,
        loaded_at,
        version_rank,
        {{ known_period('source, source_record_id') }}

    from renamed

)

select * from versions
