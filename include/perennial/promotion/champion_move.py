"""Moves the alias `champion`, by one process at a time.

MLflow sets an alias without looking at its old value, so two runs that were compared with the same champion could
both replace it. The store has compare-and-swap: one record for each model, `<model>/promotion.json`, names the move in
progress, and a process must write this record before it moves the alias. MLflow's alias decides which version is
champion; the record only keeps processes apart. A person may move the alias by hand at any time; a move that is in
progress then is abandoned, and the alias stays as the person set it.

A process that is killed leaves the record at `moving`. The next process, of the same run or of another, completes that
move before its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from perennial.errors import PromotionError
from perennial.layout import CHAMPION_MOVE
from perennial.printable import PrintableLog
from perennial.promotion.records import Promotion, RegisteredVersion, Verdict
from perennial.registry.aliases import CHAMPION, refuse_dry_run, version_by_alias
from perennial.registry.tracking import MlflowException, Tracker, again_on_conflict
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)

PREVIOUS_TAG = "perennial.previous_champion"
# Another round is needed only if another process has made progress, and there are never many.
_MOST_ROUNDS = 100


class Move(BaseModel):
    """The record: the newest move of a model's champion, in progress or done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int
    from_version: str | None
    to_version: str
    state: Literal["moving", "moved"]


def promote(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> Promotion:
    """Make the version champion, if the champion is still the one that it was compared with.

    The version's tag `perennial.previous_champion` names the one that it replaced.

    Raises
    ------
    PromotionError
        The run is a dry run, the verdict does not promote, or the champion has changed since the verdict.
    TrackingUnavailable
        MLflow does not answer.
    """
    refuse_dry_run(run, "promotes")
    if not verdict.promotes:
        raise PromotionError(
            f"version {registered.version} of {registered.name} is not to be promoted: {verdict.sentence}"
        )
    mover = _Mover(Tracker(run.tracking_uri), run.store, registered.name)
    for _ in range(_MOST_ROUNDS):
        promotion = mover.attempt(registered.version, expected=verdict.champion_version)
        if promotion is not None:
            log.info(
                "version %s of %s is champion; before it: %s",
                promotion.version, promotion.name, promotion.previous_version or "none",
            )  # fmt: skip
            return promotion
    raise PromotionError(f"{registered.name}: other promotions were faster each time; run the task again")


@dataclass(frozen=True)
class _Mover:
    """Moves of one model's champion. Every method can be interrupted at any point and called again."""

    tracker: Tracker
    store: Store
    name: str

    @again_on_conflict
    def attempt(self, version: str, *, expected: str | None) -> Promotion | None:
        """Try once; None: another process wrote the record first, so try again."""
        last, stored_as = self._read()
        if last is not None and stored_as is not None and last.state == "moving":
            self._complete(last, stored_as)
            return self._outcome(last) if last.to_version == version else None
        found, champion = self._version(version), self._champion()
        if found is None:
            raise PromotionError(f"version {version} of {self.name} is no longer in the registry: register it again")
        if champion == version:
            return Promotion(name=self.name, version=version, previous_version=found.tags.get(PREVIOUS_TAG) or None)
        if champion != expected:
            raise PromotionError(
                f"the champion of {self.name} is {_named(champion)}, and version {version} was judged against "
                f"{_named(expected)}: clear the run from 'evaluate' on, to judge it again"
            )
        move = Move(
            sequence=last.sequence + 1 if last else 1, from_version=champion, to_version=version, state="moving"
        )
        try:
            taken_as = self._write(move, stored_as)
        except Conflict:
            return None
        self._complete(move, taken_as)
        return self._outcome(move)

    def _outcome(self, move: Move) -> Promotion | None:
        """Look at the alias after this run's own move; None: the version is gone, so try again.

        After a mismatch there must not be another try: it could find the expected champion, set by a person who has
        rolled back meanwhile, and undo the rollback.
        """
        champion = self._champion()
        if champion == move.to_version:
            return Promotion(name=self.name, version=move.to_version, previous_version=move.from_version)
        if self._version(move.to_version) is None:
            return None
        raise PromotionError(
            f"the champion of {self.name} is {_named(champion)}: someone moved it while version {move.to_version} was "
            "being promoted, so the alias is left as it is. Clear the run from 'evaluate' on, to judge this version "
            "against the new champion"
        )

    def _complete(self, move: Move, stored_as: str) -> None:
        """Complete a recorded move, of this process or another, and mark it as done."""
        if self._champion() == move.from_version and self._version(move.to_version) is not None:
            # The tag comes first, so that the previous champion is known as soon as the new one is visible.
            self._tag_previous(move)
            if self._read()[1] != stored_as:
                return
            # Read right before setting it, since MLflow overwrites any value: a person may have rolled back meanwhile.
            if self._champion() == move.from_version:
                self._set_champion(move.to_version)
            else:
                self._say_moved(move)
        else:
            self._say_moved(move)
        try:
            self._write(move.model_copy(update={"state": "moved"}), stored_as)
        except Conflict:
            self._give_way(move)

    def _say_moved(self, move: Move) -> None:
        log.info(
            "%s: the move to version %s is done already, or someone moved the alias meanwhile",
            self.name,
            move.to_version,
        )

    def _give_way(self, move: Move) -> None:
        """Undo a move that this process set after others had completed it and made a newer one."""
        newest = self._read()[0]
        if newest is None or newest.sequence <= move.sequence or newest.state != "moved":
            return
        if self._champion() == move.to_version:
            self._set_champion(newest.to_version)

    def _read(self) -> tuple[Move | None, str | None]:
        advice = (
            "It keeps two promotions of one model apart; MLflow's alias says which version is champion. Delete it "
            "while no run of the model is promoting, then clear 'promote' or repeat the command"
        )
        try:
            return read_versioned_record(self.store, self._key, Move, advice)
        except KeyNotFound:
            return None, None

    def _write(self, move: Move, over: str | None) -> str:
        data = seal(move)
        return self.store.create(self._key, data) if over is None else self.store.replace(self._key, data, over)

    @property
    def _key(self) -> str:
        return CHAMPION_MOVE.key(self.name)

    def _champion(self) -> str | None:
        found = version_by_alias(self.tracker, self.name, CHAMPION)
        return None if found is None else str(found.version)

    def _set_champion(self, version: str) -> None:
        with self.tracker.connected():
            self.tracker.client.set_registered_model_alias(self.name, CHAMPION, version)

    def _tag_previous(self, move: Move) -> None:
        with self.tracker.connected():
            self.tracker.client.set_model_version_tag(self.name, move.to_version, PREVIOUS_TAG, move.from_version or "")

    def _version(self, version: str) -> Any | None:
        with self.tracker.connected():
            try:
                return self.tracker.client.get_model_version(self.name, version)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise


def _named(version: str | None) -> str:
    return "none" if version is None else f"version {version}"
