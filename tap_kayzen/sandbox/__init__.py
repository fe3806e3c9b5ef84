"""A Kayzen API on localhost, to try the tap and to test pipelines without an account.

It plays what is publicly known of the API; where that is nothing, it answers in the
plainest way and the code says so. Needs the extra ``tap-kayzen[sandbox]``.
"""
