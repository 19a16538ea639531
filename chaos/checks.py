"""What must hold after every fault: nothing may be incomplete, lost or duplicated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

# Prefix of the run ids of retrainings that the monitor triggers.
TRIGGERED = "drift-"


def broken(found: dict[str, Any]) -> list[str]:
    """Return a sentence for each rule that the state violates.

    Parameters
    ----------
    found : dict
        State, as `Stack.look` returns it.
    """
    return [
        *found["problems"],
        *_snapshots(found),
        *_versions(found),
        *_champion(found),
        *_ledger(found),
        *_triggers(found),
    ]


def _snapshots(found: dict[str, Any]) -> Iterator[str]:
    for digest, files in found["snapshots"].items():
        if not files["listed"]:
            yield f"snapshot {digest[:12]} has no manifest, or one without parts"
        elif strays := set(files["there"]) - set(files["listed"]):
            yield f"snapshot {digest[:12]} has parts that its manifest does not list: {', '.join(sorted(strays))}"
        elif lost := set(files["listed"]) - set(files["there"]):
            yield f"snapshot {digest[:12]} lacks {', '.join(sorted(lost))}"
    used = {version["snapshot"] for version in found["versions"]}
    if unused := set(found["snapshots"]) - used:
        yield f"snapshots of no version: {', '.join(sorted(unused))}"


def _versions(found: dict[str, Any]) -> Iterator[str]:
    registered = Counter(version["run_id"] for version in found["versions"])
    ended = {run_id for run_id, state in found["retrainings"].items() if state == "success"}
    for run_id in sorted(ended - set(registered)):
        yield f"the run {run_id} ended and has no version"
    for run_id in sorted(set(registered) - set(found["retrainings"])):
        yield f"a version is of the run {run_id}, which nobody started"
    for run_id, count in registered.items():
        if count > 1:
            yield f"the run {run_id} has {count} versions"
    trained = Counter(found["training_runs"])
    if trained != Counter(FINISHED=len(found["versions"])):
        yield f"MLflow runs for {len(found['versions'])} versions: {dict(trained)}"


def _champion(found: dict[str, Any]) -> Iterator[str]:
    numbers = sorted(int(version["version"]) for version in found["versions"])
    if int(found["champion"]) != numbers[-1]:
        yield f"the champion is version {found['champion']}, and the last one promoted is {numbers[-1]}"
    move = found["move"]
    if (move["to"], move["state"]) != (found["champion"], "moved"):
        yield f"the record of moves ends with {move['state']} to {move['to']}; the champion is {found['champion']}"
    if move["sequence"] != len(numbers):
        yield f"{move['sequence']} moves for {len(numbers)} versions that were all promoted"
    for before, version in zip(
        [None, *numbers], sorted(found["versions"], key=lambda one: int(one["version"])), strict=False
    ):
        if (version["previous"] or None) != (None if before is None else str(before)):
            yield f"version {version['version']} names {version['previous'] or 'none'} as the champion before it"


def _ledger(found: dict[str, Any]) -> Iterator[str]:
    checks = sum(state == "success" for state in found["monitor_runs"].values())
    if found["ledger"] != list(range(1, checks + 1)):
        yield f"the ledger has the entries {found['ledger']} after {checks} runs of the monitor"
    if found["state"] != checks:
        yield f"the monitor's state is at check {found['state']} after {checks} runs"


def _triggers(found: dict[str, Any]) -> Iterator[str]:
    triggered, retrainings = set(found["triggered"]), found["retrainings"]
    for run_id in sorted(triggered - set(retrainings)):
        yield f"a check triggered the retraining {run_id}, which never began"
    for run_id in sorted(set(retrainings) - triggered):
        if run_id.startswith(TRIGGERED):
            yield f"the retraining {run_id} began, and no check triggered it"
    for run_id in sorted(triggered & set(retrainings)):
        if retrainings[run_id] != "success":
            yield f"the retraining {run_id}, which a check triggered, is {retrainings[run_id]}"
