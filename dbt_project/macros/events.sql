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

{# Hosts that bring visitors without being paid for it. Of Google's and Naver's many these search. #}
{% macro search_hosts() -%}
    ^((cse|encrypted|images|lens|m|scholar|search)[.])?google[.]
    {{- '' }}|(^|[.])(bing|duckduckgo|yahoo|baidu|yandex|ecosia|qwant|startpage|seznam|kagi)[.]
    {{- '' }}|(^|[.])search[.]naver[.]com$|^search[.]brave[.]com$|[.]googlequicksearchbox$
{%- endmacro %}

{% macro social_hosts() -%}
    {#- As a mere part, x.com and t.co would match too much, and so would shops for threads. -#}
    (^|[.])(facebook|instagram|linkedin|lnkd|twitter|tiktok|reddit|pinterest|snapchat|xing|youtube|bsky)[.]
    {{- '' }}|^threads[.](net|com)$|^x[.]com$|^t[.]co$
{%- endmacro %}

{# Apps name themselves the other way round: com.google.android.gm. #}
{% macro mail_hosts() -%}
    ^(mail|outlook|webmail)[.]|^com[.]google[.]android[.]gm$|^com[.]microsoft[.]office[.]outlook$
{%- endmacro %}

{% macro assistant_hosts() -%}
    (^|[.])(chatgpt[.]com|chat[.]openai[.]com|perplexity[.]ai|claude[.]ai|gemini[.]google[.]com
    {{- '' }}|copilot[.]microsoft[.]com|copilot[.]com|deepseek[.]com|mistral[.]ai|grok[.]com|meta[.]ai|poe[.]com)$
    {{- '' }}|^(chatgpt|openai|perplexity|claude|gemini|copilot)$
{%- endmacro %}

{# Networks as campaigns name them: fb, facebook.com, linkedin_ads. Meta search is no network. #}
{% macro social_sources() -%}
    ^(facebook|fb|instagram|ig|linkedin|twitter|tiktok|reddit|pinterest|snapchat)([^a-z]|$)
    {{- '' }}|^meta([ _-]?ads)?$|^x([.]com)?$
{%- endmacro %}

{#
    How a visitor came, by the campaign if there is one, else by what an advertising network added to
    the address, else by the referring host. Null where the call knows neither a page nor a campaign.

    A visit from a host below or above one's own (blog.shop.example, shop.example) stayed at home.
#}
{% macro channel(source, medium, referrer_host, page_host, page_url) -%}
    case
        when {{ medium }} in ('email', 'e-mail', 'newsletter') then 'email'
        when {{ medium }} in ('cpc', 'ppc', 'paid') and {{ matches(source, social_sources()) }}
            then 'paid_social'
        when {{ medium }} in ('cpc', 'ppc', 'sem', 'paidsearch', 'paid-search') then 'paid_search'
        when {{ medium }} in ('paidsocial', 'paid-social', 'social-paid', 'cpc-social')
            then 'paid_social'
        when {{ medium }} in ('display', 'banner', 'cpm', 'programmatic') then 'display'
        when {{ medium }} in ('affiliate', 'partner') then 'affiliate'
        when {{ medium }} in ('social', 'organic-social', 'social-media') then 'organic_social'
        when {{ medium }} in ('organic', 'organic-search') then 'organic_search'
        when {{ medium }} = 'referral' then 'referral'
        when {{ medium }} is null and {{ matches(source, assistant_hosts()) }} then 'ai_assistant'
        when {{ medium }} is not null or {{ source }} is not null then 'other_campaign'
        when {{ matches(page_url, '[?&](gclid|gbraid|wbraid|msclkid)=.') }} then 'paid_search'
        when {{ matches(page_url, '[?&](ttclid|twclid|li_fat_id)=.') }} then 'paid_social'
        when {{ page_host }} is null and {{ referrer_host }} is null then null
        when
            {{ referrer_host }} is null
            or {{ referrer_host }} = {{ page_host }}
            or {{ referrer_host }} like '%.' || {{ page_host }}
            or {{ page_host }} like '%.' || {{ referrer_host }}
            then 'direct'
        when {{ matches(referrer_host, assistant_hosts()) }} then 'ai_assistant'
        when {{ matches(referrer_host, mail_hosts()) }} then 'email'
        when {{ matches(referrer_host, search_hosts()) }} then 'organic_search'
        when {{ matches(referrer_host, social_hosts()) }} then 'organic_social'
        else 'referral'
    end
{%- endmacro %}

{# Amazon's boxes are called AFT and a letter; games are played on the same screen. #}
{% macro tv_agents() -%}
    smart-?tv|google ?tv|android ?tv|apple ?tv|hbbtv|web0s|webos|netcast|bravia|roku|crkey|; aft[a-z0-9]+[ );]|playstation|xbox
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
        when {{ matches(user_agent, tv_agents()) }} then 'tv'
        when {{ given }} = 'ipad' or {{ matches(user_agent, 'ipad|tablet|kindle|silk/|playbook') }}
            then 'tablet'
        when {{ matches(user_agent, 'mobi|iphone|ipod|windows phone|blackberry|opera mini') }}
            then 'mobile'
        when {{ matches(user_agent, 'android') }} then 'tablet'
        when {{ given }} in ('ios', 'android') then 'mobile'
        when {{ matches(user_agent, 'windows nt|macintosh|mac os x|x11|linux') }} then 'desktop'
    end
{%- endmacro %}
