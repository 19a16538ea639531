"""The link from register, approve and promote to the card of the version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial.stages import maker
from perennial_airflow.pages import model_card_page
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class ModelCardLink(BaseOperatorLink):
    """What the version is for, how it compares, what drives it and who approved it, served from the store."""

    name = "Model card"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the card's address, or '' if nothing was registered."""
        registered = returned_by(maker("registered").name, ti_key)
        return model_card_page(operator.spec.name, operator.retraining_id or ti_key.run_id) if registered else ""
