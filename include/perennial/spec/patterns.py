"""The shapes that names in a spec must have, and how to say so."""

from __future__ import annotations

NAME = r"^[A-Za-z0-9_-]+$"
CLASS_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
FUNCTION_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"
EXPECTATION = r"^expect_[a-z0-9_]+$"

IN_WORDS = {
    NAME: "must be letters, digits, - and _ only, since it becomes a DAG id",
    CLASS_PATH: "must be an import path such as sklearn.linear_model.LogisticRegression",
    FUNCTION_PATH: "must name a function as module:function",
    EXPECTATION: "must be a Great Expectations name such as expect_column_values_to_not_be_null",
}
"""Follows the value that does not fit, in an error message."""
