"""The trials of one search, as a queue in Optuna's storage from which any number of processes take.

A search has a fixed number of places. Each place is a trial that waits in the study; whoever takes it asks the sampler
for its parameters. So the budget is kept exactly, however many processes take part. While a trial is under way its
process counts up a number in the study. If the number stands still for `LAPSE_S` seconds, or its process on this
machine has ended, the trial is failed and its place waits again, with the same parameters: Optuna's own heartbeat
covers `Study.optimize` only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from perennial.errors import TrainingError
from perennial.printable import PrintableLog
from perennial.store.lease import Owner
from perennial.tuning.samplers import pruner_of, sampler_of

if TYPE_CHECKING:
    from perennial.spec.tuning import Tuning

log = PrintableLog(__name__)

LAPSE_S = 60.0
"""Seconds after which a trial is given back whose process no longer says that it is at work."""
MOST_DEATHS = 3
"""A trial under which so many processes have died is not tried again."""
_BEAT_S = 10.0
_LOOK_S = 1.0

SEARCH = "perennial.search"
PLACE, OWNER, BEAT, GIVEN_BACK, REASON, EARLIER, ORIGIN = (
    "place", "owner", "beat", "given_back", "reason", "earlier", "origin",
)  # fmt: skip


@dataclass
class TrialQueue:
    """The trials of a study.

    Attributes
    ----------
    storage : BaseStorage
    name : str
        Name of the study.
    tuning : Tuning
    directions : sequence of StudyDirection
        Of the objectives.
    owner : Owner
        This process.
    """

    storage: BaseStorage
    name: str
    tuning: Tuning
    directions: Sequence[StudyDirection]
    owner: Owner
    _seen: dict[int, tuple[Any, float]] = field(default_factory=dict)

    def fill(
        self,
        search: str,
        places: int,
        known: Sequence[tuple[str, Mapping[str, Any]]] = (),
        earlier: Sequence[FrozenTrial] = (),
    ) -> None:
        """Make the study and its places, or those that are missing. One process at a time may do so.

        Parameters
        ----------
        search : str
            Digest of the search, by which an existing study is recognised.
        places : int
        known : sequence of (origin, parameters)
            Parameters of the first places, such as the points of a grid; the sampler chooses those of all others.
        earlier : sequence of FrozenTrial
            Trials of another study, for the sampler to learn from.

        Raises
        ------
        TrainingError
            The study was made by another search.
        """
        study = self._made(search)
        learnt = {trial.user_attrs.get(EARLIER) for trial in study.get_trials(deepcopy=False)}
        study.add_trials([_as_earlier(trial) for trial in earlier if trial.number not in learnt])
        there = self.trials()
        for place in range(places):
            if place not in there:
                origin, params = known[place] if place < len(known) else ("", {})
                study.enqueue_trial(dict(params), user_attrs={PLACE: place, ORIGIN: origin})
            elif _was_given_back(there[place]):
                self._wait_again(study, there[place])

    def _made(self, search: str) -> Study:
        try:
            study = optuna.create_study(study_name=self.name, storage=self.storage, directions=list(self.directions))
            study.set_user_attr(SEARCH, search)
        except DuplicatedStudyError:
            study = self._study()
        found = study.user_attrs.get(SEARCH)
        if found is None and not study.get_trials(deepcopy=False):
            # A process was killed between the two lines above.
            study.set_user_attr(SEARCH, search)
            found = search
        if found != search or study.directions != list(self.directions):
            raise TrainingError(
                f"study {self.name!r} was made by another search ({found or 'not by Perennial'}), and its trials cannot "
                "be compared with those of this one: delete it with `optuna delete-study`, or start another run"
            )
        return study

    def take(self) -> tuple[int, Trial] | None:
        """Take the next trial; wait for those of other processes, which may be given back.

        Returns
        -------
        (int, Trial) or None
            Place and trial; None: there is nothing left to do, or no time.
        """
        while True:
            trials = self.trials()
            if self._is_done(trials):
                return None
            for place, waiting in sorted(trials.items()):
                if waiting.state == TrialState.WAITING and self._claimed(waiting):
                    return place, Trial(self._study(place), waiting._trial_id)
            if not self._give_back(trials.values()):
                time.sleep(_LOOK_S)

    def is_done(self) -> bool:
        """Tell whether all trials have ended, or the time is over."""
        return self._is_done(self.trials())

    def _is_done(self, trials: Mapping[int, FrozenTrial]) -> bool:
        ended = (trial.state.is_finished() and not _was_given_back(trial) for trial in trials.values())
        return self._out_of_time(trials) or all(ended)

    def _claimed(self, waiting: FrozenTrial) -> bool:
        with suppress(UpdateFinishedTrialError):
            if self.storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING):
                self.storage.set_trial_user_attr(waiting._trial_id, OWNER, self.owner.model_dump_json())
                return True
        return False

    def _give_back(self, trials: Iterable[FrozenTrial]) -> bool:
        """Give back the trials of processes that have died; tell whether there were any."""
        lost = [trial for trial in trials if self._is_lost(trial)]
        for trial in lost:
            # Of several processes that find this, one fails the trial, and so gives it back.
            with suppress(UpdateFinishedTrialError):
                if trial.state == TrialState.RUNNING:
                    self.storage.set_trial_user_attr(trial._trial_id, GIVEN_BACK, True)
                    self.storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
                log.warning("trial %d is given back: its process has died", trial.user_attrs[PLACE])
                self._wait_again(self._study(), trial)
        return bool(lost)

    def _is_lost(self, trial: FrozenTrial) -> bool:
        if trial.state != TrialState.RUNNING and not _was_given_back(trial):
            return False
        owner = trial.user_attrs.get(OWNER)
        if trial.state == TrialState.RUNNING and owner and Owner.model_validate_json(owner).is_dead:
            return True
        # Also a process that gives a trial back may die before the place waits again.
        beat, now = (owner, trial.state, trial.user_attrs.get(BEAT)), time.monotonic()
        seen, since = self._seen.setdefault(trial._trial_id, (beat, now))
        if seen != beat:
            self._seen[trial._trial_id] = (beat, now)
            return False
        return now - since >= LAPSE_S

    def _wait_again(self, study: Study, lost: FrozenTrial) -> None:
        place = lost.user_attrs[PLACE]
        deaths = sum(
            trial.user_attrs.get(PLACE) == place and _was_given_back(trial)
            for trial in study.get_trials(deepcopy=False)
        )
        attributes = {PLACE: place, ORIGIN: lost.user_attrs.get(ORIGIN, "")}
        params = {**lost.system_attrs.get("fixed_params", {}), **lost.params}
        if deaths < MOST_DEATHS:
            study.enqueue_trial(params, user_attrs=attributes)
        else:
            reason = f"its process died {deaths} times, perhaps for want of memory"
            study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={**attributes, REASON: reason}))

    def trials(self) -> dict[int, FrozenTrial]:
        """Return the newest trial of each place."""
        study = self._study()
        placed = [trial for trial in study.get_trials(deepcopy=False) if PLACE in trial.user_attrs]
        return {trial.user_attrs[PLACE]: trial for trial in sorted(placed, key=lambda trial: trial.number)}

    def _out_of_time(self, trials: Mapping[int, FrozenTrial]) -> bool:
        if self.tuning.minutes is None:
            return False
        taken = sum(seconds(trial) for trial in trials.values())
        return taken / self.tuning.parallel >= 60 * self.tuning.minutes

    @contextmanager
    def at_work(self, trial: Trial) -> Iterator[None]:
        """Say again and again, inside the block, that the trial is under way."""
        end = threading.Event()

        def beat() -> None:
            number = 0
            while not end.wait(_BEAT_S):
                number += 1
                try:
                    self.storage.set_trial_user_attr(trial._trial_id, BEAT, number)
                except Exception as error:  # the block finds out by itself, and one beat that fails does no harm
                    log.warning("trial %d could not say that it is under way: %s", trial.number, error)

        thread = threading.Thread(target=beat, name="trial", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def _study(self, place: int = 0) -> Study:
        return optuna.load_study(
            study_name=self.name,
            storage=self.storage,
            sampler=sampler_of(self.tuning, place),
            pruner=pruner_of(self.tuning),
        )


def seconds(trial: FrozenTrial) -> float:
    """Return how long a trial took; 0: it has not ended."""
    return trial.duration.total_seconds() if trial.duration else 0.0


def trials_of(storage: BaseStorage, name: str) -> list[FrozenTrial]:
    """Return the scored trials of another study, best known by its name; none if it is gone."""
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return []
    return [
        trial for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if PLACE in trial.user_attrs
    ]


def _was_given_back(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and GIVEN_BACK in trial.user_attrs


def _as_earlier(trial: FrozenTrial) -> FrozenTrial:
    return create_trial(
        values=trial.values,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={EARLIER: trial.number},
    )
