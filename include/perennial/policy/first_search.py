"""The search of a replay: once, at the first moment at which a model is trained."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from perennial.data.split import apply_split, plan_split
from perennial.data.window import within
from perennial.models.tuning import Choice
from perennial.printable import PrintableLog
from perennial.store.lease import Owner
from perennial.tuning.search import search_here
from perennial.tuning.winner import choice_of, sentence, winner

if TYPE_CHECKING:
    from perennial.policy.history import History
    from perennial.run import Run

log = PrintableLog(__name__)


def first_search(run: Run, history: History, end: datetime) -> Choice | None:
    """Search with the rows that were known at a moment; None: the spec names one estimator.

    All models of the replay are made from what is found, since a search at each moment would take as many times as
    long. Its trials are kept nowhere.
    """
    spec = run.spec
    if not spec.tunes:
        return None
    rows = within(history.known_at(end), spec.source.windows[0], spec.source.event_time, end).reset_index(drop=True)
    split = apply_split(rows, plan_split(rows, spec), spec.task)
    trials = search_here(spec, split.train, Owner.this_process("a replay", run.now)).trials()
    won = winner(spec, trials)
    log.info("%s", sentence(spec, trials, won))
    return choice_of(trials[won])
