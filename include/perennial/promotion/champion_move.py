"""Moves the alias `champion`, by one process at a time.

MLflow sets an alias without looking at its old value, so two runs that were compared with the same champion could
both replace it. The store has compare-and-swap: one record for each model, `<model>/promotion.json`, names the move in
progress, and a process must write this record before it moves the alias. MLflow's alias decides which version is
champion; the record keeps processes apart, and gives each move its number in the ledger of champions. A person may move
the alias by hand at any time; a move that is in progress then is given up, and the alias stays as the person set it.

A process that is killed leaves the record at `moving`. The next process, of the same run or of another, completes that
move before its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perennial.champions.history import rolled_back
from perennial.champions.ledger import (
    enter,
    enter_found,
    newest_entry,
    next_sequence,
    read_champions,
    read_move,
    write_move,
)
from perennial.champions.records import Move, MoveOrigin
from perennial.errors import PromotionError
from perennial.layout import VERDICT
from perennial.printable import PrintableLog
from perennial.promotion.records import Promotion, RegisteredVersion, Verdict
from perennial.registry.aliases import CHAMPION, refuse_dry_run, version_by_alias, version_by_number
from perennial.registry.tracking import Tracker, again_on_conflict
from perennial.store.protocol import Conflict, Store

if TYPE_CHECKING:
    from perennial.run import RetrainingRun, Run

log = PrintableLog(__name__)

PREVIOUS_TAG = "perennial.previous_champion"
# Another round is needed only if another process has made progress, and there are never many.
_MOST_ROUNDS = 100


def promote(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> Promotion:
    """Make the version champion, if the champion is still the one that it was compared with.

    The version's tag `perennial.previous_champion` names the one that it replaced.

    Raises
    ------
    PromotionError
        The run is a dry run, the verdict does not promote, the champion has changed since the verdict, or the version
        was promoted before and rolled back.
    TrackingUnavailable
        MLflow does not answer.
    """
    refuse_dry_run(run, "promotes")
    if not verdict.promotes:
        raise PromotionError(
            f"version {registered.version} of {registered.name} is not to be promoted: {verdict.sentence}"
        )
    origin = MoveOrigin(
        kind="promoted",
        at=run.now,
        by=run.triggered_by,
        run_id=run.run_id,
        reason=run.reason,
        verdict=verdict.sentence,
        evidence=run.prefix + VERDICT.name,
    )
    return move_champion(run, registered.name, registered.version, expected=verdict.champion_version, origin=origin)


def move_champion(run: Run, name: str, version: str, *, expected: str | None, origin: MoveOrigin) -> Promotion:
    """Give a version the alias `champion`, and enter the move in the ledger of champions.

    Called again after a kill at any point it leaves one move and one entry.

    Parameters
    ----------
    run : Run
    name, version : str
        The registered model and the number of its version.
    expected : str or None
        The champion that the decision was made with; None: there was none.
    origin : MoveOrigin
        Who moves it, and why.

    Raises
    ------
    PromotionError
        The version is gone, or someone else has moved the alias since.
    TrackingUnavailable
        MLflow does not answer.
    """
    mover = _Mover(Tracker(run.tracking_uri), run.store, name, origin)
    for _ in range(_MOST_ROUNDS):
        promotion = mover.attempt(version, expected=expected)
        if promotion is not None:
            log.info(
                "version %s of %s is champion; before it: %s",
                promotion.version, promotion.name, promotion.previous_version or "none",
            )  # fmt: skip
            return promotion
    raise PromotionError(f"{name}: other moves of the champion were faster each time; run the task again")


@dataclass(frozen=True)
class _Mover:
    """Moves of one model's champion. Every method can be interrupted at any point and called again."""

    tracker: Tracker
    store: Store
    name: str
    origin: MoveOrigin

    @again_on_conflict
    def attempt(self, version: str, *, expected: str | None) -> Promotion | None:
        """Try once; None: another process wrote the record first, so try again."""
        last, stored_as = read_move(self.store, self.name)
        if last is not None and stored_as is not None and last.state == "moving":
            self._complete(last, stored_as)
            return self._outcome(last) if last.to_version == version else None
        found = version_by_number(self.tracker, self.name, version)
        if found is None:
            raise PromotionError(f"version {version} of {self.name} is no longer in the registry{self._advice}")
        if enter_found(self.store, self.name, self._champion, self.origin.at) is not None:
            return None
        champion = self._champion()
        if champion == version:
            return Promotion(name=self.name, version=version, previous_version=self._before(found))
        if champion != expected:
            raise PromotionError(
                f"the champion of {self.name} is {_named(champion)}, and version {version} was "
                f"{'examined' if self._rolls_back else 'judged'} against {_named(expected)}: {self._again}"
            )
        self._refuse_rolled_back(found)
        move = Move(
            sequence=next_sequence(self.store, self.name, last),
            from_version=champion,
            to_version=version,
            state="moving",
            origin=self.origin,
        )
        try:
            taken_as = write_move(self.store, self.name, move, stored_as)
        except Conflict:
            return None
        self._complete(move, taken_as)
        return self._outcome(move)

    @property
    def _rolls_back(self) -> bool:
        return self.origin.kind == "rolled back"

    @property
    def _advice(self) -> str:
        return "" if self._rolls_back else ": register it again"

    @property
    def _again(self) -> str:
        return "roll back again" if self._rolls_back else "clear the run from 'evaluate' on, to judge it again"

    def _before(self, found: Any) -> str | None:
        newest = newest_entry(self.store, self.name)
        return newest.previous if newest and self._rolls_back else found.tags.get(PREVIOUS_TAG) or None

    def _refuse_rolled_back(self, found: Any) -> None:
        """Refuse to promote a version again that someone has taken back: nothing about it is new."""
        if self._rolls_back or PREVIOUS_TAG not in found.tags:
            return
        back = rolled_back(read_champions(self.store, self.name)).get(str(found.version))
        if back is not None:
            raise PromotionError(
                f"version {found.version} of {self.name} was promoted before and rolled back to version "
                f"{back.version} by {back.by}: {back.reason}. It is not promoted again: retrain, or go back to it with "
                f"'perennial rollback {self.name} --to {found.version} --reason WHY'"
            )

    def _outcome(self, move: Move) -> Promotion | None:
        """Look at the alias after this run's own move; None: the version is gone, so try again.

        After a mismatch there must not be another try: it could find the expected champion, set by a person who has
        rolled back meanwhile, and undo the rollback.
        """
        champion = self._champion()
        if champion == move.to_version:
            return Promotion(name=self.name, version=champion, previous_version=move.from_version)
        if self._is_gone(move):
            return None
        raise PromotionError(
            f"the champion of {self.name} is {_named(champion)}: someone moved it while version {move.to_version} was "
            f"being made champion, so the alias is left as it is; {self._again}"
        )

    def _complete(self, move: Move, stored_as: str) -> None:
        """Complete a recorded move, of this process or another, and enter it in the ledger."""
        if self._champion() == move.from_version and not self._is_gone(move):
            # The tag comes first, so that the previous champion is known as soon as the new one is visible.
            self._tag_previous(move)
            if read_move(self.store, self.name)[1] != stored_as:
                return
            # Read right before setting it, since MLflow overwrites any value: a person may have rolled back meanwhile.
            if self._champion() == move.from_version:
                self._set_champion(move.to_version)
            else:
                self._say_moved(move)
        else:
            self._say_moved(move)
        ended = move.model_copy(update={"state": "moved" if self._champion() == move.to_version else "given up"})
        try:
            write_move(self.store, self.name, ended, stored_as)
        except Conflict:
            self._give_way(move)
        else:
            enter(self.store, self.name, ended)

    def _say_moved(self, move: Move) -> None:
        log.info(
            "%s: the move to version %s is done already, or someone moved the alias meanwhile",
            self.name,
            move.to_version,
        )

    def _give_way(self, move: Move) -> None:
        """Undo a move that this process set after others had completed it and made a newer one."""
        newest = read_move(self.store, self.name)[0]
        if newest is None or newest.sequence <= move.sequence or newest.state != "moved":
            return
        if self._champion() == move.to_version:
            self._set_champion(newest.to_version)

    def _champion(self) -> str | None:
        found = version_by_alias(self.tracker, self.name, CHAMPION)
        return None if found is None else str(found.version)

    def _set_champion(self, version: str | None) -> None:
        with self.tracker.connected():
            self.tracker.client.set_registered_model_alias(self.name, CHAMPION, version)

    def _tag_previous(self, move: Move) -> None:
        if move.origin is None or move.origin.kind == "promoted":
            with self.tracker.connected():
                self.tracker.client.set_model_version_tag(
                    self.name, move.to_version, PREVIOUS_TAG, move.from_version or ""
                )

    def _is_gone(self, move: Move) -> bool:
        return move.to_version is None or version_by_number(self.tracker, self.name, move.to_version) is None


def _named(version: str | None) -> str:
    return "none" if version is None else f"version {version}"
