"""The page of a search: self-contained HTML without scripts or network access."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from optuna.trial import FrozenTrial, TrialState

from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.tuning.drawings import draw_history, draw_parallel
from perennial.tuning.importances import importances
from perennial.tuning.trial_queue import GIVEN_BACK, ORIGIN, REASON, seconds
from perennial.tuning.trials import CHOICE, FOLDS, SPREAD
from perennial.tuning.winner import CHAMPION, choice_of, ended, scored_trials

if TYPE_CHECKING:
    from perennial.models.tuning import Tuning
    from perennial.spec import ModelSpec

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_STATES = {
    TrialState.COMPLETE: "scored",
    TrialState.PRUNED: "ended early",
    TrialState.FAIL: "failed",
    TrialState.WAITING: "not begun",
    TrialState.RUNNING: "not ended",
}


def render_search(
    spec: ModelSpec, found: Tuning, trials: Mapping[int, FrozenTrial], won: int, *, goes_on: bool = False
) -> bytes:
    """Return the page, in UTF-8: the winner and why it won, plots, and a table of all trials.

    Parameters
    ----------
    spec : ModelSpec
    found : Tuning
    trials : mapping of int to FrozenTrial
        By their places.
    won : int
        The winner's place.
    goes_on : bool
        The search is not over: the winner only leads.
    """
    scored = scored_trials(trials)
    less = found.metric in LOWER_IS_BETTER
    best_first = sorted(scored, key=lambda place: (scored[place].values[0] * (1 if less else -1), place))
    begun = [place for place in sorted(trials) if not goes_on or trials[place].state != TrialState.WAITING]
    others = [place for place in begun if place not in scored]
    page = _PAGES.get_template("search.html.j2").render(
        model=spec.name,
        found=found,
        how_far=f"{len(ended(trials))} of {len(trials)}" if goes_on else "",
        second=spec.search.second,
        less=less,
        folds=len(trials[won].user_attrs[FOLDS]),
        rows=[_row(place, trials[place], place == won) for place in (*best_first, *others)],
        history=draw_history(scored, won, less_is_better=less),
        parallel=draw_parallel(scored, won, less_is_better=less),
        importances=importances(scored.values(), less_is_better=less),
    )
    return page.encode()


def _row(place: int, trial: FrozenTrial, won: bool) -> dict[str, object]:
    known = trial.user_attrs
    state = "failed" if REASON in known else _STATES[trial.state]
    return {
        "place": place,
        "won": won,
        "what": choice_of(trial).in_words if CHOICE in known else "",
        "champion": known.get(ORIGIN) == CHAMPION,
        "values": trial.values or (),
        "folds": known.get(FOLDS, ()),
        "spread": known.get(SPREAD),
        "seconds": seconds(trial),
        "state": "its process died" if GIVEN_BACK in known else state,
        "reason": known.get(REASON, ""),
    }
