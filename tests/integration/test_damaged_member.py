"""A member's file in MLflow's storage, damaged: it is left out and named everywhere, and the others serve on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perennial.backup.verify import verify
from perennial.ensemble.files import member_folder
from perennial.ensemble.model import EnsembleModel
from perennial.errors import BundleChanged, TrainingError
from perennial.layout import ENSEMBLE_BUNDLE
from perennial.models.recorded import RecordedBundle
from perennial.monitoring.drift_tests.reference import prepare_reference
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.stages import STAGES
from perennial.store.sealed import read_record
from tests.watched_model import SPEC, Watched, make_watched

pytestmark = pytest.mark.integration

DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: bytes([*data[:-1], data[-1] ^ 1]),
    "zeros": lambda data: bytes(len(data)),
    "gone": lambda _: None,
}


@dataclass(frozen=True)
class Together:
    """Three models that serve together, and a retraining whose candidate is trained."""

    watched: Watched
    run: RetrainingRun
    made: dict[str, Any]

    @property
    def champion(self) -> Champion:
        found = current_champion(self.run.store, self.watched.tracking_uri, self.watched.spec.name)
        assert found is not None
        return found

    @property
    def members(self) -> list[str]:
        return [one.mlflow_run_id for one in self.champion.weights]

    def file(self, model_uri: str, name: str) -> Path:
        return Path(Tracker(self.watched.tracking_uri)._place(model_uri).removeprefix("file://")) / name

    def member_file(self, member: str) -> Path:
        return self.file(f"models:/watched/{self.champion.version}", member_folder(member) + "model.skops")

    def stages(self, *names: str) -> dict[str, Any]:
        """Run some stages after those that were run once for all tests; return all records."""
        made = dict(self.made)
        for name in names:
            stage = STAGES[name]
            made[stage.makes] = stage(self.run, *(made.get(record) for record in stage.takes))
        return made

    def assembled(self, made: dict[str, Any]) -> list[str]:
        """Return the members of the bundle that was put together."""
        key = ENSEMBLE_BUNDLE.key("watched", made["candidate"].mlflow_run_id, made["assembly"].bundle_digest)
        recorded = read_record(self.run.store, key, RecordedBundle, "")
        return [one.mlflow_run_id for one in recorded.manifest.members]


@contextmanager
def damaged(file: Path, damage: str) -> Iterator[None]:
    whole = file.read_bytes()
    changed = DAMAGES[damage](whole)
    try:
        file.unlink()
        if changed is not None:
            file.write_bytes(changed)
        yield
    finally:
        file.write_bytes(whole)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Together:
    home = tmp_path_factory.mktemp("members")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(
        home / "model",
        f"sqlite:///{home}/mlflow.db",
        model={**SPEC["model"], "ensemble": {"members": 4}},
        evaluation={**SPEC["evaluation"], "gates": {"tolerance": 0.05}},
    )
    for number, run_id in enumerate(("first", "second", "third")):
        if number:
            watched.land(2000 + 1000 * number, 1000)
        watched.retrain(run_id)
    run = RetrainingRun(**watched.arguments, run_id="next")
    watched.land(5000, 1000)
    made = Together(watched, run, {}).stages("ingest", "train")
    found = Together(watched, run, made)
    prepare_reference(watched.run(), found.champion)
    assert len(found.members) == 3
    return found


CASES = [("cut", 0), ("flipped", 1), ("zeros", 2), ("gone", 0), ("gone", 2)]


@pytest.mark.parametrize(("damage", "place"), CASES)
def test_it_is_named_and_the_others_serve_and_are_checked(
    together: Together, damage: str, place: int, tmp_path: Path
) -> None:
    members = together.members
    others = [one for one in members if one != members[place]]
    watched = together.watched.copy(tmp_path / "copy")
    with damaged(together.member_file(members[place]), damage):
        bundle = load_champion(together.run, together.champion)
        entry = watched.decide()
        problems = verify(together.run.store, watched.tracking_uri, watched.spec, deep=True).problems
    assert isinstance(bundle.model, EnsembleModel)
    assert list(bundle.model.members) == list(bundle.twin.members) == others
    assert sum(bundle.model.weights.values()) == pytest.approx(1)
    assert len(bundle.left_out) == 1
    assert entry.reweighting is not None
    assert [one.mlflow_run_id for one in entry.reweighting.members] == others
    tested = {result.test for result in entry.results if result.status != "not tested"}
    assert {"ks", "categorical", "predictions", "page_hinkley"} <= tested
    assert any(f"{member_folder(members[place])}model.skops" in problem for problem in problems)


@pytest.mark.parametrize(("damage", "place"), CASES)
def test_the_next_retraining_is_judged_and_put_together_without_it(together: Together, damage: str, place: int) -> None:
    members = together.members
    with damaged(together.member_file(members[place]), damage):
        made = together.stages("evaluate", "decide", "refit", "assemble")
    expected = [one for one in (*members, made["candidate"].mlflow_run_id) if one != members[place]]
    assert [one.mlflow_run_id for one in made["evaluation"].ensemble.members] == expected
    assert any("is left out, and the others serve" in note for note in made["evaluation"].notes)
    assert together.assembled(made) == expected


def test_one_that_is_damaged_after_the_verdict_is_left_out_of_the_new_bundle(together: Together) -> None:
    members = together.members
    made = together.stages("evaluate", "decide", "refit")
    with damaged(together.member_file(members[1]), "cut"):
        made["assembly"] = STAGES["assemble"](together.run, *(made[name] for name in STAGES["assemble"].takes))
    assert together.assembled(made) == [members[0], members[2], made["candidate"].mlflow_run_id]
    assert "A member of the champion is left out" in made["assembly"].sentence


def test_a_damaged_candidate_is_never_put_together(together: Together) -> None:
    made = together.stages("evaluate", "decide", "refit")
    with damaged(together.file(made["refit"].model_uri, "model.skops"), "flipped"), pytest.raises(BundleChanged):
        STAGES["assemble"](together.run, *(made[name] for name in STAGES["assemble"].takes))


def test_where_all_are_damaged_nothing_serves_and_the_candidate_is_judged_alone(together: Together) -> None:
    first, second, third = map(together.member_file, together.members)
    with damaged(first, "cut"), damaged(second, "zeros"), damaged(third, "gone"):
        with pytest.raises(TrainingError, match="no member of champion v3 can be read"):
            load_champion(together.run, together.champion)
        evaluation = together.stages("evaluate")["evaluation"]
    assert evaluation.ensemble is None
    assert any("champion v3 cannot be loaded" in note for note in evaluation.notes)
