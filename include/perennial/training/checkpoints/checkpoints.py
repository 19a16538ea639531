"""Checkpoints of a long fit: a booster's rounds so far go to the store, and a repeated fit goes on from there.

A booster that goes on from its first rounds on the same rows is the one that it would have been, as long as rounds draw
no rows or columns at random: both libraries then promise it, and tests hold them to it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.errors import Interrupted
from perennial.layout import CHECKPOINT
from perennial.models.boosted import LIBRARIES, Boosted, library_of
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record, seal
from perennial.training.checkpoints.sigterm import held_sigterm

if TYPE_CHECKING:
    from perennial.run import Run

log = PrintableLog(__name__)


class Checkpoint(Record):
    """The first rounds of a fit."""

    fit: str
    """Digest of what is fitted, and on what."""
    rounds: int
    asked: int
    """How many rounds the whole fit has."""
    booster: str
    """The library's own file, as base64."""


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

    def train(self, boosted: Boosted, kept: Checkpoint | None, x: Any, y: Any, weights: Any) -> None:
        """Fit a booster from a checkpoint on, and write others as it goes.

        SIGTERM ends the current round and writes a checkpoint; then the signal takes its course, and the fit ends.

        Parameters
        ----------
        boosted : Boosted
            Fitted in place.
        kept : Checkpoint or None
            None: from the first round on.
        x, y, weights
            The prepared rows, their labels and their weights or None.

        Raises
        ------
        Interrupted
            SIGTERM came, and did not end the process.
        """
        library = LIBRARIES[str(library_of(type(boosted.estimator)))]
        asked, last = boosted.asked_rounds, self.clock()
        if kept is not None:
            log.info("the fit goes on after round %d of %d", kept.rounds, asked)

        def write(booster: Any) -> None:
            made = Checkpoint(
                fit=self.fit,
                rounds=library.made(booster),
                asked=asked,
                booster=base64.b64encode(library.write(booster)).decode(),
            )
            self.store.write(self.key, seal(made))
            log.info("checkpoint after round %d of %d", made.rounds, asked)

        with held_sigterm() as held:

            def after_round(booster: Any) -> None:
                nonlocal last
                due = self.clock() - last >= self.every_s
                # Asked once: a signal that comes from here on waits for the next round, and for its checkpoint.
                ending = held.pending
                if due or ending:
                    write(booster)
                    last = self.clock()
                if ending:
                    held.deliver()
                    # Airflow's handler returns, and the process would fit on until SIGKILL.
                    raise Interrupted(
                        f"SIGTERM ended the fit after round {library.made(booster)} of {asked}: a retry goes on from there"
                    )

            start = None if kept is None else base64.b64decode(kept.booster)
            boosted.fit_from(start, after_round, x, y, weights)

    def discard(self) -> None:
        """Delete the checkpoint, once what was fitted is stored."""
        self.store.delete(self.key)


def checkpoints_of(run: Run, fit: str) -> Checkpoints | None:
    """Return where the checkpoints of a run's fit go; None: the spec asks for none."""
    minutes = run.spec.model.checkpoint_minutes
    return None if minutes is None else Checkpoints(run.store, run.spec.name, fit, 60 * minutes)
