"""The stages of a search, up to a trained model."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient

from perennial.errors import DataError, StoreUnavailable, TrainingError
from perennial.models.recorded import find_refit
from perennial.registry.champions import current_champion
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.spec.reading.yaml_text import from_yaml
from perennial.stages import STAGES
from perennial.tuning.choose import choose
from perennial.tuning.search import begin_search, latest_search
from perennial.tuning.tune import tune, work_off

LOGISTIC = {
    "estimator": "sklearn.linear_model.LogisticRegression",
    "search": {"C": {"low": 0.001, "high": 10.0, "log": True}},
}
TREE = {
    "estimator": "sklearn.tree.DecisionTreeClassifier",
    "params": {"min_samples_leaf": 5},
    "search": {"max_depth": {"low": 1, "high": 2}},
}
BROKEN = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"C": -1.0}}

Prepare = Callable[..., tuple[RetrainingRun, Any]]


@pytest.fixture
def searching(
    make_spec: Callable[..., ModelSpec], prepare: Prepare, rows: pd.DataFrame, url: str
) -> Callable[..., Any]:
    """Return a run that searches, and its snapshot."""

    def make(*candidates: dict[str, Any], **tuning: Any) -> tuple[RetrainingRun, Any]:
        base = make_spec().model_dump(exclude_unset=True)
        spec = ModelSpec.model_validate(
            base
            | {
                "model": {"candidates": candidates or (LOGISTIC, TREE)},
                "tuning": {"trials": 4, **tuning},
                "cross_validation": {"folds": 2},
            }
        )
        run, snapshot = prepare(spec, rows)
        return replace(run, deployment=replace(run.deployment, tuning_url=url)), snapshot

    return make


def trials_of(run: RetrainingRun, study: str) -> list[optuna.trial.FrozenTrial]:
    loaded = optuna.load_study(study_name=study, storage=run.deployment.tuning_url)
    return loaded.get_trials()


def test_the_best_trial_wins_is_trained_and_its_evidence_is_kept(searching):
    run, snapshot = searching(seed=1)

    search = tune(run, snapshot)
    found = choose(run, snapshot)
    candidate = STAGES["train"](run, snapshot, found)

    trials = trials_of(run, search.study)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert {trial.params["candidate"] for trial in trials} == {"LogisticRegression", "DecisionTreeClassifier"}
    best = max(trials, key=lambda trial: trial.value)
    assert found.score == best.value
    assert (
        from_yaml(found.choice.params).items()
        >= {name.partition(".")[2]: value for name, value in best.params.items() if "." in name}.items()
    )
    assert f"won: mean roc_auc {best.value:.6g} over 2 folds, the best of 4" in found.sentence
    client = MlflowClient(run.tracking_uri)
    logged = client.get_run(candidate.mlflow_run_id).data
    assert logged.params["estimator"] == found.choice.estimator
    assert logged.metrics["search.score"] == found.score
    page = run.store.read(f"{run.prefix}tuning.html").decode()
    assert html.escape(found.sentence) in page
    assert page.count('<tr class="won">') == 1
    assert page.count("scored</td>") == 3
    assert [one.path for one in client.list_artifacts(candidate.mlflow_run_id, "search")] == ["search/tuning.html"]


def test_while_the_search_goes_on_the_page_shows_the_best_trial_so_far(searching, monkeypatch, caplog):
    run, snapshot = searching(seed=1)
    monkeypatch.setattr("perennial.tuning.progress.EVERY_S", 0.0)
    caplog.set_level("INFO", "perennial")
    pages = []

    queue = begin_search(run, snapshot)
    work_off(run, snapshot, queue, lambda: pages.append(run.store.read(f"{run.prefix}tuning.html").decode()))
    values = [trial.value for trial in trials_of(run, queue.name)]
    for done, page in enumerate(pages[:3], start=1):
        assert f"{done} of 4 trials have ended" in page
        assert f"leads: mean roc_auc {max(values[:done]):.6g} over 2 folds" in page
        assert page.count("scored</td>") == done - 1
    # The last trial leaves the page to `choose`.
    assert pages[2:] == [pages[2], pages[2]]
    assert "1 of 4 trials have ended. " in caplog.text
    found = choose(run, snapshot)
    final = run.store.read(f"{run.prefix}tuning.html").decode()
    assert html.escape(found.sentence) in final
    assert "have ended" not in final


def test_a_store_that_takes_no_page_does_not_end_the_search(searching, monkeypatch, caplog):
    run, snapshot = searching()

    def refuse(*_):
        raise StoreUnavailable("full")

    monkeypatch.setattr(run.store, "write", refuse)
    assert tune(run, snapshot).trials == 4
    assert "the page of the search so far could not be written: full" in caplog.text


def test_the_mean_score_is_that_of_the_folds_cross_validated_by_hand(searching):
    from perennial.data.folds import plan_folds
    from perennial.training.cross_validation import cross_validate
    from perennial.tuning.search import trials_on

    run, snapshot = searching(TREE)
    tune(run, snapshot)
    found = choose(run, snapshot)
    train = trials_on(run, snapshot).rows
    spec = found.choice.applied(run.spec)
    by_hand = cross_validate(spec, train, plan_folds(train, spec)).scores["roc_auc"]
    assert (found.score, found.spread) == (by_hand.mean, by_hand.spread)
    # Two depths are a grid, which is tried point by point and not repeated.
    assert (found.finished, found.failed) == (2, 0)


def test_the_holdout_takes_no_part(searching):
    from perennial.data.split import plan_splits
    from perennial.training.rows import read_rows
    from perennial.tuning.search import trials_on

    run, snapshot = searching()
    (plan,) = plan_splits(read_rows(run, snapshot), run.spec, run.windows, snapshot.as_of)
    trials = trials_on(run, snapshot)
    assert len(trials.rows) == plan.train_rows
    assert trials.rows["at"].max() < pd.Timestamp(plan.holdout_start)


def test_called_again_nothing_is_repeated_and_more_trials_go_on(searching):
    run, snapshot = searching(LOGISTIC, seed=5)
    first = choose(run, snapshot)
    before = trials_of(run, first.study)
    assert choose(run, snapshot) == first
    assert len(trials_of(run, first.study)) == 4
    more = choose(replace(run, trials=5), snapshot)
    after = trials_of(run, more.study)
    assert [trial.value for trial in after[:4]] == [trial.value for trial in before]
    assert len(after) == 5


def test_the_same_seed_gives_the_same_trials(searching):
    run, snapshot = searching(seed=5)
    params = []
    for name in ("one", "two"):
        found = choose(replace(run, run_id=name), snapshot)
        params.append([(trial.params, trial.value) for trial in trials_of(run, found.study)])
    assert params[0] == params[1]


def promoted(run: RetrainingRun, snapshot: Any) -> Any:
    """Run all stages; return what was chosen."""
    made: dict[str, Any] = {"snapshot": snapshot}
    for stage in list(STAGES.values())[2:]:
        taken = [made.get(name) for name in stage.takes]
        if not stage.why_not(run, *taken):
            made[stage.makes] = stage(run, *taken)
    assert made["promotion"].version == "1"
    return made["tuning"]


def test_a_searched_model_is_refit_and_reproduced_like_any_other_and_begins_the_next_search(searching):
    from perennial.training.reproduce import reproduce

    run, snapshot = searching(LOGISTIC, seed=5)
    found = promoted(run, snapshot)
    champion = current_champion(run.store, run.tracking_uri, "late")
    recipe = from_yaml(find_refit(run.store, "late", champion.mlflow_run_id).manifest.recipe)
    assert recipe["model"]["params"] == from_yaml(found.choice.params)
    assert reproduce(run, "champion").identical

    second = choose(replace(run, run_id="manual__2"), snapshot)
    trial = trials_of(run, second.study)[0]
    assert trial.user_attrs["origin"] == "champion"
    assert trial.params["LogisticRegression.C"] == from_yaml(found.choice.params)["C"]


@pytest.mark.parametrize(
    ("when", "searched"),
    [
        ("always", [True, True]),
        ("first", [True, False, False]),
        ({"every": 3}, [True, False, False, True]),
        ({"stale_days": 1.0}, [True, False]),
    ],
)
def test_a_retraining_searches_when_the_spec_says_so(searching, when, searched):
    run, snapshot = searching(TREE, when=when)
    found = []
    for number in range(len(searched)):
        again = replace(run, run_id=f"manual__{number}")
        found.append((tune(again, snapshot).study != "", choose(again, snapshot).searched))
        if number == 1:  # a repeated stage changes nothing
            assert choose(again, snapshot).searched == searched[1]
    assert found == [(one, one) for one in searched]
    assert latest_search(run).tuning.choice == choose(replace(run, run_id="last"), snapshot).choice


def test_a_search_is_due_again_when_it_is_stale_or_for_other_candidates(searching):
    run, snapshot = searching(TREE, when={"stale_days": 1.0})
    choose(run, snapshot)
    newer = snapshot.model_copy(update={"end": snapshot.end + pd.Timedelta(days=1)})
    assert choose(replace(run, run_id="2"), newer).searched
    other = run.spec.model_copy(
        update={
            "model": ModelSpec.model_validate(
                run.spec.model_dump(exclude_unset=True) | {"model": {"candidates": [LOGISTIC]}}
            ).model
        }
    )
    assert choose(replace(run, run_id="3", spec=other), snapshot).searched


def test_a_run_may_force_a_search_or_skip_it(searching):
    run, snapshot = searching(TREE, when="first")
    with pytest.raises(TrainingError, match="nothing to take instead of a search"):
        tune(replace(run, search="skip"), snapshot)
    first = choose(run, snapshot)
    forced = choose(replace(run, run_id="2", search="force"), snapshot)
    skipped = choose(replace(run, run_id="3", search="skip"), snapshot)
    assert (forced.searched, skipped.searched) == (True, False)
    assert first.choice == forced.choice == skipped.choice


def test_a_dry_run_is_not_relied_on(searching):
    run, snapshot = searching(TREE, when="first")
    choose(replace(run, dry_run=True), snapshot)
    assert latest_search(run) is None


def test_earlier_trials_are_shown_to_the_sampler_and_are_not_in_the_running(searching):
    run, snapshot = searching(LOGISTIC, warm_start=True)
    first = choose(run, snapshot)
    second = choose(replace(run, run_id="2"), snapshot)
    trials = trials_of(run, second.study)
    assert Counter("earlier" in trial.user_attrs for trial in trials) == {True: 4, False: 4}
    assert second.finished == 4
    assert first.study != second.study


def test_some_trials_that_fail_are_said(searching):
    run, snapshot = searching(BROKEN, TREE)
    found = choose(run, snapshot)
    assert (found.finished, found.failed) == (2, 1)
    assert "1 failed: InvalidParameterError: The 'C' parameter" in found.sentence
    assert "failed: InvalidParameterError" in run.store.read(f"{run.prefix}tuning.html").decode()


def test_a_candidate_that_always_fails_does_not_take_all_the_trials(searching):
    broken = {"estimator": LOGISTIC["estimator"], "params": {"C": -1.0}, "search": {"tol": {"low": 0.1, "high": 0.9}}}
    run, snapshot = searching(broken, LOGISTIC, trials=20)
    found = choose(run, snapshot)
    assert 1 <= found.failed <= 10
    assert found.finished == 20 - found.failed


def test_when_all_trials_fail_the_most_frequent_reasons_are_said(searching):
    search = {"C": {"low": -2.0, "high": -1.0}}
    run, snapshot = searching({"estimator": LOGISTIC["estimator"], "search": search}, trials=3)
    tune(run, snapshot)
    with pytest.raises(TrainingError, match=r"none of the 3 trials gave a model: InvalidParameterError.*3 of them"):
        choose(run, snapshot)
    assert not list(run.store.list(f"{run.prefix}tuning.html"))


def test_of_those_within_one_standard_error_the_quickest_wins(searching):
    run, snapshot = searching(second="fit_seconds", seed=2)
    found = choose(run, snapshot)
    trials = trials_of(run, found.study)
    best = max(trials, key=lambda trial: trial.values[0])
    limit = best.values[0] - best.user_attrs["spread"] / 2**0.5
    quickest = min((t for t in trials if t.values[0] >= limit), key=lambda trial: trial.values[1])
    assert found.score == quickest.values[0]
    assert "the quickest within one standard error of the best" in found.sentence


def test_a_trial_that_is_worse_than_the_median_ends_early(searching):
    run, snapshot = searching(LOGISTIC, pruner="median", trials=12, sampler="random")
    found = choose(run, snapshot)
    trials = trials_of(run, found.study)
    pruned = [trial for trial in trials if trial.state.name == "PRUNED"]
    assert found.pruned == len(pruned) > 0
    assert all(len(trial.intermediate_values) < 2 for trial in pruned)


def test_a_booster_that_is_worse_than_the_median_ends_within_its_first_fold(searching):
    pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
    # The last one learns so slowly that it is worse than the others from the beginning.
    slow_one_last = {
        "estimator": "lightgbm.LGBMClassifier",
        "params": {"n_estimators": 20, "n_jobs": 1, "num_leaves": 4},
        "search": {"learning_rate": {"choices": [0.1, 0.11, 0.12, 0.13, 0.14, 1e-6]}},
    }
    run, snapshot = searching(slow_one_last, sampler="grid", pruner="iterations", trials=6, metric="log_loss")
    found = choose(run, snapshot)
    assert (found.finished, found.pruned) == (5, 1)
    *scored, pruned = trials_of(run, found.study)
    assert [list(trial.intermediate_values) for trial in scored] == [[*range(1, 10), 10, 20]] * 5
    assert list(pruned.intermediate_values) == [1, 2, 3]


def test_rows_that_do_not_suffice_for_the_folds_are_refused_before_the_first_trial(searching):
    run, snapshot = searching(TREE)
    spec = run.spec.model_copy(
        update={"cross_validation": type(run.spec.folds).model_validate({"kind": "kfold", "folds": 100})}
    )
    few = run.spec.evaluation.model_copy(
        update={"holdout": run.spec.evaluation.holdout.model_copy(update={"fraction": 0.9})}
    )
    with pytest.raises(DataError, match="fewer than the 100 folds"):
        tune(replace(run, spec=spec.model_copy(update={"evaluation": few})), snapshot)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"candidates": [TREE, {"estimator": "nowhere.Model"}]}, r"nowhere\.Model cannot be imported"),
        (
            {
                "candidates": [TREE, {"estimator": "sklearn.neighbors.KNeighborsClassifier"}],
                "weights": {"half_life_days": 30},
            },
            r"fit of sklearn\.neighbors\.KNeighborsClassifier takes no sample_weight",
        ),
    ],
    ids=["cannot be built", "takes no weights"],
)
def test_a_candidate_that_cannot_be_fitted_is_refused_before_the_rows_are_read(searching, monkeypatch, model, said):
    run, _ = searching(TREE)
    from perennial.retraining.ingest import ingest as stage

    content = run.spec.model_dump(exclude_unset=True) | {"model": model}
    monkeypatch.setattr("perennial.retraining.ingest.ingest_rows", lambda _: pytest.fail("the rows were read"))
    with pytest.raises(TrainingError, match=said):
        stage(replace(run, spec=ModelSpec.model_validate(content)))


def test_boosting_libraries_compete_with_scikit_learn_s_estimators(searching):
    pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
    pytest.importorskip("xgboost", reason="the extra boosting is not installed")
    rates = {"search": {"learning_rate": {"choices": [0.1, 0.3]}}}
    few = {"params": {"n_estimators": 10, "n_jobs": 1}}
    logistic = {"estimator": LOGISTIC["estimator"], "search": {"C": {"choices": [0.1, 1.0]}}}
    run, snapshot = searching(
        {"estimator": "lightgbm.LGBMClassifier", **few, **rates},
        {"estimator": "xgboost.XGBClassifier", **few, **rates},
        logistic,
        sampler="grid",
        trials=6,
    )
    found = choose(run, snapshot)
    assert (found.finished, found.failed) == (6, 0)
    tried = Counter(trial.user_attrs["choice"]["estimator"] for trial in trials_of(run, found.study))
    assert set(tried.values()) == {2}
    assert len(tried) == 3
