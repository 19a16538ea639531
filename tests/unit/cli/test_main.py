from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from perennial.cli import main as cli
from perennial.cli.outcome import Checked
from perennial.errors import DataError
from perennial.spec.json_schema import json_schema
from perennial.stages import STAGES
from tests.verdicts import judged

LATE = """\
name: late
task: classification
source: {uri: flights/, event_time: at, window: {days: 60}}
target: {column: late}
features: {numeric: [distance]}
model: {estimator: sklearn.linear_model.LogisticRegression}
evaluation: {holdout: {days: 7}, primary: roc_auc}
"""


@pytest.fixture
def perennial(monkeypatch, tmp_path, capsys):
    """Run the console script's entry in an empty folder; give back exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    for name in ("PERENNIAL_MODELS", "PERENNIAL_STORE", "PERENNIAL_DATA", "MLFLOW_TRACKING_URI", "PERENNIAL_SQL_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "500")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["perennial", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code or 0, output.out, output.err

    return run


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "dags" / "models"
    folder.mkdir(parents=True)
    (folder / "late.yaml").write_text(LATE)
    return folder


@pytest.fixture
def retrained(monkeypatch):
    """The runs that the command asked for; each ends with the verdict that the test sets."""
    runs = []
    outcome = {"is": "promote"}

    def retrain(run, console, *, ask):
        runs.append(run)
        return judged(outcome["is"])

    monkeypatch.setattr("perennial.cli.retrain.retrain", retrain)
    return runs, outcome


def test_lint_says_how_many_specs_are_fine(perennial, models):
    assert perennial("lint") == (0, "1 spec is fine\n", "")
    (models / "other.yaml").write_text(LATE.replace("name: late", "name: other"))
    assert perennial("lint", models) == (0, "2 specs are fine\n", "")


def test_lint_prints_every_problem_at_once_and_fails(perennial, models):
    (models / "late.yaml").write_text(
        LATE.replace("numeric", "numric").replace("LogisticRegression", "LogisticRegresion")
    )
    (models / "empty.yaml").write_text("")
    code, output, _ = perennial("lint", "dags/models", "nowhere.yaml")
    assert code == 1
    assert output.splitlines() == [
        "dags/models/empty.yaml: is empty",
        "dags/models/late.yaml:5: features.numric: unknown field 'numric' (did you mean 'numeric'?)",
        "dags/models/late.yaml:6: model.estimator: module 'sklearn.linear_model' has no 'LogisticRegresion' "
        "(did you mean 'LogisticRegression'?)",
        "nowhere.yaml: cannot be read: No such file or directory",
    ]


def test_lint_takes_the_folder_from_the_environment(perennial, models, monkeypatch):
    elsewhere = models.rename(models.parent / "specs")
    monkeypatch.setenv("PERENNIAL_MODELS", str(elsewhere))
    assert perennial("lint") == (0, "1 spec is fine\n", "")


def test_lint_without_a_folder_fails(perennial):
    code, output, _ = perennial("lint")
    assert code == 1
    assert output == "dags/models: cannot be read: No such file or directory\n"


def test_schema_prints_the_json_schema(perennial):
    code, output, _ = perennial("schema")
    assert code == 0
    assert json.loads(output) == json_schema()


@pytest.mark.parametrize(("outcome", "code"), [("promote", 0), ("reject", 3), ("inconclusive", 4)])
def test_run_exits_by_its_verdict(perennial, models, retrained, outcome, code):
    retrained[1]["is"] = outcome
    assert perennial("run", "late")[0] == code
    assert perennial("run", "late", "--dry-run")[0] == code


def test_run_passes_its_options_on(perennial, models, retrained, monkeypatch):
    monkeypatch.setenv("PERENNIAL_SQL_URL", "sqlite://")
    monkeypatch.setenv("PERENNIAL_DATA", "landing")
    perennial(
        *("run", "late", "--store", "kept", "--as-of", "2013-03-01T00:00:00+01:00", "--window-days", "30"),
        *("--reason", "because", "--dry-run"),
    )
    (run,) = retrained[0]
    assert run.spec.name == "late"
    assert run.store.uri.endswith("/kept")
    assert run.as_of.isoformat() == "2013-02-28T23:00:00+00:00"
    assert (run.window_days, run.reason, run.dry_run, run.deployment.sql_url) == (30.0, "because", True, "sqlite://")
    assert str(run.deployment.data_root) == "landing"
    assert run.run_id.startswith("cli-")


def test_a_region_has_its_own_places_unless_a_store_is_named(perennial, models, retrained, monkeypatch):
    (models / "late.yaml").write_text(LATE + "region: eu\n")
    monkeypatch.setenv("PERENNIAL_STORE", "everybodys")
    monkeypatch.setenv("PERENNIAL_DATA_EU", "landing-eu")
    monkeypatch.setenv("PERENNIAL_STORE_EU", "kept-eu")
    perennial("run", "late")
    perennial("run", "late", "--store", "named")
    regional, named = retrained[0]
    assert regional.store.uri.endswith("/kept-eu")
    assert str(regional.deployment.data_root) == "landing-eu"
    assert not regional.mlflow_takes_rows
    assert named.store.uri.endswith("/named")


@pytest.mark.parametrize("command", ["run", "monitor", "ledger"])
def test_a_region_without_a_store_is_one_clear_message(perennial, models, retrained, monkeypatch, command):
    (models / "late.yaml").write_text(LATE + "region: eu\n")
    monkeypatch.setenv("PERENNIAL_STORE", "everybodys")
    code, _, errors = perennial(command, "late")
    assert code == 1
    assert errors.startswith("error: late belongs to region 'eu', and PERENNIAL_STORE_EU is not set")


def test_a_dry_run_and_the_run_after_it_share_their_work(perennial, models, retrained):
    perennial("run", "late", "--dry-run")
    perennial("run", "late")
    perennial("run", "late", "--window-days", "30")
    first, second, third = retrained[0]
    assert first.run_id == second.run_id != third.run_id


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lake"], "dags/models has no model named 'lake': it has late (did you mean 'late'?)"),
        (["gone.yaml"], "gone.yaml: cannot be read: No such file or directory"),
        (["late", "--as-of", "2013-03-01"], "has no zone: add one, such as 2013-03-01T00:00:00Z"),
        (["late", "--as-of", "2013-03-01T06:00"], "has no zone: add one, such as 2013-03-01T06:00:00Z"),
        (["late", "--as-of", "yesterday"], "--as-of 'yesterday' is not a timestamp"),
        (["late", "--as-of", "2999-01-01T00:00:00Z"], "as_of 2999-01-01T00:00:00+00:00 lies in the future"),
        (["late", "--window-days", "0"], "--window-days 0: give a number above 0"),
        (["late", "--window-days", "nan"], "--window-days nan: give a number above 0"),
        (["late", "--window-days", "1e300"], "--window-days 1e+300: give a number above 0, up to 3,652,059"),
        (["late", "--as-of", "0001-01-01T00:00:00+14:00"], "is outside the years 1 to 9999 (UTC)"),
        (["late", "--as-of", "9999-12-31T23:59:59-14:00"], "is outside the years 1 to 9999 (UTC)"),
        (["late", "--store", "ftp://x"], "ftp://x"),
    ],
)
def test_what_cannot_be_run_is_one_clear_message(perennial, models, retrained, arguments, said):
    code, output, errors = perennial("run", *arguments)
    assert code == 1
    assert output == ""
    assert errors.startswith("error: ")
    assert said in errors
    assert "Traceback" not in errors
    assert retrained[0] == []


def test_an_error_of_a_stage_is_printed_as_it_is(perennial, models, monkeypatch):
    def fail(run):
        raise DataError("no rows in [2013-01-01, 2013-02-01]: is the source empty?")

    monkeypatch.setattr(STAGES["ingest"].function.replace(":", "."), fail)
    code, output, errors = perennial("run", "late")
    assert code == 1
    assert errors == "error: no rows in [2013-01-01, 2013-02-01]: is the source empty?\n"
    assert "✗ ingest" in output


@pytest.fixture
def checked(monkeypatch):
    """The looks that the command asked for; there is never anything to check."""
    runs = []

    def check_once(run, console):
        runs.append(run)
        return Checked("0 new rows.")

    monkeypatch.setattr("perennial.cli.monitor.check_once", check_once)
    return runs


def test_monitor_checks_once_as_of_a_moment(perennial, models, checked):
    perennial("monitor", "late", "--store", "kept", "--as-of", "2013-03-01T00:00:00Z")
    (run,) = checked
    assert run.as_of.isoformat() == "2013-03-01T00:00:00+00:00"
    assert run.store.uri.endswith("/kept")


def test_monitor_without_a_schedule_says_what_to_do(perennial, models, checked):
    code, _, errors = perennial("monitor", "late")
    assert code == 1
    assert "late has no monitoring.schedule: add one, or check once with --once" in errors
    assert checked == []


def test_monitor_ends_quietly_when_interrupted(perennial, models, monkeypatch):
    def interrupt(run, console, *, as_json):
        raise KeyboardInterrupt

    monkeypatch.setattr("perennial.cli.monitor.keep_checking", interrupt)
    assert perennial("monitor", "late") == (0, "", "")


def test_ledger_of_a_model_that_was_never_checked(perennial, models):
    assert perennial("ledger", "late") == (0, "late has not been checked yet\n", "")
    assert perennial("ledger", "late", "--json") == (0, "[]\n", "")


def test_closing_the_breaker_wants_a_reason_and_keeps_it(perennial, models, tmp_path):
    assert perennial("close-breaker", "late")[0] == 2
    code, output, _ = perennial("close-breaker", "late", "--reason", "the source is mended")
    assert code == 0
    assert "no longer count" in output
    kept = json.loads((tmp_path / ".perennial" / "store" / "late" / "monitor" / "breaker.json").read_text())
    assert kept["reason"] == "the source is mended"


def test_who_closed_the_breaker_is_the_account_unless_a_name_is_given(perennial, models, tmp_path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "airflow")

    def closed_by(*options):
        code, output, _ = perennial("close-breaker", "late", "--reason", "the source is mended", *options)
        kept = json.loads((tmp_path / ".perennial" / "store" / "late" / "monitor" / "breaker.json").read_text())
        assert code == 0
        assert output.startswith(f"closed by {kept['by']}:")
        return kept["by"]

    assert closed_by() == "airflow"
    assert closed_by("--by", "Ada Example") == "Ada Example"


def test_the_sql_url_is_not_shown_in_the_help(perennial, monkeypatch):
    monkeypatch.setenv("PERENNIAL_SQL_URL", "postgresql://me:secret@db/x")
    code, output, errors = perennial("run", "--help")
    assert code == 0
    assert "PERENNIAL_SQL_URL" in output
    assert "secret" not in output + errors


def test_the_command_line_is_light_to_import():
    code = "import sys, perennial.cli.main, perennial.cli.monitor, perennial.cli.ledger; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "airflow",
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "mlflow",
        "great_expectations",
        "boto3",
        "pyarrow",
        "skops",
    }
    assert "typer" in loaded
    assert not heavy.intersection(loaded)


def test_a_look_for_new_rows_is_light_to_import():
    code = "import sys, perennial.monitoring.waiting; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pyarrow" in loaded
    heavy = {"pandas", "scipy", "sklearn", "mlflow", "boto3", "skops", "sqlalchemy", "jinja2", "requests"}
    assert not heavy.intersection(loaded)


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\b\0\x9b31m\u202egpj\u2066"


@pytest.fixture
def hostile(models, tmp_path):
    """A source whose file names, column names and values are hostile; return the spec's file and the source's folder."""
    folder = tmp_path / "flights"
    folder.mkdir()
    return models / "late.yaml", folder


def assert_printable(text):
    assert {sign for sign in text if not sign.isprintable()} <= {"\n"}, repr(text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a", f"at,late,distance{HOSTILE},x\n2013-01-01T00Z,1,7,8\n".replace("\r", "").replace("\0", "")),
        ("a", f"at,late,distance\n2013-01-01T00Z,1,{HOSTILE}\n".replace("\r", "")),
        ("a", f"at,late,distance\n{HOSTILE},1,7\n".replace("\r", "")),
        ("a", f"at,late,distance\n2013-01-01T00Z,1,7,{HOSTILE}\n".replace("\r", "")),
        ("a", f"{HOSTILE}"),
        (HOSTILE.replace("\0", "") + "\nerror: forged", "at,late,distance\n2013-01-01T00Z,1,x\n"),
    ],
)
def test_nothing_that_data_hold_commands_the_terminal(perennial, hostile, monkeypatch, tmp_path, caplog, name, content):
    spec, folder = hostile
    spec.write_text(LATE.replace("event_time: at", "event_time: at, format: csv"))
    (folder / f"{name}.csv").write_bytes(content.encode())
    monkeypatch.setenv("PERENNIAL_DATA", str(tmp_path))
    caplog.set_level("DEBUG", "perennial")
    code, output, error = perennial("run", "late")
    assert code == 1
    assert "error: " in error
    assert "\nerror: " not in error
    for text in (output, error, *(record.getMessage() for record in caplog.records)):
        assert_printable(text)


def test_nothing_that_an_argument_holds_commands_the_terminal(perennial, models):
    name = f"no{HOSTILE}".replace("\0", "")  # no program can be given one
    for arguments in (("run", name), ("run", "late", "--as-of", name), ("lint", f"{name}.yaml")):
        code, output, error = perennial(*arguments)
        assert code == 1
        assert_printable(output + error)


def test_monitor_refuses_an_as_of_in_the_future(perennial, models, checked):
    code, _, errors = perennial("monitor", "late", "--as-of", "2999-01-01T00:00:00Z")
    assert code == 1
    assert "error: as_of 2999-01-01T00:00:00+00:00 lies in the future: the clock says " in errors
    assert "Leave it out to take the newest rows" in errors
    assert checked == []


def test_set_cursor_asks_for_a_moment_and_a_reason(perennial, models):
    assert perennial("set-cursor", "late", "--to", "2013-05-01T00:00:00Z")[0] == 2
    code, _, errors = perennial("set-cursor", "late", "--to", "2013-05-01", "--reason", "a wrong clock")
    assert code == 1
    assert "error: --to '2013-05-01' has no zone: add one, such as 2013-05-01T00:00:00Z" in errors


def test_set_cursor_says_what_it_did(perennial, models, monkeypatch):
    given = []

    def set_cursor(run, to, *, by, reason):
        given.append((run.spec.name, to.isoformat(), by, reason))
        return SimpleNamespace(decision=SimpleNamespace(reasons=("Ada set the cursor back.",)))

    monkeypatch.setattr("perennial.monitoring.set_cursor.set_cursor", set_cursor)
    options = ("--to", "2013-05-01T00:00:00Z", "--reason", "a wrong clock", "--by", "Ada")
    assert perennial("set-cursor", "late", *options) == (0, "Ada set the cursor back.\n", "")
    assert given == [("late", "2013-05-01T00:00:00+00:00", "Ada", "a wrong clock")]
