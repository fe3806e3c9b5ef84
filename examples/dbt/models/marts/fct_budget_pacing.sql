{{ config(enabled=kayzen.loads('campaigns', 'campaign_performance')) }}

with spending as (

    select
        days.day,
        campaigns.campaign_id,
        campaigns.campaign_name,
        campaigns.day_budget,
        campaigns.total_budget,
        campaigns.created_at,
        days.spend,
        sum(days.spend) over (
            partition by campaigns.campaign_id order by days.day
        ) as spend_to_date,
        -- Each advertiser may have been read from another day on.
        min(days.day) over (partition by campaigns.advertiser_id) as first_day
    from {{ ref('fct_campaign_days') }} as days
    inner join {{ ref('dim_campaigns') }} as campaigns
        on days.campaign_id = campaigns.campaign_id

)

select
    day,
    campaign_id,
    campaign_name,
    spend,
    day_budget,
    {{ kayzen.ratio('spend', 'day_budget') }} as day_budget_used,
    spend_to_date,
    total_budget,
    {{ kayzen.ratio('spend_to_date', 'total_budget') }} as total_budget_used,
    -- Not on the first day itself: in another time zone it may have begun before.
    cast(created_at as date) > first_day as is_spend_complete
from spending
