"""Measures how often the triggers fire without a change, and how soon they find a change that is put into a stream.

python bench/abrupt.py FOLDER [NAME ...] [--every N] [--seed N]. The folder has streams as `<name>.csv.gz` and their specs as
`specs/<name>.yaml`. The first quarter of a stream is known from the start, the rest comes in 15 equal batches. At the
start of each batch a champion is trained as the spec says, its reference is prepared, and the batch is checked; the
share of these checks that would trigger is printed. Then a change is put into every Nth batch in turn, from a random row
to the end of the stream, and checks are made until one of them triggers.

Compared with river's ADWIN and Page-Hinkley on the same losses, each with the sensitivity at which it alarms in at most
as many of the checks without a change; and with a calendar with as many trainings, whose next one is half an interval
after a change on average. Excess loss is the loss of the champion on the changed rows minus its loss without the
change, until the training.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from river import drift

from perennial.data.split import split_by_time
from perennial.drift import KolmogorovSmirnov
from perennial.drift.charts.chart_state import ChartState
from perennial.drift.charts.control_chart import ControlChart
from perennial.drift.loss_level import JUMP, LossLevel
from perennial.monitoring.drift_tests.champion_model import Scored
from perennial.spec import ModelSpec
from perennial.spec.reading.loader import load_spec
from perennial.training.fit import prepare_fit

BATCHES, CHECKS_AFTER = 15, 3
ADWIN_DELTAS = (0.2, 0.05, 0.002, 1e-4, 1e-6, 1e-9, 1e-15, 1e-30)
PAGE_HINKLEY_THRESHOLDS = (5, 10, 20, 35, 50, 80, 120, 200, 400, 1000)

Change = Callable[[pd.DataFrame, ModelSpec, pd.DataFrame, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Watched:
    """A champion with its reference, as the monitor prepares it."""

    spec: ModelSpec
    scored: Callable[[pd.DataFrame], Scored]
    held_out: np.ndarray
    numbers: KolmogorovSmirnov
    chart: ControlChart
    level: LossLevel
    train: pd.DataFrame

    @classmethod
    def of(cls, spec: ModelSpec, window: pd.DataFrame) -> Watched:
        split = split_by_time(window, spec)
        twin, served = prepare_fit(spec, split.train), prepare_fit(spec, window)
        twin.run()
        served.run()
        inputs, target = list(spec.features.input_columns), spec.target.column
        held_out = Scored(twin.model.predict(split.holdout[inputs])).losses(split.holdout[target])
        numeric = list(spec.features.numeric)
        level = LossLevel.of(held_out)
        assert level is not None
        return cls(
            spec,
            lambda rows: Scored(served.model.predict(rows[inputs])),
            held_out,
            KolmogorovSmirnov.fit(window, columns=numeric),
            ControlChart.of_numbers(window, numeric),
            level,
            split.train,
        )

    def losses(self, rows: pd.DataFrame) -> np.ndarray:
        return self.scored(rows).losses(rows[self.spec.target.column])


@dataclass(frozen=True)
class Check:
    """The result of a check of one batch: whether columns drifted, look broken, and whether the losses changed."""

    columns: bool
    broken: bool
    losses: bool

    @property
    def fired(self) -> bool:
        return self.columns or self.losses


def checks(watched: Watched, batches: list[pd.DataFrame], losses: list[np.ndarray]) -> Iterator[Check]:
    """Check batch after batch against one champion, as the monitor does with the tests that may trigger by default."""
    state = ChartState(reference="bench")
    for batch, of_batch in zip(batches, losses, strict=True):
        ordinary, state = watched.chart.judge(batch, state, level=watched.spec.watch.drift.level)
        report = watched.numbers.compare(batch, ordinary=ordinary)
        jumped = watched.level.rise(of_batch) >= JUMP
        yield Check(bool(report.drifted), bool(report.broken), jumped)


def shifted(deviations: float) -> Change:
    def change(rows, spec, train, rng):
        name = _numeric(spec, train, rng)
        return rows.assign(**{name: rows[name] + deviations * train[name].std()})

    return change


def rescaled(factor: float) -> Change:
    def change(rows, spec, train, rng):
        name = _numeric(spec, train, rng)
        return rows.assign(**{name: rows[name] * factor})

    return change


def frozen(rows, spec, train, rng):
    name = _numeric(spec, train, rng)
    return rows.assign(**{name: rows[name].iloc[0]})


def swapped(rows, spec, train, rng):
    one, other = rng.choice(_varying(spec, train), size=2, replace=False)
    return rows.assign(**{one: rows[other], other: rows[one]})


def lost(share: float) -> Change:
    def change(rows, spec, train, rng):
        name = _numeric(spec, train, rng)
        return rows.assign(**{name: rows[name].astype(float).mask(rng.random(len(rows)) < share)})

    return change


def flipped(share: float) -> Change:
    """Flip the label (or mirror the target at its middle) in the share of rows with a column's largest values."""

    def change(rows, spec, train, rng):
        name, target = _numeric(spec, train, rng), spec.target.column
        chosen = rows[name] >= train[name].quantile(1 - share)
        labels = np.sort(train[target].unique())
        if spec.task == "classification":
            other = dict(zip(labels, np.roll(labels, 1), strict=True))
            turned = rows[target].map(other)
        else:
            turned = labels[0] + labels[-1] - rows[target]
        return rows.assign(**{target: rows[target].where(~chosen, turned)})

    return change


