"""The survey of an account: how its API behaves, without any value of its records.

``--test=report`` prints it. `account` decides which calls to make, `probe` sends
requests, `interview` records the results. `bodies`, `observe`, and `paged` describe
responses; `markdown`, `lifting`, and `rejected` format the report.
"""
