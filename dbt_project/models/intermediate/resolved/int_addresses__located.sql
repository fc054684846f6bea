with

addresses as (

    select
        ip,
        {{ address_key('ip') }} as address

    from {{ ref('stg_raw__events') }}

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

select * from located
