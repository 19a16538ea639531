"""Whether a model's ledger is complete: no entry missing, each linked to the one before, and the state at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from perennial.errors import StoreUnavailable
from perennial.monitoring.ledger import read_entry, sequences
from perennial.monitoring.records import LedgerEntry, MonitorState
from perennial.monitoring.state import load_state
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store


def read_checks(store: Store, model: str) -> tuple[int, list[str]]:
    """Return how many entries a model's ledger has, and a sentence for each thing that is wrong with ledger or state.

    Raises
    ------
    StoreUnavailable
        The store does not answer.
    """
    problems: list[str] = []
    state = None
    # The state is read first: a check that is closed meanwhile must not look like one that the ledger lacks.
    try:
        state, _ = load_state(store, model)
    except Damaged as damage:
        problems.append(str(damage))
    numbers = sequences(store, model)
    entries = {}
    for number in numbers:
        try:
            entries[number] = read_entry(store, model, number)
        except StoreUnavailable:
            raise
        except (Damaged, KeyNotFound) as error:
            problems.append(str(error))
    return len(numbers), [*problems, *ledger_problems(model, numbers, entries, state)]


def ledger_problems(
    model: str, numbers: Sequence[int], entries: Mapping[int, LedgerEntry], state: MonitorState | None
) -> Iterator[str]:
    """Yield a sentence for each gap and each wrong link of a ledger.

    Parameters
    ----------
    model : str
    numbers : sequence of int
        Sequence numbers of the entries that are there.
    entries : mapping of int to LedgerEntry
        Those of the entries that can be read.
    state : MonitorState or None
        None: it cannot be read.
    """
    last = max(numbers, default=0)
    for first, until in _runs(sorted(set(range(1, last + 1)) - set(numbers))):
        yield f"{model}/ledger/ lacks {_checks(first, until)}: put back from a backup what is missing (docs/deploy.md)"
    if state is not None and state.sequence > last:
        yield (
            f"{model}/ledger/ lacks {_checks(last + 1, state.sequence)}, which the state says were made: put back "
            "from a backup what is missing (docs/deploy.md)"
        )
    # The last check may be decided and not closed yet.
    if state is not None and state.sequence < last - 1:
        yield (
            f"{model}/monitor/state.json stands at check {state.sequence}, and the ledger has checks up to {last}: "
            "the state is older than the ledger. Put back the state of the same backup"
        )
    trigger = None
    for number in sorted(entries):
        entry = entries[number]
        if entry.last_trigger != trigger:
            yield (
                f"check {number} of {model} names {_named(entry.last_trigger)} as the last one before it that "
                f"triggered a retraining, and in the ledger it is {_named(trigger)}: an entry is missing or was put "
                "there"
            )
        named = number if entry.decision.outcome == "trigger" else entry.last_trigger
        trigger = max((one for one in (trigger, named) if one is not None), default=None)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        found = [number for _, number in run]
        yield found[0], found[-1]


def _checks(first: int, until: int) -> str:
    return f"check {first}" if first == until else f"checks {first} to {until}"


def _named(number: int | None) -> str:
    return "none" if number is None else f"check {number}"
