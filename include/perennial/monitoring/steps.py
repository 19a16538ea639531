"""The steps of a check as plain functions, called by the operators of the monitoring DAG and by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from perennial.ensemble.kept_weights import find_weights, keep_weights
from perennial.errors import ChampionUnusable
from perennial.monitoring import ledger
from perennial.monitoring.advance import advance
from perennial.monitoring.drift_tests.column_tests import measure_categories, measure_numbers, measure_predictions
from perennial.monitoring.drift_tests.matured_tests import measure_losses, measure_metrics, measure_volume_of_rows
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.governor import govern
from perennial.monitoring.history import read_history
from perennial.monitoring.opening import open_check
from perennial.monitoring.records import DriftTestResult, LedgerEntry, MonitorState, OpenCheck
from perennial.monitoring.reweighting import reweigh
from perennial.monitoring.state import load_state, save_state
from perennial.monitoring.version_before import version_before
from perennial.printable import PrintableLog
from perennial.run import MonitorRun
from perennial.spec.monitoring import DriftTestName

__all__ = ["TESTS", "CheckReader", "close_check", "decide", "make_test", "open_check"]

log = PrintableLog(__name__)

TESTS: Mapping[DriftTestName, Callable[[CheckReader, OpenCheck], DriftTestResult]] = {
    "ks": measure_numbers,
    "categorical": measure_categories,
    "predictions": measure_predictions,
    "page_hinkley": measure_losses,
    "performance": measure_metrics,
    "volume": measure_volume_of_rows,
}


def make_test(reader: CheckReader, check: OpenCheck, name: DriftTestName) -> DriftTestResult:
    """Test the rows of a check in one way; for a decided check, return the result in the ledger.

    A closed check is continued only if its retraining was lost, and its rows may be gone then.
    """
    decided = ledger.find_entry(reader.run.store, check.model, check.sequence)
    found = next((result for result in decided.results if result.test == name), None) if decided else None
    if found is not None:
        return found
    try:
        result = TESTS[name](reader, check)
        if name != "performance":
            return result
        return result.model_copy(
            update={"reweighting": reweigh(reader, check), "before": version_before(reader, check, result)}
        )
    except ChampionUnusable as reason:
        return DriftTestResult(test=name, status="not tested", sentence=f"{name}: not tested, {reason}.")


def decide(run: MonitorRun, check: OpenCheck, results: Sequence[DriftTestResult]) -> LedgerEntry:
    """Let the governor decide, and enter check and decision in the ledger.

    A second call with the same check, after a crash or from another scheduler, returns the entry of the first.
    """
    history = read_history(run, check, load_state(run.store, check.model)[0])
    entry = LedgerEntry(
        sequence=check.sequence,
        model=check.model,
        as_of=check.as_of,
        check=check,
        results=tuple(results),
        decision=govern(run.spec, check, results, history),
        last_trigger=history.triggers[0].sequence if history.triggers else None,
    )
    kept = ledger.append(run.store, entry)
    for reason in kept.decision.reasons:
        log.info(reason)
    log.info("check %d: %s", kept.sequence, kept.decision.outcome)
    return kept


def close_check(run: MonitorRun, entry: LedgerEntry) -> MonitorState:
    """Update weights, cursors, detector and alarm after a decided check. Does nothing if that was done before.

    Raises
    ------
    WeightsChanged, StateChanged
        Another process has changed them meanwhile: closing the check again starts from its state.
    """
    champion, reweighting = entry.check.champion, entry.reweighting
    # Read before the state: if others close this check and the next one meanwhile, their weights are kept.
    found = find_weights(run.store, entry.model, champion.bundle_digest) if champion and reweighting else None
    state, version = load_state(run.store, entry.model)
    if state.sequence >= entry.sequence:
        return state
    if champion and reweighting and found:
        kept = reweighting.kept(entry.sequence, entry.as_of)
        keep_weights(run.store, entry.model, champion.bundle_digest, kept, found)
    advanced = advance(state, entry)
    if save_state(run.store, entry.model, advanced, version):
        return advanced
    return load_state(run.store, entry.model)[0]
