from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from perennial.champions.ledger import read_champions
from perennial.errors import PromotionError
from perennial.promotion import champion_move
from perennial.promotion.records import RegisteredVersion
from perennial.promotion.registry import promote, register
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from perennial.store.sealed import unseal

RECORD = "late/promotion.json"


@pytest.fixture
def tracker(run):
    return Tracker(run.tracking_uri)


@pytest.fixture
def new_version(run, log_candidate, evaluation_of, make_verdict):
    def make() -> RegisteredVersion:
        candidate = log_candidate()
        return register(run, candidate, evaluation_of(candidate), make_verdict())

    return make


@pytest.fixture
def champion(run):
    def version() -> str | None:
        found = current_champion(run.store, run.tracking_uri, "late")
        return None if found is None else found.version

    return version


@pytest.fixture
def record(run):
    def read() -> dict[str, object]:
        found = json.loads(unseal(run.store.read(RECORD)))
        found.pop("origin", None)
        return found

    return read


@pytest.fixture
def entered(run):
    """The ledger of champions in few words: what followed what, and how."""
    return lambda: [(one.previous, one.version, one.kind) for one in read_champions(run.store, "late")]


@pytest.fixture(scope="module")
def movers():
    """Run jobs in processes of their own, all at once; return their exit codes."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("mover_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def work(*jobs: dict[str, object]) -> list[int]:
        process.stdin.write(json.dumps(jobs) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield work
    process.stdin.close()
    process.wait(30)


@pytest.fixture
def job(run):
    def make(verdict, **parts: object) -> dict[str, object]:
        return {
            "spec": run.spec.model_dump_json(),
            "store": str(run.store.root),
            "run_id": run.run_id,
            "tracking_uri": run.tracking_uri,
            "verdict": verdict.model_dump_json(),
            **parts,
        }

    return make


def test_champions_follow_each_other_and_name_the_one_before(run, tracker, new_version, make_verdict, champion):
    first, second = new_version(), new_version()

    assert promote(run, first, make_verdict()).previous_version is None
    assert promote(run, second, make_verdict(against=first.version)).previous_version == first.version

    assert champion() == second.version
    assert tracker.client.get_model_version("late", second.version).tags["perennial.previous_champion"] == first.version


def test_promoting_again_changes_nothing(run, new_version, make_verdict, champion, record):
    first, second = new_version(), new_version()
    promote(run, first, make_verdict())
    promotion = promote(run, second, make_verdict(against=first.version))
    before = record()

    assert promote(run, second, make_verdict(against=first.version)) == promotion
    assert (champion(), record()) == (second.version, before)


def test_a_candidate_judged_against_a_former_champion_is_refused(run, new_version, make_verdict, champion):
    first, second, third = new_version(), new_version(), new_version()
    promote(run, first, make_verdict())
    promote(run, second, make_verdict(against=first.version))

    said = "champion of late is version 2, and version 3 was judged against version 1: clear the run from 'evaluate'"
    with pytest.raises(PromotionError, match=said):
        promote(run, third, make_verdict(against=first.version))
    assert champion() == second.version


def test_a_candidate_about_which_a_person_is_to_be_asked_is_not_promoted_before(
    run, new_version, make_verdict, champion
):
    asks = make_verdict("inconclusive", sentence="unsure").model_copy(update={"consequence": "ask"})
    with pytest.raises(PromotionError, match="is not to be promoted: unsure"):
        promote(run, new_version(), asks)
    assert champion() is None


def test_a_rejected_candidate_is_never_promoted(run, new_version, make_verdict, champion):
    with pytest.raises(PromotionError, match="is not to be promoted: worse"):
        promote(run, new_version(), make_verdict("reject", sentence="worse"))
    assert champion() is None


def test_a_dry_run_promotes_nothing(dry, new_version, make_verdict, champion):
    with pytest.raises(PromotionError, match="dry run"):
        promote(dry, new_version(), make_verdict())
    assert champion() is None


def test_a_version_that_is_gone_is_refused(run, tracker, new_version, make_verdict):
    version = new_version()
    tracker.client.delete_model_version("late", version.version)

    with pytest.raises(PromotionError, match="no longer in the registry"):
        promote(run, version, make_verdict())


def test_a_rollback_by_hand_is_what_the_next_candidate_is_held_against(
    run, tracker, new_version, make_verdict, champion
):
    first, second, third = new_version(), new_version(), new_version()
    promote(run, first, make_verdict())
    promote(run, second, make_verdict(against=first.version))
    tracker.client.set_registered_model_alias("late", "champion", first.version)

    with pytest.raises(PromotionError, match="champion of late is version 1"):
        promote(run, third, make_verdict(against=second.version))
    assert promote(run, third, make_verdict(against=first.version)).previous_version == first.version
    assert champion() == third.version


@pytest.mark.parametrize("moment", ["before the move is set", "after the move is set"])
def test_a_rollback_by_hand_while_a_version_is_promoted_stands(
    run, tracker, new_version, make_verdict, champion, monkeypatch, moment
):
    first, second, third = new_version(), new_version(), new_version()
    promote(run, first, make_verdict())
    promote(run, second, make_verdict(against=first.version))
    # What is the last thing before the set, and the first after it.
    name = "_tag_previous" if moment == "before the move is set" else "_set_champion"
    method = getattr(champion_move._Mover, name)
    back_to = first.version if moment == "before the move is set" else second.version

    def roll_back_after(self, what):
        method(self, what)
        tracker.client.set_registered_model_alias("late", "champion", back_to)

    monkeypatch.setattr(champion_move._Mover, name, roll_back_after)
    with pytest.raises(PromotionError, match=rf"champion of late is version {back_to}: someone moved it while"):
        promote(run, third, make_verdict(against=second.version))
    assert champion() == back_to


def _left_behind(run, *, sequence: int, from_version: str | None, to_version: str) -> None:
    move = {"sequence": sequence, "from_version": from_version, "to_version": to_version, "state": "moving"}
    run.store.write(RECORD, json.dumps(move).encode())


def test_a_move_that_a_killed_run_left_is_completed_first(run, new_version, make_verdict, champion, record):
    first, second, third = new_version(), new_version(), new_version()
    promote(run, first, make_verdict())
    _left_behind(run, sequence=2, from_version=first.version, to_version=second.version)

    with pytest.raises(PromotionError, match="champion of late is version 2"):
        promote(run, third, make_verdict(against=first.version))
    assert (champion(), record()["state"]) == (second.version, "moved")


def test_a_move_left_behind_gives_way_to_a_person(run, tracker, new_version, make_verdict, champion):
    first, second, third = new_version(), new_version(), new_version()
    promote(run, first, make_verdict())
    _left_behind(run, sequence=2, from_version=first.version, to_version=second.version)
    tracker.client.set_registered_model_alias("late", "champion", third.version)

    with pytest.raises(PromotionError, match="champion of late is version 3"):
        promote(run, second, make_verdict(against=first.version))
    assert champion() == third.version


def test_a_move_left_behind_to_a_deleted_version_blocks_nobody(run, tracker, new_version, make_verdict, champion):
    first, second, third = new_version(), new_version(), new_version()
    promote(run, first, make_verdict())
    _left_behind(run, sequence=2, from_version=first.version, to_version=second.version)
    tracker.client.delete_model_version("late", second.version)

    promote(run, third, make_verdict(against=first.version))
    assert champion() == third.version


def test_each_move_is_entered_with_who_made_it_and_why(run, tracker, new_version, make_verdict, entered):
    first, second = new_version(), new_version()
    promote(run, first, make_verdict())
    tracker.client.set_registered_model_alias("late", "champion", second.version)
    promote(run, new_version(), make_verdict(against=second.version, sentence="far better"))

    assert entered() == [(None, "1", "promoted"), ("1", "2", "found"), ("2", "3", "promoted")]
    newest = read_champions(run.store, "late")[-1]
    assert (newest.by, newest.reason, newest.run_id, newest.verdict) == ("pytest", "a test", "manual__1", "far better")
    assert newest.evidence == "late/runs/manual__1/verdict.json"
    assert newest.at == run.now


@pytest.mark.crash
def test_of_runs_at_once_one_promotes(new_version, make_verdict, champion, record, movers, job, entered):
    base: str | None = None
    champions = []
    for round_ in range(1, 4):
        versions = [new_version().version for _ in range(4)]
        codes = movers(*(job(make_verdict(against=base), version=version) for version in versions))

        assert sorted(codes) == [0, 3, 3, 3]
        assert champion() == versions[codes.index(0)]
        assert record() == {
            "sequence": round_, "from_version": base, "to_version": champion(), "state": "moved"
        }  # fmt: skip
        base = champion()
        champions.append(base)
    assert [version for _, version, kind in entered()] == champions


@pytest.mark.crash
def test_killed_between_any_two_effects_and_retried_the_end_is_the_same(
    tracker, new_version, make_verdict, champion, record, movers, job, entered
):
    base = new_version().version
    assert movers(job(make_verdict(), version=base)) == [0]
    moves = [(None, base, "promoted")]
    for effects in range(100):
        version, wanted = new_version().version, make_verdict(against=base)
        (code,) = movers(job(wanted, version=version, kill_after=effects))
        assert movers(job(wanted, version=version)) == [0]

        assert champion() == version
        tags = tracker.client.get_model_version("late", version).tags
        assert tags["perennial.previous_champion"] == base
        move = record()
        assert (move["from_version"], move["to_version"], move["state"]) == (base, version, "moved")
        assert move["sequence"] == effects + 2
        moves.append((base, version, "promoted"))
        assert entered() == moves
        base = version
        if code == 0:
            break
        assert code == -9
    assert effects > 8


@pytest.mark.crash
def test_a_rollback_killed_between_any_two_effects_and_retried_is_one_move(
    new_version, make_verdict, champion, movers, job, entered
):
    first, second = new_version().version, new_version().version
    assert movers(job(make_verdict(), version=first)) == [0]
    assert movers(job(make_verdict(against=first), version=second)) == [0]
    moves = [(None, first, "promoted"), (first, second, "promoted")]
    # A promotion is killed everywhere: this is the same code, and a few places suffice.
    for effects in range(0, 100, 3):
        # There and back: each time from the version that the last rollback came to.
        back, away = (first, second) if effects % 2 == 0 else (second, first)
        parts = {
            "request": {"to": back, "reason": "a test", "by": "alice", "run_id": f"manual__{effects}"},
            "examination": {"name": "late", "version": back, "champion": away, "sentence": "Not compared."},
        }
        (code,) = movers(job(make_verdict(), **parts, kill_after=effects))
        assert movers(job(make_verdict(), **parts)) == [0]

        moves.append((away, back, "rolled back"))
        assert (champion(), entered()) == (back, moves)
        if code == 0:
            break
        assert code == -9
    assert effects > 8


@pytest.mark.crash
def test_of_a_promotion_and_a_rollback_at_once_one_wins(new_version, make_verdict, champion, movers, job, entered):
    first, second = new_version().version, new_version().version
    assert movers(job(make_verdict(), version=first)) == [0]
    assert movers(job(make_verdict(against=first), version=second)) == [0]
    back = {
        "request": {"to": first, "reason": "a test", "by": "alice", "run_id": "back"},
        "examination": {"name": "late", "version": first, "champion": second, "sentence": "Not compared."},
    }
    third = new_version().version
    promoted, taken_back = movers(job(make_verdict(against=second), version=third), job(make_verdict(), **back))

    assert (promoted, taken_back, champion()) in [(0, 3, third), (3, 0, first)]
    assert len(entered()) == 3


@pytest.mark.crash
def test_a_run_killed_anywhere_does_not_hold_up_another(
    new_version, make_verdict, champion, record, movers, job, entered
):
    base = new_version().version
    assert movers(job(make_verdict(), version=base)) == [0]
    for effects in range(100):
        killed, other = new_version().version, new_version().version
        (code,) = movers(job(make_verdict(against=base), version=killed, kill_after=effects))
        after = movers(job(make_verdict(against=base), version=other))

        # Either the killed one had begun, and its move is completed for it, or it never happened.
        assert (after, champion()) in [([3], killed), ([0], other)]
        assert record()["to_version"] == champion()
        assert record()["state"] == "moved"
        assert entered()[-1] == (base, champion(), "promoted")
        base = champion()
        if code == 0:
            break
    assert code == 0
    assert len(entered()) == effects + 2


@pytest.mark.crash
def test_registering_killed_between_any_two_effects_and_retried_makes_one_version(
    run, tracker, log_candidate, evaluation_of, make_verdict, movers, job
):
    for effects in range(100):
        candidate = log_candidate()
        parts = {"candidate": candidate.model_dump_json(), "evaluation": evaluation_of(candidate).model_dump_json()}
        rejected = make_verdict("reject", sentence="worse")
        (code,) = movers(job(rejected, **parts, kill_after=effects))
        assert movers(job(rejected, **parts)) == [0]

        (version,) = tracker.client.search_model_versions(f"run_id = '{candidate.mlflow_run_id}'")
        assert version.description == "worse"
        assert version.tags["perennial.verdict"] == "reject"
        assert tracker.client.get_model_version_by_alias("late", "challenger").version == version.version
        if code == 0:
            break
    assert effects > 5


def test_the_registered_version_of_another_name_is_not_touched(run, new_version, make_verdict, champion):
    with pytest.raises(PromotionError, match="no longer in the registry"):
        promote(run, RegisteredVersion(name="other", version=new_version().version, alias=None), make_verdict())
    assert champion() is None
