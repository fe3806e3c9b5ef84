{# Return whether the tables of all given streams exist, according to the variables. #}
{% macro loads() %}
    {%- set reports = {
        'campaign_performance': var('kayzen_campaign_report'),
        'creative_performance': var('kayzen_creative_report'),
    } -%}
    {%- set found = [] -%}
    {%- for stream in varargs -%}
        {%- if stream in reports -%}
            {%- set exists = reports[stream] is not none -%}
        {%- else -%}
            {%- set exists = stream in var('kayzen_streams') -%}
        {%- endif -%}
        {%- do found.append(exists) -%}
    {%- endfor -%}
    {{ return(found | min) }}
{% endmacro %}
