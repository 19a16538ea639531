"""A blessing is given only if every gate that decides passed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perennial.promotion.blessings.blessing import bless
from perennial.promotion.records import GateResult

WORDS = {"pass": "fine", "fail": "bad", "unsure": "no proof"}


def gate(number: int, found: str) -> GateResult:
    return GateResult(name=f"g{number}", passed=found == "pass", inconclusive=found == "unsure", sentence=WORDS[found])


@given(
    found=st.lists(st.sampled_from(list(WORDS)), min_size=1, max_size=6),
    shown=st.sets(st.integers(0, 5)),
)
def test_the_worst_gate_that_decides_is_the_outcome(found: list[str], shown: set[int]) -> None:
    gates = [gate(number, one) for number, one in enumerate(found)]
    blessing = bless("metrics", gates, "all is well", dry_run=[f"g{number}" for number in shown])

    deciding = [one for number, one in enumerate(found) if number not in shown]
    worst = next((one for one in ("fail", "unsure") if one in deciding), "pass")
    assert blessing.outcome == {"fail": "reject", "unsure": "inconclusive", "pass": "promote"}[worst]
    assert [one.dry_run for one in blessing.gates] == [number in shown for number in range(len(found))]
    said = {WORDS[one] for one in deciding if one != "pass"} or {"all is well"}
    assert set(blessing.sentence.split("; ")) == said


def test_a_reason_that_several_gates_share_is_said_once() -> None:
    assert bless("metrics", [gate(1, "fail"), gate(2, "fail")], "").sentence == "bad"
