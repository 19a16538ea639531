"""The patterns of names in a spec, and the messages about them."""

from __future__ import annotations

NAME = r"^[A-Za-z0-9_-]+$"
CLASS_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
FUNCTION_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"
STEP_NAME = r"^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$"
EXPECTATION = r"^expect_[a-z0-9_]+$"
QUANTITY = r"^[1-9][0-9]{0,8}(Ki|Mi|Gi|Ti)$"
REGION = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"

IN_WORDS = {
    NAME: "must be letters, digits, - and _ only, since it becomes a DAG id",
    CLASS_PATH: "must be an import path such as sklearn.linear_model.LogisticRegression",
    FUNCTION_PATH: "must name a function as module:function",
    STEP_NAME: "must be letters, digits and single _ only, and begin with a letter",
    EXPECTATION: "must be a Great Expectations name such as expect_column_values_to_not_be_null",
    QUANTITY: "must be a whole number of Ki, Mi, Gi or Ti with at most nine digits, such as 512Mi or 4Gi",
    REGION: "must be lower-case letters, digits and single -, such as eu or us-east-1: settings are named after it",
}
"""Follows the wrong value in an error message."""
