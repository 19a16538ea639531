"""The wheel of a bundle predicts as the bundle, installed where there is neither Perennial nor Airflow."""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perennial.errors import PackageError
from perennial.packages.container import PINS_VARIABLE, build_context
from perennial.packages.runtime.answers import answers_of
from perennial.packages.runtime.packaged import read_packaged
from perennial.packages.runtime.rows import rows_of_file, typed_rows
from perennial.packages.runtime.server import ModelServer
from perennial.packages.sources import copied_sources
from perennial.packages.wheel import build_wheel, module_name
from perennial.rehearsal.clean_room import CleanRoom
from perennial.rehearsal.compare import differences
from perennial.rehearsal.interfaces import run_package
from tests.packaged import TYPES, Bundled, bundled

LINEAR = "sklearn.linear_model.LogisticRegression"


def wheel_of(made: Bundled, scratch: Path) -> Path:
    scratch.mkdir()
    return build_wheel(
        made.folder, made.manifest, name="late-orders", description='Orders, "late"\nor not.', scratch=scratch
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return bundled(tmp_path_factory.mktemp("made") / "bundle", LINEAR, "text_label")


@pytest.fixture(scope="module")
def wheel(made, tmp_path_factory):
    return wheel_of(made, tmp_path_factory.mktemp("wheel") / "scratch")


@pytest.fixture(scope="module")
def room(wheel, tmp_path_factory):
    """The wheel as pip installs it, beside what it declares and nothing else."""
    room = CleanRoom(tmp_path_factory.mktemp("site"))
    room.install(wheel)
    return room


def test_pip_installs_it_and_its_command_line_predicts_for_a_csv_file(made, wheel, room, tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(tmp_path / "site"), str(wheel)], check=True, timeout=90)
    assert (tmp_path / "site" / "bin" / "late-orders").is_file()
    # What pip has installed is what the clean room unpacks.
    (installed,) = (tmp_path / "site").glob("late_orders")
    names = sorted(path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(room.folder / "late_orders").as_posix()
        for path in (room.folder / "late_orders").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )

    made.inputs.head(50).to_csv(tmp_path / "rows.csv", index=False)
    asked = room.start_module("late_orders", "predict", str(tmp_path / "rows.csv"))
    said, errors = asked.communicate(timeout=90)

    assert asked.returncode == 0, errors
    answers = pd.read_csv(io.StringIO(said))
    assert differences(made.model.predict(made.inputs.head(50)), answers, 0).each.max() == 0


def test_it_knows_neither_perennial_nor_airflow_and_says_the_same_to_the_last_bit(made, wheel, tmp_path):
    answers, measured = run_package("wheel", wheel, made.inputs, tmp_path)
    assert differences(made.model.predict(made.inputs), answers, 0).each.max() == 0
    assert measured["memory_mb"] > 50
    assert measured["one"]["p50"] <= measured["one"]["p95"] <= measured["one"]["p99"]
    linked = {path.name for path in (tmp_path / "site").iterdir()}
    assert {"numpy", "pandas", "sklearn", "skops", "late_orders"} <= linked
    assert not linked & {"perennial", "airflow", "mlflow", "pydantic", "pyarrow", "onnxruntime"}


def test_the_same_bundle_gives_the_same_bytes_and_another_another_version(made, wheel, tmp_path):
    again = wheel_of(made, tmp_path / "again")
    assert (again.name, again.read_bytes()) == (wheel.name, wheel.read_bytes())
    other = wheel_of(bundled(tmp_path / "bundle", LINEAR, "text_label", params={"C": 0.5}), tmp_path / "other")
    assert other.name != wheel.name
    assert other.name.rpartition(".")[0].split("-")[0] == "late_orders"


def test_it_holds_the_bundle_and_declares_the_versions_that_fitted_it_and_no_pickle(made, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        declared = archive.read(metadata).decode()
        assert archive.read("late_orders/bundle/bundle.json") == (made.folder / "bundle.json").read_bytes()
        assert archive.read("late_orders/bundle/model.skops") == (made.folder / "model.skops").read_bytes()
    for name in ("numpy", "pandas", "scikit-learn", "skops"):
        assert f"Requires-Dist: {name}=={made.manifest.provenance.libraries[name]}" in declared
    assert "mlflow" not in declared
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".so"))]
    assert any(name.endswith("entry_points.txt") for name in names)


