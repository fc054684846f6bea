{#- What a job title and an industry say, by their words. -#}

{#- Latin letters with their accents: none of them ends a word. -#}
{% macro letters() -%}
    {{ 'a-z\u00df-\u036f\u1e00-\u1eff' }}
{%- endmacro %}

{#- Whether a text in lower case has one of these words, whole. -#}
{% macro has_word(column, words) -%}
    {{ matches(column, '(^|[^' ~ letters() ~ '])(' ~ words ~ ')([^' ~ letters() ~ ']|$)') }}
{%- endmacro %}

{#- From the top: a vice president is no president, an assistant to the director no director. -#}
{% macro seniority(title) -%}
    {%- set letter = letters() -%}
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
    case
        when {{ title }} in ('owner', 'proprietor') then 'owner'
        {%- for rank, words in ranks %}
        when {{ has_word(title, words) }} then '{{ rank }}'
        {%- endfor %}
        else 'professional'
    end
{%- endmacro %}

{#- What somebody works at, by words of the title; more than one may fit. -#}
{% macro functions_of_work() -%}
    {{ return([
        ('sales', 'sales|account (executive|manager)|business development|revenue|revops|vertrieb(s.*)?|verkauf(s.*)?'),
        ('marketing', 'marketing|brand|growth|demand|content|communications?|seo|campaigns?|editor(ial)?'),
        ('finance', 'financ(e|ial)|accounting|accountant|controller|controlling|treasurer|cfo|payroll|buchhalt(er|erin|ung)'),
        ('engineering', 'engineer(ing)?|developer|software|devops|architect|programmer|it|cto|cio|technology|entwickl(er|erin|ung)|informatik(er|erin)?'),
        ('operations', 'operations?|coo|logistics|supply chain|procurement|purchasing|office|einkauf|einkaufsleit(er|ung)'),
        ('people', 'people|hr|chro|human resources|talent|recruit(er|ing)|personal(leit.*|wesen)?'),
        ('legal', 'legal|counsel|lawyer|attorney|compliance|privacy|recht|jurist(in)?'),
        ('security', 'security|ciso|sicherheit'),
        ('design', 'design(er)?|ux|ui|creative'),
        ('data', 'data|analyst|analytics|bi|reporting|research(er)?|scientist|insights?'),
        ('product', 'product|program|project|projekt.*|produkt.*'),
        ('support', 'support|service|customer (success|care|experience)|help ?desk|kundendienst|kundenservice')
    ]) }}
{%- endmacro %}

{#- What a company does, by words of its industry as NAICS, HubSpot and Salesforce name them. -#}
{% macro sectors_of_industry() -%}
    {{ return([
        ('technology', 'software|saas|internet|technology|computers?|semiconductors?|electronics|telecommunications|it'),
        ('finance', 'financ(e|ial)|bank(s|ing)?|insurance|investment|capital markets|versicherung(en)?|finanz.*'),
        ('health', 'health ?care|health|medical|hospitals?|pharma.*|biotech.*|gesundheit.*'),
        ('education', 'education(al)?|schools?|university|universities|e-learning|bildung.*'),
        ('retail', 'retail|e-?commerce|consumer goods|apparel.*|wholesale|supermarkets?|.*handel'),
        ('manufacturing', 'manufacturing|industrial.*|machinery|automotive|chemicals?|engineering|maschinenbau|.*industrie'),
        ('logistics', 'logistics?|transport(ation)?|shipping|freight|warehousing|airlines?|aviation|logistik'),
        ('media', 'media|publishing|entertainment|marketing|advertising|broadcast.*|newspapers?|music|medien'),
        ('public_service', 'government|public.*|non-?profit|not for profit|defense|civic.*|verwaltung|beh.rden?'),
        ('energy', 'energy|utilities|oil.*|mining.*|renewables?.*|energie.*'),
        ('hospitality', 'hospitality|hotels?|restaurants?|travel|tourism|leisure.*|food.*|recreation.*|gastgewerbe|gastronomie'),
        ('services', 'professional|consult(ing|ancy)|legal.*|law.*|accounting|staffing.*|real estate|construction|beratung.*')
    ]) }}
{%- endmacro %}
