"""Read what the governor needs from store and registry, without reading more of the ledger than necessary."""

from __future__ import annotations

from itertools import islice, takewhile

from perennial.monitoring import ledger
from perennial.monitoring.earlier_checks import History, counts_for
from perennial.monitoring.records import MonitorState, OpenCheck
from perennial.registry.champions import current_champion
from perennial.run import MonitorRun


def read_history(run: MonitorRun, check: OpenCheck, state: MonitorState) -> History:
    """Return what the governor needs in addition to the check.

    Parameters
    ----------
    run : MonitorRun
    check : OpenCheck
    state : MonitorState
        State before the check.
    """
    store, model = run.store, check.model
    retraining = run.spec.retraining
    most = max(retraining.at_most.retrainings, retraining.breaker.rejections)
    triggers = tuple(islice(ledger.triggers_before(store, model, check.sequence), most))
    earlier = ledger.entries_before(store, model, check.sequence)
    # Checks of another champion never count, so nothing before them is read.
    same = takewhile(lambda entry: _version(entry.check) == _version(check), earlier)
    of = run.spec.watch.require.of
    champion = current_champion(run.store, run.tracking_uri, model)
    return History(
        recent=tuple(islice((entry for entry in same if counts_for(check, entry)), of - 1)),
        triggers=triggers,
        outcomes=ledger.retraining_outcomes(store, triggers, run.active),
        champion_version=champion.version if champion else None,
        active=run.active,
        alarm=state.alarm,
        breaker_closed=ledger.breaker_closed(store, model),
        set_back=state.set_back,
        latest=run.latest,
    )


def _version(check: OpenCheck) -> str | None:
    return check.champion.version if check.champion else None
