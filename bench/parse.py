"""Parse 200 model specs, compared with 600 DAGs written by hand with as many plain operators.

    .venv/bin/python bench/parse.py

Prints the ratio of the times, and which libraries of the stages were loaded by parsing (none).

Both sides are parsed by Airflow's own DagBag and serialized, as the DAG processor does, in a new
process each time; imports that both share are done before the measurement of CPU time starts. Ours
is all files of the folder `dags` over 200 copies of the demo's spec: three DAGs per
model. The hand-written DAGs have the same schedules, forms, pages, retries and operators in the same
lines; they are written once as 200 files, and once as one file, which is faster to read and so the
harder comparison. A third comparison, for information, is that one file without trigger forms, which
does less than ours.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
HEAVY = ("pandas", "numpy", "scipy", "sklearn", "mlflow", "great_expectations", "boto3", "pyarrow")

HAND_WRITTEN = """
from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAlias, CronTriggerTimetable, Param, TaskGroup, TriggerRule, chain

DEFAULT_ARGS = {{
    "owner": "flight-operations",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}}

for name in {names}:
    with DAG(
        dag_id=name + ".retrain",
        description="The chance that a flight arrives late.",
        doc_md={page!r},
        schedule=CronTriggerTimetable("0 6 * * 1", timezone="America/New_York"),
        catchup=False,
        max_active_runs=1,
        tags=["demo", "flights", "retraining"],
        default_args=DEFAULT_ARGS,
{form}    ):
        chain(*(
            EmptyOperator(task_id=task_id)
            for task_id in {tasks!r}
        ), EmptyOperator(task_id="promote", outlets=[Asset("x-champion://" + name)]))

    with DAG(
        dag_id=name + ".monitor",
        description="Checks new rows of flight_delay, and retrains it when they drift.",
        doc_md={monitoring_page!r},
        schedule=CronTriggerTimetable("0 * * * *", timezone="America/New_York"),
        catchup=False,
        max_active_runs=1,
        tags=["demo", "flights", "monitoring"],
        default_args=DEFAULT_ARGS,
{monitoring_form}    ):
        wait_for_rows = EmptyOperator(task_id="wait_for_rows")
        open_check = EmptyOperator(task_id="open_check")
        with TaskGroup("tests") as tests:
            for test in ("ks", "categorical", "predictions", "page_hinkley", "performance", "volume"):
                EmptyOperator(task_id=test)
        govern = EmptyOperator(task_id="govern", outlets=[AssetAlias(name + "/drift")])
        trigger_retraining = EmptyOperator(task_id="trigger_retraining")
        move_cursor = EmptyOperator(task_id="move_cursor", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
        chain(wait_for_rows, open_check, tests, govern, trigger_retraining, move_cursor)
        chain(open_check, govern, move_cursor)

    with DAG(
        dag_id=name + ".backtest",
        description="What each retraining policy would have scored for flight_delay.",
        doc_md={backtest_page!r},
        schedule=None,
        catchup=False,
        max_active_runs=1,
        tags=["demo", "flights", "backtest"],
        default_args=DEFAULT_ARGS,
{backtest_form}    ):
        chain(*(EmptyOperator(task_id=task_id) for task_id in ("begin", "train", "compare")))
"""

TASKS = ("ingest", "validate", "train", "evaluate", "decide", "refit", "register")
TUNED_TASKS = ("ingest", "validate", "tune", "choose", *TASKS[2:])

FORM = """\
        params={
            "as_of": Param(None, type=["null", "string"], format="date-time", description="Newest event time."),
            "window_days": Param(None, type=["null", "number"], exclusiveMinimum=0, description="Days to take."),
            "dry_run": Param(False, type="boolean", description="Stop after the verdict."),
            "reason": Param(None, type=["null", "string"], maxLength=500, description="Why."),
        },
"""

TUNED_FORM = (
    FORM.rstrip().removesuffix("},")
    + """\
    "trials": Param(None, type=["null", "integer"], minimum=1, description="Most trials."),
            "search": Param("due", type="string", enum=["due", "force", "skip"], description="Whether to search."),
        },
"""
)

MONITORING_FORM = """\
        params={
            "as_of": Param(None, type=["null", "string"], format="date-time", description="Newest event time."),
        },
"""

BACKTEST_FORM = """\
        params={
            "as_of": Param(None, type=["null", "string"], format="date-time", description="End of the period."),
            "days": Param(None, type=["null", "number"], exclusiveMinimum=0, description="Length of the period."),
            "batches": Param(26, type="integer", minimum=4, maximum=200, description="Number of batches."),
        },
"""

# The same estimator, searched for.
CANDIDATES = """\
model:
  candidates:
    - estimator: {estimator}
      search: {{max_leaf_nodes: {{low: 7, high: 63}}}}
tuning: {{trials: 20, parallel: 2}}
"""

MONITORING = """
monitoring:
  schedule: {cron: "0 * * * *", time_zone: America/New_York}
