"""Great Expectations' Data Docs as one page that needs neither network nor scripts, and trusts no data.

Its own page loads style sheets and scripts from a dozen places, and puts values of the data into the HTML as they are.
Here its sections stand in a page of ours, the values escaped, and a content security policy forbids whatever is left.
"""

from __future__ import annotations

import html
import numbers
import re
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    expectationSuiteValidationResultSchema,
)
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from perennial.outcomes import FailedExpectation, Snapshot
from perennial.run import RetrainingRun

_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_ICON = re.compile(r'<i class="fas fa-(check-circle|times|exclamation-triangle) text-(\w+)"[^>]*></i>')
_WORD = {"check-circle": "✓ holds", "times": "✗ fails", "exclamation-triangle": "⚠ could not be checked"}


def render_page(
    run: RetrainingRun,
    snapshot: Snapshot,
    result: ExpectationSuiteValidationResult,
    failed: tuple[FailedExpectation, ...],
) -> bytes:
    """Return the HTML page, UTF-8."""
    document = ValidationResultsPageRenderer().render(_safe(result)).to_json_dict()
    view = DefaultJinjaPageView(custom_views_directory=str(Path(__file__).parent))
    page = view.env.get_template("data_docs.html.j2").render(
        model=run.spec.name,
        passed=not failed,
        headline=_headline(len(result.results), len(failed)),
        facts=_facts(run, snapshot, result),
        failed=[one.sentence for one in failed],
        # The first section is an overview, with links to pages that are not there.
        sections=document["sections"][1:],
    )
    return _ICON.sub(_in_words, _SCRIPT.sub("", page)).encode()


def _headline(checked: int, failed: int) -> str:
    if not checked:
        return "the spec has no expectations, nothing was checked"
    if failed:
        return f"{failed} of {checked} expectations fail"
    return f"all {checked} expectations hold" if checked > 1 else "the one expectation holds"


def _facts(run: RetrainingRun, snapshot: Snapshot, result: ExpectationSuiteValidationResult) -> dict[str, str]:
    return {
        "Run": run.run_id,
        "Snapshot": snapshot.digest,
        "Rows": f"{snapshot.rows:,}",
        "Event time": f"{snapshot.start.isoformat()} to {snapshot.end.isoformat()}",
        "Great Expectations": str(result.meta["great_expectations_version"]),
    }


def _in_words(icon: re.Match[str]) -> str:
    return f'<strong class="text-{icon[2]}">{_WORD[icon[1]]}</strong>'


def _safe(result: ExpectationSuiteValidationResult) -> ExpectationSuiteValidationResult:
    """Return a copy whose values can stand in HTML, and in which every figure is one that the renderer takes."""
    content = result.to_json_dict()
    for one in content["results"]:
        one["result"] = _escaped(one["result"])
        one["exception_info"] = _escaped(one["exception_info"])
        if "unexpected_count" in one["result"] and "unexpected_percent" not in one["result"]:
            # A count of distinct values: the renderer takes it for one of rows, and fails for want of their share.
            one["result"]["unexpected_count"] = 0
    return expectationSuiteValidationResultSchema.load(content)


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return html.escape(str(value), quote=False)
