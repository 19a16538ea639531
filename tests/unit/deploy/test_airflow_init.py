from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.deploy.script import load_script

REPOSITORY = Path(__file__).resolve().parents[3]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
airflow_init = load_script(REPOSITORY / "docker" / "init" / "airflow_init.py")


def _settings(**changes: str) -> dict[str, str]:
    passwords = {f"{name}_PASSWORD": "long-enough-to-keep" for name in ("ADMIN", "OPERATOR", "VIEWER")}
    return {
        "AIRFLOW__CORE__FERNET_KEY": KEY, "TRAINING_SLOTS": "2", "LIGHT_SLOTS": "8", **passwords, **changes
    }  # fmt: skip


def test_good_settings_pass() -> None:
    airflow_init.check(_settings())


def test_a_fernet_key_may_be_replaced_by_a_newer_one_before_it() -> None:
    airflow_init.check(_settings(AIRFLOW__CORE__FERNET_KEY=f"{KEY},{KEY}"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AIRFLOW__CORE__FERNET_KEY": "hunter2"}, "FERNET_KEY is not a Fernet key"),
        ({"VIEWER_PASSWORD": "hunter2"}, "VIEWER_PASSWORD is shorter than 12"),
        ({"TRAINING_SLOTS": "many"}, "TRAINING_SLOTS='many' is not a count"),
        ({"LIGHT_SLOTS": "0"}, "LIGHT_SLOTS='0' is not a count"),
        ({"WORKER_CONCURRENCY": "4.5"}, "WORKER_CONCURRENCY='4.5' is not a count"),
        ({"AIRFLOW_DB_PASSWORD": "hunter2@home"}, "AIRFLOW_DB_PASSWORD has characters with a meaning"),
        ({"REDIS_PASSWORD": "hunter2/0"}, "REDIS_PASSWORD has characters with a meaning"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_before_anything_is_done(
    changes: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow_init.main(_settings(**changes)) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "hunter2" not in said
