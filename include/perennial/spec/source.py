"""Where a model's rows come from, and which of them a retraining takes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from perennial.address import shown_address
from perennial.spec.section import AirflowName, Days, Number, Section, Text, Whole, a_second_or_more

# Comments and white space, or code between them; quoted text is matched as a whole.
_SQL_TOKENS = re.compile(
    r"""(?:\s+|--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<code>'[^']*(?:'|\Z)|"[^"]*(?:"|\Z)|`[^`]*(?:`|\Z)|.)""", re.DOTALL
)


def check_zone(name: str) -> str:
    """Return `name` if it is an IANA time zone; raise ValueError otherwise."""
    try:
        ZoneInfo(name)
    except Exception:
        raise ValueError(f"unknown time zone {name!r}: use an IANA name such as 'Europe/Berlin' or 'UTC'") from None
    return name


def _last_code(sql: str) -> str:
    """Return the last character or quoted text of a query that is not part of a comment."""
    code = [found["code"] for found in _SQL_TOKENS.finditer(sql) if found["code"]]
    return code[-1] if code else ""


class Window(Section):
    """The rows to train and evaluate on: exactly one of the three."""

    days: Days | None = Field(default=None, gt=0)
    """The last N days by event time, up to `as_of`."""
    rows: Whole | None = Field(default=None, gt=0)
    """The last N rows by event time, up to `as_of`; rows with the same event time as the oldest are included."""
    since: datetime | None = None
    """All rows from this time on, up to `as_of`. Needs a time zone, such as 2013-01-01T00:00:00Z."""

    @property
    def in_words(self) -> str:
        """The window in a few words, such as 'the last 90 days'."""
        if self.since is not None:
            return f"since {self.since:%Y-%m-%d %H:%M %Z}"
        return f"the last {self.days:g} days" if self.days is not None else f"the last {self.rows} rows"

    _days = field_validator("days")(a_second_or_more)

    @field_validator("since", mode="before")
    @classmethod
    def _no_bare_number(cls, since: object) -> object:
        # Pydantic would read 20130101, quoted or not, as seconds after 1970.
        if since is None or isinstance(since, date):
            return since
        try:
            return datetime.fromisoformat(since)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise ValueError(f"{since!r} is not a date and time such as 2013-01-01T00:00:00Z") from None

    @field_validator("since")
    @classmethod
    def _in_utc(cls, since: datetime | None) -> datetime | None:
        if since is not None and since.tzinfo is None:
            raise ValueError("needs a time and a zone, such as 2013-01-01T00:00:00Z")
        try:
            return since if since is None else since.astimezone(UTC)
        except OverflowError:
            raise ValueError(f"{since} is not within the years 1 to 9999 of UTC") from None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [name for name in ("days", "rows", "since") if getattr(self, name) is not None]
        if len(given) != 1:
            stated = " and ".join(given) if given else "none"
            raise ValueError(f"give exactly one of days, rows or since; given: {stated}")
        return self


def _one_or_different(windows: tuple[Window, ...]) -> Window | tuple[Window, ...]:
    """Return the only window of a list of one; raise ValueError if the list is empty or has a window twice."""
    if not windows:
        raise ValueError("the list is empty: give a window")
    if len(set(windows)) < len(windows):
        raise ValueError("a window occurs twice: its model would be trained twice")
    return windows if len(windows) > 1 else windows[0]


_Windows = Annotated[tuple[Window, ...], AfterValidator(_one_or_different), Tag("[list]")]
# Tagged, so that an error is only about the form that was given.
OneOrMore = Annotated[
    Annotated[Window, Tag("[one]")] | _Windows,
    Discriminator(lambda given: "[list]" if isinstance(given, list | tuple) else "[one]"),
]


class Future(Section):
    """Rows whose event time is in the future, which cannot be true.

    One of them would make all later rows count as old.
    """

    tolerance_hours: Number = Field(default=24.0, ge=0, le=87_600)
    """Hours by which event times may be ahead of the clock."""
    rows: Literal["set_aside", "refuse"] = "set_aside"
    """What is done with rows that are further ahead: left out and counted, or an error."""


class Changes(Section):
    """What is done about columns of the source that differ from those at the model's last snapshot."""

    new: Literal["note", "stop"] = "note"
    """A column that was not there: noted with the snapshot, or an error at ingest."""
    gone: Literal["note", "stop", "impute"] = "note"
    """A column that is no longer there. One that the spec reads is an error, except that `impute` takes a feature as
    missing, with an alarm."""
    retyped: Literal["note", "stop"] = "note"
    """A column of another type in the source."""
    empty: Literal["stop", "leave_out"] = "stop"
    """A feature without a value in the whole window: an error, or left out of this training, with an alarm."""


