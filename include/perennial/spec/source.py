"""Where a model's rows come from, and which of them a retraining takes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from perennial.spec.part import Days, Part, Text, Whole


def check_zone(name: str) -> str:
    """Return `name` if it is an IANA time zone; raise ValueError otherwise."""
    try:
        ZoneInfo(name)
    except Exception:
        raise ValueError(f"unknown time zone {name!r}: use an IANA name such as 'Europe/Berlin' or 'UTC'") from None
    return name


class Window(Part):
    """The rows to train and evaluate on: exactly one of the three."""

    days: Days | None = Field(default=None, gt=0)
    """The last N days by event time, up to `as_of`."""
    rows: Whole | None = Field(default=None, gt=0)
    """The last N rows by event time, up to `as_of`; rows that tie with the oldest of them come along."""
    since: datetime | None = None
    """Everything from this moment on, up to `as_of`. Needs a zone, such as 2013-01-01T00:00:00Z."""

    @field_validator("since", mode="before")
    @classmethod
    def _no_bare_number(cls, since: object) -> object:
        # Pydantic would take 20130101 for seconds after 1970.
        if since is not None and not isinstance(since, str | date):
            raise ValueError(f"{since!r} is no date and time such as 2013-01-01T00:00:00Z")
        return since

    @field_validator("since")
    @classmethod
    def _in_utc(cls, since: datetime | None) -> datetime | None:
        if since is not None and since.tzinfo is None:
            raise ValueError("needs a time and a zone, such as 2013-01-01T00:00:00Z")
        return since if since is None else since.astimezone(UTC)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [name for name in ("days", "rows", "since") if getattr(self, name) is not None]
        if len(given) != 1:
            stated = " and ".join(given) if given else "none"
            raise ValueError(f"give exactly one of days, rows or since; given: {stated}")
        return self


class Source(Part):
    """Files under a folder or S3 prefix (`uri`), or a query over a connection (`sql`, `connection`)."""

    uri: Text | None = None
    """A folder below the data root (`PERENNIAL_DATA`), such as `flights/`, or `s3://bucket/prefix`."""
    format: Literal["parquet", "csv", "jsonl"] = "parquet"
    """The files' format; JSON lines is one object a line."""
    sql: Text | None = None
    """A SELECT without a trailing semicolon. It is wrapped, so that the window is applied in the database."""
    connection: Text | None = None
    """Airflow connection of the query; on the command line a SQLAlchemy URL is given in its place."""
    event_time: Text
    """Column that says when the row's event happened."""
    time_zone: str | None = None
    """Zone of event times that carry none. Without it such times are an error."""
    key: tuple[Text, ...] = ()
    """Columns that identify a row. Of rows with the same key the newest by event time is kept."""
    window: Window

    _zone = field_validator("time_zone")(lambda value: value if value is None else check_zone(value))

    @field_validator("uri")
    @classmethod
    def _stays_below_the_root(cls, uri: str | None) -> str | None:
        if uri is None or uri.startswith("s3://"):
            return uri
        if "://" in uri:
            raise ValueError(f"{uri!r}: only s3:// and folders below the data root are read")
        if uri.startswith(("/", "~")) or ".." in uri.split("/"):
            raise ValueError(
                f"{uri!r} leaves the data root: give a folder below it, and set PERENNIAL_DATA to the root"
            )
        return uri

    @field_validator("sql")
    @classmethod
    def _can_be_wrapped(cls, sql: str | None) -> str | None:
        if sql is not None and sql.rstrip().endswith(";"):
            raise ValueError("leave out the semicolon at the end: the query is wrapped in another")
        return sql

    @model_validator(mode="after")
    def _files_or_query(self) -> Self:
        if (self.uri is None) == (self.sql is None):
            raise ValueError("give exactly one of uri (files) or sql (a query)")
        if (self.sql is None) != (self.connection is None):
            raise ValueError("sql and connection belong together")
        if self.sql is not None and "format" in self.model_fields_set:
            raise ValueError("format is for files: leave it out beside sql")
        return self
