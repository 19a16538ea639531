"""Two models of two regions on two buckets: neither's rows get into the other's, nor into Airflow or everybody's MLflow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.conftest import FIRST_ORDER

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult
    from tests.conftest import S3Server

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

MONITORING = {
    "min_rows": 50,
    "require": {"checks": 1, "of": 1},
    "page_hinkley": None,
    "drift": {"level": 0.001, "effect_floor": 0.1},
}


@dataclass(frozen=True)
class Region:
    """A region with a bucket, in which the rows land and the store lies, and what marks its rows."""

    name: str
    bucket: str
    s3: Any

    @property
    def mark(self) -> str:
        return f"customer-of-{self.name}"

    def land(self, *, days: int, drifts: bool = False) -> None:
        """Land orders; those with many items are late. Drifted ones have more items, of customers that nobody knew."""
        chance = random.Random(1)
        lines = ["ordered_at,items,customer,late"]
        for number in range(days * 20):
            items = chance.randint(1, 10)
            late = (items > 5) != (chance.random() < 0.2)
            known = chance.choice("abc")
            new = drifts and number >= 800
            moment = FIRST_ORDER + number * timedelta(minutes=72)
            customer = f"{self.mark}-{'new' if new else known}"
            lines.append(f"{moment:%Y-%m-%dT%H:%M:%SZ},{items + 4 * new},{customer},{late:d}")
        self.s3.put_object(Bucket=self.bucket, Key="landing/orders.csv", Body="\n".join(lines).encode())

    def listing(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def fields(self, **more: Any) -> dict[str, Any]:
        """Return the fields of a spec whose rows must stay here."""
        source = {
            "uri": f"s3://{self.bucket}/landing/",
            "format": "csv",
            "event_time": "ordered_at",
            "window": {"days": 60},
        }
        features = {"numeric": ["items"], "categorical": ["customer"]}
        return {"region": self.name, "source": source, "features": features, "validation": [], **more}


@pytest.fixture
def regions(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, deployment: Path) -> tuple[Region, Region]:
    """Return two regions, each reached by its own connection only: everybody's leads nowhere."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    nowhere = {"conn_type": "aws", "login": "x", "password": "x", "extra": {"endpoint_url": "http://127.0.0.1:9"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(nowhere))
    found = []
    for name in ("eu-west", "us"):
        suffix, bucket = name.upper().replace("-", "_"), s3_server.new_bucket()
        extra = {"endpoint_url": s3_server.endpoint, "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_AWS_{suffix}", json.dumps(connection))
        monkeypatch.setenv(f"PERENNIAL_STORE_{suffix}", f"s3://{bucket}/perennial")
        found.append(Region(name, bucket, s3_server.client()))
    return found[0], found[1]


def all_xcoms(model: str) -> str:
    """Return every XCom that the model's DAGs left, and what its triggered runs were given."""
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    ids = (f"{model}.retrain", f"{model}.monitor")
    with create_session() as session:
        xcoms = session.scalars(select(XComModel).where(XComModel.dag_id.in_(ids))).all()
        confs = session.scalars(select(DagRun.conf).where(DagRun.dag_id.in_(ids))).all()
        assert xcoms
        return json.dumps([[xcom.value for xcom in xcoms], confs], default=str)


def shown_to_mlflow(deployment: Path) -> dict[str, bytes]:
    """Return what lies in everybody's MLflow, by file name; the model's own file apart."""
    files = [path for path in deployment.rglob("*") if path.is_file() and "store" not in path.parts]
    return {path.name: path.read_bytes() for path in files if path.suffix not in (".skops", ".yaml")}


def test_retraining_and_watching_write_into_the_regions_own_bucket_only(
    regions: tuple[Region, Region],
    add_spec: Callable[..., Path],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    for number, here in enumerate(regions):
        there = regions[1 - number]
        model = f"orders_{number}"
        add_spec(model, **here.fields(monitoring=MONITORING))
        here.land(days=40)
        before = there.listing()

        trained = run_dag(f"{model}.retrain")
        here.land(days=45, drifts=True)
        watched = run_dag(f"{model}.monitor")

        assert (trained.state, set(trained.tasks.values())) == ("success", {"success"})
        assert (watched.state, set(watched.tasks.values())) == ("success", {"success"})
        assert watched.xcoms["govern"]["decision"]["outcome"] == "trigger"
        kept = [key for key in here.listing() if key.startswith(f"perennial/{model}/")]
        assert any(key.endswith("/data_docs.html") for key in kept)
        assert any("/snapshots/" in key for key in kept)
        assert any(key.endswith("/report.html") for key in kept)
        assert there.listing() == before
        assert not (deployment / "store").exists()
        assert here.mark not in all_xcoms(model)


def test_everybodys_mlflow_has_the_model_and_none_of_its_rows(
    regions: tuple[Region, Region],
    add_spec: Callable[..., Path],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    here, _ = regions
    add_spec("homebound", **here.fields())
    here.land(days=40)

    assert run_dag("homebound.retrain").tasks["promote"] == "success"

    files = shown_to_mlflow(deployment)
    assert {"MLmodel", "mlflow.db", "evaluation.json"} <= set(files)
    assert not [name for name in files if "example" in name]
    assert not [name for name, content in files.items() if here.mark.encode() in content]


def test_a_regions_own_mlflow_has_example_rows(
    regions: tuple[Region, Region],
    add_spec: Callable[..., Path],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, _ = regions
    monkeypatch.setenv("MLFLOW_TRACKING_URI_EU_WEST", f"sqlite:///{deployment}/mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    add_spec("at_home", **here.fields())
    here.land(days=40)

    assert run_dag("at_home.retrain").tasks["promote"] == "success"

    assert "input_example.json" in shown_to_mlflow(deployment)


def test_a_region_without_a_store_fails_at_once(
    regions: tuple[Region, Region],
    add_spec: Callable[..., Path],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, _ = regions
    monkeypatch.delenv("PERENNIAL_STORE_EU_WEST")
    add_spec("stray", **here.fields())
    here.land(days=40)

    run = run_dag("stray.retrain")

    assert (run.state, run.tasks["ingest"], run.tries["ingest"]) == ("failed", "failed", 1)
    assert not (deployment / "store").exists()
