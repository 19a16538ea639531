"""The result of a backtest in words. It says what did as well as what, and never which schedule is the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from perennial.policy.figures import difference
from perennial.policy.policies import INTERVALS
from perennial.policy.records import Change, PolicyResult
from perennial.policy.replay import Replay
from perennial.spec.metrics import LOWER_IS_BETTER


def finding(results: Sequence[PolicyResult], metric: str, replay: Replay, change: Change | None) -> str:
    """Return the result for people who do not read tables.

    Parameters
    ----------
    results : sequence of PolicyResult
        With `never` and `every_N`, alone and together, by name.
    metric : str
    replay : Replay
    change : Change or None
        The most abrupt change.
    """
    by_name = {one.name: one for one in results}
    never, always = by_name["never"], by_name["every_1"]
    period = f"from {replay.ends[0]:%d %B %Y} to {replay.ends[-1]:%d %B %Y}"
    if not always.on_never.detectable:
        said = [
            f"{period[:1].upper()}{period[1:]} training again after every batch had no detectable effect: {metric} "
            f"{_figure(always.score)}, and {_figure(never.score)} without any further training."
        ]
    elif always.on_never.mean < 0:
        said = [f"{period[:1].upper()}{period[1:]} training after every batch did worse than never training again."]
    else:
        said = [
            f"{period[:1].upper()}{period[1:]} training after every batch gained: {metric} {_figure(always.score)}, "
            f"and {_figure(never.score)} without any further training.",
            *_rarest(by_name, replay),
        ]
    return " ".join([*said, *_together(by_name), *_triggers(results, by_name, metric, change)])


def _rarest(by_name: dict[str, PolicyResult], replay: Replay) -> list[str]:
    """Say how much less often trainings could be made without a detectable loss."""
    as_good = []
    for every in INTERVALS[1:]:
        if by_name[f"every_{every}"].on_always.detectable:
            break
        as_good.append(every)
    if not as_good:
        second = by_name["every_2"]
        verb = "better" if second.on_always.mean > 0 else "worse"
        return [f"A training {second.title} ({_days(replay, 2)}) did {verb}, at {_figure(second.score)}."]
    return [f"A training {by_name[f'every_{as_good[-1]}'].title} ({_days(replay, as_good[-1])}) did as well."]


def _together(by_name: dict[str, PolicyResult]) -> list[str]:
    both = by_name["every_1.together"]
    effect = both.on_always
    gained = both.on_never.detectable and both.on_never.mean > 0
    if gained and not by_name["every_1"].on_never.detectable:
        return [f"With past champions serving together, the same trainings gained: {_figure(both.score)}."]
    if not effect.detectable:
        return ["Letting past champions serve together had no detectable additional effect."]
    verb = "better" if effect.mean > 0 else "worse"
    return [f"Past champions that serve together did {verb}, at {_figure(both.score)}, for no further training."]


def _triggers(
    results: Sequence[PolicyResult], by_name: dict[str, PolicyResult], metric: str, change: Change | None
) -> list[str]:
    """Compare the spec's own triggers, or the only one there is, with the calendar with about as many trainings."""
    triggered = [one for one in results if one.kind == "test" and one.name.startswith("on_")]
    if not triggered:
        return []
    yours = triggered[-1]
    alike = min(
        (by_name[name] for name in ("never", *(f"every_{every}" for every in INTERVALS))),
        key=lambda one: abs(one.trainings - yours.trainings),
    )
    trained = f"{yours.trainings:g} time{'s' if yours.trainings != 1 else ''}"
    scores, others = np.array(yours.scores), np.array(alike.scores)
    effect = difference(scores, others, greater_is_better=metric not in LOWER_IS_BETTER)
    beside = "not detectably different from"
    if effect.detectable:
        beside = "better than" if effect.mean > 0 else "worse than"
    return [
        f"Training {yours.title} would have trained {trained} and scored {_figure(yours.score)}, {beside} "
        f"{_figure(alike.score)} by the calendar nearest to that ({alike.title}, {round(alike.trainings, 1):g} trainings).",
        _answer(change, yours.days_to_answer, alike.days_to_answer),
    ]


def _answer(change: Change | None, triggers: float, calendar: float) -> str:
    """Say how much sooner the triggers answered the most abrupt change than the calendar, in days; NaN: not at all."""
    if change is None:
        return (
            "No batch stood out as abruptly worse than the one before it, so there was nothing that drift triggers could "
            "have answered sooner than a calendar."
        )
    change_of = f"the change of {change.start.day} {change.start:%B %Y}"
    if not math.isfinite(triggers):
        also = f"that calendar took {_time(calendar)}" if math.isfinite(calendar) else "neither would that calendar"
        return f"Drift triggers would not have answered {change_of}; {also}."
    if not math.isfinite(calendar):
        return f"Drift triggers would have answered {change_of} after {_time(triggers)}; that calendar would not have."
    sooner = calendar - triggers
    if abs(sooner) * 24 < 0.5:
        return f"Drift triggers would have answered {change_of} no sooner than that calendar."
    word = "sooner" if sooner > 0 else "later"
    return f"Drift triggers would have answered {change_of} {_time(abs(sooner))} {word} than that calendar."


def _days(replay: Replay, batches: int) -> str:
    days = (replay.ends[-1] - replay.ends[0]).total_seconds() / 86_400 * batches / replay.batches
    return f"about every {_time(days)}"


def _time(days: float) -> str:
    return f"{days:,.0f} days" if days >= 1.5 else f"{days * 24:,.0f} hours"


def _figure(value: float) -> str:
    return f"{value:.4g}"
