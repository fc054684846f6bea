{#- What a job title and an industry say, by their words. -#}

{#- Latin letters with their accents: none of them ends a word. -#}
{% macro letters() -%}
    {{ 'a-z\u00df-\u036f\u1e00-\u1eff' }}
{%- endmacro %}

{#- Whether a text in lower case has one of these words, whole. A space stands for "_" and "-" too. -#}
{% macro has_word(column, words) -%}
    {%- set spelt = words | replace(' ', '[ _-]') -%}
    {{ matches(column, '(^|[^' ~ letters() ~ '])(' ~ spelt ~ ')([^' ~ letters() ~ ']|$)') }}
{%- endmacro %}

{#- From the top: a vice president is no president, an assistant to the director no director. -#}
{% macro seniority(title) -%}
    {%- set letter = letters() -%}
    {%- set ranks = [
        ('entry', 'assistant to .*|secretary|intern|trainee|apprentice|working student|praktikant(in)?|werkstudent(in)?'),
        ('vice_president', '[sea]?vp|vice president'),
        ('owner', '(co ?)?founder|founding .*|(business|company|co) owner|^owner ?([,/&]|and|manager|operator).*|inhaber(in)?|gesellschafter(in)?'),
        ('executive', 'c[a-z]o|chro|ciso|chief executive|chief .* officer|chair(man|woman|person)|chair,? (of )?(the )?board( of directors)?|board chair|president|managing (director|partner)|gesch.ftsf.hr(er|erin|ung)|vorstand'),
        ('director', 'director|direktor(in)?'),
        ('head', 'head|chief of staff|[' ~ letter ~ ']*leiter(in)?|[' ~ letter ~ ']*leitung'),
        ('manager', 'manager(in)?|supervisor|(team|group|tech|technical|project|design) ?lead(er)?|lead(er)?$'),
        ('senior', 'senior|sr|principal|^staff .*|expert|architect'),
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

{#- What somebody works at, by words of the title; more than one may fit. "It" is also a word of its own. -#}
{% macro functions_of_work() -%}
    {%- set more = '[' ~ letters() ~ ']*' -%}
    {%- set it -%}
        ^it|it$|it ?[-/&,].*|(of|and|und|&) it|it (
        {{- 'admin(istrator)?|analyst|architect|audit(or)?|business|consultant|coordinator|department|' -}}
        {{- 'director|engineer|executive|governance|head|infrastructure|lead(er)?|manager|officer|' -}}
        {{- 'operations?|professional|projects?|security|services?|solutions?|specialist|support|' -}}
        {{- 'systems?|technician' -}}
        )
    {%- endset -%}
    {%- set architects = 'application|cloud|data|enterprise|infrastructure|it|network|platform|security|software|solutions?|systems?|technical' -%}
    {{ return([
        ('sales', 'sales|account (executive|manager)|business development|revenue|revops|vertrieb(s' ~ more ~ ')?|verkauf(s' ~ more ~ ')?'),
        ('marketing', 'marketing|brand|growth|demand|content|communications?|seo|campaigns?|editor(ial)?'),
        ('finance', 'financ(e|ial)|accounting|accountant|controller|controlling|treasurer|cfo|payroll|buchhalt(er|erin|ung)'),
        ('engineering', 'engineer(ing)?|developer|software|devops|(' ~ architects ~ ') architect|programmer|' ~ it ~ '|cto|cio|technology|entwickl(er|erin|ung)|informatik(er|erin)?'),
        ('operations', 'operations?|coo|logistics|supply chain|procurement|purchasing|office|einkauf|einkaufsleit(er|ung)'),
        ('people', 'people|hr|chro|human resources|talent|recruit(er|ing)|personal(leit' ~ more ~ '|wesen|abteilung)|leit(er|erin|ung) personal'),
        ('legal', 'legal|counsel|lawyer|attorney|compliance|privacy|recht|jurist(in)?'),
        ('security', 'security|ciso|sicherheit'),
        ('design', 'design(er)?|ux|ui|creative'),
        ('data', 'data|analyst|analytics|bi|reporting|research(er)?|scientist|insights?'),
        ('product', 'product|program|project|projekt' ~ more ~ '|produkt' ~ more),
        ('support', 'support|service|customer (success|care|experience)|help ?desk|kundendienst|kundenservice')
    ]) }}
{%- endmacro %}

{#- What a company does, by words of its industry as NAICS, HubSpot and Salesforce name them. -#}
{% macro sectors_of_industry() -%}
    {%- set more = '[' ~ letters() ~ ']*' -%}
    {{ return([
        ('technology', 'software|saas|internet|technology|computers?|semiconductors?|electronics|telecommunications|wireless|nanotechnology|it|information services|^information$|^communications$'),
        ('finance', 'financ(e|ial)|bank(s|ing)?|insurance|investment|capital markets|venture capital|private equity|versicherung(en)?|finanz' ~ more),
        ('health', 'health ?care|health|medical|medicine|veterinary|hospitals?|pharma' ~ more ~ '|biotech' ~ more ~ '|gesundheit' ~ more),
        ('education', 'education(al)?|schools?|university|universities|librar(y|ies)|coaching|e ?learning|bildung' ~ more),
        ('retail', 'retail|e ?commerce|consumer goods|luxury goods|sporting goods|cosmetics|furniture|wine and spirits|tobacco|apparel|wholesale|supermarkets?|' ~ more ~ 'handel'),
        ('manufacturing', 'manufactur(ing|e)|industrial|machinery|automotive|aerospace|shipbuilding|chemicals?|plastics|textiles?|building materials|ceramics|packaging|paper|printing|engineering|maschinenbau|' ~ more ~ 'industrie'),
        ('logistics', 'logistics?|transport(ation)?|shipping|maritime|freight|warehousing|import and export|airlines?|aviation|logistik'),
        ('media', 'media|publishing|publications?|entertainment|animation|arts?|motion pictures|photography|writing and editing|marketing|advertising|public relations|broadcast(ing)?|newspapers?|music|medien'),
        ('public_service', 'government|public (administration|policy|safety|sector|services?)|non ?profit|not for profit|defen[cs]e|military|judiciary|legislative|law enforcement|political|philanthropy|fund ?raising|religious|civic|verwaltung|beh.rden?'),
        ('energy', 'energy|utilities|oil|petroleum|mining|renewables?|energie' ~ more),
        ('hospitality', 'hospitality|hotels?|restaurants?|travel|tourism|leisure|casinos?|sports|foods?|foodservices?|recreation(al)?|gastgewerbe|gastronomie'),
        ('services', 'professional|consult(ing|ancy)|legal|^law$|law (practice|firms?|offices?)|dispute resolution|accounting|staffing|human resources|real estate|construction|architecture|design|research|outsourcing|environmental|waste management|facilities services|events services|consumer services|family services|other services|security and investigations|translation|management of companies|beratung' ~ more),
        ('agriculture', 'agricultur(e|al)|farming|ranching|fisher(y|ies)|fishing|forest(ry)?|dairy|landwirtschaft')
    ]) }}
{%- endmacro %}

{#- Words of an industry in lower case; NAICS has "Other Services (except Public Administration)". -#}
{% macro industry_said(column) -%}
    regexp_replace(lower({{ column }}), '[(]except [^)]*[)]', '')
{%- endmacro %}