class Csv(Section):
    """The form of CSV files."""

    delimiter: str = ","
    """Separator of values: one character, such as `;` or a tab (`"\\t"`)."""
    decimal: Literal[".", ","] = "."
    """Decimal separator of numbers. With a comma, a point in a number is an error."""
    encoding: str = "utf-8"
    """Encoding of the files, by Python's name: `utf-16`, `cp1252`, `latin-1` and so on."""

    @field_validator("delimiter")
    @classmethod
    def _is_one_sign(cls, delimiter: str) -> str:
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in '"\r\n\0.-+_':
            raise ValueError(
                f'{delimiter!r}: give one character that does not occur in numbers or names, such as ";", "|" or "\\t"'
            )
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            is_text = "a,1\n".encode(encoding).decode(encoding) == "a,1\n"
        except (LookupError, ValueError):
            is_text = False
        if not is_text:
            raise ValueError(f"unknown encoding {encoding!r}: use one of Python's, such as 'utf-16' or 'cp1252'")
        return encoding

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if self.delimiter == self.decimal:
            raise ValueError('decimal is the same as delimiter, which is "," unless given')
        return self


class SourceSection(Section):
    """Files under a folder or S3 prefix (`uri`), or a query over a connection (`sql`, `connection`)."""

    uri: Text | None = None
    """A folder below the data root (`PERENNIAL_DATA`), such as `flights/`, or `s3://bucket/prefix`."""
    format: Literal["parquet", "csv", "jsonl"] = "parquet"
    """The files' format; JSON lines is one object per line."""
    csv: Csv = Csv()
    """The form of the files, if it is not UTF-8 with commas. Only with `format: csv`."""
    sql: Text | None = None
    """A SELECT without a semicolon at its end. It is wrapped, so that the window is applied in the database."""
    connection: AirflowName | None = None
    """Airflow connection of the query; on the command line a SQLAlchemy URL is given in its place."""
    event_time: Text
    """Column with the time of the row's event."""
    time_zone: str | None = None
    """Time zone of event times without one. If it is not set, such times are an error."""
    known_time: Text | None = None
    """Column with the time when the row's values became known. Replays use corrections only from then on."""
    key: tuple[Text, ...] = ()
    """Columns that identify a row. Of rows with the same key the newest by event time is kept."""
    window: OneOrMore
    """The rows to train and evaluate on. Several windows, in a list, each give a model of an ensemble."""
    changes: Changes = Changes()
    """What to do about columns that are new, gone or of another type."""
    future: Future = Future()
    """What to do with rows from the future."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """The one window, or all of the list."""
        return (self.window,) if isinstance(self.window, Window) else self.window

    _zone = field_validator("time_zone")(lambda value: value if value is None else check_zone(value))

    @field_validator("uri")
    @classmethod
    def _stays_below_the_root(cls, uri: str | None) -> str | None:
        if uri is None:
            return uri
        if uri.startswith("s3://"):
            if not {"", ".", ".."}.isdisjoint(uri.removeprefix("s3://").rstrip("/").split("/")):
                raise ValueError(f"{uri!r}: give s3://bucket/prefix without empty names, '.' and '..' between slashes")
            return uri
        if "://" in uri:
            raise ValueError(f"{shown_address(uri)!r}: only s3:// and folders below the data root are read")
        if uri.startswith(("/", "~")) or ".." in uri.split("/"):
            raise ValueError(
                f"{uri!r} leaves the data root: give a folder below it, and set PERENNIAL_DATA to the root"
            )
        return uri

    @field_validator("sql")
    @classmethod
    def _can_be_wrapped(cls, sql: str | None) -> str | None:
        if sql is not None and _last_code(sql) == ";":
            raise ValueError("leave out the semicolon at the end: the query is wrapped in another")
        return sql

    @model_validator(mode="after")
    def _files_or_query(self) -> Self:
        if (self.uri is None) == (self.sql is None):
            raise ValueError("give exactly one of uri (files) or sql (a query)")
        if (self.sql is None) != (self.connection is None):
            raise ValueError("sql and connection belong together")
        if self.sql is not None and "format" in self.model_fields_set:
            raise ValueError("format is for files: leave it out with sql")
        if self.csv != Csv() and self.format != "csv":
            raise ValueError("csv is for files with format: csv")
        return self
