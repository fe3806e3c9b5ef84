select
    _key as performance_key,
    advertiser_id,
    day::date as day,
    campaign_id,
    campaign_name,
    impressions,
    clicks,
    installs,
    conversions,
    advertiser_spend::numeric as spend,
    revenue_ltv::numeric as revenue
from {{ source('kayzen', 'campaign_performance') }}
