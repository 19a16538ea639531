"""A candidate is refused for a slice in which it is worse beyond chance, and for slices that say nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from perennial.evaluation.records import Interval, SliceFigures, Slices
from perennial.promotion.blessings.slices import bless_slices
from perennial.promotion.records import Blessing
from perennial.promotion.verdict import decide
from perennial.spec import ModelSpec
from perennial.spec.slices import SlicesSection
from tests.candidates import candidate
from tests.unit.promotion.test_verdict import CHAMPION, evaluation, spec


def slice_of(name: str, p_worse: float | None = None, p_under_floor: float | None = None) -> SliceFigures:
    return SliceFigures(
        name=name,
        rows=1200,
        candidate=Interval(value=0.6, low=0.55, high=0.65),
        champion=Interval(value=0.7, low=0.66, high=0.74),
        difference=Interval(value=-0.1, low=-0.14, high=-0.06),
        p_worse=p_worse,
        p_under_floor=p_under_floor,
    )


def bless(*found: SliceFigures, asked: dict[str, Any] | None = None, **more: Any) -> Blessing:
    slices = Slices(metric="roc_auc", level=0.05, found=found, judged=len(found), **more)
    judged = evaluation({"roc_auc": 0.7}, {"roc_auc": 0.69}, slices=slices, champion_is=CHAMPION)
    return bless_slices(judged, SlicesSection.model_validate({"columns": ["carrier"]} | (asked or {})))


def test_a_slice_that_is_worse_beyond_chance_is_named_with_its_figures() -> None:
    blessing = bless(slice_of("carrier=AA", 0.01), slice_of("carrier=UA", 0.3))
    assert blessing.outcome == "reject"
    assert blessing.sentence == (
        "roc_auc is worse than champion v3, beyond chance, in 1 of 2 slices: carrier=AA (1,200 rows) by -0.1000 (-0.1400 to "
        "-0.0600)"
    )


def test_a_drop_within_chance_is_none() -> None:
    blessing = bless(slice_of("carrier=AA", 0.06))
    assert (blessing.outcome, blessing.sentence) == ("promote", "roc_auc is in none of 1 slices worse beyond chance")


def test_a_missed_floor_is_said() -> None:
    blessing = bless(slice_of("carrier=AA", 1.0, 0.001), asked={"floor": 0.68})
    assert [gate.name for gate in blessing.gates if gate.failed] == ["slices floor"]
    assert "misses 0.68, beyond chance, in 1 of 1 slices: carrier=AA (1,200 rows) 0.6000" in blessing.sentence


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"useless": ("'carrier' has one value",)}, "evaluation.slices: 'carrier' has one value"),
        (
            {"too_few_rows": 3},
            "no slice could be judged: each has fewer than 100 rows. Lower evaluation.slices.min_rows",
        ),
        ({"undefined": ("carrier=AA: one label",)}, "no slice could be judged: carrier=AA: one label"),
    ],
)
def test_slices_that_say_nothing_bless_nothing(more: dict[str, Any], said: str) -> None:
    blessing = bless(**more)
    assert blessing.outcome == "reject"
    assert blessing.sentence.startswith(said)


def test_the_verdict_needs_the_blessing_that_the_spec_asks_for() -> None:
    slices = Slices(metric="roc_auc", level=0.05, found=(slice_of("carrier=AA", 0.01),), judged=1)
    judged = evaluation({"roc_auc": 0.7}, {"roc_auc": 0.69}, slices=slices)
    asked = ModelSpec.model_validate(spec().model_dump() | {"evaluation": asking()})
    verdict = decide(judged, asked, candidate())
    assert [(one.name, one.outcome) for one in verdict.blessings] == [("metrics", "promote"), ("slices", "reject")]
    assert (verdict.outcome, verdict.promotes) == ("reject", False)
    assert verdict.sentence.startswith("Rejected: roc_auc is worse than champion v3, beyond chance, in 1 of 1 slices")
    assert verdict.sentence.endswith("1 of 7 gates failed.")


def test_its_gates_can_be_in_a_dry_run() -> None:
    slices = Slices(metric="roc_auc", level=0.05, found=(slice_of("carrier=AA", 0.01),), judged=1)
    judged = evaluation({"roc_auc": 0.7}, {"roc_auc": 0.69}, slices=slices)
    asked = spec().model_dump() | {"evaluation": asking() | {"gates": {"dry_run": ["slices drop"]}}}
    verdict = decide(judged, ModelSpec.model_validate(asked), candidate())
    assert verdict.outcome == "promote"
    assert "In a dry run: roc_auc is worse than champion v3, beyond chance, in 1 of 1 slices" in verdict.sentence
    asked["evaluation"]["gates"] = {"dry_run": ["slices floor"]}
    with pytest.raises(ValidationError, match="there is no gate 'slices floor' that may be left out: choose from rows"):
        ModelSpec.model_validate(asked)


def asking() -> dict[str, Any]:
    return {"holdout": {"days": 10}, "primary": "roc_auc", "slices": {"columns": ["carrier"]}}
