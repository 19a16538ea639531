"""Put events into the outbox, and send them from there. Nothing here may fail a task or delay it for long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from perennial_airflow.alerts import mail, slack, webhook
from perennial_airflow.alerts.not_sent import NotSent, explained
from perennial_airflow.alerts.outbox import ChannelName, Message, Outbox, Taken

if TYPE_CHECKING:
    from perennial.spec.alerts import Alerts
    from perennial.store.protocol import Store
    from perennial_airflow.alerts.events import Event

log = logging.getLogger(__name__)

SEND: Mapping[ChannelName, Callable[..., None]] = {"slack": slack.send, "email": mail.send, "webhook": webhook.send}

TIMEOUT = 5
"""Seconds for a server to answer; after that time, no further try is begun."""
TRIES = 3
LONGEST = 10
"""Seconds after which no further message is begun: Airflow ends a task's process 20 seconds after the task."""
KEPT_FOR = timedelta(days=7)
"""How long a message that cannot be sent is tried again."""


def tell(store: Store, model: str, alerts: Alerts, events: Iterable[Event]) -> None:
    """Send the events that the spec asks for, and earlier messages that could not be sent.

    Parameters
    ----------
    store : Store
    model : str
    alerts : Alerts
    events : iterable of Event
    """
    outbox = Outbox(store, model)
    for event in events:
        if event.name in alerts.events:
            for channel in SEND:
                if getattr(alerts, channel) is not None:
                    outbox.put(Message(event=event, channel=channel))
    began = time.monotonic()
    for message in outbox.waiting():
        if time.monotonic() - began > LONGEST:
            log.warning("%s: the servers are slow; the remaining messages are sent with the next event or check", model)
            return
        taken = outbox.take(message)
        if taken is not None:
            _send(outbox, taken, getattr(alerts, message.channel))


def _send(outbox: Outbox, taken: Taken, to: Any) -> None:
    message = taken.message
    event, channel = message.event, message.channel
    if to is None:  # no longer in the spec
        outbox.drop(message)
        return
    try:
        _try_a_few_times(message, to)
    except NotSent as error:
        if datetime.now(UTC) - event.at > KEPT_FOR:
            outbox.drop(message)
            after = f"It is {KEPT_FOR.days} days old and is not tried again."
        else:
            outbox.give_back(taken)
            after = "It is tried again with the model's next event or check."
        log.warning(
            "%s: the event '%s' was not sent by %s over the connection '%s': %s. %s",
            event.model, event.name, channel, to.connection, error, after,
        )  # fmt: skip
    else:
        outbox.note_sent(message)
        log.info("%s: the event '%s' was sent by %s", event.model, event.name, channel)


def _try_a_few_times(message: Message, to: Any) -> None:
    import tenacity

    for attempt in tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(TIMEOUT),
        wait=tenacity.wait_exponential(multiplier=0.5),
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, NotSent) and error.again),
        reraise=True,
    ):
        with attempt:
            try:
                _refuse_missing(to.connection)
                SEND[message.channel](message.event, to, timeout=TIMEOUT)
            except Exception as error:
                raise explained(error) from None


def _refuse_missing(connection: str) -> None:
    try:
        BaseHook.get_connection(connection)
    except AirflowNotFoundException:
        raise NotSent(
            "Airflow has no such connection; add it under Admin > Connections, or set "
            f"AIRFLOW_CONN_{connection.upper()}",
            again=False,
        ) from None
