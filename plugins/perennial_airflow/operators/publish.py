"""The operator of publish: from a champion's wheel to a package index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.run import RetrainingRun


class PublishOperator(StageOperator):
    """Send the wheel to the index of the spec's connection; skipped if nothing was promoted."""

    def retraining_run(self, context: Context, **source: Any) -> RetrainingRun:
        """Return the arguments of every stage, with the package index."""
        from perennial_airflow.hooks.package_index import PackageIndexHook

        publish = self.spec.publish
        index = PackageIndexHook(publish.connection).index() if publish else None
        return super().retraining_run(context, package_index=index, **source)
