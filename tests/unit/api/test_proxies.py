from __future__ import annotations

import pytest
from singer_sdk.exceptions import ConfigurationError
from support import SAMPLE_CONFIG

from tap_kayzen.api.client import KayzenClient
from tap_kayzen.tap import TapKayzen

URL = "https://api.kayzen.io"


def client() -> KayzenClient:
    return KayzenClient(TapKayzen(config={**SAMPLE_CONFIG, "api_url": URL}).config)


@pytest.mark.parametrize(
    ("variable", "proxy", "fault"),
    [
        ("HTTPS_PROXY", "socks5h://me:secret@proxy:1080", "names a SOCKS proxy"),
        ("all_proxy", "SOCKS4://proxy", "names a SOCKS proxy"),
        ("https_proxy", "ftp://me:secret@proxy", "names no proxy that can be used"),
        ("https_proxy", "http://", "names no proxy that can be used"),
        ("https_proxy", "http://me:secret@", "names no proxy that can be used"),
        ("https_proxy", "http://proxy:port", "names no proxy that can be used"),
        # What `requests` takes for a scheme.
        ("https_proxy", "proxy:3128", "names no proxy that can be used"),
        ("ALL_PROXY", ":::", "names no proxy that can be used"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_before_any_request(
    variable: str, proxy: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError, match=f"^{variable} {fault}: ") as caught:
        client().start()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"https_proxy": ""},
        {"https_proxy": "10.0.0.1:3128"},
        {"https_proxy": "https://me:secret@proxy:3128"},
        {"http_proxy": "ftp://proxy"},
        {"https_proxy": "ftp://proxy", "no_proxy": "api.kayzen.io"},
    ],
)
def test_other_proxies_are_none_of_its_business(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client().start()
