-- The columns of marts.profiles as somebody would write them who needs nothing else: one script,
-- for DuckDB alone, without tests, tables in between, late devices, addresses or networks.
create or replace table reference.profiles as
with
calls as (
    select
        e.event_id, e.anonymous_id, e.type, e.event, e.page_path, e.page_referrer, e.content_id,
        e.search_query, e.device_type, e.locale, e.timezone, e."timestamp" as moment,
        coalesce(u.person_id, d.person_id) as person_id,
        regexp_matches(lower(e.user_agent), '(^|[^u])bot|crawl|spider|headless|curl/|python-') as is_agent
    from raw.events as e
    left join identity.members as u on u.source = 'users' and u.source_record_id = e.user_id
    left join identity.devices as d
        on d.anonymous_id = e.anonymous_id and not d.is_shared
        and (d.valid_from is null or e."timestamp" >= d.valid_from)
        and (d.valid_to is null or e."timestamp" < d.valid_to)
),
paces as (
    select anonymous_id, bool_or(is_agent) or max(pages) > 20 or max(day_pages) > 1000 as is_bot
    from (
        select anonymous_id, is_agent, pages,
            sum(pages) over (partition by anonymous_id, minute::date) as day_pages
        from (
            select anonymous_id, date_trunc('minute', moment) as minute, bool_or(is_agent) as is_agent,
                count(*) filter (type = 'page') as pages
            from calls group by all
        )
    )
    group by all
),
gaps as (
    select *, lag(moment) over visitor is null or moment - lag(moment) over visitor > interval 30 minute as begins
    from calls
    window visitor as (partition by anonymous_id, person_id order by moment, event_id)
),
numbered as (
    select *, sum(begins::int) over (
        partition by anonymous_id, person_id order by moment, event_id rows unbounded preceding
    ) as visit
    from gaps
),
visits as (
    select person_id, anonymous_id, visit, min(moment) as started_at,
        arg_min(
            case when page_referrer is null then 'direct'
                when regexp_matches(page_referrer, '(google|bing|duckduckgo|yahoo)[.]') then 'organic_search'
                else 'referral' end,
            (moment, event_id)
        ) as channel
    from numbered group by all
),
channels as (
    select person_id, count(*) as session_count,
        arg_min(channel, started_at) as first_channel, arg_max(channel, started_at) as last_channel
    from visits where person_id is not null group by all
),
acts as (
    select c.person_id, min(moment) as first_seen_at, max(moment) as last_seen_at, count(*) as event_count,
        count(*) filter (type = 'page') as page_view_count,
        bool_and(p.is_bot) as is_bot,
        arg_max(search_query, (moment, event_id)) filter (search_query is not null) as last_search_query,
        arg_max(locale, (moment, event_id)) as locale,
        arg_max(timezone, (moment, event_id)) as timezone,
        arg_max(device_type, (moment, event_id)) as device_type
    from calls as c left join paces as p using (anonymous_id)
    where c.person_id is not null group by all
),
readings as (
    select person_id, content_id, max(moment) as last_at,
        greatest(count(*) filter (type = 'page'), count(*) filter (event = 'Content Viewed')) as views
    from calls where person_id is not null and content_id is not null group by all
),
topics as (
    select person_id, topic, sum(views) as views, max(last_at) as last_at
    from readings inner join raw.content_items using (content_id)
    where topic is not null group by all
),
interests as (
    select person_id, arg_min(topic, (-views, -epoch_us(last_at), topic)) as top_topic from topics group by all
),
reads as (
    select person_id, sum(views)::bigint as content_view_count from readings group by all
),
records as (
    select m.person_id, r.*
    from raw.person_records as r
    inner join identity.members as m using (source, source_record_id)
    qualify row_number() over (partition by m.person_id order by r.record_updated_at desc) = 1
),
buys as (
    select m.person_id, count(*) as order_count, sum(amount::decimal(28, 6))::double as total_spent,
        max(ordered_at) as last_ordered_at
    from raw.orders as o
    inner join identity.members as m
        on o.person_source = m.source and o.person_record_id = m.source_record_id
    where o.status not in ('failed', 'refunded', 'cancelled') group by all
),
asks as (
    select m.person_id, count(*) as ticket_count, avg(satisfaction) as mean_satisfaction
    from raw.tickets as t
    inner join identity.members as m
        on t.person_source = m.source and t.person_record_id = m.source_record_id
    group by all
)
select p.person_id, r.person_id is not null as is_known, coalesce(a.is_bot, false) as is_bot,
    r.first_name, r.last_name, b.name as company_name, r.job_title, r.city, r.country, r.account_id,
    b.industry, b.employee_count, a.locale, a.timezone, a.device_type, c.first_channel,
    c.last_channel, a.first_seen_at, a.last_seen_at, coalesce(c.session_count, 0) as session_count,
    coalesce(a.event_count, 0) as event_count, coalesce(a.page_view_count, 0) as page_view_count,
    coalesce(v.content_view_count, 0) as content_view_count, a.last_search_query, i.top_topic,
    coalesce(o.order_count, 0) as order_count, coalesce(o.total_spent, 0) as total_spent,
    o.last_ordered_at, coalesce(t.ticket_count, 0) as ticket_count, t.mean_satisfaction
from identity.persons as p
left join records as r using (person_id)
left join raw.accounts as b on r.account_id = b.account_id
left join acts as a using (person_id)
left join channels as c using (person_id)
left join reads as v using (person_id)
left join interests as i using (person_id)
left join buys as o using (person_id)
left join asks as t using (person_id)
where p.status = 'active'
