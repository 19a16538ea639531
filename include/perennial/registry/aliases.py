"""The aliases of versions in the model registry, and the runs that must not change them."""

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
    """Return the version of a model that has an alias in MLflow; None if the model or the alias does not exist."""
    with tracker.connected():
        try:
            return tracker.client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            # MLflow reports an alias that does not exist as an invalid parameter.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def version_by_number(tracker: Tracker, name: str, number: str) -> Any | None:
    """Return a version of a model in MLflow; None if the model or the version does not exist."""
    with tracker.connected():
        try:
            return tracker.client.get_model_version(name, number)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise


def refuse_dry_run(run: RetrainingRun, verb: str) -> None:
    """Raise PromotionError if the run is a dry run, which must not change the registry."""
    if run.dry_run:
        raise PromotionError(f"run {run.run_id} of {run.spec.name} is a dry run, which {verb} nothing")
