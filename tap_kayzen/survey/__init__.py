"""Survey of an account: describes its API without revealing values of records.

``--test=report`` prints the survey. `account` decides which calls to make, `probe`
sends the requests, and `interview` records the results. `bodies`, `observe`, and
`paged` describe responses. `markdown`, `lifting`, and `rejected` format the report.
"""
