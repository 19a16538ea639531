"""Searches in PostgreSQL, in a database that another program has tables in."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

import pytest
from optuna.study import StudyDirection
from sqlalchemy import create_engine, inspect, text

from perennial.spec.tuning import Tuning
from perennial.store.lease import Owner
from perennial.tuning.storage import SCHEMA, open_storage
from perennial.tuning.trial_queue import PLACE, TrialQueue
from tests.distributed import debian
from tests.distributed.postgres import Postgres, running_postgres

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif("postgres" in debian.missing(), reason="PostgreSQL is not installed"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres("optuna") as running:
        yield running


def queue_at(url: str) -> TrialQueue:
    owner = Owner.this_process("a test", datetime(2026, 1, 1, tzinfo=UTC))
    return TrialQueue(open_storage(url), "late/run", Tuning(sampler="random"), [StudyDirection.MAXIMIZE], owner)


def work(url: str) -> int:
    queue, number = queue_at(url), 0
    while (taken := queue.take()) is not None:
        trial = taken[1]
        trial.study.tell(trial.number, trial.suggest_float("x", 0, 1))
        number += 1
    return number


def test_two_processes_share_the_trials_beside_the_tables_of_another_program(server: Postgres) -> None:
    engine = create_engine(server.url("optuna"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of another program')"))
    queue_at(server.url("optuna")).fill("search", 20)

    # As Airflow's connection gives the address, and with the other driver.
    urls = [server.url("optuna", "postgresql"), server.url("optuna", "postgresql+psycopg")]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        made = list(processes.map(work, urls))

    trials = queue_at(urls[0])._study().get_trials()
    assert sum(made) == len(trials) == 20
    assert {trial.user_attrs[PLACE] for trial in trials} == set(range(20))
    assert "trials" in inspect(engine).get_table_names(schema=SCHEMA)
    with engine.connect() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM public.alembic_version")).scalar() == "of another program"
        )
    engine.dispose()
