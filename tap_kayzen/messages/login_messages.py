"""Messages about the login."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message, Text

RETRY_LOGIN = Text("check `api_url` and the network, or retry later")

REJECTED_LOGIN = Message(
    "Kayzen rejected the username or password (HTTP {status}); check `username` and "
    "`password`, your login for the Kayzen console. Kayzen's response: {response}",
    cause="`Invalid login credentials`, or a similar response",
    action="Log in to the console with the same values. Do not URL-encode them. In "
    "`.env`, quote a password that contains `#`, `$`, or a space",
)

REJECTED_KEY = Message(
    "Kayzen rejected the API key or secret (HTTP {status}); check `api_key` and "
    "`api_secret`, created in the Kayzen console. Kayzen's response: {response}",
    cause="`Invalid API Key`, or a similar response",
    action="Copy `api_key` and `api_secret` from the console again; see "
    "[API key](api-key.md). The audience API key is a different one",
)

REJECTED_CREDENTIALS = Message(
    "Kayzen rejected the credentials (HTTP {status}) without saying which; check "
    "`username` and `password`, your login for the Kayzen console, and `api_key` and "
    "`api_secret`, created in the console. Kayzen's response: {response}",
    cause="The login or the API key is wrong",
    action="Check both. The tap does not retry, because repeated failed logins can "
    "lock an account",
)

TOKEN_REVOKED = Message(
    "Kayzen rejected a token after {age:.0f} s, perhaps because another process used "
    "the same login; logging in again in {wait:.1f} s",
    cause="Kayzen revoked the token early, as it may when the same user logs in again",
    action="None if rare. Otherwise, run one process at a time, or give each its own "
    "login",
    level=logging.WARNING,
)

LOGIN_FAILED = Message(
    "Login at {url} failed: {cause}; {hint}",
    cause="No response, or no usable one",
    action="Follow the rest of the message: it names an unknown host, a refused "
    "connection, a server error, or a certificate",
)

NO_API = Message(
    "No Kayzen API found at {url} (HTTP {status}, no token); check `api_url`: it is "
    "everything before /v1",
    cause="`api_url` points to something else",
    action="Set `api_url` to an address like `https://api.kayzen.io`",
)

LOGIN_REDIRECTED = Message(
    "The login address {url} redirects (HTTP {status}), and a login must not follow "
    "redirects; set `api_url` to the final address",
    cause="The host has moved, or http became https",
    action="Set `api_url` to the address that it redirects to",
)

OVERSIZED_TOKEN = Message(
    "{url} sent more than 1 MB instead of a token; check `api_url`: it is everything "
    "before /v1",
    cause="A proxy, a website, or another API responded",
    action="Set `api_url` to an address like `https://api.kayzen.io`",
)

UNUSABLE_TOKEN = Message(
    "The token contains characters that an HTTP header cannot carry; check `api_url`",
    cause="A proxy or another API responded",
    action="Check `api_url` and the proxy",
)
