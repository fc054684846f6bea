{#- Many accounts have the same industry: it is read once. -#}
with

industries as (

    select distinct industry

    from {{ ref('stg_raw__account_versions') }}

    where industry is not null

),

read as (

    select
        industry
        {%- for name, words in sectors_of_industry() %},
        case when {{ has_word(industry_said('industry'), words) }} then 1 else 0 end
            as sector_{{ name }}
        {%- endfor %}

    from industries

)

select * from read
