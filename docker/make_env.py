"""Write .env with random secrets, readable only by its owner: run by `make env`. Needs only Python 3.11."""

from __future__ import annotations

import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def text() -> str:
    """Return 32 random bytes as letters, digits, '-' and '_': they need no quoting in addresses and files."""
    return secrets.token_urlsafe(32)


def password() -> str:
    """Return a password that a person may have to type."""
    return secrets.token_urlsafe(15)


def access_key() -> str:
    """Return an S3 access key, in the form of Amazon's."""
    return "PK" + secrets.token_hex(9).upper()


def fernet_key() -> str:
    """Return a key for Airflow's connections and variables."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRETS: dict[str, Callable[[], str]] = {
    "FERNET_KEY": fernet_key,
    "JWT_SECRET": text,
    "API_SECRET_KEY": text,
    "POSTGRES_PASSWORD": text,
    "AIRFLOW_DB_PASSWORD": text,
    "CELERY_DB_PASSWORD": text,
    "MLFLOW_DB_PASSWORD": text,
    "OPTUNA_DB_PASSWORD": text,
    "REDIS_PASSWORD": text,
    "S3_SIGNING_KEY": text,
    "S3_SSE_KEY": text,
    "S3_ADMIN_ACCESS_KEY": access_key,
    "S3_ADMIN_SECRET_KEY": text,
    "S3_ACCESS_KEY": access_key,
    "S3_SECRET_KEY": text,
    "S3_MLFLOW_ACCESS_KEY": access_key,
    "S3_MLFLOW_SECRET_KEY": text,
    "ADMIN_PASSWORD": password,
    "OPERATOR_PASSWORD": password,
    "VIEWER_PASSWORD": password,
    "GRAFANA_PASSWORD": password,
}


def filled(example: str) -> str:
    """Return .env.example with a secret for each name that has none, otherwise unchanged.

    Raises
    ------
    ValueError
        The example does not name one of the secrets.
    """
    for name, make in SECRETS.items():
        example, found = re.subn(rf"^{name}=$", f"{name}={make()}", example, flags=re.MULTILINE)
        if found != 1:
            raise ValueError(f".env.example has {found} lines '{name}=' in place of one")
    return example


def main(folder: Path = REPOSITORY) -> int:
    """Write `.env` in the folder; if it exists, print the lines that it lacks and return 1."""
    target = folder / ".env"
    content = filled((folder / ".env.example").read_text(encoding="utf-8"))
    try:
        # Created with permissions for its owner only.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        there = target.read_text(encoding="utf-8")
        if lacks := [name for name in SECRETS if not re.search(rf"^{name}=.", there, flags=re.MULTILINE)]:
            print(
                f"{target} stays as it is, and lacks {', '.join(lacks)}: add what follows to it, or the old value "
                "where a server knows one.",
                file=sys.stderr,
            )
            for name in lacks:
                print(f"{name}={SECRETS[name]()}")
            return 1
        print(
            f"{target} is there already, and stays: the databases know its passwords. Edit it by hand, or move it away "
            "and remove the volumes too: docker compose down --volumes",
            file=sys.stderr,
        )
        return 1
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    print(f"Wrote {target}, with new secrets: keep it out of version control, and a copy of it in a safe place.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
