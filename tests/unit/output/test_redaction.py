from __future__ import annotations

import base64
import html
import io
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

from tap_kayzen.output.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

NASTY = "p&a+s%20s=w@o:rd /?#\"'\\ ünïcödé 密码 🔑"


def redactor(**changes: object) -> Redactor:
    config: dict[str, Any] = {
        "password": NASTY,
        "api_key": "aaaa",
        "api_secret": "bbbb",
        "audience_api_key": "cccc",
        **changes,
    }
    return Redactor(config)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON of Rails": lambda text: json.dumps(text)[1:-1].replace("&", r"\u0026"),
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "ascii": lambda text: ascii(text)[1:-1],
    "HTML": html.escape,
    "URL": quote,
    "URL with slashes": lambda text: quote(text, ""),
    "form": quote_plus,
    "form in lower case": lambda text: quote_plus(text).replace("%C3", "%c3"),
    "URL twice": lambda text: quote(quote(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()), ""),
    "Basic": lambda text: base64.b64encode(f"aaaa:{text}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret", [NASTY, "plain-s3cret", "it's me", 'so "it" is', "??>>~~ÿÿ"]
)
def test_secrets_are_masked_in_all_their_forms(form: str, secret: str) -> None:
    shown = redactor(api_secret=secret).redact(f"so: {FORMS[form](secret)}, it is")
    assert shown == "so: ***, it is"


@pytest.mark.parametrize("before", range(4))
def test_little_of_a_secret_is_left_within_longer_base64(before: int) -> None:
    text = "x" * before + "a-long-secret" + "y" * 4
    coded = base64.b64encode(text.encode()).decode()
    shown = redactor(api_secret="a-long-secret").redact(coded)
    assert len(shown.replace("***", "")) <= len(coded) - 13 * 8 // 6 + 2


def test_a_login_in_a_url_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = redactor().redact("see https://me:hunter%32@proxy.test:3128/a@b")
    assert shown == "see https://***proxy.test:3128/a@b"
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:hunter%40two@proxy.test")
    header = base64.b64encode(b"someone:hunter@two").decode()
    assert redactor().redact(f"{header} hunter@two") == "*** ***"


def test_short_secrets_are_hidden_by_showing_nothing() -> None:
    assert "valid" not in redactor(password="a").excerpt(b"validation")


def test_text_from_a_server_is_cut_to_one_line() -> None:
    assert redactor().excerpt(b"a\n  b aaaa") == "a b ***"
    assert redactor().excerpt(b"") == "(empty body)"
    assert len(redactor().excerpt(b"x" * 1000)) == 200


def test_no_secret_is_in_the_log_or_a_traceback() -> None:
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


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"id":1,"api_key":"s3c","b":2}', '{"id":1,"api_key":***,"b":2}'),
        ('{"a":{"token" : 123}}', '{"a":{"token" : ***}}'),
        (r'{"pwd":"a\"b","key":null}', '{"pwd":***,"key":***}'),
        ('{"secrets":[1,{"a":2}],"b":"s3c"}', '{"secrets":***'),
        ('{"apiKey":"s3', '{"apiKey":***'),
        ('{"apiKey":', '{"apiKey":***'),
        ('{"name":"password","id":5}', '{"name":"password","id":5}'),
        ("not JSON: token", "not JSON: token"),
    ],
)
def test_fields_named_like_a_secret_are_masked_in_rows(body: str, shown: str) -> None:
    assert redactor().excerpt(body.encode(), may_have_rows=True) == shown


def test_a_refusal_can_name_a_field_as_a_key() -> None:
    body = b'{"key":"start_date","apiKey":"s3c"}'
    assert redactor().excerpt(body) == '{"key":"start_date","apiKey":***}'


URL = "https://t.example/c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"see {URL}?api_key=s3c&b=2; go on", f"see {URL}?api_key=***&b=2; go on"),
        (f"{URL}?a=1&access_token=s3c.x~y", f"{URL}?a=1&access_token=***"),
        (f"'{URL}?a=1;pwd=s3c'", f"'{URL}?a=1;pwd=***'"),
        (f'{{"u":"{URL}?apiKey=s%33c"}}', f'{{"u":"{URL}?apiKey=***"}}'),
        (f"{URL}?X-Amz-Signature=s3c#x", f"{URL}?X-Amz-Signature=***#x"),
        (f"{URL}?sig=s3c&key=s3c", f"{URL}?sig=***&key=***"),
        (f"{URL}#access_token=s3c", f"{URL}#access_token=***"),
        (
            rf"{URL}?a=1\u0026token\u003ds3c\u0026b=2",
            rf"{URL}?a=1\u0026token\u003d***\u0026b=2",
        ),
        (f"{URL}?a=1&amp;token=s3c&amp;b=2", f"{URL}?a=1&amp;token=***&amp;b=2"),
        (
            f"{URL}?to={quote(URL + '?token=s3c', '')} next",
            f"{URL}?to={quote(URL, '')}%3Ftoken%3D*** next",
        ),
        (
            f"{URL}?to={quote(quote(URL + '?a=1&token=s3c', ''), '')}",
            f"{URL}?to={quote(quote(URL + '?a=1', ''), '')}%2526token%253D***",
        ),
        (f"{URL}?token={{token}}&c={{click}}", f"{URL}?token=***&c={{click}}"),
        (r"t.example\/c?sig=s3\/c&b=2", r"t.example\/c?sig=***&b=2"),
        (
            f"{URL}?x%5Bsig%5D=s3c&access%255Ftoken=s3c",
            f"{URL}?x%5Bsig%5D=***&access%255Ftoken=***",
        ),
        # Neither secrets nor parameters.
        (f"{URL}?page=2&per_page=100&advertiser_id=7", None),
        (f"{URL}?country=DE&turkey=1", None),
        ("token=abc; and key = 5", None),
        ("what? token=abc", None),
        (f"{URL}?api_key=", None),
    ],
)
def test_query_parameters_named_like_a_secret_are_masked(
    text: str, shown: str | None
) -> None:
    assert redactor().redact(text) == (text if shown is None else shown)
    assert redactor().excerpt(text.encode()) == (text if shown is None else shown)


@pytest.mark.parametrize("unit", ["?a=", ";a=", "%3fa%3d"])
def test_many_parameters_are_each_searched_once(unit: str) -> None:
    """With quadratic time, this would take hours."""
    text = unit * 200_000
    assert redactor().redact(text) == text


def test_backslashes_without_end_are_searched_once() -> None:
    """With quadratic time, this would take hours."""
    text = "\\" * 400_000
    assert redactor(password="!secret").redact(text) == text
