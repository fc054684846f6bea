{#
    Steps that say whose events are, the last of them `attributed`: the columns of a step, person_id,
    company_domain and company_confidence, one row per event.

    events: name of a step with event_id, user_id, anonymous_id, email, ip and occurred_at
    addresses: name of a step with ip, domain and confidence
#}
{% macro attributed(events, addresses) -%}
users as (

    select
        source_record_id as user_id,
        person_id

    from {{ source('identity', 'members') }}

    where source = 'users'

),

-- A shared device never hands its anonymous history to one of its users.
devices as (

    select
        anonymous_id,
        person_id,
        valid_from,
        valid_to

    from {{ source('identity', 'devices') }}

    where not is_shared and person_id is not null

),

emails as (

    select
        source_record_id as email,
        person_id

    from {{ source('identity', 'members') }}

    where source = 'emails'

),

attributed as (

    select
        {{ events }}.*,
        coalesce(users.person_id, devices.person_id, emails.person_id) as person_id,
        {{ addresses }}.domain as company_domain,
        {{ addresses }}.confidence as company_confidence

    from {{ events }}

    left join users
        on {{ events }}.user_id = users.user_id

    left join devices
        on
            {{ events }}.anonymous_id = devices.anonymous_id
            and (devices.valid_from is null or {{ events }}.occurred_at >= devices.valid_from)
            and (devices.valid_to is null or {{ events }}.occurred_at < devices.valid_to)

    left join emails
        on {{ events }}.email = emails.email

    left join {{ addresses }}
        on {{ events }}.ip = {{ addresses }}.ip

)
{%- endmacro %}

{#
    Steps that say of which company's network an address is, the last of them `located`: ip, domain
    and confidence, one row per address of a known network.

    events: name of a step with ip
#}
{% macro located(events) -%}
addresses as (

    select
        ip,
        {{ address_key('ip') }} as address

    from {{ events }}

    where ip is not null

    group by ip

),

ranges as (

    select * from {{ ref('stg_raw__ip_ranges') }}

),

-- Of networks that lie in one another the narrowest knows best, as in routing: it begins last, or
-- ends first. Where two providers name the same one, the surer counts.
ranked as (

    select
        addresses.ip,
        ranges.domain,
        ranges.confidence,
        row_number() over (
            partition by addresses.ip
            order by
                ranges.first_address desc,
                ranges.last_address,
                ranges.confidence desc nulls last,
                ranges.domain
        ) as narrowness_rank

    from addresses

    inner join ranges
        on addresses.address between ranges.first_address and ranges.last_address

),

located as (

    select
        ip,
        domain,
        confidence

    from ranked

    -- A narrow network that is hardly sure hides the wider one: its provider knows that somebody
    -- else sits there.
    where
        narrowness_rank = 1
        and (confidence is null or confidence >= {{ var('network_confidence') }})
        and domain not in (
            select mail_domains.domain from {{ ref('stg_raw__mail_domains') }} as mail_domains
        )

)
{%- endmacro %}
