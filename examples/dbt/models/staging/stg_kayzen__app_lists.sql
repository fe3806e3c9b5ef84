-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('app_lists')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as app_list_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(name as {{ dbt.type_string() }}) as app_list_name,
    cast(description as {{ dbt.type_string() }}) as description,
    cast(placement_ids as {{ dbt.type_string() }}) as placement_ids,
    placement_ids_list,
    cast(app_bundles as {{ dbt.type_string() }}) as app_bundles,
    app_bundles_list,
    cast(websites as {{ dbt.type_string() }}) as websites,
    websites_list,
    cast(has_associated_campaigns as {{ dbt.type_boolean() }}) as has_associated_campaigns,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'app_lists') }}
{{ kayzen.without_deleted(source('kayzen', 'app_lists')) }}
