"""The aliases that say what a version is for, and the runs that may not touch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial.errors import PromotionError
from perennial.registry.records import CHAMPION
from perennial.registry.tracking import MlflowException, Tracker

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

__all__ = ["CHALLENGER", "CHAMPION", "refuse_dry_run", "version_by_alias", "version_by_number"]

CHALLENGER = "challenger"


def version_by_alias(tracker: Tracker, name: str, alias: str) -> Any | None:
    """Return MLflow's version of a model that holds an alias; None if the model or the alias is not there."""
    with tracker.connected():
        try:
            return tracker.client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            # MLflow calls an absent alias an invalid parameter.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def version_by_number(tracker: Tracker, name: str, number: str) -> Any | None:
    """Return MLflow's version of a model; None if the model or the version is not there."""
    with tracker.connected():
        try:
            return tracker.client.get_model_version(name, number)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise


def refuse_dry_run(run: RetrainingRun, verb: str) -> None:
    """Raise PromotionError if the run may change nothing in the registry."""
    if run.dry_run:
        raise PromotionError(f"run {run.run_id} of {run.spec.name} is a dry run, which {verb} nothing")
