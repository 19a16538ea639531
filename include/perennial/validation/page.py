"""The Data Docs: one HTML page per validation, without scripts or network; values of the data are escaped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import great_expectations
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from perennial.data.snapshots.records import Snapshot
from perennial.run import RetrainingRun
from perennial.validation.check import Checked
from perennial.validation.failed import arguments_of, column_of, examples_of, finding, value_text

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


@dataclass(frozen=True)
class _Line:
    """One expectation on the page."""

    column: str
    expectation: str
    arguments: dict[str, str]
    status: str
    found: str
    examples: tuple[str, ...]


def render_page(run: RetrainingRun, snapshot: Snapshot, checked: tuple[Checked, ...]) -> bytes:
    """Return the HTML page, UTF-8; expectations that do not hold come first."""
    lines = [_line(one) for one in checked]
    failed = [line for line in lines if line.status != "holds"]
    page = _PAGES.get_template("data_docs.html.j2").render(
        model=run.spec.name,
        run_id=run.run_id,
        word="failed" if failed else "passed",
        headline=_headline(len(checked), len(failed)),
        facts=_facts(snapshot),
        failed=failed,
        held=[line for line in lines if line.status == "holds"],
    )
    return page.encode()


def _headline(checked: int, failed: int) -> str:
    if not checked:
        return "The spec has no expectations, nothing was checked."
    if failed:
        return f"{failed} of {checked} expectations {'fails' if failed == 1 else 'fail'}."
    return f"All {checked} expectations hold." if checked > 1 else "The one expectation holds."


def _facts(snapshot: Snapshot) -> dict[str, str]:
    return {
        "Rows": f"{snapshot.rows:,}",
        "Event time": f"{snapshot.start:%Y-%m-%d %H:%M} to {snapshot.end:%Y-%m-%d %H:%M} UTC",
        "Snapshot": snapshot.digest,
        "Checked by": f"Great Expectations {great_expectations.__version__}",
    }


def _line(checked: Checked) -> _Line:
    status = "holds" if checked.holds else "not checked" if checked.unchecked or checked.selects_nothing else "fails"
    return _Line(
        column=column_of(checked.expectation) or "the snapshot",
        expectation=checked.expectation.type,
        arguments=arguments_of(checked.expectation),
        status=status,
        found=_found(checked) if checked.holds else finding(checked, examples=False),
        examples=() if checked.holds else examples_of(checked),
    )


def _found(checked: Checked) -> str:
    """Return the finding about an expectation that holds."""
    figures = checked.figures
    rows, missing, unexpected = (figures.get(f"{name}_count") for name in ("element", "missing", "unexpected"))
    where = " that the condition selects" if checked.condition else ""
    if rows is None or unexpected is None:
        observed = figures.get("observed_value")
        return (f"found {value_text(observed)}" if observed is not None else "holds") + (
            f", in the {checked.selected:,} rows{where}" if where else ""
        )
    if missing == rows:
        return f"none of the {rows:,} rows{where} has a value, so nothing was compared"
    exceptions = f", except {unexpected:,}, no more than mostly allows" if unexpected else ""
    beside = f"; {missing:,} without a value" if missing else ""
    return f"all of {rows - (missing or 0):,} rows{where}{exceptions}{beside}"
