"""What tests of opened checks share."""

from __future__ import annotations

from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.steps import close_check, decide
from perennial.store.local import LocalStore
from tests.unit.monitoring.parcels import make_result, make_spec

SPEC = make_spec({"min_rows": 2, "lateness_days": 3}, {"cooldown_days": 0})
BUSY = ("manual",)


def close(make_run, check, status="quiet", **changes):
    run = make_run(SPEC, **changes)
    entry = decide(run, check, [make_result("page_hinkley", status)])
    return close_check(run, entry)


def ids(store: LocalStore, key: str | None) -> list[int]:
    return sorted(read_rows(store, key)["id"].astype(int)) if key else []
