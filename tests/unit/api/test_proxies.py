from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import ConfigurationError
from support import SAMPLE_CONFIG

from tap_kayzen.api.client import KayzenClient
from tap_kayzen.messages import network_messages
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from tap_kayzen.messages.message import Message

URL = "https://api.kayzen.io"


def client() -> KayzenClient:
    return KayzenClient(TapKayzen(config={**SAMPLE_CONFIG, "api_url": URL}).config)


@pytest.mark.parametrize(
    ("variable", "proxy", "message"),
    [
        ("HTTPS_PROXY", "socks5h://me:secret@proxy:1080", network_messages.SOCKS_PROXY),
        ("all_proxy", "SOCKS4://proxy", network_messages.SOCKS_PROXY),
        ("https_proxy", "ftp://me:secret@proxy", network_messages.BAD_PROXY),
        ("https_proxy", "http://", network_messages.BAD_PROXY),
        ("https_proxy", "http://me:secret@", network_messages.BAD_PROXY),
        ("https_proxy", "http://proxy:port", network_messages.BAD_PROXY),
        # What `requests` takes for a scheme.
        ("https_proxy", "proxy:3128", network_messages.BAD_PROXY),
        ("ALL_PROXY", ":::", network_messages.BAD_PROXY),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_before_any_request(
    variable: str, proxy: str, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError) as caught:
        client().start()
    assert str(caught.value) == message(variable=variable)


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
def test_proxies_that_do_not_apply_are_ignored(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client().start()
