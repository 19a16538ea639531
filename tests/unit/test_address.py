"""No secret of an address is ever shown, whatever the address looks like and however an error quotes it."""

from __future__ import annotations

from urllib.parse import quote, quote_plus, unquote, urlsplit

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from perennial.address import Address, shown_address, without_logins

ODD = st.text("abcXYZ019 @:/?#;&=%+[]\\'\"~.,é\n", min_size=3, max_size=12)
SECRETS = st.one_of(ODD, ODD.map(lambda text: quote(text, safe=""))).map(lambda text: f"S3cr{text}T0p")
SHAPES = (
    "http://user:{}@host:5000", "https://user:{}@host/mlflow", "http://{}@host", "http://user:{}@host?x=1",
    "http://host:5000?user=u&password={}", "http://host/path;password={}", "http://host/#{}", "host:5000?password={}",
    "user:{}@host:5000", "//user:{}@host", "postgresql://user:{}@host:5432/mlflow?sslmode=require",
    "mssql+pyodbc:///?odbc_connect=PWD%3D{}", "user:{}@http://host", "http%3A%2F%2Fuser%3A{}%40host",
    "http://host?mail=a@b&password={}", "sqlite:///file.db?key={}", " http://user:{}@host",
)  # fmt: skip


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, str]:
    secret = draw(SECRETS)
    return draw(st.sampled_from(SHAPES)).format(secret), secret


def shows(text: str, secret: str) -> bool:
    """Whether the secret, or the half of it up to an odd character, stands in a text in any form."""
    return any(mark in unquote(text) for mark in ("S3cr", "T0p"))


@given(addresses())
@example(("http://user:S3cr?a@bT0p@host", "S3cr?a@bT0p"))
def test_what_is_shown_of_an_address_has_no_secret(found: tuple[str, str]) -> None:
    address, secret = found
    assert not shows(shown_address(address), secret)
    assert not shows(shown_address(quote(address, safe="")), secret)


@given(addresses(), st.sampled_from([str, repr, quote, quote_plus, lambda text: quote(text, safe=""), unquote]))
def test_an_error_that_quotes_the_address_or_a_part_of_it_shows_no_secret(
    found: tuple[str, str], write: object
) -> None:
    address, secret = found
    for quoted in (address, secret, address.partition("?")[2], address.rpartition("@")[0]):
        error = ValueError(f"Max retries exceeded with url: {write(quoted)} (Caused by nothing)")  # type: ignore[operator]
        assert not shows(Address(address).without_secrets(error), secret)
        assert not shows(Address(address).without_secrets(str(error)), secret)


@given(addresses())
def test_what_libraries_say_of_the_address_shows_no_secret(found: tuple[str, str]) -> None:
    address, secret = found

    def parse() -> object:
        return urlsplit(address).port

    def prepare() -> object:
        return requests.Request("GET", address + "/health").prepare()

    for act in (parse, prepare):
        told = ""
        try:
            act()
        except Exception as error:
            told = Address(address).without_secrets(error)
        assert not shows(told, secret)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://mlflow.example:5000", "http://mlflow.example:5000"),
        ("http://someone:secret@mlflow.example:5000/path", "http://mlflow.example:5000/path"),
        ("http://mlflow.example?user=u&password=p", "http://mlflow.example?***"),
        ("someone:secret@mlflow.example:5000", "mlflow.example:5000"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("postgresql://u:p@db/mlflow", "postgresql://db/mlflow"),
    ],
)
def test_what_is_not_secret_is_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown


def test_what_an_error_says_beside_the_secret_is_kept() -> None:
    address = Address("http://someone:longsecret@mlflow.example")
    error = OSError("http://someone:longsecret@mlflow.example/health refuses longsecret: 401")
    assert address.without_secrets(error) == "http://mlflow.example/health refuses ***: 401"


def test_addresses_within_a_text_lose_their_logins() -> None:
    text = 'Could not connect to the endpoint URL: "http://key:secret@minio:9000/bucket?signature=secret"'
    assert without_logins(text) == 'Could not connect to the endpoint URL: "http://minio:9000/bucket?***"'
