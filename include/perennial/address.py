"""Addresses that may hold passwords, and texts that may quote them."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_END_OF_PATH = re.compile(r"[?#;]")
# The other special characters split an address when it is parsed, so a message might quote a piece of the password.
_WHOLE = re.compile(r"[A-Za-z0-9._~%!$*+,=-]+")
_SHORTEST = 4


class Address:
    """An address, and what is secret in it.

    Parameters
    ----------
    uri : str
        Address of a server or database; it need not be well-formed.

    Attributes
    ----------
    shown : str
        The address without login, query and fragment; `***` where it is not clear where those begin.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.shown = shown_address(uri)
        certain = not self.shown.endswith(f"/{HIDDEN}") and self.shown != HIDDEN
        values = [] if self.shown == uri else _secret_values(uri)
        self._secrets = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)
        self._quotable = certain and all(len(value) >= _SHORTEST and _WHOLE.fullmatch(value) for value in values)

    def without_secrets(self, error: BaseException | str) -> str:
        """Return what an error or a message says, without this address's secrets.

        Where a part of a secret could remain, only the kind of the error is given.
        """
        text = str(error) or type(error).__name__
        if self.shown == self._uri:
            return text
        if not self._quotable:
            kind = "a message" if isinstance(error, str) else type(error).__name__
            return f"{kind} whose text is not shown, since it may contain the login"
        text = text.replace(self._uri, self.shown)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return without_logins(text)


def shown_address(uri: str) -> str:
    """Return an address without login, query, parameters and fragment."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = "", uri
    elif not _SCHEME.fullmatch(scheme):
        return HIDDEN
    end = _END_OF_PATH.search(rest)
    place, tail = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    if "@" in _decoded(tail):
        # Either the password has such a character, or the query an '@'.
        return f"{scheme}{separator}{HIDDEN}"
    place = place.rpartition("@")[2]
    if any(sign in _decoded(place) for sign in "@?#;="):
        return f"{scheme}{separator}{HIDDEN}"
    return f"{scheme}{separator}{place}{tail[:1] and tail[0] + HIDDEN}"


def without_logins(text: str) -> str:
    """Return a text in which every address is shown as `shown_address` does."""
    return _ADDRESS.sub(lambda found: shown_address(found[0]), text)


def _secret_values(uri: str) -> list[str]:
    """Return the password, or the login where it is one word, and the values of query, parameters and fragment."""
    rest = uri.partition("://")[2] or uri
    login, _, after = rest.rpartition("@") if "@" in rest else ("", "", rest)
    user, _, password = login.partition(":")
    values = [password or user]
    tail = _END_OF_PATH.split(after)[1:]
    values += [part.partition("=")[2] or part for piece in tail for part in piece.split("&")]
    # A driver's own settings may be a value in the query: odbc_connect=PWD%3Dsecret.
    values += [part for value in values for part in re.split("[;&=]", _decoded(value)) if len(part) >= _SHORTEST]
    return [value for value in values if value]


def _decoded(text: str) -> str:
    """Decode until nothing is encoded any more: an address may be nested in another, encoded twice."""
    while (decoded := unquote(text)) != text:
        text = decoded
    return text


def _forms(secret: str) -> set[str]:
    """Return all forms in which a message may contain a secret: as it is, decoded, encoded, or quoted by Python."""
    plain = {secret, unquote(secret), unquote_plus(secret)}
    coded = {form for one in plain for form in (quote(one), quote(one, safe=""), quote_plus(one))}
    return plain | coded | {repr(one)[1:-1] for one in plain}
