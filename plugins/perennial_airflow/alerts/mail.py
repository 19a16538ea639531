"""Events as mails, in plain text and in HTML."""

from __future__ import annotations

import html
import logging
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING

from perennial_airflow.alerts.message import facts, reason, title
from perennial_airflow.alerts.not_sent import NotSent

if TYPE_CHECKING:
    from perennial.spec.alerts import EmailAlert
    from perennial_airflow.alerts.events import Event

log = logging.getLogger(__name__)


def send(event: Event, to: EmailAlert, *, timeout: int) -> None:
    """Send the event from the connection's `from_email` to the spec's addresses."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    class ImpatientSmtpHook(SmtpHook):
        """Airflow's hook with a short timeout and without retries.

        It can send a message with two bodies (text and HTML).
        """

        @property
        def timeout(self) -> int:
            return min(super().timeout, timeout)

        @property
        def smtp_retry_limit(self) -> int:
            return 0

        def send_message(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
            return self._smtp_client.send_message(message)  # type: ignore[union-attr,return-value]

    with ImpatientSmtpHook(to.connection) as hook:
        if not hook.from_email:
            raise NotSent('the connection has no sender: add "from_email" to its extra', again=False)
        refused = hook.send_message(mail(event, sender=hook.from_email, to=to.to))
    if refused:
        log.warning("%s: the mail server refused %s", event.model, ", ".join(sorted(refused)))


def mail(event: Event, *, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return the mail. Two mails of the same event have the same id, so mail programs show them as one."""
    message = EmailMessage()
    message["Subject"] = f"[perennial] {title(event)}"
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{event.digest}@perennial.invalid>"
    # Prevents automatic replies, such as "I am on holiday".
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(event))
    message.add_alternative(_html(event), subtype="html")
    return message


def _text(event: Event) -> str:
    lines = [title(event), "", reason(event), ""]
    lines += [f"{name}: {address}" for name, address in event.links.items()]
    lines += ["", *(f"{name}: {value}" for name, value in facts(event))]
    return "\n".join(lines) + "\n"


def _html(event: Event) -> str:
    links = "".join(
        f'<li><a href="{html.escape(address)}">{html.escape(name)}</a></li>' for name, address in event.links.items()
    )
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>" for name, value in facts(event)
    )
    return (
        f"<h3>{html.escape(title(event))}</h3><p>{html.escape(reason(event))}</p><ul>{links}</ul><table>{rows}</table>"
    )
