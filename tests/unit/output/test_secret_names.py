"""Which names of fields are taken for those of secrets."""

from __future__ import annotations

import pytest
from support import SCHEMAS

from tap_kayzen.output.secret_names import is_secret, is_secret_or_key
from tap_kayzen.reports.columns import DIMENSIONS, METRICS

SECRET = [
    *("api_key", "apikey", "apiKey", "APIKey", "API_KEY", "APIkey", "api-key"),
    *("X-Api-Key", "api.key", "api key", "postback_key", "postbackApiKey", "api_keys"),
    *("secret", "clientSecret", "app_secret", "secrets", "secret_key", "SECRETKEY"),
    *("token", "accessToken", "s2s_token", "oauth2Token", "tokens", "refresh-token"),
    *("password", "user_passwords", "passwd", "pwd", "passphrase"),
    *("private_key", "privatekey", "access_key", "signing_key", "sdk_key", "dev_key"),
    *("api_key_2", "api_key_ios", "token_value", "password_hash", "apiKeyAndroid"),
    *("credentials", "basic_auth", "Authorization", "jwt"),
    *("apiKeyV2", "authHeader", "private_key_pem", "sdkKeyBase64"),
]
KEYS = ["key", "keys", "event_key", "kayzenKey", "reportingkey", "public_key"]
HARMLESS = [
    *("", "2", "id", "name", "key_name", "keyword", "keywords", "key_count", "keyed"),
    *("api_key_id", "token_expires_at", "password_changed_at", "tokenized"),
    *("Turkey", "Hockey", "turnkey", "countries_turkey", "monkeys"),
    *("has_api_key", "isToken", "requires_password", "secretary", "author", "value"),
]


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert is_secret_or_key(name)


@pytest.mark.parametrize("name", KEYS)
def test_names_of_keys(name: str) -> None:
    assert not is_secret(name)
    assert is_secret_or_key(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_names(name: str) -> None:
    assert not is_secret_or_key(name)


def test_no_documented_column_is_named_like_a_secret() -> None:
    columns = {name for each in SCHEMAS.values() for name in each["properties"]}
    assert len(columns) > 80
    assert not [name for name in {*columns, *METRICS, *DIMENSIONS} if is_secret(name)]
    of_apps = ("app_objects", "website_objects", "app_lookups", "site_lookups")
    for stream in of_apps:
        assert not [*filter(is_secret_or_key, SCHEMAS[stream]["properties"])]
