"""Every object of a real model, damaged: no step takes it for what it says, and none ends without a word.

The model has a champion that a check called for, a closed check, and one that was begun and not ended. Whatever is damaged,
each command goes on as if it were whole, because what it needs was made again, or ends with an error that says what to do.
"""

from __future__ import annotations

import io
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from rich.console import Console

from perennial.backup.contents import read_contents
from perennial.backup.verify import verify
from perennial.cli.ledger import ledger_json
from perennial.cli.monitor import check_once
from perennial.cli.retrain import retrain
from perennial.errors import PerennialError
from perennial.layout import place_of
from perennial.monitoring.ledger import close_breaker, read_ledger
from perennial.monitoring.records import LedgerEntry
from perennial.monitoring.steps import open_check
from perennial.run import RetrainingRun
from perennial.store import LocalStore
from tests.watched_model import TRAINED_ROWS, Watched, make_watched

KINDS = {
    "manifest": r"/snapshots/.*/manifest\.json$",
    "part": r"/snapshots/.*\.parquet$",
    "bundle": r"/bundles/[^/]*\.json$",
    "bundle of the refit": r"/bundles/.*/refit\.json$",
    "latest snapshot": r"/latest_snapshot\.json$",
    "known files": r"/source_files\.json$",
    "ledger, first": r"/ledger/00000001\.json$",
    "ledger, last": r"/ledger/00000002\.json$",
    "state": r"/monitor/state\.json$",
    "breaker": r"/monitor/breaker\.json$",
    "open check": r"/checks/00000003/check\.json$",
    "its rows": r"/checks/00000003/batch-",
    "its identities": r"/checks/00000003/seen-",
    "identities": r"/checks/00000002/seen-",
    "reference": r"/references/.*/reference\.json$",
    "reference, numbers": r"/references/.*/numeric\.npz$",
    "reference, categories": r"/references/.*/categorical\.npz$",
    "reference, predictions": r"/references/.*/predictions\.npz$",
    "chart, numbers": r"/references/.*/numeric-chart\.npz$",
    "chart, categories": r"/references/.*/categorical-chart\.npz$",
    "chart, predictions": r"/references/.*/predictions-chart\.npz$",
    "verdict": r"/runs/.*/verdict\.json$",
    "evaluation": r"/runs/.*/evaluation\.json$",
    "promotion": r"/runs/.*/promotion\.json$",
    "move": r"^watched/promotion\.json$",
    "champion": r"/champions/00000001\.json$",
}
# Pages for people.
REPORT = r"\.html$|/card\.md$"
# What was made of rows that were closed or shown to people: no step reads it again.
UNREAD = REPORT + r"|/checks/0000000[12]/(check\.json|batch-|matured-)"
# Renewed every few seconds, and worth nothing without that: one that cannot be read lapses.
LEASE = r"/lease\.json$"


@dataclass(frozen=True)
class Model:
    watched: Watched
    first: LedgerEntry

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.watched.home / "store")

    def key(self, kind: str) -> str:
        (key,) = [item.key for item in self.store.list("watched/") if re.search(KINDS[kind], item.key)]
        return key

    def commands(self) -> dict[str, Callable[[], Any]]:
        """Return what people call, each with an answer that is the same whenever the store says the same."""
        return {"verify": self.verify, "ledger": self.ledger, "run": self.run, "monitor": self.monitor}

    def verify(self) -> tuple[str, ...]:
        return verify(self.store, self.watched.tracking_uri, self.watched.spec, deep=True).problems

    def ledger(self) -> str:
        return ledger_json(self.store, read_ledger(self.store, "watched")[:2])

    def run(self) -> str:
        """Repeat the retraining of the first check: all is there, so that nothing in MLflow changes."""
        run = RetrainingRun(
            **self.watched.arguments, run_id=self.first.decision.run_id, as_of=self.first.as_of, triggered_by="test"
        )
        return retrain(run, Console(file=io.StringIO()), keep_run_id=True).model_dump_json()

    def monitor(self) -> str:
        entry = check_once(self.watched.run(), Console(file=io.StringIO())).entry
        assert entry is not None
        return entry.model_dump_json()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Model:
    home = tmp_path_factory.mktemp("whole")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db")
    first = check_once(watched.run(), Console(file=io.StringIO())).entry
    watched.land(TRAINED_ROWS, 400)
    second = check_once(watched.run(), Console(file=io.StringIO())).entry
    assert first is not None
    assert second is not None
    assert (first.decision.outcome, second.decision.outcome) == ("trigger", "none")
    close_breaker(watched.run().store, "watched", by="test")
    watched.land(TRAINED_ROWS + 400, 400)
    assert open_check(watched.run()) is not None
    return Model(watched, first)


