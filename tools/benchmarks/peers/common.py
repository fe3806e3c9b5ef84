"""Helpers shared by the peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping


def log_in(config: Mapping[str, Any]) -> str:
    """Return a token, without error handling.

    Args:
        config: The settings of tap-kayzen.

    Returns:
        The bearer token.
    """
    response = requests.post(
        f"{config['api_url']}/v1/authentication/token",
        auth=(config["api_key"], config["api_secret"]),
        data={
            "grant_type": "password",
            "username": config["username"],
            "password": config["password"],
        },
        timeout=60,
    )
    response.raise_for_status()
    return str(response.json()["access_token"])
