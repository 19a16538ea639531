"""What a person reads when a validation fails."""

from __future__ import annotations

from perennial.validation.failure import failure_message
from perennial.validation.records import FailedExpectation, Validation


def failed(column: str) -> FailedExpectation:
    return FailedExpectation(
        type="expect_column_values_to_not_be_null",
        column=column,
        unexpected_rows=3,
        rows=10,
        examples=(),
        sentence=f"{column}: expect_column_values_to_not_be_null does not hold in 3 of 10 rows (30%)",
    )


def test_the_message_has_every_sentence_the_report_and_what_to_do() -> None:
    validation = Validation(
        passed=False,
        expectations=9,
        failed=(failed("carrier"), failed("origin")),
        data_docs_key="m/runs/r/data_docs.html",
    )
    assert failure_message(validation).splitlines() == [
        "2 of 9 expectations do not hold; no model was trained and nothing was changed:",
        "  - carrier: expect_column_values_to_not_be_null does not hold in 3 of 10 rows (30%)",
        "  - origin: expect_column_values_to_not_be_null does not hold in 3 of 10 rows (30%)",
        "The whole report is in the store under m/runs/r/data_docs.html. Correct the source and run again, "
        "or change the spec's `validation` if the data are right.",
    ]
