{{ config(enabled=kayzen.loads('campaign_changelogs')) }}

with changes as (

    {% for budget in ['day_budget', 'total_budget'] %}
    select
        changelog_id,
        campaign_id,
        changed_at,
        username,
        '{{ budget }}' as budget,
        data_diff -> '{{ budget }}' ->> 'old' as old_text,
        data_diff -> '{{ budget }}' ->> 'new' as new_text
    from {{ ref('stg_kayzen__campaign_changelogs') }}
    where (data_diff -> '{{ budget }}') is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    changelog_id,
    campaign_id,
    budget,
    {% for side in ['old', 'new'] %}
    -- Values of change logs are not documented: those that are no number are null.
    case
        when {{ side }}_text ~ '^[0-9]+([.][0-9]+)?$'
            then {{ kayzen.amount(side ~ '_text') }}
    end as {{ side }}_amount,
    {% endfor %}
    username,
    changed_at as valid_from,
    lead(changed_at) over (
        partition by campaign_id, budget order by changed_at, changelog_id
    ) as valid_to
from changes
