{{ config(enabled=kayzen.loads('campaigns', 'campaign_performance', 'creative_performance')) }}

with days as (

    select
        day,
        campaign_id,
        creative_id,
        cast(sum(impressions) as {{ dbt.type_bigint() }}) as impressions,
        cast(sum(clicks) as {{ dbt.type_bigint() }}) as clicks,
        cast(sum(installs) as {{ dbt.type_bigint() }}) as installs,
        cast(sum(conversions) as {{ dbt.type_bigint() }}) as conversions,
        sum(spend) as spend,
        sum(revenue) as revenue
    from {{ ref('stg_kayzen__creative_performance') }}
    group by day, campaign_id, creative_id

)

select
    days.day,
    days.campaign_id,
    campaigns.campaign_name,
    days.creative_id,
    {% if kayzen.loads('creatives') %}
    creatives.creative_name,
    creatives.creative_type,
    {% else %}
    cast(null as {{ dbt.type_string() }}) as creative_name,
    cast(null as {{ dbt.type_string() }}) as creative_type,
    {% endif %}
    days.impressions,
    days.clicks,
    days.installs,
    days.conversions,
    days.spend,
    days.revenue,
    {{ kayzen.ratio('clicks', 'impressions') }} as ctr,
    {{ kayzen.ratio('1000 * installs', 'impressions') }} as ipm,
    {{ kayzen.ratio('days.revenue', 'days.spend') }} as roas,
    {{ kayzen.ratio('days.spend', 'days.installs') }} as cpi,
    days.day >= max(days.day) over () - {{ var('kayzen_lookback_days') }} as may_be_restated
from days
left join {{ ref('dim_campaigns') }} as campaigns
    on days.campaign_id = campaigns.campaign_id
{% if kayzen.loads('creatives') %}
left join {{ ref('stg_kayzen__creatives') }} as creatives
    on days.creative_id = creatives.creative_id
{% endif %}
