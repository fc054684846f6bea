with

domiciled as (

    select
        domain,
        min(unified_account_id) as account_id

    from {{ ref('int_accounts__unified') }}

    where domain is not null and domain not in (
        select mail_domains.domain from {{ ref('stg_raw__mail_domains') }} as mail_domains
    )

    group by domain

)

select * from domiciled
