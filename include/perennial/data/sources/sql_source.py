"""Rows from a query, streamed from the database, which applies the window itself as far as that is safe."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from perennial.address import Address
from perennial.data.snapshots.records import SourceObject
from perennial.data.sources.future import PartedTimes
from perennial.data.sources.rows import Rows, ScanRequest, Unreadable, event_times, scan_rows, take_rows
from perennial.data.sources.summary import SourceSummary, merge, rough_type_name
from perennial.data.values.columns import Kind, ValueType, check_columns, column_kinds, value_type_of
from perennial.data.values.python_values import arrow_array
from perennial.data.window import Bounds, NewestTimes
from perennial.errors import DataError, SourceUnavailable
from perennial.moments import FIRST, LAST, shifted
from perennial.printable import PrintableLog
from perennial.spec import ModelSpec

log = PrintableLog(__name__)

_BATCH_ROWS = 20_000
_SAMPLE_ROWS = 100
# Largest difference between a time in the database, of an unknown zone, and the same time in UTC.
_ZONE_SLACK = timedelta(days=2)
_Statement = sa.Select[Any]


class _Verbatim(sa.TextClause):
    """The user's SQL, taken literally: a colon does not begin a parameter, and a backslash does not escape one."""

    inherit_cache = False


@compiles(_Verbatim)
def _compiled(text: _Verbatim, compiler: SQLCompiler, **_: Any) -> str:
    # The usual processing of text only doubles percent signs, if the driver needs that.
    return str(compiler.post_process_text(text.text))  # type: ignore[no-untyped-call]


