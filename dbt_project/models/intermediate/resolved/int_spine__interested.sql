with

known as (

    select * from {{ ref('int_spine_events__known') }}

    where content_id is not null and activity in ('page_view', 'content_view', 'download')

),

items as (

    select * from {{ ref('stg_raw__content_item_versions') }}

),

read_items as (

    select distinct
        as_of,
        content_id

    from known

),

-- As the most trusted catalogue described the item at that time.
described as (

    select
        read_items.as_of,
        items.content_id,
        items.topic,
        items.funnel_stage,
        row_number() over (
            partition by read_items.as_of, items.content_id
            order by {{ source_rank('items.source') }}, items.source
        ) as trust_rank

    from read_items

    inner join items
        on
            read_items.content_id = items.content_id
            and {{ known_by('items', 'read_items.as_of') }}

),

-- One reading is reported as a page call, a track call or both: the larger number counts.
readings as (

    select
        known.person_id,
        known.as_of,
        described.topic,
        described.funnel_stage,
        min(known.age_days) as age_days,
        greatest(
            count(case when known.activity = 'page_view' then 1 end),
            count(case when known.activity = 'content_view' then 1 end),
            count(case when known.activity = 'download' then 1 end)
        ) as readings

    from known

    inner join described
        on
            known.content_id = described.content_id
            and known.as_of = described.as_of
            and described.trust_rank = 1

    group by
        known.person_id,
        known.as_of,
        known.content_id,
        described.topic,
        described.funnel_stage

),

topics as (

    select
        person_id,
        as_of,
        topic,
        sum(readings) as readings

    from readings

    where topic is not null

    group by person_id, as_of, topic

),

shares as (

    select
        person_id,
        as_of,
        cast(readings as double)
        / sum(readings) over (partition by person_id, as_of) as share

    from topics

),

spread as (

    select
        person_id,
        as_of,
        count(*) as distinct_topics,
        abs(round({{ exact_sum('-share * ln(share)') }}, 6)) as topic_entropy,
        round(max(share), 6) as top_topic_share

    from shares

    group by person_id, as_of

),

stages as (

    select
        person_id,
        as_of,
        round(
            cast(sum(case when funnel_stage = 'consideration' then readings else 0 end) as double)
            / sum(readings),
            6
        ) as consideration_share,
        round(
            cast(sum(case when funnel_stage = 'decision' then readings else 0 end) as double)
            / sum(readings),
            6
        ) as decision_share,
        {%- for stage in ['awareness', 'consideration', 'decision'] %}
        {{ recent_readings("funnel_stage = '" ~ stage ~ "'") }} as {{ stage }}_readings_30d
        {{- ',' if not loop.last }}
        {%- endfor %}

    from readings

    where funnel_stage is not null

    group by person_id, as_of

),

persons as (

    select person_id, as_of from spread

    union

    select person_id, as_of from stages

),

interested as (

    select
        persons.person_id,
        persons.as_of,
        coalesce(spread.distinct_topics, 0) as distinct_topics,
        coalesce(spread.topic_entropy, 0) as topic_entropy,
        coalesce(spread.top_topic_share, 0) as top_topic_share,
        coalesce(stages.consideration_share, 0) as consideration_share,
        coalesce(stages.decision_share, 0) as decision_share,
        {%- for stage in ['awareness', 'consideration', 'decision'] %}
        coalesce(stages.{{ stage }}_readings_30d, 0) as {{ stage }}_readings_30d
        {{- ',' if not loop.last }}
        {%- endfor %}

    from persons

    left join spread
        on persons.person_id = spread.person_id and persons.as_of = spread.as_of

    left join stages
        on persons.person_id = stages.person_id and persons.as_of = stages.as_of

)

select * from interested
