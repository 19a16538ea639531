"""What each stage of a retraining hands to the next: small, frozen, JSON. Rows and models stay where they are stored."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


# JSON has no NaN, and Airflow's client refuses to send one: it travels as the text "nan", which pydantic reads back.
Figure = Annotated[float, PlainSerializer(_json_number, return_type=float | str, when_used="json")]


class Outcome(BaseModel):
    """Base of all. `model_dump(mode="json")` is what goes into an XCom; `model_validate` takes it back."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class ColumnChange(Outcome):
    """A column that differs from the model's previous snapshot."""

    column: str
    change: Literal["added", "removed", "retyped"]
    before: str | None = None
    after: str | None = None


class SourceObject(Outcome):
    """A file that was read, in the version in which it was read; or a query, with its digest as the version."""

    name: str
    version: str


class FutureRows(Outcome):
    """Rows of the source that were set aside: their event times lie beyond the clock, so they cannot be true."""

    rows: int
    latest: datetime
    """Newest event time that was taken."""
    examples: tuple[str, ...]
    """File, row and event time of a few."""

    @property
    def found(self) -> str:
        """How many and which, in a sentence."""
        lie = "1 row lies" if self.rows == 1 else f"{self.rows:,} rows lie"
        more = f"; and {self.rows - len(self.examples):,} more" if self.rows > len(self.examples) else ""
        return f"{lie} in the future, after {self.latest:%Y-%m-%d %H:%M} UTC ({'; '.join(self.examples)}{more})."

    @property
    def sentence(self) -> str:
        """The same, what became of them, and what to do."""
        one, its = ("It is", "its event time, or if it is") if self.rows == 1 else ("They are", "them, or if they are")
        return f"{self.found} {one} set aside: mend {its} right raise source.future.tolerance_hours."


class Snapshot(Outcome):
    """Immutable rows, addressed by their content; `manifest.json` beside them holds this and the source objects."""

    model: str
    digest: str
    """Hexadecimal SHA-256 of schema and rows, in whatever order, files and format they came."""
    rows: int
    start: datetime
    """Oldest event time, UTC."""
    end: datetime
    """Newest event time, UTC."""
    window_start: datetime | None
    """Oldest event time that the window lets in; None: no bound."""
    as_of: datetime
    """Newest event time that the window lets in."""
    schema_: dict[str, str]
    """Column -> type, in order."""
    size_bytes: int
    rows_read: int
    """Rows in the window before duplicates were dropped."""
    exact_duplicates: int
    """Rows dropped because another is equal to them in every column."""
    key_duplicates: int
    """Rows dropped because another with the same key is newer."""
    future: FutureRows | None = None
    """Rows of the source that are in no window; None: there are none."""
    schema_changes: tuple[ColumnChange, ...] = ()
    reused: bool = False
    """True where the same rows were there already and nothing was written."""

    @property
    def prefix(self) -> str:
        """Folder of the snapshot in the store, with a slash at its end."""
        return f"{self.model}/snapshots/{self.digest}/"


class FailedExpectation(Outcome):
    """An expectation that did not hold."""

    type: str
    column: str | None
    unexpected_rows: int | None
    rows: int | None
    examples: tuple[str, ...]
    sentence: str


class Validation(Outcome):
    """Result of a validation."""

    passed: bool
    expectations: int
    failed: tuple[FailedExpectation, ...]
    data_docs_key: str
    """The HTML report, in the store."""


class Candidate(Outcome):
    """A trained model that nobody has judged yet."""

    mlflow_run_id: str
    experiment_id: str
    model_uri: str
    """MLflow's URI of the logged model."""
    snapshot_digest: str
    spec_digest: str
    code_version: str
    train_rows: int
    train_start: datetime
    train_end: datetime
    """Newest event time among the training rows."""
    holdout_rows: int
    """Labelled rows kept out."""
    holdout_start: datetime
    holdout_end: datetime
    unlabelled_rows: int
    """Rows of the window that have no label and took no part."""


class Scores(Outcome):
    """A model's figures on the holdout. A metric that is not defined there is NaN."""

    metrics: dict[str, Figure]
    undefined: dict[str, str] = {}
    """Why, for each metric that is NaN."""
    notes: tuple[str, ...] = ()
    """What else to know about the figures."""


class Champion(Outcome):
    """The version that held the alias `champion` when the candidate was judged."""

    version: str
    mlflow_run_id: str
    snapshot_digest: str
    spec_digest: str
    code_version: str
    train_end: datetime | None

    @property
    def is_foreign(self) -> bool:
        """Perennial did not register it: what it was trained on is not known, and its files are not loaded."""
        return not self.snapshot_digest


class Evaluation(Outcome):
    """Candidate and champion on the same holdout."""

    mlflow_run_id: str
    """The candidate's."""
    rows: int
    classes: tuple[str, ...] = ()
    """Labels present in the holdout (classification)."""
    candidate: Scores
    champion: Scores | None = None
    """None: there is no champion, or it could not be scored on these rows (a note says which)."""
    champion_is: Champion | None = None
    notes: tuple[str, ...] = ()


class GateResult(Outcome):
    """One gate of the verdict."""

    name: str
    passed: bool
    sentence: str
    """What was measured, against what, in words."""
    value: Figure | None = None
    threshold: Figure | None = None


class Verdict(Outcome):
    """Whether the candidate may become champion, and why."""

    outcome: Literal["promote", "reject"]
    sentence: str
    gates: tuple[GateResult, ...]
    champion_version: str | None
    """The champion that the candidate was judged against; promotion refuses if it is another by then."""


class RegisteredVersion(Outcome):
    """A version in the model registry."""

    name: str
    version: str
    alias: Literal["challenger"] | None
    """`challenger` for a candidate that was rejected; a promoted one gets `champion` in the next stage."""


class Promotion(Outcome):
    """The alias `champion` as it was moved."""

    name: str
    version: str
    previous_version: str | None
