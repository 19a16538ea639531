"""The error for a message that could not be sent, whose text is safe to log."""

from __future__ import annotations

import os
import smtplib

from airflow.sdk.exceptions import AirflowNotFoundException


class NotSent(Exception):
    """A message was refused, or the server did not answer.

    Attributes
    ----------
    again : bool
        True if sending the same message again soon may succeed.
    """

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def refuse_status(status: int) -> None:
    """Raise NotSent unless the status says that the HTTP server accepted the message."""
    if not 200 <= status < 300:
        raise NotSent(f"the server answered {status}", again=status >= 500 or status in (408, 429))


def explained(error: Exception) -> NotSent:
    """Return an error that is safe to log.

    The text of errors of other libraries is left out: that of a failed request contains the address, and anyone who
    knows a webhook's address can post to it.
    """
    if isinstance(error, NotSent):
        return error
    if isinstance(error, AirflowNotFoundException):  # its text contains only the connection's name
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