def unbalanced(kept: float) -> Change:
    """Replace all but a share of the rows with a target above its middle by copies of the other rows."""

    def change(rows, spec, train, rng):
        target = spec.target.column
        high = (rows[target] > train[target].median() - (spec.task == "classification") * 0.5).to_numpy()
        if high.all() or not high.any():
            return rows
        drop = high & (rng.random(len(rows)) > kept)
        instead = rng.choice(np.flatnonzero(~high), size=int(drop.sum()))
        source = np.arange(len(rows))
        source[drop] = instead
        times = rows[spec.source.event_time].to_numpy()
        return rows.iloc[source].assign(**{spec.source.event_time: times})

    return change


CHANGES: dict[str, tuple[Change, bool]] = {
    "shifted by 0.5 sd": (shifted(0.5), False),
    "shifted by 1 sd": (shifted(1), False),
    "shifted by 2 sd": (shifted(2), True),
    "shifted by 4 sd": (shifted(4), True),
    "rescaled by 1.5": (rescaled(1.5), False),
    "rescaled by 10": (rescaled(10), True),
    "frozen": (frozen, True),
    "swapped": (swapped, True),
    "30% missing": (lost(0.3), True),
    "label flipped for a quarter": (flipped(0.25), False),
    "label flipped for all": (flipped(1), True),
    "balance: half of the high kept": (unbalanced(0.5), False),
    "balance: a tenth of the high kept": (unbalanced(0.1), True),
}
"""Name -> change, and whether it is a large one."""


def _varying(spec: ModelSpec, train: pd.DataFrame) -> list[str]:
    return [name for name in spec.features.numeric if train[name].nunique() > 20]


def _numeric(spec: ModelSpec, train: pd.DataFrame, rng: np.random.Generator) -> str:
    return str(rng.choice(_varying(spec, train)))


def of_river(make: Callable[[], object], held_out: np.ndarray, batches: list[np.ndarray]) -> int | None:
    """Return the number of the first batch in which a detector of river's alarms, warmed up on the holdout."""
    detector = make()
    for loss in held_out.tolist():
        detector.update(loss)
    for number, losses in enumerate(batches):
        for loss in losses.tolist():
            detector.update(loss)
            if detector.drift_detected:
                return number
    return None


def adwin(delta: float):
    return lambda: drift.ADWIN(delta=delta)


def page_hinkley(threshold: float):
    return lambda: drift.PageHinkley(threshold=threshold)


@dataclass
class Case:
    """One change: the rows to each detector's check, and what a changed row costs."""

    change: str
    large: bool
    whole_batch: int
    rows: dict[str, float]
    broken: bool
    gap: float


