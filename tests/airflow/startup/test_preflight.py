"""The command that runs before every Airflow process, as its container runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial_airflow.startup.preflight import regions

if TYPE_CHECKING:
    from tests.conftest import S3Server

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def environment(tmp_path: Path, mlflow_uri: str) -> dict[str, str]:
    """A process's environment with a store and an MLflow that are right."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PERENNIAL_", "AIRFLOW__", "AWS_"))
    }
    return kept | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "PERENNIAL_STORE": str(tmp_path / "store"),
        "MLFLOW_TRACKING_URI": mlflow_uri,
        "PERENNIAL_CODE_VERSION": "1.0",
    }


def preflight(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "perennial_airflow.startup.preflight", "--seconds", "15", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_a_worker_with_an_older_image_than_was_set_up_is_not_started(environment):
    assert preflight(environment, "record")[0] == 0
    assert preflight(environment)[0] == 0
    assert preflight(environment | {"PERENNIAL_CODE_VERSION": "2.0"}, "record")[0] == 0

    code, said = preflight(environment)

    assert code == 1
    assert "this image has Perennial 1.0, and the deployment has been upgraded to 2.0: this is an older image" in said
    assert "not started: version" in said


def test_wrong_store_and_wrong_mlflow_are_both_said_and_nothing_is_recorded(environment, s3_server: S3Server):
    wrong = (
        environment
        | s3_server.environment
        | {
            "PERENNIAL_STORE": "s3://nobodys",
            "MLFLOW_TRACKING_URI": "http://someone:secret@127.0.0.1:9",
        }
    )

    code, said = preflight(wrong, "record")

    assert code == 1
    assert "store: fault: cannot list in s3://nobodys: s3://nobodys: the bucket does not exist" in said
    assert "MLflow: fault: MLflow at http://127.0.0.1:9 does not answer" in said
    assert "secret" not in said
    assert "version" not in said


def test_a_regions_store_is_looked_at_with_its_own_connection(environment, s3_server: S3Server):
    bucket = s3_server.new_bucket()
    connection = f"aws://test:test@/?region_name=us-east-1&endpoint_url={s3_server.endpoint.replace(':', '%3A').replace('/', '%2F')}"
    regional = environment | {
        "PERENNIAL_STORE_EU_WEST_1": f"s3://{bucket}/rows",
        "AIRFLOW_CONN_AWS_EU_WEST_1": connection,
        "NO_PROXY": "127.0.0.1",
    }

    code, said = preflight(regional, "record")

    assert code == 0, said
    assert f"store of eu-west-1: s3://{bucket}/rows lists, reads, writes and deletes" in said
    assert "version of eu-west-1: recorded 1.0" in said


def test_regions_are_read_from_the_names_of_their_settings():
    assert regions({"PERENNIAL_STORE": "a", "PERENNIAL_STORE_US_EAST_1": "b", "PATH": ""}) == (None, "us-east-1")
    assert regions({"PATH": ""}) == (None,)


def test_a_worker_that_has_its_regions_store_alone_looks_at_no_other(environment, tmp_path: Path):
    del environment["PERENNIAL_STORE"]
    regional = environment | {"PERENNIAL_STORE_EU": str(tmp_path / "eu")}

    assert preflight(regional, "record")[0] == 0
    code, said = preflight(regional)

    assert code == 0, said
    assert "store of eu: " in said
    assert "preflight: store: " not in said
