"""Who is told, of what, and how."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.section import AirflowName, Section, Text, no_repeats

EventName = Literal[
    "drift",
    "retraining_triggered",
    "promoted",
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
    """Airflow connection that holds the webhook's address: never in the spec, since who has it can post."""


class EmailAlert(Section):
    """A message by e-mail."""

    connection: AirflowName = "smtp_default"
    """Airflow connection of the mail server."""
    to: tuple[Text, ...] = Field(min_length=1)
    """Addresses."""


class WebhookAlert(Section):
    """A JSON object sent with POST to any address."""

    connection: AirflowName
    """Airflow HTTP connection: host, and what its server wants as login or headers."""


class Alerts(Section):
    """Messages on what happens to the model: one per event, with the reason and links."""

    events: tuple[EventName, ...] = (
        "retraining_triggered",
        "promoted",
        "retraining_failed",
        "monitoring_failed",
        "cursor_ahead",
        "breaker_open",
    )
    """Events that are told."""
    slack: SlackAlert | None = None
    """Tell a Slack channel."""
    email: EmailAlert | None = None
    """Tell by e-mail."""
    webhook: WebhookAlert | None = None
    """Tell any HTTP server."""

    _no_repeats = field_validator("events")(no_repeats)

    @model_validator(mode="after")
    def _someone_is_told(self) -> Self:
        if not (self.slack or self.email or self.webhook):
            raise ValueError("name at least one of slack, email or webhook, or leave alerts out")
        return self
