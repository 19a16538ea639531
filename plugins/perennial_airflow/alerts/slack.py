"""Events as messages through a Slack incoming webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.alerts.message import facts, reason, title
from perennial_airflow.alerts.not_sent import refuse_status

if TYPE_CHECKING:
    from perennial.spec.alerts import SlackAlert
    from perennial_airflow.alerts.events import Event


def send(event: Event, to: SlackAlert, *, timeout: int) -> None:
    """Post the event. The webhook's address is the connection's password, or its host and password together."""
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    # Slack's own retry handlers would log the webhook's address.
    hook = SlackWebhookHook(slack_webhook_conn_id=to.connection, timeout=timeout, retry_handlers=[])
    # Not `hook.send`: its errors do not say whether trying again can help.
    refuse_status(hook.client.send_dict(payload(event)).status_code)


def payload(event: Event) -> dict[str, Any]:
    """Return Slack's payload: `text` for notifications, `blocks` for the channel."""
    links = " | ".join(f"<{address}|{name}>" for name, address in event.links.items())
    small = " | ".join(f"{_escaped(name)}: {_escaped(value)}" for name, value in facts(event))
    return {
        "text": f"{_escaped(title(event))}. {_escaped(reason(event))}",
        "blocks": [
            _section(f"*{_escaped(title(event))}*\n{_escaped(reason(event))}"),
            *([_section(links)] if links else []),
            {"type": "context", "elements": [{"type": "mrkdwn", "text": small}]},
        ],
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
