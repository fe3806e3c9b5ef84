-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('reports')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as report_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(report_type_id as {{ dbt.type_string() }}) as report_type_id,
    cast(name as {{ dbt.type_string() }}) as report_name,
    cast(start_date as {{ dbt.type_string() }}) as start_date,
    cast(end_date as {{ dbt.type_string() }}) as end_date,
    cast(date_macro as {{ dbt.type_string() }}) as date_macro,
    cast(time_zone_id as {{ dbt.type_bigint() }}) as time_zone_id,
    cast(time_zone_name as {{ dbt.type_string() }}) as time_zone_name,
    cast(created_at as {{ dbt.type_timestamp() }}) as created_at,
    cast(report_schedule_frequency as {{ dbt.type_string() }}) as report_schedule_frequency,
    cast(report_schedule_end_date as {{ dbt.type_string() }}) as report_schedule_end_date,
    cast(report_schedule_recipients as {{ dbt.type_string() }}) as report_schedule_recipients,
    cast(report_schedule_status as {{ dbt.type_string() }}) as report_schedule_status,
    cast(report_schedule_flag_reason as {{ dbt.type_string() }}) as report_schedule_flag_reason,
    cast(report_schedule_last_sent as {{ dbt.type_string() }}) as report_schedule_last_sent,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'reports') }}
{{ kayzen.without_deleted(source('kayzen', 'reports')) }}
