"""A spec that asks for slices and groups gets them measured, drawn and judged; columns that make none are named."""

from __future__ import annotations

from typing import Any

import pytest

from perennial.data.ingest import ingest
from perennial.errors import DataError
from perennial.promotion.verdict import decide
from tests.unit.evaluation.retrained import Model, artifacts, make_rows

ASKED: dict[str, Any] = {"holdout": {"rows": 300}, "primary": "roc_auc"}


def test_slices_and_groups_are_in_evaluation_mlflow_and_verdict_and_a_constant_column_is_said(model: Model) -> None:
    model.land(make_rows(flat="same", part=[index % 3 for index in range(600)]))
    slices = {"columns": ["part", "flat"], "min_rows": 50}
    fairness = {"columns": ["flat", "kind"], "maximum": {"error": 1}}
    run = model.run(evaluation=ASKED | {"slices": slices, "fairness": fairness})
    _, candidate, evaluation = model.judge(run)

    assert evaluation.slices is not None
    assert {one.name for one in evaluation.slices.found} == {"part=0", "part=1", "part=2"}
    assert {"slices.png", "slices.json", "fairness.png"} <= artifacts(model.tracking_uri, candidate)
    verdict = decide(evaluation, run.spec, candidate)
    assert [(one.name, one.outcome) for one in verdict.blessings] == [
        ("metrics", "promote"), ("slices", "reject"), ("fairness", "reject"),
    ]  # fmt: skip
    assert "evaluation.slices: 'flat' makes one slice of all 300 held-out rows, 'same'" in verdict.sentence
    assert (
        "evaluation.fairness: 'flat' has fewer than two groups with at least 100 held-out rows: there"
        in verdict.sentence
    )


def test_a_column_of_slices_that_the_source_lacks_ends_the_run_at_ingest(model: Model) -> None:
    run = model.run(evaluation=ASKED | {"slices": {"columns": ["kinds"]}})
    with pytest.raises(DataError, match=r"(?s)column of slices 'kinds' \(did you mean 'kind'\?\)"):
        ingest(run)