def stream(folder: Path, name: str, every: int, seed: int) -> tuple[list[str], list[Case]]:
    """Replay one stream; return the lines to print and the cases."""
    spec = load_spec(folder / "specs" / f"{name}.yaml")
    frame = pd.read_csv(folder / f"{name}.csv.gz")
    time = spec.source.event_time
    moments = pd.to_datetime(frame[time])
    zone = spec.source.time_zone
    if moments.dt.tz is None:
        moments = moments.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").ffill()
    frame[time] = moments.dt.tz_convert("UTC")
    for column in spec.features.categorical:
        frame[column] = frame[column].astype("str")
    frame = frame.sort_values(time, kind="stable", ignore_index=True)
    first = len(frame) // 4
    ends = [first + round((len(frame) - first) * number / BATCHES) for number in range(BATCHES + 1)]
    batches = [frame.iloc[start:end] for start, end in pairwise(ends)]
    champions = [Watched.of(spec, _window(frame, spec, end)) for end in ends[:-1]]
    natural = [watched.losses(batch) for watched, batch in zip(champions, batches, strict=True)]
    quiet = [
        next(checks(watched, [batch], [losses]))
        for watched, batch, losses in zip(champions, batches, natural, strict=True)
    ]
    allowed = sum(check.fired for check in quiet)

    def as_quiet(make, settings):
        for setting in settings:
            fired = sum(
                of_river(make(setting), watched.held_out / watched.held_out.std(), [losses / watched.held_out.std()])
                is not None
                for watched, losses in zip(champions, natural, strict=True)
            )
            if fired <= allowed:
                return setting
        return settings[-1]

    rivals = {
        "ADWIN": adwin(as_quiet(adwin, ADWIN_DELTAS)),
        "Page-Hinkley (river)": page_hinkley(as_quiet(page_hinkley, PAGE_HINKLEY_THRESHOLDS)),
    }
    columns = sum(check.columns for check in quiet)
    lines = [
        f"| {name} | {len(quiet)} | {columns} | {sum(check.losses for check in quiet)} | {allowed / len(quiet):.0%} |"
    ]
    cases = []
    for number in range(0, BATCHES - CHECKS_AFTER, every):
        watched, following = champions[number], batches[number : number + 1 + CHECKS_AFTER]
        clean = [watched.losses(batch) for batch in following]
        for which, (title, (change, large)) in enumerate(CHANGES.items()):
            rng = np.random.default_rng([seed, number, which])
            start = int(rng.integers(len(following[0])))
            whole = pd.concat(following, ignore_index=True)
            later = change(whole.iloc[start:], spec, watched.train, rng)
            whole = pd.concat([whole.iloc[:start], later], ignore_index=True)
            cuts = np.cumsum([len(batch) for batch in following])[:-1]
            changed = [whole.iloc[piece] for piece in np.split(np.arange(len(whole)), cuts)]
            losses = [watched.losses(batch) for batch in changed]
            ended = np.cumsum([len(batch) for batch in changed]) - start
            results = enumerate(checks(watched, changed, losses))
            ours, found = next(((check, result) for check, result in results if result.fired), (None, None))
            scale = watched.held_out.std()
            heard = {
                rival: of_river(make, watched.held_out / scale, [part / scale for part in losses])
                for rival, make in rivals.items()
            }
            rows = {
                who: float(ended[check]) if check is not None else np.inf
                for who, check in {"ours": ours, **heard}.items()
            }
            gap = (np.concatenate(losses)[start:].mean() - np.concatenate(clean)[start:].mean()) / scale
            trainings = allowed + 1
            rows["calendar"] = len(following[0]) * BATCHES / trainings / 2
            broken = found is not None and found.broken
            cases.append(Case(title, large, int(ended[1]), rows, broken, max(0.0, float(gap))))
    return lines, cases


def _window(frame: pd.DataFrame, spec: ModelSpec, end: int) -> pd.DataFrame:
    window = spec.source.windows[0]
    rows = frame.iloc[:end]
    if window.rows is not None:
        return rows.iloc[-window.rows :]
    if window.days is not None:
        times = rows[spec.source.event_time]
        return rows[times > times.iloc[-1] - pd.Timedelta(days=window.days)]
    return rows


def table(cases: list[Case]) -> list[str]:
    """Return the lines of a table: what was found, how soon, and at which cost."""
    who = ("ours", "ADWIN", "Page-Hinkley (river)")
    titles = [*CHANGES, "all large ones"]
    lines = ["| change | " + " | ".join(who) + " | called broken | excess loss to the calendar's |", "|" + "---|" * 6]
    for title in titles:
        chosen = [case for case in cases if case.change == title or (title == "all large ones" and case.large)]
        cells = []
        for name in who:
            rows = np.array([case.rows[name] for case in chosen])
            soon = np.mean([case.rows[name] <= case.whole_batch for case in chosen])
            known = rows[np.isfinite(rows)]
            cells.append(f"{soon:.0%}, {np.median(known):,.0f} rows" if known.size else f"{soon:.0%}")
        unanswered = [min(case.rows["ours"], max(case.rows["calendar"], case.whole_batch)) for case in chosen]
        gaps = np.array([case.gap for case in chosen])
        calendar = float((gaps * [case.rows["calendar"] for case in chosen]).sum())
        excess = f"{float((gaps * unanswered).sum()) / calendar:.2f}" if calendar > 0 else "no loss"
        broken = np.mean([case.broken for case in chosen])
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {broken:.0%} | {excess} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="all of the folder if none is given")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="put changes into every Nth batch")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    names = given.names or sorted(path.name.removesuffix(".csv.gz") for path in given.folder.glob("*.csv.gz"))
    everything: list[Case] = []
    print("| stream | checks | columns fired | losses fired | quiet checks that fire |\n|---|---|---|---|---|")
    tables = []
    for name in names:
        lines, cases = stream(given.folder, name, given.every, given.seed)
        print("\n".join(lines), flush=True)
        tables.append((name, table(cases)))
        everything += cases
    for name, lines in [*tables, ("all streams", table(everything))] if len(tables) > 1 else tables:
        print(f"\n{name}: found by the first check of a whole changed batch, median rows to the alarm\n")
        print("\n".join(lines))


if __name__ == "__main__":
    main()
