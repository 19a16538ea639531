"""Every stage is killed at random points and called again: the end is as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from perennial.spec import load_spec
from perennial.stages import STAGES, stages_of
from perennial.store import open_store
from perennial.store.sealed import unseal
from tests.integration.killed_process import KilledProcess, Order
from tests.package_index import PackageServer, running_index

MEASURED = r'("?(?:(?:train_)?seconds|load_s|p50|p95|p99|calls|memory_mb|size_bytes)"?:? ?)[0-9.e-]+'
MEASURED_IN_WORDS = r"[0-9.,/]+ (ms|MiB)\b"
pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageServer]:
    with running_index(tmp_path_factory.mktemp("index")) as server:
        yield server


@pytest.fixture
def start(
    flights: Path, index: PackageServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Path, Path], KilledProcess]]:
    """Return a function that starts a process for the stages of a spec in a folder."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    started = []

    def start_in(folder: Path, spec: Path) -> KilledProcess:
        folder.mkdir()
        settings = {
            "spec": str(spec),
            "store": str(folder / "store"),
            "run_id": "crash-test",
            "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
            "data_root": str(flights),
            "answer": str(folder / "answer.json"),
            "index": index.url,
        }
        started.append(KilledProcess.start(Path(__file__).with_name("stage_process.py"), settings, folder))
        return started[-1]

    yield start_in
    for process in started:
        process.end()


def order_of(stage: str, done: dict[str, Any]) -> Order:
    made = {STAGES[name].makes: outcome for name, outcome in done.items()}
    return {"stage": stage, "arguments": [made.get(record) for record in STAGES[stage].takes]}


def what_is_there(folder: Path) -> dict[str, Any]:
    """Describe store and registry. MLflow's random ids and what is measured differ from run to run, and so digests: all are taken out."""
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = client.search_experiments(filter_string="name LIKE 'perennial/%'")
    runs = client.search_runs([e.experiment_id for e in experiments])
    ids = {run.info.run_id: f"<run {i}>" for i, run in enumerate(runs)}
    models = client.search_logged_models([e.experiment_id for e in experiments])
    ids |= {model.model_id: f"<model {i}>" for i, model in enumerate(models)}

    store = open_store(str(folder / "store"))
    for item in store.list("flight_delay/bundles/"):
        # The files that MLflow and skops write hold ids and times.
        recorded = json.loads(unseal(store.read(item.key)))
        ids |= {recorded["digest"]: "<bundle>"} | {
            digest: f"<{Path(name).name}>" for name, digest in recorded["manifest"]["files"].items()
        }

    for item in store.list("flight_delay/packages/"):
        if item.key.endswith(".json"):
            (wheel,) = json.loads(unseal(store.read(item.key)))["made"]
            ids |= {wheel["digest"]: "<wheel>", wheel["file"].split("-")[1]: "<version>"}

    def content(key: str) -> object:
        data = store.read(key)
        # A wheel holds a bundle, so its content is as random as that.
        return "what its name says" if hashlib.sha256(data).hexdigest() in key else unseal(data)

    def plain(content: object) -> str:
        text = str(content).replace(str(folder), "<folder>")
        for found, name in ids.items():
            text = text.replace(found, name)
        return re.sub(MEASURED_IN_WORDS, r"<measured> \1", re.sub(MEASURED, r"\1<measured>", text))

    registered = client.search_registered_models()
    return {
        "store": {plain(item.key): plain(content(item.key)) for item in store.list()},
        "runs": [
            {
                "status": run.info.status,
                "params": plain(run.data.params),
                "metrics": {k: v for k, v in run.data.metrics.items() if "seconds" not in k},
                "tags": {k: plain(v) for k, v in run.data.tags.items() if k.startswith("perennial.")},
                "artifacts": sorted(plain(item.path) for item in client.list_artifacts(run.info.run_id)),
            }
            for run in runs
        ],
        "logged models": [(plain(model.status), plain(model.name)) for model in models],
        "versions": [
            (version.version, plain(version.tags), plain(version.run_id), plain(version.description))
            for model in registered
            for version in client.search_model_versions(f"name='{model.name}'")
        ],
        "aliases": [model.aliases for model in registered],
    }


def expect_the_same(start: Callable[[Path, Path], KilledProcess], spec: Path, folder: Path, kills: Counter) -> None:
    """Run a spec's stages undisturbed and, elsewhere, with so many kills in each; expect the same champion."""
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    process = start(undisturbed, spec)
    done: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    stages = stages_of(load_spec(spec))
    for stage in stages:
        answer = process.run(order_of(stage, done))
        done[stage], seconds[stage] = answer["outcome"], answer["seconds"]

    chance = random.Random(2013)
    process, done = start(disturbed, spec), {}
    for stage in stages:
        order = order_of(stage, done)
        done[stage] = process.run_killed(order, kills=kills[stage], seconds=seconds[stage], chance=chance)

    expected = what_is_there(undisturbed)
    assert expected["aliases"] == [{"champion": 1}]
    assert what_is_there(disturbed) == expected


def test_three_kills_in_every_stage_leave_the_same_store_registry_and_index_as_none(
    start: Callable[[Path, Path], KilledProcess], index: PackageServer, flight_spec: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "packaged.yaml"
    spec.write_text(flight_spec.read_text() + "packages: [wheel]\npublish: {connection: company_pypi}\n")
    expect_the_same(start, spec, tmp_path, Counter(dict.fromkeys(stages_of(load_spec(spec)), 3)))
    stores = [open_store(str(tmp_path / name / "store")) for name in ("undisturbed", "disturbed")]
    wheels = {store.read(item.key) for store in stores for item in store.list() if item.key.endswith(".whl")}
    assert {path.read_bytes() for path in index.folder.iterdir()} == wheels
    assert len(wheels) == 2


def test_kills_while_models_of_two_windows_are_trained_refit_and_put_together_leave_the_same_as_none(
    start: Callable[[Path, Path], KilledProcess], flight_spec: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "two_windows.yaml"
    text = flight_spec.read_text().replace("window: {days: 60}", "window: [{days: 60}, {days: 30}]")
    spec.write_text(text.replace("  seed: 1\n", "  seed: 1\n  ensemble: {members: 3}\n"))
    kills = Counter({"train": 3, "evaluate": 1, "refit": 3, "assemble": 3, "register": 1})
    expect_the_same(start, spec, tmp_path, kills)
