{# Text without surrounding blanks; null where nothing is left. #}
{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{# Whether a text holds a match of a regular expression that RE2 and Java both read. #}
{% macro matches(column, pattern) -%}
    {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}

{% macro default__matches(column, pattern) -%}
    {{ column }} rlike '{{ pattern }}'
{%- endmacro %}

{% macro duckdb__matches(column, pattern) -%}
    regexp_matches({{ column }}, '{{ pattern }}')
{%- endmacro %}

{#
    The host of a URL or bare domain, lower case, without www, port and path, though these have line
    breaks; null for about:blank.
#}
{% macro url_host(column) -%}
    {%- set bare -%}
        regexp_replace(lower(trim({{ column }})), '(?s)^([a-z][a-z0-9+.-]*:)?//|^about:.*$', '')
    {%- endset -%}
    nullif(regexp_replace(regexp_replace({{ bare }}, '(?s)[/?#:].*$', ''), '^www[.]', ''), '')
{%- endmacro %}

{#
    The path of a URL or of what is a path already, '/' where a URL with a host has none; null for
    anything else.
#}
{% macro url_path(column) -%}
    case
        when {{ matches(column, '^[^/?#]*//') }}
            then coalesce(
                nullif(regexp_extract({{ column }}, '^[^/?#]*//[^/?#]*(/[^?#]*)', 1), ''), '/'
            )
        when {{ column }} like '/%' then regexp_extract({{ column }}, '^([^?#]*)', 1)
    end
{%- endmacro %}

{# What a URL says by a name, in its query or its fragment, decoded; null where it says nothing. #}
{% macro url_parameter(column, name) -%}
    {%- set said -%}
        replace(regexp_extract({{ column }}, '[?&#]{{ name }}=([^&#]+)', 1), '+', ' ')
    {%- endset -%}
    case
        when {{ column }} like '%{{ name }}=%'
            then {{ clean_text(adapter.dispatch('url_decoded')(said)) }}
    end
{%- endmacro %}

{# What was not encoded rightly, which happens to those who type, is nothing. #}
{% macro default__url_decoded(text) -%}
    try_url_decode({{ text }})
{%- endmacro %}

{% macro duckdb__url_decoded(text) -%}
    try(url_decode({{ text }}))
{%- endmacro %}

{# The domain of a normalised e-mail address. #}
{% macro email_domain(column) -%}
    nullif({{ dbt.split_part(column, "'@'", 2) }}, '')
{%- endmacro %}

{# A list of names as SQL literals. #}
{% macro quoted_list(names) -%}
    {%- for name in names -%}
        '{{ name | replace("'", "''") }}'{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Text with every e-mail address in it blotted out: forms and links carry them along. #}
{% macro without_addresses(column) -%}
    {{ return(adapter.dispatch('without_addresses')(column)) }}
{%- endmacro %}

{% macro default__without_addresses(column) -%}
    regexp_replace({{ column }}, '[A-Za-z0-9._%+-]+(@|%40)[A-Za-z0-9.-]+', '[address]')
{%- endmacro %}

{% macro duckdb__without_addresses(column) -%}
    regexp_replace({{ column }}, '[A-Za-z0-9._%+-]+(@|%40)[A-Za-z0-9.-]+', '[address]', 'g')
{%- endmacro %}

{#
    A network address as raw.ip_ranges writes addresses: 32 hex digits, IPv4 mapped into IPv6, so
    that the order of texts is the order of addresses. Null for anything else.
#}
{% macro address_key(column) -%}
    {{ return(adapter.dispatch('address_key')(column)) }}
{%- endmacro %}

{# IPv6 addresses are not looked up on other engines: taking them apart is not written alike. #}
{% macro default__address_key(column) -%}
    case
        when {{ matches(column, ipv4_pattern()) }} then {{ ipv4_key(column) }}
    end
{%- endmacro %}

{% macro duckdb__address_key(column) -%}
    {%- set mapped -%} regexp_replace({{ column }}, '^::ffff:', '', 'i') {%- endset -%}
    {%- set groups -%}
        list_transform(
            list_filter(string_split({} , ':'), lambda part: part <> ''),
            lambda part: lpad(part, 4, '0')
        )
    {%- endset -%}
    {%- set head -%}
        array_to_string({{ groups | replace('{}', "split_part(" ~ column ~ ", '::', 1)") }}, '')
    {%- endset -%}
    {%- set tail -%}
        array_to_string({{ groups | replace('{}', "split_part(" ~ column ~ ", '::', 2)") }}, '')
    {%- endset -%}
    case
        when {{ matches(mapped, ipv4_pattern()) }} then {{ ipv4_key(mapped) }}
        when
            {{ matches('lower(' ~ column ~ ')', '^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}$') }}
            and length({{ head }}) + length({{ tail }}) <= 32
            and (contains({{ column }}, '::') or length({{ head }}) = 32)
            then lower(
                {{ head }} || repeat('0', 32 - length({{ head }}) - length({{ tail }})) || {{ tail }}
            )
    end
{%- endmacro %}

{% macro ipv4_pattern() -%} ^[0-9]{1,3}([.][0-9]{1,3}){3}$ {%- endmacro %}

{% macro ipv4_key(column) -%}
    {%- set number -%}
        {%- for part in range(1, 5) -%}
            {%- set byte = dbt.split_part(column, "'.'", part) -%}
            {{ 256 ** (4 - part) }} * {{ dbt.safe_cast(byte, 'bigint') }}
            {{- ' + ' if not loop.last }}
        {%- endfor -%}
    {%- endset -%}
    '00000000000000000000ffff' || lpad(lower(hex({{ number }})), 8, '0')
{%- endmacro %}

{#
    A company's name in lower case, without accents, punctuation and legal forms; null where
    nothing is left. identity/link_accounts.py compares names alike.
#}
{% macro company_key(column) -%}
    {{ return(adapter.dispatch('company_key')(column)) }}
{%- endmacro %}

{# Accents stay on other engines: taking them off is not written alike. #}
{% macro default__company_key(column) -%}
    {{ company_words('lower(' ~ column ~ ')', "[^a-z0-9\\x{00df}-\\x{024f}]+", '') }}
{%- endmacro %}

{% macro duckdb__company_key(column) -%}
    {{ company_words('lower(strip_accents(' ~ column ~ '))', "[^\\p{L}\\p{N}]+", ", 'g'") }}
{%- endmacro %}

{% macro company_words(text, separators, flags) -%}
    {%- set plain -%} replace(replace({{ text }}, '.', ''), '&', ' and ') {%- endset -%}
    {%- set words -%}
        trim(regexp_replace({{ plain }}, '{{ separators }}', ' '{{ flags }}))
    {%- endset -%}
    {%- set bare -%}
        regexp_replace({{ words }}, '((^| )(and )?({{ legal_forms() | join('|') }}))+$', '')
    {%- endset -%}
    nullif(regexp_replace({{ bare }}, '^the ', ''), '')
{%- endmacro %}

{# Usual abbreviations of ISO 20275, the list of entity legal forms. #}
{% macro legal_forms() -%}
    {{ return([
        'ab', 'ag', 'as', 'aps', 'bv', 'co', 'company', 'corp', 'corporation', 'eg', 'ek',
        'ev', 'gbr', 'gmbh', 'inc', 'incorporated', 'kg', 'kgaa', 'kk', 'lda', 'limited',
        'llc', 'llp', 'lp', 'ltd', 'ltda', 'mbh', 'nv', 'ohg', 'oy', 'oyj', 'plc', 'pte',
        'pty', 'pvt', 'sa', 'sarl', 'sas', 'se', 'sl', 'spa', 'sro', 'srl', 'ug'
    ]) }}
{%- endmacro %}
