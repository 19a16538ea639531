from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.deployment import Deployment
from perennial.monitoring.opening import open_check
from perennial.monitoring.records import OpenCheck
from perennial.run import MonitorRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.store.protocol import Store
from perennial.store.s3 import S3Store
from tests.conftest import S3Server
from tests.unit.monitoring.opened import SPEC
from tests.unit.monitoring.parcels import NOW, Parcels, Registry, day, make_champion, make_spec, write_origin


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture(params=["local", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind: exactly-once rests on `create` and `replace`."""
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    server: S3Server = request.getfixturevalue("s3_server")
    return S3Store(server.new_bucket(), client=server.client())


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return Parcels(tmp_path / "data")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Say who is champion, in MLflow's place."""
    found = Registry()
    found.stand_in(monkeypatch)
    return found


@pytest.fixture
def make_run(tmp_path: Path, store: LocalStore) -> Callable[..., MonitorRun]:
    def make(spec: ModelSpec | None = None, **changes: Any) -> MonitorRun:
        places = {"store": changes.pop("store", store), "tracking_uri": "", "data_root": tmp_path / "data"}
        return MonitorRun(
            spec=spec or make_spec({"min_rows": 2}), deployment=Deployment(**places), **({"now": NOW} | changes)
        )

    return make


@pytest.fixture
def watch(make_run, store, registry, parcels):
    """Return a model whose champion was trained on what came until day 0, and that was checked on day 5."""
    write_origin(store, "1", end=day(0))
    registry.champion = make_champion("1")
    parcels.deliver([1, 2], days=[-1, -6])
    parcels.deliver([3, 4, 5], days=[1, 3, 5])

    def check(**changes) -> OpenCheck | None:
        return open_check(make_run(changes.pop("spec", SPEC), **changes))

    return check
