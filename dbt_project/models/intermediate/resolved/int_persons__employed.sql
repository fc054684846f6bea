{#- From the best founded: what int_account_members__found can say, in its order. -#}
{%- set bases = [
    'record', 'group_call', 'email_domain', 'company_domain', 'company_name', 'network'
] -%}

with

members as (

    select * from {{ ref('account_members') }}

),

-- Who belongs to several accounts is shown with the best-founded one; of two alike with the newer.
ranked as (

    select
        person_id,
        account_id,
        basis,
        row_number() over (
            partition by person_id
            order by
                case basis
                    {%- for name in bases %}
                    when '{{ name }}' then {{ loop.index }}
                    {%- endfor %}
                end,
                valid_from desc nulls last,
                account_id
        ) as strength_rank

    from members

),

employed as (

    select
        person_id,
        account_id,
        basis

    from ranked

    where strength_rank = 1

)

select * from employed
