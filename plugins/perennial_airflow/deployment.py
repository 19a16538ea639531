"""The places where this deployment keeps a model's rows, models and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.deployment import Deployment
    from perennial.spec import ModelSpec


def deployment(spec: ModelSpec, **source: Any) -> Deployment:
    """Return the places for a model from Airflow's connections and the environment.

    Parameters
    ----------
    spec : ModelSpec
    **source
        `sql_url` or `s3`; only steps that read the source need them.

    Raises
    ------
    SpecError
        The spec's region has no store, or has no data root and needs one.
    """
    from perennial.deployment import Deployment
    from perennial.places import data_root
    from perennial_airflow.hooks.store import StoreHook
    from perennial_airflow.hooks.tracking import TrackingHook
    from perennial_airflow.hooks.tuning import TuningHook
    from perennial_airflow.startup.same_version import say_other_version

    store = StoreHook(spec.name, spec.region).open()
    say_other_version(store)
    server = TrackingHook(spec.region).connect()
    if spec.tunes:
        source["tuning_url"] = TuningHook(spec.region).url()
    return Deployment(
        store=store,
        tracking_uri=server.uri,
        mlflow_takes_rows=server.takes_rows,
        data_root=data_root(spec),
        **source,
    )
