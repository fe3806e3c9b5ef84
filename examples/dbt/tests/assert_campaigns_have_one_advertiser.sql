{{ config(enabled=kayzen.loads('campaign_performance')) }}

-- A table that was loaded without `advertiser_ids`, and then with it, has the same spend
-- twice: null stands for the API key's own advertiser.
select campaign_id
from {{ ref('stg_kayzen__campaign_performance') }}
group by campaign_id
having count(distinct coalesce(advertiser_id, 0)) > 1
