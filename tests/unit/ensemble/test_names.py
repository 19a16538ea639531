from __future__ import annotations

from datetime import UTC, datetime

from perennial.ensemble.names import named
from perennial.models.manifest import FittedRows


def fitted(start: int, end: int) -> FittedRows:
    return FittedRows(
        rows=9, train_start=datetime(2024, start, 1, tzinfo=UTC), train_end=datetime(2024, end, 1, tzinfo=UTC)
    )


def test_a_member_is_named_by_its_newest_rows_and_by_its_oldest_only_where_another_ends_with_them():
    spring, longer, summer = fitted(2, 4), fitted(1, 4), fitted(1, 7)
    assert [named(one, (spring, longer, summer)) for one in (spring, longer, summer)] == [
        "2024-04-01 (rows from 2024-02-01)",
        "2024-04-01 (rows from 2024-01-01)",
        "2024-07-01",
    ]
    assert named(spring, (spring, summer), "%-d %B %Y") == "1 April 2024"
    assert named(spring, (spring, fitted(2, 4))) == "2024-04-01", "the oldest rows would not tell them apart"
