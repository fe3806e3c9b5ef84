with spending as (

    select
        day,
        campaign_id,
        spend,
        sum(spend) over (partition by campaign_id order by day) as spend_to_date,
        min(day) over () as first_day
    from {{ ref('fct_campaign_days') }}

)

select
    day,
    campaign_id,
    campaign_name,
    spend,
    day_budget,
    spend / nullif(day_budget, 0) as day_budget_used,
    spend_to_date,
    total_budget,
    spend_to_date / nullif(total_budget, 0) as total_budget_used,
    -- Not on the first day itself: in another time zone it may have begun before.
    created_at::date > first_day as is_spend_complete
from spending
inner join {{ ref('dim_campaigns') }} using (campaign_id)
