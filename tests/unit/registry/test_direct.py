"""What is asked of MLflow without its client has the client's answers, or none."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from perennial.registry.direct import AliasHolder, NotDirect, fetch_files, find_alias_holder


@pytest.fixture
def registered(mlflow_uri, tmp_path):
    """A client of a registry with three versions; the second is deleted, and the third is champion."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("late")
    run = client.create_run("0").info.run_id
    for number, run_id in enumerate((None, None, run)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "model.txt").write_text(f"model {number}")
        client.create_model_version("late", str(tmp_path / str(number)), run_id=run_id)
    for alias, version in {"old": "1", "gone": "2", "champion": "3"}.items():
        client.set_registered_model_alias("late", alias, version)
    client.delete_model_version("late", "2")
    return client


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("late", "champion"),
        ("late", "old"),
        ("late", "gone"),
        ("late", "none"),
        ("Late", "champion"),
        ("none", "champion"),
    ],
)
def test_the_holder_of_an_alias_is_who_the_client_says(registered, mlflow_uri, name, alias):
    try:
        version = registered.get_model_version_by_alias(name, alias)
        expected = AliasHolder(name, str(version.version), version.run_id or "", version.source)
    except MlflowException:
        expected = None
    assert find_alias_holder(mlflow_uri, name, alias) == expected


def test_files_are_those_of_the_version(registered, mlflow_uri, tmp_path):
    fetch_files(mlflow_uri, "late", "3", ["model.txt"], tmp_path)
    assert (tmp_path / "model.txt").read_text() == "model 2"


@pytest.mark.parametrize(("version", "file"), [("3", "none.txt"), ("2", "model.txt"), ("9", "model.txt")])
def test_what_is_not_there_is_left_to_the_client(registered, mlflow_uri, tmp_path, version, file):
    with pytest.raises(NotDirect):
        fetch_files(mlflow_uri, "late", version, [file], tmp_path)


def test_files_that_lie_elsewhere_are_left_to_the_client(registered, mlflow_uri, tmp_path):
    registered.create_model_version("late", "s3://bucket/model")
    with pytest.raises(NotDirect):
        fetch_files(mlflow_uri, "late", "4", ["model.txt"], tmp_path)


@pytest.mark.parametrize(
    "uri", ["sqlite:///{}/none.db", "sqlite:///{}/other.db", "postgresql://127.0.0.1:9/mlflow", "{}"]
)
def test_a_place_that_is_not_known_is_left_to_the_client(tmp_path, uri):
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE model_versions (name TEXT)")
    with pytest.raises(NotDirect):
        find_alias_holder(uri.format(tmp_path), "late", "champion")
    assert not (tmp_path / "none.db").exists()


def test_a_server_that_does_not_answer_is_left_to_the_client():
    with pytest.raises(NotDirect):
        find_alias_holder("http://127.0.0.1:9", "late", "champion")


def test_another_way_to_a_server_than_a_plain_login_is_left_to_the_client(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_AWS_SIGV4", "true")
    with pytest.raises(NotDirect):
        find_alias_holder("http://127.0.0.1:9", "late", "champion")


def test_mlflow_is_not_imported(registered, mlflow_uri):
    code = (
        "import sys; from perennial.registry.direct import find_alias_holder as find; "
        "assert find(sys.argv[1], 'late', 'champion').version == '3'; assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, mlflow_uri], check=True)
