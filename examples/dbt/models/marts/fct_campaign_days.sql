with days as (

    select
        day,
        campaign_id,
        sum(impressions)::bigint as impressions,
        sum(clicks)::bigint as clicks,
        sum(installs)::bigint as installs,
        sum(conversions)::bigint as conversions,
        sum(spend) as spend,
        sum(revenue) as revenue
    from {{ ref('stg_kayzen__campaign_performance') }}
    group by day, campaign_id

)

select
    day,
    campaign_id,
    campaign_name,
    impressions,
    clicks,
    installs,
    conversions,
    spend,
    revenue,
    revenue / nullif(spend, 0) as roas,
    spend / nullif(installs, 0) as cpi,
    day >= max(day) over () - {{ var('lookback_days') }} as may_be_restated
from days
inner join {{ ref('dim_campaigns') }} using (campaign_id)
