"""A fake Kayzen API on localhost, for trials and tests without an account.

It follows the public documentation. Undocumented behavior is as simple as possible and
marked in the code. Requires the extra ``tap-kayzen[sandbox]``.
"""
