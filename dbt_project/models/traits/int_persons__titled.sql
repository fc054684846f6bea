{#- Latin letters with their accents: none of them ends a word. -#}
{%- set letter = 'a-z\u00df-\u036f\u1e00-\u1eff' -%}
{#- From the top: a vice president is no president, an assistant to the director no director. -#}
{%- set ranks = [
    ('entry', 'assistant to .*|secretary|intern|trainee|apprentice|working student|praktikant(in)?|werkstudent(in)?'),
    ('vice_president', '[sea]?vp|vice[ -]president'),
    ('owner', '(co-?)?founder|founding .*|business owner|company owner|inhaber(in)?|gesellschafter(in)?'),
    ('executive', 'c[a-z]o|chro|ciso|chief executive|chief .* officer|chair(man|woman|person)|chair,? (of )?(the )?board( of directors)?|board chair|president|managing director|gesch.ftsf.hr(er|erin|ung)|vorstand'),
    ('director', 'director|direktor(in)?'),
    ('head', 'head|[' ~ letter ~ ']*leiter(in)?|[' ~ letter ~ ']*leitung'),
    ('manager', 'manager(in)?|supervisor|(team|group|tech|technical|project|design) ?lead(er)?'),
    ('senior', 'senior|sr|principal|staff|expert|architect'),
    ('entry', 'junior|jr|associate|assistant|graduate'),
] -%}

with

described as (

    select
        person_id,
        lower(value) as title

    from {{ ref('int_person_fields__survived') }}

    where field = 'job_title' and value is not null

),

-- Many have the same title: it is read once.
titles as (

    select distinct title from described

),

ranked as (

    select
        title,
        case
            when title in ('owner', 'proprietor') then 'owner'
            {%- for rank, words in ranks %}
            when {{ matches('title', '(^|[^' ~ letter ~ '])(' ~ words ~ ')([^' ~ letter ~ ']|$)') }} then '{{ rank }}'
            {%- endfor %}
            else 'professional'
        end as seniority

    from titles

),

titled as (

    select
        described.person_id,
        ranked.seniority

    from described

    inner join ranked
        on described.title = ranked.title

)

select * from titled
