"""A candidate is promoted only by figures that are there, reach every gate and beat the champion."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.evaluation.records import Comparison, Evaluation, Scores
from perennial.promotion.records import Verdict
from perennial.promotion.verdict import decide
from perennial.registry.records import Champion
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from tests.candidates import candidate, provenance

DAY = datetime(2013, 3, 1, tzinfo=UTC)


def spec(primary: str = "roc_auc", **gates: Any) -> ModelSpec:
    regression = primary in {"rmse", "mae", "r2", "mape"}
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": "regression" if regression else "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"days": 10}, "primary": primary, "gates": gates},
        }
    )


CHAMPION = Champion(
    version="3",
    mlflow_run_id="older",
    bundle_digest="8" * 64,
    snapshot_digest="4" * 64,
    train_end=DAY,
)
BEFORE = provenance(snapshot_digest="4" * 64)


def evaluation(
    metrics: dict[str, float], champion: dict[str, float] | None = None, *, reason: str = "no reason", **changes: Any
) -> Evaluation:
    def scores(figures: dict[str, float]) -> Scores:
        return Scores(metrics=figures, undefined={n: reason for n, v in figures.items() if math.isnan(v)})

    facts = {
        "mlflow_run_id": "run",
        "rows": 500,
        "classes": ("0", "1"),
        "candidate": scores(metrics),
        "champion": scores(champion) if champion is not None else None,
        "comparison": comparison(metrics, champion, reason) if champion is not None else None,
        "champion_is": CHAMPION if champion is not None else None,
        "champion_provenance": BEFORE if champion is not None else None,
    }
    return Evaluation.model_validate(facts | changes)


def comparison(
    metrics: dict[str, float], champion: dict[str, float], reason: str = "", error: float = math.nan, rows: int = 500
) -> Comparison:
    """Compare by the only metric of both, or by the first; an interval of two standard errors."""
    name = next(iter(metrics), "roc_auc")
    ours, theirs = metrics.get(name, math.nan), champion.get(name, math.nan)
    apart = theirs - ours if name in LOWER_IS_BETTER else ours - theirs
    known = math.isfinite(ours) and math.isfinite(theirs)
    return Comparison(
        metric=name,
        candidate=ours,
        champion=theirs,
        difference=apart if known else math.nan,
        standard_error=error,
        low=apart - 2 * error,
        high=apart + 2 * error,
        confidence=0.95,
        blocks=10,
        rows=rows,
        reason=(reason if math.isfinite(error) else "all rows have one time")
        if known
        else f"{name} is undefined: {reason}",
    )


def beside(candidate: float, champion: float, *, error: float, rows: int = 500) -> Evaluation:
    """A candidate's ROC AUC beside a champion's, with the standard error of their difference."""
    metrics = {"roc_auc": candidate}, {"roc_auc": champion}
    return evaluation(*metrics, comparison=comparison(*metrics, error=error, rows=rows))


def failed(verdict: Verdict) -> set[str]:
    return {gate.name for gate in verdict.gates if not gate.passed}


@pytest.mark.parametrize(
    ("measured", "asked", "fails"),
    [
        pytest.param(evaluation({"roc_auc": 0.7}), spec(), set(), id="first model"),
        pytest.param(evaluation({"roc_auc": 0.7}, {"roc_auc": 0.69}), spec(), set(), id="better"),
        pytest.param(evaluation({"roc_auc": 0.7}, {"roc_auc": 0.71}), spec(), {"champion"}, id="worse"),
        pytest.param(evaluation({"roc_auc": 0.7}, {"roc_auc": 0.7}), spec(tolerance=0), {"champion"}, id="tie"),
        pytest.param(evaluation({"roc_auc": 0.7}, {"roc_auc": 0.7}), spec(tolerance=0.01), set(), id="tie, tolerated"),
        pytest.param(evaluation({"roc_auc": 0.5}, {"roc_auc": 0.75}), spec(tolerance=0.25), {"champion"}, id="edge"),
        pytest.param(evaluation({"rmse": 1.0}, {"rmse": 1.1}), spec("rmse"), set(), id="less is better"),
        pytest.param(evaluation({"rmse": 1.2}, {"rmse": 1.1}), spec("rmse"), {"champion"}, id="more is worse"),
        pytest.param(evaluation({"rmse": 1.2}, {"rmse": 1.1}), spec("rmse", tolerance=0.2), set(), id="tolerated"),
        pytest.param(evaluation({"roc_auc": 0.7}), spec(minimum={"roc_auc": 0.7}), set(), id="minimum reached"),
        pytest.param(
            evaluation({"roc_auc": 0.7}), spec(minimum={"roc_auc": 0.71}), {"minimum roc_auc"}, id="below minimum"
        ),
        pytest.param(
            evaluation({"roc_auc": 0.7, "log_loss": 0.6}), spec(maximum={"log_loss": 0.6}), set(), id="maximum kept"
        ),
        pytest.param(
            evaluation({"roc_auc": 0.7, "log_loss": 0.7}),
            spec(maximum={"log_loss": 0.6}),
            {"maximum log_loss"},
            id="above maximum",
        ),
        pytest.param(evaluation({"roc_auc": 0.7}, rows=100), spec(), set(), id="just enough rows"),
        pytest.param(evaluation({"roc_auc": 0.7}, rows=99), spec(), {"rows"}, id="too few rows"),
        pytest.param(
            evaluation({"roc_auc": math.nan}, classes=("0",)), spec(), {"labels", "primary metric"}, id="one label"
        ),
        pytest.param(
            evaluation({"roc_auc": math.nan}, rows=0, classes=()),
            spec(),
            {"rows", "labels", "primary metric"},
            id="no rows",
        ),
        pytest.param(evaluation({"roc_auc": math.inf}), spec(), {"primary metric"}, id="infinite metric"),
        pytest.param(evaluation({}), spec(), {"primary metric"}, id="metric not computed"),
        pytest.param(
            evaluation({"roc_auc": 0.7}, {"roc_auc": math.nan}), spec(), {"champion"}, id="champion undefined"
        ),
        pytest.param(evaluation({"rmse": 1.0}, classes=()), spec("rmse"), set(), id="regression has no labels"),
    ],
)
def test_cases(measured: Evaluation, asked: ModelSpec, fails: set[str]) -> None:
    verdict = decide(measured, asked, candidate())
    assert failed(verdict) == fails
    assert verdict.outcome == ("reject" if fails else "promote")


def test_the_same_rows_recipe_and_libraries_are_nothing_new() -> None:
    again = candidate(
        provenance=BEFORE.model_copy(update={"code_version": "later", "reason": "another", "run_id": "2"})
    )
    verdict = decide(evaluation({"roc_auc": 0.9}, {"roc_auc": 0.7}), spec(), again)
    assert failed(verdict) == {"news"}
    assert "trained from the same rows, by the same recipe and libraries as champion v3" in verdict.sentence


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"snapshot_digest": "0" * 64}, "other than in champion v3: rows"),
        ({"recipe_digest": "0" * 64}, "features or settings of the fit"),
        ({"transform_digest": "0" * 64}, "source of the transform"),
        ({"libraries": {"scikit-learn": "1.10.0"}}, "scikit-learn (1.9.1 then, 1.10.0 now)"),
        ({"libraries": {"scikit-learn": "1.9.1", "lightgbm": "4.7"}}, "lightgbm (none then, 4.7 now)"),
    ],
)
def test_whatever_can_change_a_model_is_news(changed: dict[str, Any], said: str) -> None:
    other = candidate(provenance=BEFORE.model_copy(update=changed))
    verdict = decide(evaluation({"roc_auc": 0.9}, {"roc_auc": 0.7}), spec(), other)
    assert verdict.outcome == "promote"
    assert said in next(gate.sentence for gate in verdict.gates if gate.name == "news")


def test_a_candidate_that_says_what_the_champion_says_is_nothing_new_whatever_changed() -> None:
    measured = evaluation({"roc_auc": 0.7}, {"roc_auc": 0.7}, same_predictions=True)
    verdict = decide(measured, spec(tolerance=0.005), candidate())
    assert failed(verdict) == {"news"}
    assert "its predictions for all 500 held-out rows equal those of champion v3, bit for bit" in verdict.sentence


@pytest.mark.parametrize(("gain", "passes"), [(0.001, True), (0.0, True), (-0.015625, True), (-0.016, False)])
def test_within_one_standard_error_a_candidate_is_not_worse(gain: float, passes: bool) -> None:
    verdict = decide(beside(0.75 + gain, 0.75, error=0.015625), spec(), candidate())
    assert failed(verdict) == (set() if passes else {"champion"})


def test_where_the_noise_is_not_known_a_candidate_may_not_be_worse_at_all() -> None:
    verdict = decide(beside(0.7, 0.71, error=math.nan), spec(), candidate())
    assert verdict.sentence == (
        "Rejected: roc_auc 0.7000 is worse, compared with 0.7100 of champion v3 on the same rows: worse by 0.0100, "
        "within an interval that is not known: all rows have one time. 1 of 5 gates failed."
    )
    assert decide(beside(0.71, 0.71, error=math.nan), spec(), candidate()).outcome == "promote"


@pytest.mark.parametrize(
    ("value", "gates", "outcome", "words"),
    [
        (0.73, {}, "promote", "certainly better"),
        (0.71, {}, "inconclusive", "not certain to be better"),
        (0.69, {}, "inconclusive", "not certain to be better"),
        (0.67, {}, "reject", "certainly not better"),
        (0.69, {"tolerance": 0.0}, "inconclusive", "not certain to be better"),
        (0.69, {"tolerance": 0.05}, "promote", "certainly worse by less than 0.05, or better"),
        (0.66, {"tolerance": 0.05}, "inconclusive", "not certain to be worse by less than 0.05, or better"),
        (0.62, {"tolerance": 0.05}, "reject", "certainly not worse by less than 0.05, or better"),
    ],
)
def test_between_proof_for_and_proof_against_nothing_is_concluded(
    value: float, gates: dict[str, Any], outcome: str, words: str
) -> None:
    verdict = decide(beside(value, 0.7, error=0.01), spec(confidence=0.95, **gates), candidate())
    assert verdict.outcome == outcome
    gate = next(gate for gate in verdict.gates if gate.name == "champion")
    assert f"roc_auc {value:.4f} is {words}, compared with" in gate.sentence
    assert (gate.passed, gate.inconclusive) == (outcome == "promote", outcome == "inconclusive")


@pytest.mark.parametrize(("chosen", "promotes"), [("promote", True), ("reject", False)])
def test_the_spec_says_what_becomes_of_an_inconclusive_candidate(chosen: str, promotes: bool) -> None:
    asked = spec(confidence=0.95, inconclusive=chosen)
    verdict = decide(beside(0.71, 0.7, error=0.01), asked, candidate())
    assert (verdict.outcome, verdict.promotes) == ("inconclusive", promotes)
    assert verdict.sentence == (
        "Inconclusive: roc_auc 0.7100 is not certain to be better, compared with 0.7000 of champion v3 on the same "
        "rows: better by 0.0100 (-0.0100 to +0.0300 at 95%); "
        + ("such a candidate is promoted, as the spec says." if promotes else "the champion stays.")
    )
    below = decide(beside(0.71, 0.7, error=0.01), spec(confidence=0.95, minimum={"roc_auc": 0.8}), candidate())
    assert (below.outcome, below.promotes) == ("reject", False)


def test_noise_that_is_not_known_proves_nothing() -> None:
    verdict = decide(beside(0.9, 0.7, error=math.nan), spec(confidence=0.95), candidate())
    assert verdict.outcome == "inconclusive"


def test_a_gate_in_a_dry_run_is_shown_and_does_not_decide() -> None:
    asked = spec(confidence=0.95, dry_run=["champion", "minimum roc_auc"], minimum={"roc_auc": 0.8})
    verdict = decide(beside(0.6, 0.7, error=0.01), asked, candidate())
    assert verdict.outcome == "promote"
    assert {gate.name for gate in verdict.gates if gate.dry_run} == {"champion", "minimum roc_auc"} == failed(verdict)
    assert "all 4 gates passed. In a dry run: roc_auc 0.6000 is below the minimum of 0.8000." in verdict.sentence


def test_a_promotion_reads_as_a_sentence_with_both_figures_and_the_interval() -> None:
    measured = beside(0.7312, 0.7287, error=0.00175, rows=25_110)
    verdict = decide(measured, spec(minimum={"roc_auc": 0.65}), candidate())
    assert verdict.sentence == (
        "Fit to promote: roc_auc 0.7312 on 25,110 held-out rows, champion v3 reaches 0.7287 on the same rows: "
        "better by 0.0025 (-0.0010 to +0.0060 at 95%); all 6 gates passed."
    )
    assert verdict.champion_version == "3"


def test_a_first_promotion_says_that_there_is_no_champion() -> None:
    verdict = decide(evaluation({"rmse": 1234.5}), spec("rmse"), candidate())
    assert verdict.sentence == (
        "Fit to promote: rmse 1,234.5000 on 500 held-out rows, there is no champion yet; all 4 gates passed."
    )
    assert verdict.champion_version is None


def test_a_rejection_names_every_failed_gate_with_figures() -> None:
    compared = comparison({"roc_auc": 0.61}, {"roc_auc": 0.72}, error=0.02)
    measured = evaluation({"roc_auc": 0.61, "log_loss": 0.8}, {"roc_auc": 0.72}, rows=12, comparison=compared)
    verdict = decide(measured, spec(minimum={"roc_auc": 0.65}, maximum={"log_loss": 0.6}, tolerance=0), candidate())
    assert verdict.sentence == (
        "Rejected: only 12 labelled rows in the holdout, fewer than 100; "
        "roc_auc 0.6100 is below the minimum of 0.6500; "
        "log_loss 0.8000 is above the maximum of 0.6000; "
        "roc_auc 0.6100 is not better, compared with 0.7200 of champion v3 on the same rows: worse by 0.1100 "
        "(-0.1500 to -0.0700 at 95%). 4 of 7 gates failed."
    )


def test_a_reason_that_fails_several_gates_is_said_once() -> None:
    measured = evaluation({"roc_auc": math.nan}, {"roc_auc": 0.7}, reason="the model's scores are NaN in 3 of 500 rows")
    verdict = decide(measured, spec(minimum={"roc_auc": 0.65}), candidate())
    assert verdict.sentence == (
        "Rejected: roc_auc is undefined: the model's scores are NaN in 3 of 500 rows. 3 of 6 gates failed."
    )


def test_a_close_miss_shows_figures_that_differ() -> None:
    verdict = decide(evaluation({"roc_auc": 0.649999}), spec(minimum={"roc_auc": 0.65}), candidate())
    assert "roc_auc 0.649999 is below the minimum of 0.650000" in verdict.sentence


def unscorable() -> dict[str, Any]:
    return {"champion_is": CHAMPION, "notes": ("champion v3 reads the column 'wind', which the snapshot lacks",)}


def test_a_champion_that_cannot_be_scored_leaves_the_absolute_gates() -> None:
    verdict = decide(evaluation({"roc_auc": 0.7}, **unscorable()), spec(minimum={"roc_auc": 0.65}), candidate())
    assert verdict.outcome == "promote"
    assert "champion v3 could not be scored" in verdict.sentence
    gate = next(gate for gate in verdict.gates if gate.name == "champion")
    assert "reads the column 'wind'" in gate.sentence
    assert "minimum and maximum gates alone" in gate.sentence
    assert verdict.champion_version == "3"


@pytest.mark.parametrize(("gates", "outcome"), [({"minimum": {"roc_auc": 0.65}}, "promote"), ({}, "reject")])
def test_beside_a_champion_that_perennial_did_not_make_floors_alone_judge(gates: dict[str, Any], outcome: str) -> None:
    foreign = Champion(version="3", mlflow_run_id="")
    note = "champion v3 was not registered by Perennial, so its files are not loaded"
    verdict = decide(evaluation({"roc_auc": 0.7}, champion_is=foreign, notes=(note,)), spec(**gates), candidate())
    said = {gate.name: gate.sentence for gate in verdict.gates}
    assert (verdict.outcome, verdict.champion_version) == (outcome, "3")
    assert said["champion"].startswith(note)
    assert said["news"] == "it is not known what champion v3 was trained from"


def test_without_comparison_and_absolute_gates_nothing_is_promoted() -> None:
    verdict = decide(evaluation({"roc_auc": 0.7}, **unscorable()), spec(), candidate())
    assert failed(verdict) == {"champion"}
    assert "add one under evaluation.gates" in verdict.sentence


def test_an_unfair_comparison_is_said_where_it_decides() -> None:
    note = "champion v3 was trained on rows up to noon, among them up to 50 of the 500 held-out rows (10%)"
    verdict = decide(evaluation({"roc_auc": 0.7}, {"roc_auc": 0.72}, notes=(note,)), spec(), candidate())
    assert f"({note})" in verdict.sentence


any_figure = st.floats(allow_nan=True, allow_infinity=True)
tolerances = st.floats(0, 10)


@st.composite
def judged(draw: st.DrawFn) -> tuple[Evaluation, ModelSpec]:
    """Any figures under any gates on roc_auc (more is better) and log_loss (less is better)."""
    figures = st.fixed_dictionaries({"roc_auc": any_figure, "log_loss": any_figure})
    metrics, champion = draw(figures), draw(st.none() | figures)
    primary = draw(st.sampled_from(["roc_auc", "log_loss"]))
    compared = champion and comparison({primary: metrics[primary]}, {primary: champion[primary]})
    measured = evaluation(
        metrics,
        champion,
        comparison=compared,
        rows=draw(st.integers(0, 300)),
        classes=draw(st.sampled_from([(), ("0",), ("0", "1"), ("a", "b", "c")])),
    )
    gates = {
        "minimum": draw(st.just({}) | st.fixed_dictionaries({"roc_auc": st.floats(0, 1)})),
        "maximum": draw(st.just({}) | st.fixed_dictionaries({"log_loss": st.floats(0, 1e300)})),
        "tolerance": draw(tolerances),
    }
    return measured, spec(primary, **gates)


@given(judged())
def test_nothing_is_promoted_past_a_failed_gate_or_an_undefined_figure(case: tuple[Evaluation, ModelSpec]) -> None:
    measured, asked = case
    verdict = decide(measured, asked, candidate())
    gates, primary = asked.evaluation.gates, asked.evaluation.primary

    assert (verdict.outcome == "promote") == all(gate.passed for gate in verdict.gates)
    if verdict.outcome == "reject":
        assert verdict.sentence.startswith("Rejected: ")
        return
    figures = measured.candidate.metrics
    gated = {primary, *gates.minimum, *gates.maximum}
    assert all(math.isfinite(figures[name]) for name in gated)
    assert measured.rows >= gates.min_rows
    assert len(measured.classes) >= 2
    assert all(figures[name] >= least for name, least in gates.minimum.items())
    assert all(figures[name] <= most for name, most in gates.maximum.items())
    if measured.champion is not None:
        beaten = measured.champion.metrics[primary]
        gain = beaten - figures[primary] if primary in LOWER_IS_BETTER else figures[primary] - beaten
        assert gain > -gates.tolerance


@given(
    primary=st.sampled_from(["roc_auc", "log_loss"]),
    pair=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
    champion=st.floats(-1e6, 1e6),
    bound=st.floats(0, 1),
    tolerance=tolerances,
)
def test_a_better_figure_is_never_judged_worse(
    primary: str, pair: tuple[float, float], champion: float, bound: float, tolerance: float
) -> None:
    worse, better = sorted(pair, reverse=primary in LOWER_IS_BETTER)
    limit = {"maximum" if primary in LOWER_IS_BETTER else "minimum": {primary: bound}}
    asked = spec(primary, tolerance=tolerance, **limit)

    def promoted(value: float) -> bool:
        return decide(evaluation({primary: value}, {primary: champion}), asked, candidate()).outcome == "promote"

    assert promoted(better) >= promoted(worse)