@pytest.fixture(scope="module")
def answers(whole: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the commands say of a store that is whole."""
    return {
        name: replace(whole, watched=whole.watched.copy(tmp_path_factory.mktemp("copy") / name)).commands()[name]()
        for name in whole.commands()
    }


def test_the_layout_knows_every_object(whole: Model) -> None:
    keys = [item.key for item in whole.store.list()]
    assert [key for key in keys if place_of(key) is None] == []
    assert len({place_of(key) for key in keys}) >= 18


def test_the_kinds_are_all_that_a_step_reads(whole: Model, answers: dict[str, Any]) -> None:
    left = [
        item.key
        for item in whole.store.list()
        if not any(re.search(pattern, item.key) for pattern in (*KINDS.values(), UNREAD, LEASE))
    ]
    assert left == []
    assert answers["verify"] == ()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: bytes([*data[: len(data) // 2], data[len(data) // 2] ^ 4, *data[len(data) // 2 + 1 :]]),
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_object_is_made_again_or_named(
    whole: Model, answers: dict[str, Any], kind: str, damage: str, tmp_path: Path
) -> None:
    copy = replace(whole, watched=whole.watched.copy(tmp_path / "model"))
    key = copy.key(kind)
    copy.store.write(key, DAMAGES[damage](copy.store.read(key)))
    assert any(key in problem for problem in copy.verify())
    for name, command in copy.commands().items():
        if name == "verify":
            continue
        answer, message = said_by(command)
        assert key in message if message else answer == answers[name], name


def said_by(command: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return command(), ""
    except PerennialError as error:
        return None, str(error)


def test_no_flipped_bit_of_any_object_is_overlooked(whole: Model, tmp_path: Path) -> None:
    copy = replace(whole, watched=whole.watched.copy(tmp_path / "model"))
    assert read_contents(copy.store, "watched").problems == ()
    chance = random.Random(1)
    keys = [item.key for item in copy.store.list("watched/") if not re.search(f"{REPORT}|{LEASE}", item.key)]
    originals = {key: copy.store.read(key) for key in keys}
    for key, data in [*originals.items()] * 10:
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        copy.store.write(key, bytes(changed))
        named = read_contents(copy.store, "watched").problems
        assert len(named) == 1
        assert key in named[0]
        copy.store.write(key, data)


def test_a_ledger_entry_that_was_deleted_is_missed(whole: Model, tmp_path: Path) -> None:
    for number in (1, 2):
        copy = replace(whole, watched=whole.watched.copy(tmp_path / str(number)))
        copy.store.delete(f"watched/ledger/{number:08}.json")
        problems = "\n".join(verify(copy.store, copy.watched.tracking_uri, copy.watched.spec).problems)
        assert f"watched/ledger/ lacks check {number}" in problems


def test_a_champion_whose_tags_are_nonsense_is_known_by_its_record_to_run_and_monitor(
    mlflow_uri: str, tmp_path: Path
) -> None:
    watched = make_watched(tmp_path / "model", mlflow_uri)
    watched.retrain()
    watched.land(TRAINED_ROWS, 400)
    for tag in ("train_end", "snapshot", "libraries", "bundle"):
        MlflowClient(mlflow_uri).set_model_version_tag("watched", "1", f"perennial.{tag}", "yesterday")
    entry = check_once(watched.run(), Console(file=io.StringIO())).entry
    assert entry is not None
    tested = {result.test for result in entry.results if result.status == "quiet"}
    assert tested == {"ks", "categorical", "predictions", "page_hinkley", "performance"}
    run = RetrainingRun(**watched.arguments, run_id="second")
    verdict = retrain(run, Console(file=io.StringIO()))
    assert verdict.champion_version == "1"
    assert "roc_auc" in " ".join(gate.sentence for gate in verdict.gates if gate.name == "champion")
