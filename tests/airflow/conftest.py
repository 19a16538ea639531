"""A real Airflow for tests: its own home with a migrated SQLite, this repository's DAGs, and DAG runs by `dag.test()`."""

from __future__ import annotations

import atexit
import functools
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

REPOSITORY = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="perennial-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

FIRST_ORDER = datetime(2024, 1, 1, tzinfo=UTC)

# Airflow reads its settings when it is first imported, which the test modules do: so not in a fixture.
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__API__BASE_URL": "http://airflow.example",
}


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """AIRFLOW_HOME, with the database migrated."""
    from airflow.utils.db import initdb

    initdb()
    return HOME


@pytest.fixture(scope="session")
def one_api_server(airflow_home: Path) -> Iterator[None]:
    """Let all tasks of all `dag.test()` share the API server that Airflow would otherwise build for each task."""
    from airflow.sdk.execution_time import supervisor

    build_another = supervisor.in_process_api_server
    supervisor.in_process_api_server = functools.cache(build_another)
    yield
    supervisor.in_process_api_server = build_another


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that finds a port of 127.0.0.1 on which nobody listens."""

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return int(listener.getsockname()[1])

    return find


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that the DAG files take their specs from."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("PERENNIAL_MODELS", str(folder))
    return folder


@pytest.fixture
def add_spec(models: Path) -> Callable[..., Path]:
    """Return a function that writes a small good spec, with fields replaced, into the folder of specs."""

    def add(name: str = "orders", **fields: Any) -> Path:
        path = models / f"{name}.yaml"
        path.write_text(yaml.safe_dump(small_spec(name) | fields))
        return path

    return add


def small_spec(name: str) -> dict[str, Any]:
    """Return the fields of a spec for the rows of `write_orders`."""
    return {
        "name": name,
        "description": "Which orders arrive late.",
        "owner": "customer-desk",
        "task": "classification",
        "source": {"uri": "orders/", "format": "csv", "event_time": "ordered_at", "window": {"days": 60}},
        "target": {"column": "late"},
        "features": {"numeric": ["items"], "categorical": ["carrier"]},
        "validation": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"}}],
        "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
        "evaluation": {
            "holdout": {"days": 10},
            "primary": "roc_auc",
            "gates": {"minimum": {"roc_auc": 0.6}, "min_rows": 50},
        },
    }


@pytest.fixture
def load_dags(airflow_home: Path) -> Callable[[], DagBag]:
    """Return a function that parses this repository's DAG files as the DAG processor does."""
    from airflow.dag_processing.dagbag import DagBag

    return lambda: DagBag(REPOSITORY / "dags")


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an MLflow SQLite file with its tables, which take seconds to make, and nothing in them."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def deployment(tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a store, a data root and MLflow's SQLite of its own, as the environment names them."""
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    monkeypatch.setenv("PERENNIAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PERENNIAL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


@pytest.fixture
def land_orders(deployment: Path) -> Callable[..., None]:
    """Return a function that lands orders of a number of days; those with many items are late, most of the time.

    Landed again for more days, the earlier rows are the same. After the first `before_drift` days, items are more.
    """

    def land(days: int = 40, *, noise: float = 0.2, without_carrier: int = 0, before_drift: int | None = None) -> None:
        chance = random.Random(1)
        rows = ["ordered_at,items,carrier,late"]
        for number in range(days * 20):
            items = chance.randint(1, 10)
            late = (items > 5) != (chance.random() < noise)
            if before_drift is not None and number >= before_drift * 20:
                items += 4
            carrier = "" if number < without_carrier else chance.choice("AB")
            rows.append(f"{FIRST_ORDER + number * timedelta(minutes=72):%Y-%m-%dT%H:%M:%SZ},{items},{carrier},{late:d}")
        folder = deployment / "data" / "orders"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orders.csv").write_text("\n".join(rows) + "\n")

    return land


@dataclass(frozen=True)
class DagRunResult:
    """What a DAG run left.

    Attributes
    ----------
    state : str
    tasks : dict
        State by task.
    tries : dict
        Number of tries by task.
    xcoms : dict
        Returned value by task; no entry where there is none.
    run_id : str
    """

    state: str
    tasks: dict[str, str]
    tries: dict[str, int]
    xcoms: dict[str, Any]
    run_id: str

    def link(self, task_id: str, name: str) -> str:
        """Return the extra link, of a mapped task that of all its parts, as the web interface would get it from the database."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            query = XComModel.get_many(run_id=self.run_id, key=f"_link_{name}", task_ids=task_id)
            (link,) = {row.value for row in session.scalars(query)}
            return link


@pytest.fixture
def run_dag(one_api_server: None, load_dags: Callable[[], DagBag]) -> Callable[..., DagRunResult]:
    """Return a function that runs a DAG of this repository by `dag.test()`, without waiting between retries.

    `adjust` is called with the DAG before it runs; all else is the run's conf.
    """

    def run(dag_id: str, *, adjust: Callable[[DAG], None] = lambda dag: None, **params: Any) -> DagRunResult:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        dag = load_dags().dags[dag_id]
        for task in dag.tasks:
            task.retry_delay = timedelta(0)
        adjust(dag)
        run = dag.test(run_conf=params)
        with create_session() as session:
            instances = run.get_task_instances(session=session)
            returned = XComModel.get_many(run_id=run.run_id, key="return_value", dag_ids=dag_id)
            return DagRunResult(
                state=run.state,
                tasks={instance.task_id: str(instance.state) for instance in instances},
                tries={instance.task_id: instance.try_number for instance in instances},
                xcoms={row.task_id: row.value for row in session.scalars(returned)},
                run_id=run.run_id,
            )

    return run


@pytest.fixture
def champion(
    add_spec: Callable[..., Path], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> Callable[..., None]:
    """Return a function that writes a spec and trains its champion on 40 days of orders.

    Each test needs a model of its own: queued retrainings stay in Airflow's database.
    """

    def train(model: str, **fields: Any) -> None:
        add_spec(model, **fields)
        land_orders(40)
        assert run_dag(f"{model}.retrain").tasks["promote"] == "success"

    return train
