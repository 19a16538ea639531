"""The asset whose events say that a model has a new champion."""

from __future__ import annotations

import attrs

from perennial_airflow.model_asset import ModelAsset


@attrs.define(init=False, eq=False)
class ChampionAsset(ModelAsset):
    """`perennial://<model>/champion`."""

    def __init__(self, model: str) -> None:
        super().__init__(model, "champion")
