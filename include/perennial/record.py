"""What one step passes to the next: small, frozen, JSON. Rows and models stay where they are stored."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


# JSON has no NaN, and Airflow's client refuses to send one: it is sent as the text "nan", which pydantic reads back.
Figure = Annotated[float, PlainSerializer(_json_number, return_type=float | str, when_used="json")]


class Record(BaseModel):
    """Base of all records. `model_dump(mode="json")` is what goes into an XCom; `model_validate` takes it back."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")
