"""Checkpoints of a long fit: what is learnt so far goes to the store, and a repeated fit goes on from there."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.errors import Interrupted
from perennial.layout import CHECKPOINT
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record, seal
from perennial.training.checkpoints.parts import asked_iterations, fit_in_parts
from perennial.training.checkpoints.sigterm import held_sigterm

if TYPE_CHECKING:
    from perennial.run import Run

log = PrintableLog(__name__)

LONGEST_PART_S = 10.0
"""A part of a fit ends before a pod's grace period of 30 seconds does, unless a single iteration takes longer."""


class Checkpoint(Record):
    """The first iterations of a fit."""

    fit: str
    """Digest of what is fitted, and on what."""
    made: int
    asked: int
    """How many iterations the whole fit has, at most."""
    state: str
    """What was learnt, as a file in base64: a booster's own, or skops."""


@dataclass(frozen=True)
class Checkpoints:
    """Where the checkpoints of one fit go, and how often.

    Attributes
    ----------
    store : Store
    model : str
        The spec's name.
    fit : str
        Digest of what is fitted, and on what.
    every_s : float
        Seconds between two checkpoints.
    clock : callable
        Seconds that pass.
    """

    store: Store
    model: str
    fit: str
    every_s: float
    clock: Callable[[], float] = time.monotonic

    @property
    def key(self) -> str:
        """Key of the newest checkpoint."""
        return CHECKPOINT.key(self.model, self.fit)

    def find(self) -> Checkpoint | None:
        """Return the newest checkpoint; None: there is none that can be used."""
        try:
            kept = read_record(self.store, self.key, Checkpoint, "The fit begins anew")
        except KeyNotFound:
            return None
        except Damaged as error:
            log.warning("%s", error)
            return None
        if kept.fit != self.fit:
            log.warning("%s is a checkpoint of another fit, %s: this fit begins anew", self.key, kept.fit)
            return None
        return kept

    def train(self, estimator: Any, kept: Checkpoint | None, x: Any, y: Any, weights: Any) -> None:
        """Fit an estimator from a checkpoint on, and write others as it goes.

        SIGTERM ends the current part and writes a checkpoint; then the signal takes its course, and the fit ends.

        Parameters
        ----------
        estimator : estimator
            One that can resume; fitted in place.
        kept : Checkpoint or None
            None: from the first iteration on.
        x, y, weights
            The prepared rows, their labels and their weights or None.

        Raises
        ------
        Interrupted
            SIGTERM came, and did not end the process.
        """
        asked, last = asked_iterations(estimator), self.clock()
        if kept is not None:
            log.info("the fit goes on after %d of %d iterations", kept.made, asked)

        with held_sigterm() as held:

            def after_part(made: int, state: Callable[[], bytes]) -> None:
                nonlocal last
                due = self.clock() - last >= self.every_s
                # Asked once: a signal that comes from here on waits for the next part, and for its checkpoint.
                ending = held.pending
                if due or ending:
                    content = base64.b64encode(state()).decode()
                    self.store.write(self.key, seal(Checkpoint(fit=self.fit, made=made, asked=asked, state=content)))
                    log.info("checkpoint after %d of %d iterations", made, asked)
                    last = self.clock()
                if ending:
                    held.deliver()
                    # Airflow's handler returns, and the process would fit on until SIGKILL.
                    raise Interrupted(
                        f"SIGTERM ended the fit after {made} of {asked} iterations: a retry goes on from there"
                    )

            start = None if kept is None else base64.b64decode(kept.state)
            part_s = min(self.every_s, LONGEST_PART_S)
            fit_in_parts(estimator, start, after_part, x, y, weights, part_s=part_s)

    def discard(self) -> None:
        """Delete the checkpoint, once what was fitted is stored."""
        self.store.delete(self.key)


def checkpoints_of(run: Run, fit: str) -> Checkpoints | None:
    """Return where the checkpoints of a run's fit go; None: the spec asks for none."""
    minutes = run.spec.model.checkpoint_minutes
    return None if minutes is None else Checkpoints(run.store, run.spec.name, fit, 60 * minutes)
