"""Continues a champion: its judged twin as the candidate, and the model that serves in the refit.

The candidate must not have learnt from its holdout. The champion's served model may have: it was refit up to the newest row.
So each goes on from its like, on the labelled rows after the last that it has learnt from. Preparation and steps stay as they
were fitted; only the estimator learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from perennial.data.labels import training_labels
from perennial.errors import TrainingError
from perennial.models.base import Base
from perennial.models.bundle import Bundle
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.predictions import as_labels
from perennial.promotion.news import news
from perennial.registry.bundles import load_base
from perennial.training.fit import Fit, prepare_fit

if TYPE_CHECKING:
    from perennial.data.split_plan import SplitPlan
    from perennial.models.model import Model
    from perennial.models.provenance import Provenance
    from perennial.run import Run
    from perennial.spec import ModelSpec


@dataclass(frozen=True)
class Continuation:
    """A champion that is continued.

    Attributes
    ----------
    base : Base
    bundle : Bundle
        Read anew, since fitting on changes its models in place.
    """

    base: Base
    bundle: Bundle

    @classmethod
    def of(cls, run: Run, base: Base) -> Continuation:
        """Read the models of a base; raises as `load_base`."""
        return cls(base, load_base(run, base))

    @property
    def twin_end(self) -> datetime:
        """Newest event time that the judged twin has learnt from."""
        return self.bundle.manifest.twin.train_end

    @property
    def served_end(self) -> datetime:
        """Newest event time that the served model has learnt from."""
        return self.bundle.manifest.served.train_end

    def check(self, made: Provenance, plan: SplitPlan) -> None:
        """Raise TrainingError if the recipe is another than that of the base, or if its twin knows the holdout."""
        changed = [what for what in news(self.bundle.manifest.provenance, made) if what != "rows"]
        if changed:
            raise TrainingError(f"other than in {self.base.name}: {', '.join(changed)}")
        if self.twin_end >= plan.holdout_start:
            raise TrainingError(
                f"{self.base.name} has learnt rows up to {self.twin_end:%Y-%m-%d %H:%M} UTC, and the holdout begins before"
            )

    def fit_twin(self, spec: ModelSpec, rows: pd.DataFrame) -> Fit:
        """Return the fit of the base's judged model on the training rows that are new to it.

        Raises
        ------
        TrainingError
            No row is new, or the new rows have other labels than the base.
        """
        return self._fit(spec, self.bundle.twin, rows, self.twin_end)

    def fit_served(self, spec: ModelSpec, rows: pd.DataFrame) -> Fit:
        """Return the fit of the base's served model on the labelled rows that are new to it; raises as `fit_twin`."""
        return self._fit(spec, self.bundle.model, rows, self.served_end)

    def _fit(self, spec: ModelSpec, model: Model, rows: pd.DataFrame, end: datetime) -> Fit:
        new = rows[rows[spec.source.event_time] > end].reset_index(drop=True)
        if new.empty:
            raise TrainingError(f"no labelled row is newer than those that {self.base.name} has learnt from")
        if not isinstance(model, SkopsModel):
            raise TrainingError(f"{self.base.name} is not a pipeline")
        if spec.task == "classification":
            known = as_labels(model.pipeline[-1].classes_)
            found = set(as_labels(training_labels(new, spec)))
            if found != set(known):
                raise TrainingError(
                    f"the new rows have {len(found)} labels, {self.base.name} knows {len(known)}, and "
                    f"these differ: {sorted(map(str, found ^ set(known)))}"
                )
        return prepare_fit(spec, new, start=model)


def in_words(base: Base, fit: Fit, end: datetime) -> str:
    """Return what was continued, as a sentence."""
    return (
        f"It continues {base.name} on the {len(fit.inputs):,} labelled rows after {end:%Y-%m-%d %H:%M} UTC: update "
        f"{base.updates} since the last full training."
    )
