"""Promote acts only on a registered version and a verdict that says so; otherwise it is skipped, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from perennial.spec.reading.loader import load_spec
from perennial_airflow.operators.promote import PromoteOperator

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

PROMOTE = {"outcome": "promote", "sentence": "All gates passed.", "gates": [], "champion_version": None}
REJECT = PROMOTE | {"outcome": "reject", "sentence": "roc_auc 0.5 is below 0.6."}
REGISTERED = {"name": "orders", "version": "7", "alias": "challenger"}


@pytest.mark.parametrize(
    ("verdict", "registered", "dry_run", "words"),
    [
        (REJECT, REGISTERED, False, "roc_auc 0.5 is below 0.6."),
        (PROMOTE, None, True, "Dry run: nothing is promoted. The verdict was: All gates passed."),
        (PROMOTE, None, False, "Nothing was registered"),
    ],
)
def test_it_is_skipped_in_words(
    add_spec: Callable[..., Path], verdict: dict[str, Any], registered: dict[str, Any] | None, dry_run: bool, words: str
) -> None:
    operator = PromoteOperator(task_id="promote", spec=load_spec(add_spec()), registered=registered, verdict=verdict)

    with pytest.raises(AirflowSkipException, match=words):
        operator.run_stage(SimpleNamespace(dry_run=dry_run))