class SqlSource:
    """The result of a SELECT.

    Parameters
    ----------
    spec : ModelSpec
    url : str
        SQLAlchemy URL of the database. The URL and its password are kept out of all messages.
    """

    def __init__(self, spec: ModelSpec, url: str) -> None:
        self.name = f"the query over {spec.source.connection}"
        self._spec = spec
        self._url = url
        self._sql = (spec.source.sql or "").strip()
        kinds = column_kinds(spec)
        self._request = ScanRequest(
            columns=tuple(kinds),
            event_time=spec.source.event_time,
            time_zone=spec.source.time_zone,
            open_columns=tuple(name for name, kind in kinds.items() if kind in (Kind.OPEN, Kind.LABEL)),
        )
        self._time: sa.ColumnClause[Any] = sa.column(spec.source.event_time)
        self._native: type | None = None
        self._newest: datetime | None = None
        self._is_sortable_text = self._is_aware = False
        self._columns: frozenset[str] = frozenset()

    def scan(self) -> SourceSummary:
        """Find out columns and time range; see Source."""
        with self._connected() as connection:
            sample = self._sample(connection)
            types = {name: rough_type_name(array.type) for name, array in sample.items()}
            self._columns = frozenset(types)
            check_columns(self._spec, types, self.name, may_lack=self._spec.may_be_gone)
            value_types = {column: self._value_type(connection, column, sample[column]) for column in self._open}
            times = self._time_range(connection)
            self._newest = times.end
            return merge(
                [SourceSummary(rows=times.rows, start=times.start, end=times.end, types=types, value_types=value_types)]
            )

    def part(self, latest: datetime) -> PartedTimes:
        """Divide the event times at `latest`; see Source."""
        parted = PartedTimes(latest)
        with self._connected() as connection:
            bounds = Bounds(self._some_time_before(connection, latest), self._newest or latest)
            for found in self._answer(connection, self._select([self._time], bounds)):
                parted.add(event_times(found, self._request), lambda _: self.name)
        return parted

    def nth_newest(self, rows: int, as_of: datetime) -> datetime | None:
        """Return the N-th newest event time up to `as_of`; see Source."""
        bounds, newest = Bounds(None, as_of), NewestTimes(rows)
        with self._connected() as connection:
            for found in self._answer(connection, self._select([self._time], bounds)):
                times = event_times(found, self._request)
                newest.add(times.filter(bounds.mask(times)))
        return newest.oldest()

    def count(self, bounds: Bounds) -> int:
        """Return the number of rows within the bounds; see Source."""
        with self._connected() as connection:
            answer = self._answer(connection, self._select([self._time], bounds))
            return sum(bounds.mask(event_times(found, self._request)).true_count for found in answer)

    def columns(self, _bounds: Bounds) -> frozenset[str]:
        """Return the columns of the query's result; see Source."""
        return self._columns

    def read(self, _spec: ModelSpec, bounds: Bounds, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """Yield the rows within the bounds; see Source."""
        began, rows = time.perf_counter(), 0
        with self._connected() as connection:
            names = {self._request.event_time: None, **types}
            columns = [sa.column(name) if name in self._columns else sa.null().label(name) for name in names]
            statement = self._select(columns, bounds)
            for found in self._answer(connection, statement):
                batch = take_rows(found, types, self._request, bounds)
                rows += batch.num_rows
                yield batch
        log.info("%s: %d rows in %.1f s", self.name, rows, time.perf_counter() - began)

    def read_objects(self, _bounds: Bounds) -> tuple[SourceObject, ...]:
        """Return the query with its digest as version. Whether the database's rows have changed cannot be known."""
        digest = hashlib.sha256(self._sql.encode()).hexdigest()
        return (SourceObject(name=f"sql:{self._spec.source.connection}", version=digest),)

    @property
    def _open(self) -> tuple[str, ...]:
        return self._request.open_columns

    def _sample(self, connection: sa.Connection) -> dict[str, pa.Array]:
        answer = connection.execute(sa.select(sa.text("*")).select_from(self._query()).limit(_SAMPLE_ROWS))
        return _arrays(list(answer.keys()), answer.all())

    def _value_type(self, connection: sa.Connection, column: str, sample: pa.Array) -> frozenset[ValueType]:
        if sample.null_count == len(sample):
            named: sa.ColumnClause[Any] = sa.column(column)
            rows = connection.execute(sa.select(named).select_from(self._query()).where(named.is_not(None)).limit(1))
            sample = _arrays([column], rows.all())[column]
        return frozenset({value_type_of(sample.type)})

    def _time_range(self, connection: sa.Connection) -> SourceSummary:
        ends = sa.select(sa.func.min(self._time), sa.func.max(self._time), sa.func.count(), sa.func.count(self._time))
        oldest, newest, rows, known = connection.execute(ends.select_from(self._query())).one()
        self._native = type(newest)
        if isinstance(newest, str):
            other = sa.select(sa.func.count()).select_from(self._query()).where(self._time.not_like("____-__-__%"))
            self._is_sortable_text = connection.execute(other).scalar_one() == 0
        self._is_aware = isinstance(newest, datetime) and newest.tzinfo is not None
        if isinstance(newest, datetime) and known == rows:
            # Adding a time zone keeps the order of times, so the oldest and newest stay the same.
            column = pa.array([oldest, newest])
            answer: Iterator[Rows] = iter([Rows(0, pa.record_batch({self._time.name: column}))])
        else:
            answer = self._answer(connection, self._select([self._time], None))
        return scan_rows(answer, self._request, {})

    def _some_time_before(self, connection: sa.Connection, latest: datetime) -> datetime | None:
        """Return an event time close to the newest up to `latest`, if the database can find one."""
        # Early enough that the database cannot return a later time, whatever time zone it compares in.
        before = Bounds(None, latest - 2 * _ZONE_SLACK)
        if not self._ends(before):
            return None
        statement = self._select([self._time], before).order_by(self._time.desc()).limit(1)
        for found in self._answer(connection, statement):
            moment: datetime | None = event_times(found, self._request)[0].as_py()
            return moment
        return None

    def _select(self, columns: Sequence[sa.ColumnElement[Any]], bounds: Bounds | None) -> _Statement:
        statement = sa.select(*columns).select_from(self._query())
        ends = self._ends(bounds) if bounds else {}
        if "end" in ends:
            statement = statement.where(self._time <= ends["end"])
        if "start" in ends:
            statement = statement.where(self._time >= ends["start"])
        return statement

    def _ends(self, bounds: Bounds) -> dict[str, Any]:
        """Return limits for the database.

        They may let in too many rows, depending on time zones, but never exclude one.
        """
        limits = {"end": shifted(bounds.end, _ZONE_SLACK)}
        if bounds.start:
            limits["start"] = shifted(bounds.start, -_ZONE_SLACK)
        # If the limit is written as a date alone, it would exclude the calendar's last day after midnight.
        ends = {name: moment for name, moment in limits.items() if FIRST < moment < LAST}
        native = self._native or object
        if issubclass(native, str) and self._is_sortable_text:
            return {name: moment.date().isoformat() for name, moment in ends.items()}
        if issubclass(native, datetime):
            return {name: moment if self._is_aware else moment.replace(tzinfo=None) for name, moment in ends.items()}
        if issubclass(native, date):
            return {name: moment.date() for name, moment in ends.items()}
        return {}

    def _query(self) -> sa.Subquery:
        # The newline matters: the query may end with a comment.
        return _Verbatim(f"{self._sql}\n").columns(self._time).subquery("source")

    def _answer(self, connection: sa.Connection, statement: _Statement) -> Iterator[Rows]:
        first_row = 0
        answer = connection.execution_options(stream_results=True, yield_per=_BATCH_ROWS).execute(statement)
        names = list(answer.keys())
        for rows in answer.partitions():
            yield Rows(first_row, pa.record_batch(_arrays(names, rows)))
            first_row += len(rows)

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        try:
            engine = sa.create_engine(self._url, poolclass=sa.NullPool, hide_parameters=True)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise DataError(
                f"{self.name}: its SQLAlchemy URL cannot be used ({type(error).__name__}): check its form, such as "
                "postgresql+psycopg2://user:password@host/database, and that the driver is installed"
            ) from None
        try:
            connection = engine.connect()
        except SQLAlchemyError as error:
            raise SourceUnavailable(f"{self.name}: the database does not answer: {self._reason(error)}") from None
        with connection:
            try:
                yield connection
            except Unreadable as error:
                raise DataError(f"{self.name}: {error}") from error
            except SQLAlchemyError as error:
                lost = isinstance(error, DBAPIError) and error.connection_invalidated
                problem = "the connection was lost" if lost else "the database refuses the query"
                kind = SourceUnavailable if lost else DataError
                raise kind(f"{self.name}: {problem}: {self._reason(error)}") from None
            except (ArithmeticError, ValueError) as error:
                # For example a year before Christ: drivers leave it to Python to refuse what its types cannot hold.
                raise DataError(
                    f"{self.name}: a value of the result cannot be read ({type(error).__name__}: {error}): have the "
                    "query leave it out, or cast it to text"
                ) from error

    def _reason(self, error: SQLAlchemyError) -> str:
        """Return the driver's message without the URL and its password."""
        reason = Address(self._url).without_secrets(getattr(error, "orig", None) or error)
        return " ".join(reason.split())


def _arrays(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    columns = zip(*rows, strict=True) if rows else [[] for _ in names]
    return {name: arrow_array(values) for name, values in zip(names, columns, strict=True)}
