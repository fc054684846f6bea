with

searches as (

    select
        person_id,
        lower(trim(search_query)) as term,
        count(*) as search_count,
        max(occurred_at) as last_searched_at

    from {{ ref('events') }}

    where
        person_id is not null
        and activity = 'search'
        and {{ clean_text('search_query') }} is not null

    group by person_id, lower(trim(search_query))

),

ranked as (

    select
        searches.*,
        {{ json_quoted('term') }} as quoted_term,
        row_number() over (
            partition by person_id
            order by search_count desc, last_searched_at desc, term
        ) as term_rank

    from searches

),

searched as (

    select
        person_id,
        '[' || {{ dbt.listagg('quoted_term', "', '", 'order by term_rank') }} || ']'
            as top_search_terms

    from ranked

    where term_rank <= 5

    group by person_id

)

select * from searched
