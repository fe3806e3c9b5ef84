"""The survey of an account: how its API behaves, without any value of its records.

``--test=report`` prints it after a first run. `account` decides which calls to make,
`interview` writes down what came, `probe` sends requests, `bodies`, `observe` and
`paged` describe responses, `markdown` and `lifting` write.
"""
