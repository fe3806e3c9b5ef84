from __future__ import annotations

import base64
import io
import json
import logging
from typing import Any
from urllib.parse import quote, quote_plus

from tap_kayzen.redaction import Redactor

NASTY = "p&a+s%20s=w@o:rd /?#\"' ünïcödé 密码 🔑"


def redactor(**changes: object) -> Redactor:
    config: dict[str, Any] = {
        "password": NASTY,
        "api_key": "aaaa",
        "api_secret": "bbbb",
        "audience_api_key": "cccc",
        **changes,
    }
    return Redactor(config)


def test_secrets_are_blotted_out_in_all_their_forms() -> None:
    key = base64.b64encode(b"aaaa:bbbb").decode()
    said = (NASTY, json.dumps(NASTY), quote(NASTY), quote_plus(NASTY), key)
    text = " ".join((*said, "aaaa", "bbbb", "cccc"))
    assert set(redactor().redact(text).replace('"', "").split()) == {"***"}


def test_short_secrets_are_hidden_by_showing_nothing() -> None:
    assert "valid" not in redactor(password="a").excerpt(b"validation")


def test_what_a_server_said_is_cut_to_one_line() -> None:
    assert redactor().excerpt(b"a\n  b aaaa") == "a b ***"
    assert redactor().excerpt(b"") == "(empty body)"
    assert len(redactor().excerpt(b"x" * 1000)) == 200


def test_no_secret_gets_into_the_log_nor_into_a_traceback() -> None:
    output = io.StringIO()
    logger = logging.getLogger("test-redaction")
    logger.addHandler(logging.StreamHandler(output))
    for _ in range(2):
        redactor().guard()
    try:
        int(f"apikey={quote(NASTY)}")
    except ValueError:
        logger.exception("while asking with %s", "cccc")
    lines = output.getvalue().splitlines()
    assert lines[0] == "while asking with ***"
    assert lines[-1] == (
        "ValueError: invalid literal for int() with base 10: 'apikey=***'"
    )
