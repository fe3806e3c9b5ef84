-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('campaign_changelogs')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as changelog_id,
    cast(campaign_id as {{ dbt.type_bigint() }}) as campaign_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(loggable_id as {{ dbt.type_bigint() }}) as loggable_id,
    cast(action as {{ dbt.type_string() }}) as action,
    cast(username as {{ dbt.type_string() }}) as username,
    cast(loggable_updated_at as {{ dbt.type_timestamp() }}) as changed_at,
    {{ kayzen.json_or_null('data_diff') }} as data_diff,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'campaign_changelogs') }}
{{ kayzen.without_deleted(source('kayzen', 'campaign_changelogs')) }}
