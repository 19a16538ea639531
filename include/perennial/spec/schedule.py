"""When a model is retrained by schedule."""

from __future__ import annotations

from pydantic import field_validator

from perennial.spec.cron import check_cron
from perennial.spec.section import Section
from perennial.spec.source import check_zone


class Schedule(Section):
    """A cron expression in a time zone."""

    cron: str
    """Five fields, such as `0 6 * * 1`: Mondays at six."""
    time_zone: str = "UTC"
    """IANA name, such as `America/New_York`."""

    _cron = field_validator("cron")(check_cron)
    _zone = field_validator("time_zone")(check_zone)