def test_a_copied_module_imports_none_of_perennials_own():
    sources = copied_sources("late_orders._perennial")
    assert "models/predictions.py" in sources
    for path, text in sources.items():
        assert "from perennial" not in text, path
        assert "import pydantic" not in text, path


@pytest.mark.parametrize("name", ["json", "numpy", "class", "2024"])
def test_a_model_whose_module_would_stand_for_another_has_no_wheel(name):
    with pytest.raises(PackageError, match="not a free name"):
        module_name(name)


def test_rows_of_any_origin_become_what_the_model_was_trained_on(made):
    as_text = made.inputs.astype(object).where(made.inputs.notna(), None)
    typed = typed_rows(as_text.assign(more=1)[["kind", "more", "gap", "x"]], TYPES)
    pd.testing.assert_frame_equal(typed, made.inputs)
    assert answers_of(made.model.predict(typed)).equals(answers_of(made.model.predict(made.inputs)))
    with pytest.raises(ValueError, match="no column gap, kind"):
        typed_rows(made.inputs[["x"]], TYPES)
    with pytest.raises(ValueError, match="'x' should be of type double"):
        typed_rows(made.inputs.assign(x="far"), TYPES)


def test_numbers_of_a_csv_file_are_those_that_were_written(tmp_path):
    rows = pd.DataFrame({"x": np.random.default_rng(1).normal(size=5000), "kind": "NA"})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    pd.testing.assert_frame_equal(rows_of_file(tmp_path / "rows.csv", TYPES), rows, check_exact=True)


@pytest.fixture(scope="module")
def context(wheel, tmp_path_factory):
    return build_context(wheel, name="late-orders", scratch=tmp_path_factory.mktemp("context"))


def test_the_containers_server_answers_over_http_as_the_bundle_does(made, context, tmp_path):
    answers, measured = run_package("container", context, made.inputs, tmp_path)
    assert differences(made.model.predict(made.inputs), answers, 0).each.max() == 0
    assert measured["thousand"]["calls"] >= 5


def test_the_server_says_what_is_wrong_and_goes_on(made):
    with ModelServer(read_packaged(made.folder), "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)

        def post(body: bytes, path: str = "/predict") -> tuple[int, dict]:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

        assert post(b"{")[0] == 400
        assert post(b"[1]")[0] == 400
        status, said = post(json.dumps({"rows": [{"x": 1}]}).encode())
        assert (status, said["error"].partition(":")[0]) == (400, "the rows have no column gap, kind")
        row = {"x": 1.0, "gap": None, "kind": None}
        status, said = post(json.dumps({"rows": [row]}).encode())
        assert status == 200
        expected = answers_of(made.model.predict(typed_rows(pd.DataFrame([row]), TYPES)))
        assert said["answers"] == expected.to_dict(orient="records")
        assert post(b"x", "/elsewhere")[0] == 404
        assert post(b"")[0] == 413
        server.shutdown()


def test_a_file_that_was_changed_is_not_loaded(made, tmp_path):
    for name in ("bundle.json", "model.skops"):
        (tmp_path / name).write_bytes((made.folder / name).read_bytes())
    (tmp_path / "model.skops").write_bytes(b"changed")
    with pytest.raises(ValueError, match="not the file that was packaged"):
        read_packaged(tmp_path)


def test_an_image_is_made_of_pinned_libraries_with_hashes_and_looks_after_itself(context, wheel, tmp_path, monkeypatch):
    import tarfile

    with tarfile.open(context) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive.getmembers()}
    assert set(files) == {"Dockerfile", "requirements.txt", wheel.name}
    requirements, dockerfile = files["requirements.txt"].decode(), files["Dockerfile"].decode()
    blocks = [block for block in requirements.replace("\\\n", " ").splitlines() if block]
    assert all("--hash=sha256:" in block for block in blocks)
    assert {block.split("==")[0] for block in blocks[:-1]} >= {"numpy", "pandas", "scikit-learn", "scipy", "skops"}
    assert "HEALTHCHECK" in dockerfile
    assert "USER 65534" in dockerfile
    (tmp_path / "again").mkdir()
    assert build_context(wheel, name="late-orders", scratch=tmp_path / "again").read_bytes() == context.read_bytes()
    # Without hashes there is no image.
    (tmp_path / "pins.txt").write_text("numpy==1.0\n")
    monkeypatch.setenv(PINS_VARIABLE, str(tmp_path / "pins.txt"))
    with pytest.raises(PackageError, match=r"no hashes of \w+"):
        build_context(wheel, name="late-orders", scratch=tmp_path)
