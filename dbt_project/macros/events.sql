{# What a call says that a person did; see the variable activity_events. #}
{% macro activity(type, event) -%}
    {%- set plain -%}
        lower(replace(replace(replace({{ event }}, ' ', ''), '_', ''), '-', ''))
    {%- endset -%}
    case
        when {{ type }} in ('page', 'screen') then 'page_view'
        when {{ type }} <> 'track' then null
        {%- for name, events in var('activity_events').items() %}
        {%- set wanted = [] %}
        {%- for event_name in events + var('own_activity_events').get(name, []) -%}
            {%- do wanted.append(modules.re.sub('[ _-]', '', event_name | lower)) -%}
        {%- endfor %}
        when {{ plain }} in ({{ quoted_list(wanted) }}) then '{{ name }}'
        {%- endfor %}
        else 'other_track'
    end
{%- endmacro %}

{# Hosts that bring visitors without being paid for it. #}
{% macro search_hosts() -%}
    (^|[.])(google|bing|duckduckgo|yahoo|baidu|yandex|ecosia|qwant|startpage)[.]
{%- endmacro %}

{% macro social_hosts() -%}
    {#- Two short hosts, x.com and t.co, would match too much as a mere part. -#}
    (^|[.])(facebook|instagram|linkedin|lnkd|twitter|tiktok|reddit|pinterest|youtube|bsky)[.]
    {{- '' }}|^x[.]com$|^t[.]co$
{%- endmacro %}

{#
    How a visitor came, by the campaign if there is one, else by the referring host.
    Null where the call knows neither a page nor a campaign.
#}
{% macro channel(source, medium, referrer_host, page_host) -%}
    case
        when {{ medium }} in ('email', 'e-mail', 'newsletter') then 'email'
        when {{ medium }} in ('cpc', 'ppc', 'sem', 'paidsearch', 'paid-search') then 'paid_search'
        when {{ medium }} in ('paidsocial', 'paid-social', 'social-paid', 'cpc-social')
            then 'paid_social'
        when {{ medium }} in ('display', 'banner', 'cpm', 'programmatic') then 'display'
        when {{ medium }} in ('affiliate', 'partner') then 'affiliate'
        when {{ medium }} in ('social', 'organic-social', 'social-media') then 'organic_social'
        when {{ medium }} in ('organic', 'organic-search') then 'organic_search'
        when {{ medium }} = 'referral' then 'referral'
        when {{ medium }} is not null or {{ source }} is not null then 'other_campaign'
        when {{ page_host }} is null and {{ referrer_host }} is null then null
        when {{ referrer_host }} is null or {{ referrer_host }} = {{ page_host }} then 'direct'
        when {{ matches(referrer_host, '^(mail|outlook|webmail)[.]') }} then 'email'
        when {{ matches(referrer_host, search_hosts()) }} then 'organic_search'
        when {{ matches(referrer_host, social_hosts()) }} then 'organic_social'
        else 'referral'
    end
{%- endmacro %}

{#
    What kind of device an event came from: what the tracker says of it, else what its user agent
    gives away. A tablet of Android is one that does not call itself mobile.
#}
{% macro device_class(given, user_agent) -%}
    case
        when {{ given }} in ('desktop', 'mobile', 'tablet', 'tv') then {{ given }}
        when {{ given }} in ('computer', 'laptop', 'pc') then 'desktop'
        when {{ given }} in ('phone', 'smartphone', 'iphone') then 'mobile'
        when {{ given }} = 'ipad' or {{ matches(user_agent, 'ipad|tablet|kindle|silk/|playbook') }}
            then 'tablet'
        when {{ matches(user_agent, 'smart-?tv|googletv|appletv|hbbtv|bravia|roku|crkey') }} then 'tv'
        when {{ matches(user_agent, 'mobi|iphone|ipod|windows phone|blackberry|opera mini') }}
            then 'mobile'
        when {{ matches(user_agent, 'android') }} then 'tablet'
        when {{ given }} in ('ios', 'android') then 'mobile'
        when {{ matches(user_agent, 'windows nt|macintosh|mac os x|x11|linux') }} then 'desktop'
    end
{%- endmacro %}
