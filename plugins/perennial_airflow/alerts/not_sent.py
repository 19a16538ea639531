"""Why a message could not be sent, in words that may go into a log."""

from __future__ import annotations

import os
import smtplib

from airflow.sdk.exceptions import AirflowNotFoundException


class NotSent(Exception):
    """A message was refused, or nobody answered.

    Attributes
    ----------
    again : bool
        True where the same message may go through in a moment.
    """

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def refuse_status(status: int) -> None:
    """Raise NotSent unless an HTTP server has taken the message."""
    if not 200 <= status < 300:
        raise NotSent(f"the server answered {status}", again=status >= 500 or status in (408, 429))


def explained(error: Exception) -> NotSent:
    """Return the error as one that may be logged.

    The texts of others' errors are left out: that of a failed request names its address, and who knows a webhook's
    address can post to it.
    """
    if isinstance(error, NotSent):
        return error
    if isinstance(error, AirflowNotFoundException):  # names the connection and nothing in it
        return NotSent(str(error), again=False)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return NotSent(f"the server refused all addresses ({', '.join(map(str, codes))})", again=codes[0] < 500)
    if isinstance(error, smtplib.SMTPResponseException):
        return NotSent(f"the server answered {error.smtp_code}", again=error.smtp_code < 500)
    if isinstance(error, TimeoutError):
        return NotSent("the server did not answer in time", again=True)
    number = getattr(error, "errno", None) or getattr(getattr(error, "reason", None), "errno", None)
    cause = f": {os.strerror(number)}" if isinstance(number, int) and number > 0 else ""
    return NotSent(f"{type(error).__name__}{cause}", again=True)
