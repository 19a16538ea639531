"""Events as JSON, sent with POST to any HTTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.alerts.message import title
from perennial_airflow.alerts.not_sent import NotSent, refuse_status

if TYPE_CHECKING:
    from perennial.spec.alerts import WebhookAlert
    from perennial_airflow.alerts.events import Event


def send(event: Event, to: WebhookAlert, *, timeout: int) -> None:
    """Post the event to the connection's address, with its login and headers."""
    from airflow.providers.http.hooks.http import HttpHook

    hook = HttpHook(method="POST", http_conn_id=to.connection)
    with hook.get_conn() as session:
        if not hook.base_url.partition("://")[2]:
            raise NotSent("the connection has no host", again=False)
        # Not `hook.run`: that logs the address of a server that does not answer.
        refuse_status(session.post(hook.base_url, json=payload(event), timeout=timeout).status_code)


def payload(event: Event) -> dict[str, Any]:
    """Return the JSON: all fields of the event, an `id` that is the same for repeats of the event, and a `title`."""
    return {"id": event.digest, "title": title(event), **event.model_dump(mode="json", exclude={"key"})}