"""

CLOCK = """
import json, sys, time
import airflow.sdk, airflow.providers.standard.operators.empty
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

DagBag({empty!r})
started = time.process_time()
bag = DagBag({folder!r})
size = sum(len(json.dumps(DagSerialization.to_dict(dag))) for dag in bag.dags.values())
seconds = time.process_time() - started
assert not bag.import_errors, bag.import_errors
print("RESULT", json.dumps({{
    "seconds": seconds,
    "dags": len(bag.dags),
    "tasks": sum(len(dag.tasks) for dag in bag.dags.values()),
    "bytes": size,
    "loaded": [name for name in {heavy!r} if name in sys.modules],
}}))
"""


def measure(folder: Path, scratch: Path, models: Path) -> dict[str, object]:
    """Parse a folder in a new process."""
    empty = scratch / "empty"
    empty.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(scratch / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PERENNIAL_MODELS": str(models),
    }
    code = CLOCK.format(folder=str(folder), empty=str(empty), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=scratch
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))


def write_inputs(scratch: Path, count: int, tuned: int) -> dict[str, Path]:
    """Write the specs, the last of them tuned, and the hand-written DAGs; return the folders to parse."""
    sys.path.insert(0, str(REPOSITORY / "plugins"))
    from perennial.spec.reading.loader import load_spec
    from perennial_airflow.building.dag_pages import monitoring_page, spec_page

    demo = REPOSITORY / "dags" / "models" / "flight_delay.yaml"
    spec = load_spec(demo)
    # The hand-written DAGs package nothing.
    written = re.sub(r"^(packages|rehearsal):.*\n(?: .*\n)*", "", demo.read_text(), flags=re.MULTILINE)
    written += "" if spec.monitoring else MONITORING
    page = spec_page(spec)
    pages = {"page": page, "monitoring_page": monitoring_page(spec, spec.watch), "backtest_page": page}
    forms = {"form": FORM, "monitoring_form": MONITORING_FORM, "backtest_form": BACKTEST_FORM}
    names = [f"flight_delay_{number:03}" for number in range(count)]
    for folder in ("models", "one_file", "many_files", "formless"):
        (scratch / folder).mkdir()
    searching = search_instead(written, spec.model.estimator)

    def by_hand(names: list[str], *, tuned: bool, with_form: bool = True) -> str:
        fields = forms | ({"form": TUNED_FORM} if tuned else {})
        return HAND_WRITTEN.format(
            names=names,
            tasks=TUNED_TASKS if tuned else TASKS,
            **pages,
            **(fields if with_form else dict.fromkeys(fields, "")),
        )

    plain = count - tuned
    for number, name in enumerate(names):
        text = searching if number >= plain else written
        (scratch / "models" / f"{name}.yaml").write_text(text.replace("name: flight_delay ", f"name: {name} "))
        (scratch / "many_files" / f"{name}.py").write_text(by_hand([name], tuned=number >= plain))
    for folder, with_form in (("one_file", True), ("formless", False)):
        parts = [
            by_hand(some, tuned=searches, with_form=with_form)
            for some, searches in ((names[:plain], False), (names[plain:], True))
        ]
        (scratch / folder / "all.py").write_text("".join(parts))
    return {
        "perennial": REPOSITORY / "dags",
        "by hand, one file": scratch / "one_file",
        "by hand, a file each": scratch / "many_files",
        "by hand, one file, no form": scratch / "formless",
    }


def search_instead(written: str, estimator: str) -> str:
    """Return the spec with a search over its estimator in place of its section `model`."""
    before, _, rest = written.partition("\nmodel:\n")
    lines = rest.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if line[:1].isalpha())
    return f"{before}\n{CANDIDATES.format(estimator=estimator)}\n{''.join(lines[end:])}"


def main() -> None:
    """Measure all sides in turns, since other work on the machine slows all of them, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tuned", type=int, default=0, help="so many of the specs search for their model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sides = write_inputs(scratch, options.specs, options.tuned)
        rounds = [
            {side: measure(path, scratch, scratch / "models") for side, path in sides.items()}
            for _ in range(options.rounds)
        ]
    medians = {}
    for side in sides:
        seen = [results[side] for results in rounds]
        tasks = 22 * options.specs + 2 * options.tuned
        assert {(result["dags"], result["tasks"]) for result in seen} == {(3 * options.specs, tasks)}
        medians[side] = statistics.median(result["seconds"] for result in seen)
        print(f"{side:27} {medians[side]:6.2f} s   {seen[0]['bytes'] / 1e6:5.1f} MB serialized")
    for side in list(sides)[1:]:
        print(f"ratio to {side}: {medians['perennial'] / medians[side]:.2f}")
    loaded = sorted({name for results in rounds for name in results["perennial"]["loaded"]})
    print(f"loaded by parsing: {', '.join(loaded) or 'none of ' + ', '.join(HEAVY)}")


if __name__ == "__main__":
    main()
