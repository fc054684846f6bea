{#
    Whether the status of an order says that its money is there, or says nothing. A word that is not
    known is no payment. ingestion/status_words.py has the same words, and tells of unknown ones.
#}
{% macro is_paid(status) -%}
    coalesce(
        replace(replace({{ status }}, ' ', '_'), '-', '_') in ({{ quoted_list(paid_statuses()) }}), true
    )
{%- endmacro %}

{% macro paid_statuses() -%}
    {{ return([
        'paid', 'complete', 'completed', 'succeeded', 'success', 'successful', 'captured',
        'settled', 'processing', 'processed', 'fulfilled', 'shipped', 'delivered',
        'partially_refunded'
    ]) }}
{%- endmacro %}

{#
    The ISO code of a currency that is written as a sign or in small letters. Signs of one currency are
    known (narrow and usual forms of Unicode CLDR 46), and $ and £ by whose they are mostly; what
    several share, as ¥ and kr, stays a sign: it is added to nothing else, see named_currency.
#}
{% macro currency_code(column) -%}
    {%- set code = "replace(upper(" ~ clean_text(column) ~ "), ' ', '')" -%}
    case {{ code }}
    {%- for name, signs in (currency_signs().items() | list) + (shared_signs().items() | list) %}{% for sign in signs %}
        when '{{ sign }}' then '{{ name }}'
    {%- endfor %}{% endfor %}
        else {{ code }}
    end
{%- endmacro %}

{#
    The currency that a result of currency_code() names; null where it is a sign of several. Sums are
    told apart by the result itself, and named by this.
#}
{% macro named_currency(column) -%}
    case when {{ column }} not in ({{ quoted_list(shared_signs().keys() | list) }}) then {{ column }} end
{%- endmacro %}

{# Signs that several countries write beside money of their own, by the one that stands for all forms. #}
{% macro shared_signs() -%}
    {{ return({
        'KR': ['KR.'], 'RS': ['RS.', '₨'], 'FR': ['FR.'], 'DIN': ['DIN.'], '¥': ['￥']
    }) }}
{%- endmacro %}

{# Signs in capitals and without blanks, wide ones too. #}
{% macro currency_signs() -%}
    {{ return({
        'USD': ['$', '＄', 'US$', 'U$S'], 'EUR': ['€', 'EURO'], 'GBP': ['£', '￡'], 'BRL': ['R$'],
        'CAD': ['CA$', 'C$'], 'AUD': ['A$', 'AU$'], 'NZD': ['NZ$'], 'HKD': ['HK$'],
        'SGD': ['S$', 'SG$'], 'TWD': ['NT$'], 'MXN': ['MX$'], 'CNY': ['CN¥', 'RMB'], 'JPY': ['JP¥'],
        'INR': ['₹'], 'KRW': ['₩', '￦'], 'ILS': ['₪'], 'VND': ['₫'], 'RUB': ['₽'], 'TRY': ['₺'],
        'UAH': ['₴'], 'KZT': ['₸'], 'GEL': ['₾'], 'AZN': ['₼'], 'PHP': ['₱'], 'THB': ['฿'],
        'NGN': ['₦'], 'GHS': ['₵', 'GH₵'], 'CRC': ['₡'], 'PYG': ['₲'], 'PEN': ['S/', 'S/.'],
        'PLN': ['ZŁ'], 'CZK': ['KČ'], 'HUF': ['FT'], 'RON': ['LEI'], 'IDR': ['RP'], 'MYR': ['RM']
    }) }}
{%- endmacro %}
