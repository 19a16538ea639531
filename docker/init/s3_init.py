"""Create missing buckets, and test the rights of their users. Runs once, before anything else starts.

If it runs again, it changes nothing. Each problem is reported in one line, with what to do.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from perennial.errors import StoreError
from perennial.store import open_store
from perennial.store.protocol import Conflict, Store


@dataclass(frozen=True)
class Place:
    """A place on S3: the variable with its address, and the prefix of the variables with its user's keys."""

    variable: str
    uri: str
    user: str

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return urlsplit(self.uri).netloc


def places(environment: Mapping[str, str]) -> list[Place]:
    """Return the places on S3 of this deployment."""
    users = {"PERENNIAL_STORE": "S3", "PERENNIAL_DATA": "S3", "AIRFLOW_LOGS": "S3", "MLFLOW_ARTIFACTS": "S3_MLFLOW"}
    named = [Place(variable, environment[variable], user) for variable, user in users.items()]
    return [place for place in named if place.uri.startswith("s3://")]


def client(environment: Mapping[str, str], user: str) -> Any:
    """Return a boto3 client with the keys of S3_ADMIN, S3 or S3_MLFLOW."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        endpoint_url=environment["S3_ENDPOINT_URL"],
        region_name=environment["S3_REGION"],
        aws_access_key_id=environment[f"{user}_ACCESS_KEY"],
        aws_secret_access_key=environment[f"{user}_SECRET_KEY"],
        config=Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=20),
    )


def ensure_bucket(admin: Any, place: Place) -> bool:
    """Create the bucket if it is missing; return whether it was created.

    Raises
    ------
    StoreError
        The bucket is missing, and the admin's keys must not create it.
    """
    try:
        admin.head_bucket(Bucket=place.bucket)
    except ClientError as error:
        # If the admin has no right to look, the later test with the user's keys decides.
        if _code(error) not in ("404", "NoSuchBucket"):
            return False
    else:
        return False
    try:
        admin.create_bucket(Bucket=place.bucket)
    except ClientError as error:
        if _code(error) in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            return False
        raise StoreError(
            f"the bucket {place.bucket} is missing, and S3_ADMIN_ACCESS_KEY has no right to create it "
            f"({_code(error)}): create it yourself, or give keys with that right"
        ) from None
    return True


def try_out(store: Store) -> None:
    """Write, read, list and remove an object, and test conditional writes.

    Raises
    ------
    StoreError
        One of these is not allowed, or a condition is ignored, so that two runs could both count as the first.
    """
    key = f"probe-{uuid.uuid4().hex}"
    store.create(key, b"probe")
    try:
        store.create(key, b"again")
    except Conflict:
        pass
    else:
        raise StoreError("S3 ignores the condition of a PUT (If-None-Match): use a server with conditional writes")
    finally:
        store.read(key)
        list(store.list(key))
        store.delete(key)


def main(environment: Mapping[str, str]) -> int:
    """Create and test all places; return 1 if one cannot be used."""
    problems = []
    for place in places(environment):
        try:
            made = ensure_bucket(client(environment, "S3_ADMIN"), place)
            try_out(open_store(place.uri, s3=client(environment, place.user)))
        except StoreError as error:
            problems.append(f"{place.variable}={place.uri}, with {place.user}_ACCESS_KEY: {error}")
        except (BotoCoreError, ValueError) as error:
            problems.append(f"S3 at S3_ENDPOINT_URL={environment['S3_ENDPOINT_URL']} does not answer: {error}")
            break
        else:
            print(f"{place.uri}: {'made' if made else 'there'}, and may be used", flush=True)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", "unknown"))


if __name__ == "__main__":
    sys.exit(main(os.environ))
