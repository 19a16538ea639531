"""The best trial as a search goes: a line in the log, and the page of all trials so far."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perennial.errors import StoreError
from perennial.layout import TUNING_PAGE
from perennial.printable import PrintableLog
from perennial.tuning.page import render_search
from perennial.tuning.winner import ended, evidence, scored_trials, winner

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun
    from perennial.tuning.trial_queue import TrialQueue

log = PrintableLog(__name__)

EVERY_S = 20.0
"""Seconds after which a process shows the search again, if a trial has ended meanwhile."""


@dataclass
class Progress:
    """Shows how a run's search goes; called after each trial. Every process of a search may have one.

    Attributes
    ----------
    run : RetrainingRun
    snapshot : Snapshot
    queue : TrialQueue
    """

    run: RetrainingRun
    snapshot: Snapshot
    queue: TrialQueue
    _shown: float = -math.inf

    def __call__(self) -> None:
        """Log the best trial and write the page, unless this process has just done so or the search is over.

        When it is over, `choose` writes the page: a process that others believe dead writes no older one over it.
        """
        if time.monotonic() - self._shown < EVERY_S:
            return
        trials = self.queue.trials()
        done = len(ended(trials))
        if not scored_trials(trials) or done == len(trials):
            return
        self._shown, leads = time.monotonic(), winner(self.run.spec, trials)
        found = evidence(self.run.spec, self.queue.name, self.snapshot.end, trials, leads, verb="leads")
        log.info("%d of %d trials have ended. %s", done, len(trials), found.sentence)
        page = render_search(self.run.spec, found, trials, leads, goes_on=True)
        try:
            self.run.store.write(self.run.prefix + TUNING_PAGE.name, page)
        except StoreError as error:  # the search can do without the page
            log.warning("the page of the search so far could not be written: %s", error)
