"""The demo on the production stack: the same flights, in its S3, and the same DAGs, triggered by its operator."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from rich.console import Console

from demo.airflow_api import AirflowApi
from demo.checks_report import print_checks, print_summary
from demo.errors import DemoError
from demo.flights import FOLDER, flights_of
from demo.periods import Period, batches
from demo.replay import Replay, play
from demo.report import print_retrainings

MODEL = "flight_delay"
OPERATOR = "operator"


@dataclass(frozen=True)
class Stack:
    """Addresses of the stack inside its network.

    Attributes
    ----------
    airflow_url : str
    password : str
        Password of the operator.
    bucket, prefix : str
        Where flights land: PERENNIAL_DATA of the stack.
    """

    airflow_url: str
    password: str = field(repr=False)
    bucket: str
    prefix: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Stack:
        """Read AIRFLOW_URL, OPERATOR_PASSWORD and PERENNIAL_DATA; raise DemoError if one is missing or not on S3."""
        missing = [name for name in ("AIRFLOW_URL", "OPERATOR_PASSWORD", "PERENNIAL_DATA") if not environment.get(name)]
        if missing:
            raise DemoError(f"{', '.join(missing)} not set: run the stack's demo by make demo-compose")
        landing = urlsplit(environment["PERENNIAL_DATA"])
        if landing.scheme != "s3":
            raise DemoError(
                f"PERENNIAL_DATA={environment['PERENNIAL_DATA']}: the stack's demo lands flights on S3 only"
            )
        prefix = f"{landing.path.strip('/')}/{FOLDER}/".lstrip("/")
        return cls(environment["AIRFLOW_URL"], environment["OPERATOR_PASSWORD"], landing.netloc, prefix)

    def land(self, period: Period) -> None:
        """Write a period's flights to the landing bucket, atomically."""
        parquet = io.BytesIO()
        flights_of(period).to_parquet(parquet, index=False)
        _s3().put_object(Bucket=self.bucket, Key=f"{self.prefix}{period.start}.parquet", Body=parquet.getvalue())

    def has_flights(self) -> bool:
        """Tell whether flights have landed before."""
        found = _s3().list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)
        return bool(found["KeyCount"])


def play_in_stack(stack: Stack, number: int | None, console: Console) -> None:
    """Land the winter, train the first champion, land batch after batch, and print the results.

    Raises
    ------
    DemoError
        Flights have landed before, so that their rows would be mixed with the demo's; or a run fails.
    """
    if stack.has_flights():
        raise DemoError(
            f"s3://{stack.bucket}/{stack.prefix} has flights already, from an earlier demo. To run it again, "
            "start with an empty stack: docker compose down --volumes removes everything in it"
        )
    with AirflowApi(stack.airflow_url, user=OPERATOR, password=stack.password) as airflow:
        replayed = play(Replay(MODEL, batches()[:number], stack.land), airflow, console)
    print_retrainings(replayed, console)
    print_checks([replayed], console)
    print_summary([replayed], console)


def _s3() -> Any:
    return boto3.client("s3")
