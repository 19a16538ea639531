"""Migrate Airflow's database, and create missing roles, accounts and pools. Runs once, before Airflow starts.

If it runs again, it does not change accounts: people may have changed their passwords. Pools get the slots in the
settings.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from dataclasses import dataclass

SHORTEST_SECRET = 12
SERVERS_START_WITHIN_S = 180


class BadSetting(Exception):
    """A setting cannot be used. The message names it, and says what to do; it never shows its value."""


@dataclass(frozen=True)
class Account:
    """A login of the web interface and the REST API."""

    name: str
    role: str
    variable: str


ACCOUNTS = (
    Account("admin", "Admin", "ADMIN_PASSWORD"),
    # Can see everything, trigger, clear and approve; but not connections, variables, pools or accounts.
    Account("operator", "User", "OPERATOR_PASSWORD"),
    Account("viewer", "Viewer", "VIEWER_PASSWORD"),
)
POOLS = {
    "training": (
        "TRAINING_SLOTS",
        "Steps that hold rows in memory: ingest, validate, train, evaluate, open_check and the tests of a check",
    ),
    "light": ("LIGHT_SLOTS", "Steps that read no rows: decide, register, promote, govern, waiting"),
}

# These secrets are part of addresses, between ':' and '@'.
IN_ADDRESSES = (
    "AIRFLOW_DB_PASSWORD", "CELERY_DB_PASSWORD", "MLFLOW_DB_PASSWORD", "OPTUNA_DB_PASSWORD", "REDIS_PASSWORD",
)  # fmt: skip
COUNTS = ("WORKER_CONCURRENCY", "PARALLELISM", "TRAINING_THREADS", *(variable for variable, _ in POOLS.values()))


def check(environment: dict[str, str]) -> None:
    """Raise BadSetting for a secret that is too short, not a key or not usable in an address, or for a wrong count."""
    # Several keys, the newest first, while a key is being replaced.
    keys = environment["AIRFLOW__CORE__FERNET_KEY"].split(",")
    try:
        good = all(len(base64.urlsafe_b64decode(key)) == 32 for key in keys)
    except ValueError:
        good = False
    if not good:
        raise BadSetting("FERNET_KEY is not a Fernet key (32 bytes in URL-safe base64): write .env again with make env")
    for account in ACCOUNTS:
        if len(environment[account.variable]) < SHORTEST_SECRET:
            raise BadSetting(
                f"{account.variable} is shorter than {SHORTEST_SECRET} characters: choose a longer one in .env"
            )
    # These variables are missing if addresses and counts are not set by .env.
    for variable in environment.keys() & set(IN_ADDRESSES):
        if not re.fullmatch(r"[A-Za-z0-9_=-]+", environment[variable]):
            raise BadSetting(
                f"{variable} has characters with a meaning in addresses: choose another in .env, of letters, "
                "digits, '-', '_' and '=' only"
            )
    for variable in environment.keys() & set(COUNTS):
        if not environment[variable].isdecimal() or int(environment[variable]) < 1:
            raise BadSetting(f"{variable}={environment[variable]!r} is not a count: give 1 or more in .env")


def migrate() -> None:
    """Migrate the metadata database to this version of Airflow."""
    subprocess.run(["airflow", "db", "migrate"], check=True)


def make_accounts(environment: dict[str, str]) -> None:
    """Create Airflow's roles, and missing accounts."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        for account in ACCOUNTS:
            if manager.find_user(account.name):
                print(f"account {account.name}: there, unchanged")
                continue
            made = manager.add_user(
                username=account.name,
                first_name=account.name.capitalize(),
                last_name="(Perennial)",
                email=f"{account.name}@localhost",
                role=manager.find_role(account.role),
                password=environment[account.variable],
            )
            if not made:
                raise BadSetting(f"account {account.name} could not be made: its log line above says why")
            print(f"account {account.name}: made, with Airflow's role {account.role}")


def make_pools(environment: dict[str, str]) -> None:
    """Set the slots of the pools."""
    from airflow.models.pool import Pool

    for name, (variable, description) in POOLS.items():
        Pool.create_or_update_pool(name, int(environment[variable]), description, include_deferred=False)
        print(f"pool {name}: {environment[variable]} slots")


def record_version() -> None:
    """Record this image's version, if store, MLflow and clocks are right: workers of other versions will not start."""
    command = [
        sys.executable,
        "-m",
        "perennial_airflow.startup.preflight",
        "record",
        "--seconds",
        str(SERVERS_START_WITHIN_S),
    ]
    if subprocess.run(command, check=False).returncode:
        raise BadSetting("this version is not recorded, and Airflow does not start: the lines above say what is wrong")


def main(environment: dict[str, str]) -> int:
    """Run all steps; on an error print the reason and return 1."""
    try:
        check(environment)
        migrate()
        make_accounts(environment)
        make_pools(environment)
        record_version()
    except BadSetting as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        print(
            "Airflow's database could not be brought up to date: the lines above say why. If a password was wrong, the "
            "database was made with another .env: put that one back.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
