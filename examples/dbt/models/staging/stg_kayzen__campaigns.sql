select
    id as campaign_id,
    advertiser_id,
    name as campaign_name,
    status,
    day_budget,
    total_budget,
    start_time as starts_at,
    nullif(end_time, '2038-01-01') as ends_at,
    created_at,
    updated_at
from {{ source('kayzen', 'campaigns') }} as campaigns
-- By way of JSON, since the column is missing if the target writes no metadata.
where to_jsonb(campaigns) ->> '_sdc_deleted_at' is null
