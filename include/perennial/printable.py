r"""Text that is safe to print to a terminal or a log, whatever file, column or value it quotes.

Control characters (among them those that begin a terminal's commands), characters that change the direction of writing,
and unpaired surrogates, which cannot be encoded, are escaped as JSON does: `\u001b`.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

_UNPRINTABLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return the text with everything escaped that must not be printed; line breaks and tabs stay."""
    return _UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def printable_name(name: str) -> str:
    """Return a name with line breaks escaped too, so that it cannot look like a message of its own."""
    return printable(name).replace("\n", r"\n").replace("\t", r"\t")


class PrintableLog(logging.LoggerAdapter[logging.Logger]):
    """A module's log whose messages are printable.

    Parameters
    ----------
    name : str
        The module's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the message with its arguments filled in."""
        if self.isEnabledFor(level):
            message = str(msg) % args if args else str(msg)
            self.logger.log(level, "%s", printable(message), stacklevel=2, **kwargs)
