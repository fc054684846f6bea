with

named as (

    select
        {{ company_key('name') }} as company_key,
        min(unified_account_id) as account_id

    from {{ ref('int_accounts__unified') }}

    group by {{ company_key('name') }}

    having count(distinct unified_account_id) = 1

)

select * from named

where company_key is not null
