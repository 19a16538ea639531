"""The message for people when a validation fails."""

from __future__ import annotations

from perennial.validation.records import Validation


def failure_message(validation: Validation) -> str:
    """Return which expectations failed, on which columns, in how many rows, with examples, and where the report is."""
    sentences = "".join(f"\n  - {failed.sentence}" for failed in validation.failed)
    return (
        f"{len(validation.failed)} of {validation.expectations} expectations do not hold; "
        f"no model was trained and nothing was changed:{sentences}\n"
        f"The whole report is in the store under {validation.data_docs_key}. Correct the source and run again, "
        "or change the spec's `validation` if the data are right."
    )
