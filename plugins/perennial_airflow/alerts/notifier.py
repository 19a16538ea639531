"""The Airflow notifier that sends a model's alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.notifier import BaseNotifier

from perennial.errors import PerennialError

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.spec import ModelSpec
    from perennial_airflow.alerts.events import Event

log = logging.getLogger(__name__)


class AlertNotifier(BaseNotifier):
    """Make events from the context, and send them as the spec's `alerts` say.

    Parameters
    ----------
    spec : ModelSpec
        Spec of the model that the events are about.
    events_of : callable
        Takes Airflow's context, returns the events to send.
    """

    template_fields = ()

    def __init__(self, spec: ModelSpec, events_of: Callable[[Mapping[str, Any]], Iterable[Event]]) -> None:
        super().__init__()
        self.spec = spec
        self.events_of = events_of

    def notify(self, context: Context) -> None:
        """Send the events. Any error is only logged as a warning: it must not fail the task."""
        from perennial_airflow.alerts.sending import tell
        from perennial_airflow.hooks.store import StoreHook

        if self.spec.alerts is None:
            return
        try:
            store = StoreHook(self.spec.name, self.spec.region).open()
            tell(store, self.spec.name, self.spec.alerts, self.events_of(context))
        except Exception as error:
            # The text of errors of other libraries may contain secrets.
            why = str(error) if isinstance(error, PerennialError) else type(error).__name__
            log.warning("%s: alerts could not be sent: %s", self.spec.name, why)
