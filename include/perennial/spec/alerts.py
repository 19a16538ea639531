"""Which messages are sent, and where."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.section import AirflowName, Section, Text, no_repeats

EventName = Literal[
    "column_gone",
    "drift",
    "retraining_triggered",
    "approval_asked",
    "promoted",
    "rolled_back",
    "rollback_asked",
    "rejected",
    "inconclusive",
    "retraining_failed",
    "monitoring_failed",
    "cursor_ahead",
    "breaker_open",
]


class SlackAlert(Section):
    """A message through a Slack incoming webhook."""

    connection: AirflowName = "slack_default"
    """Airflow connection with the webhook's address. It must not be in the spec: anyone who knows it can post."""


class EmailAlert(Section):
    """A message by e-mail."""

    connection: AirflowName = "smtp_default"
    """Airflow connection of the mail server."""
    to: tuple[Text, ...] = Field(min_length=1)
    """Addresses."""


class WebhookAlert(Section):
    """A JSON object sent with POST to any address."""

    connection: AirflowName
    """Airflow HTTP connection: host, and login or headers for its server."""


class Alerts(Section):
    """Messages about events of the model: one per event, with the reason and links."""

    events: tuple[EventName, ...] = (
        "column_gone",
        "retraining_triggered",
        "approval_asked",
        "promoted",
        "rolled_back",
        "rollback_asked",
        "retraining_failed",
        "monitoring_failed",
        "cursor_ahead",
        "breaker_open",
    )
    """Events for which messages are sent."""
    slack: SlackAlert | None = None
    """Send to a Slack channel."""
    email: EmailAlert | None = None
    """Send by e-mail."""
    webhook: WebhookAlert | None = None
    """Send to any HTTP server."""

    _no_repeats = field_validator("events")(no_repeats)

    @model_validator(mode="after")
    def _someone_is_told(self) -> Self:
        if not (self.slack or self.email or self.webhook):
            raise ValueError("name at least one of slack, email or webhook, or leave alerts out")
        return self
