"""A backup of PostgreSQL and S3 by the scripts, everything wiped, and put back: the model is as it was."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
import yaml
from psycopg import sql

from perennial.deployment import Deployment
from perennial.layout import place_of
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.records import LedgerEntry
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from perennial.run import MonitorRun
from perennial.store.s3 import S3Store
from perennial.tuning.storage import open_storage
from tests.conftest import S3Server
from tests.distributed.debian import PACKAGES, missing, postgres_program
from tests.distributed.postgres import Postgres, running_postgres
from tests.mlflow_server import running_mlflow
from tests.watched_model import SPEC, Watched, make_watched

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        bool({"postgres", "setpriv"} & set(missing())), reason=f"NO POSTGRESQL, NOT TESTED: apt-get install {PACKAGES}"
    ),
    pytest.mark.timeout(600),
]
SCRIPTS = Path(__file__).parents[2] / "deploy" / "backup"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres("airflow", "mlflow", "optuna") as server:
        yield server


@dataclass(frozen=True)
class OnS3(Watched):
    """The small model, with its store in a bucket."""

    store: S3Store

    @property
    def deployment(self) -> Deployment:
        return replace(super().deployment, store=self.store)


@dataclass(frozen=True)
class Machines:
    """What the scripts are told."""

    postgres: Postgres
    s3: S3Server
    store: str
    artifacts: str

    def script(self, name: str, folder: Path, **others: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.s3.environment
        environment |= {
            "AIRFLOW_DATABASE_URL": self.postgres.url("airflow", "postgresql"),
            "MLFLOW_DATABASE_URL": self.postgres.url("mlflow", "postgresql"),
            "OPTUNA_DATABASE_URL": self.postgres.url("optuna", "postgresql"),
            "PERENNIAL_STORE": f"s3://{self.store}/perennial",
            "MLFLOW_ARTIFACTS": f"s3://{self.artifacts}/mlflow",
            "PYTHON": sys.executable,
            "PATH": f"{postgres_program('pg_dump').parent}:{os.environ['PATH']}",
            **others,
        }
        return subprocess.run(
            [SCRIPTS / name, folder], env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    def wipe(self) -> None:
        """Lose everything: all databases, and all objects of both buckets."""
        with psycopg.connect(self.postgres.url("postgres", "postgresql"), autocommit=True) as admin:
            for name in ("airflow", "mlflow", "optuna"):
                database = sql.Identifier(name)
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, database))
        client = self.s3.client()
        for bucket in (self.store, self.artifacts):
            for item in client.list_objects_v2(Bucket=bucket).get("Contents", ()):
                client.delete_object(Bucket=bucket, Key=item["Key"])

    def mlflow(self, folder: Path) -> Any:
        folder.mkdir()
        return running_mlflow(
            folder,
            database=self.postgres.url("mlflow"),
            artifacts=f"s3://{self.artifacts}/mlflow",
            **self.s3.environment,
            MLFLOW_S3_ENDPOINT_URL=self.s3.endpoint,
        )


@dataclass(frozen=True)
class State:
    """All that a restore must give back, as it is read through MLflow and the store."""

    champion: object
    aliases: dict[str, str]
    tags: tuple[dict[str, str], ...]
    ledger: tuple[LedgerEntry, ...]
    objects: dict[str, bytes]
    scores: list[float]
    connection: tuple[str, ...]
    trials: list[float]


def state_of(model: OnS3, machines: Machines) -> State:
    tracker = Tracker(model.tracking_uri)
    registered = tracker.client.get_registered_model("watched")
    versions = tracker.client.search_model_versions("name = 'watched'")
    champion = current_champion(model.store, model.tracking_uri, "watched")
    assert champion is not None
    with psycopg.connect(machines.postgres.url("airflow", "postgresql")) as airflow:
        connection = airflow.execute("SELECT conn_id, password FROM connection").fetchone()
    return State(
        champion=champion,
        aliases=registered.aliases,
        tags=tuple(version.tags for version in versions),
        ledger=read_ledger(model.store, "watched"),
        # But for what no backup has: what is found again by looking, and claims of processes that are gone.
        objects={
            item.key: model.store.read(item.key)
            for item in model.store.list()
            if (place := place_of(item.key)) is None or place.kind not in ("derived", "lease")
        },
        scores=_scores(model, champion),
        connection=tuple(connection or ()),
        trials=[trial.params["x"] for trial in searched(machines).get_trials()],
    )


def searched(machines: Machines) -> optuna.Study:
    storage = open_storage(machines.postgres.url("optuna"))
    return optuna.create_study(study_name="watched/first", storage=storage, load_if_exists=True)


def _scores(model: OnS3, champion: Any) -> list[float]:
    from perennial.data.snapshots.read import load_manifest, read_snapshot
    from perennial.monitoring.drift_tests.champion_model import score_rows, usable_bundle

    snapshot = load_manifest(model.store, "watched", champion.snapshot_digest)
    rows = read_snapshot(model.store, snapshot).head(50)
    run = MonitorRun(**model.arguments)
    return [float(score) for score in score_rows(usable_bundle(run, champion), rows, "it").score]


def test_what_was_backed_up_is_put_back_as_it_was(postgres, s3_server, tmp_path):
    machines = Machines(postgres, s3_server, s3_server.new_bucket(), s3_server.new_bucket())
    store = S3Store(machines.store, "perennial", client=s3_server.client())
    with psycopg.connect(postgres.url("airflow", "postgresql")) as airflow:
        # As much of Airflow's own tables as shows that they come back; the whole is PostgreSQL's business.
        airflow.execute("CREATE TABLE connection (conn_id text PRIMARY KEY, password text)")
        airflow.execute("INSERT INTO connection VALUES ('slack_default', 'encrypted')")

    searched(machines).optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)

    with machines.mlflow(tmp_path / "mlflow") as uri:
        plain = make_watched(tmp_path / "home", uri)
        model = OnS3(plain.home, plain.tracking_uri, plain.spec, store)
        model.retrain()
        model.land(3000, 400)
        model.decide()
        before = state_of(model, machines)
        assert before.aliases == {"champion": "1"}
        assert len(before.ledger) == 1
        assert before.objects
        assert len(before.trials) == 2

        done = machines.script("backup.sh", tmp_path / "backup")
        assert done.returncode == 0, done.stderr

        refused = machines.script("restore.sh", tmp_path / "backup")
        assert refused.returncode == 1
        assert "restore into an empty one" in refused.stderr
        assert state_of(model, machines) == before

    machines.wipe()
    assert not list(store.list())
    done = machines.script("restore.sh", tmp_path / "backup")
    assert done.returncode == 0, done.stderr

    with machines.mlflow(tmp_path / "mlflow-again") as uri:
        restored = OnS3(model.home, uri, model.spec, store)
        assert state_of(restored, machines) == before
        spec = tmp_path / "watched.yaml"
        spec.write_text(yaml.safe_dump(SPEC))
        verified = subprocess.run(
            [Path(sys.executable).with_name("perennial"), "verify", spec, f"--store={store.uri}"],
            env=os.environ | s3_server.environment | {"MLFLOW_TRACKING_URI": uri},
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert "watched: champion is version 1; versions: 1, snapshots: 1, checks in the ledger: 1; all there" in (
            verified.stdout
        )


def test_searches_are_not_left_out_of_a_restore_unsaid(postgres, s3_server, tmp_path):
    (tmp_path / "optuna.dump").write_bytes(b"")
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(b'').hexdigest()}  optuna.dump\n")
    machines = Machines(postgres, s3_server, s3_server.new_bucket(), s3_server.new_bucket())
    done = machines.script("restore.sh", tmp_path, OPTUNA_DATABASE_URL="")
    assert (done.returncode, done.stderr) == (1, "the backup has optuna.dump: set OPTUNA_DATABASE_URL\n")


def test_a_backup_that_never_ended_or_was_changed_is_not_restored(postgres, s3_server, tmp_path):
    machines = Machines(postgres, s3_server, s3_server.new_bucket(), s3_server.new_bucket())
    done = machines.script("restore.sh", tmp_path)
    assert done.returncode == 1
    assert "it is not a backup, or an incomplete one" in done.stderr
    (tmp_path / "airflow.dump").write_bytes(b"changed")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  airflow.dump\n")
    assert "airflow.dump: FAILED" in machines.script("restore.sh", tmp_path).stdout
