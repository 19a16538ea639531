"""Make the buckets that are missing, and try whether those who use them may: once, before anything else starts.

Run again, it changes nothing. What is wrong is said in a line, with what to do.
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
    """Something that lies on S3: the variable that says where, and the prefix of the variables with its user's keys."""

    variable: str
    uri: str
    user: str

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return urlsplit(self.uri).netloc


def places(environment: Mapping[str, str]) -> list[Place]:
    """Return what lies on S3 in this deployment."""
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
    """Make the bucket if it is missing; tell whether it was.

    Raises
    ------
    StoreError
        It is missing, and the admin's keys may not make it.
    """
    try:
        admin.head_bucket(Bucket=place.bucket)
    except ClientError as error:
        # Where the admin may not even look, the user's own try decides.
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
            f"the bucket {place.bucket} is missing, and S3_ADMIN_ACCESS_KEY may not make it ({_code(error)}): "
            "make it yourself, or give keys that may"
        ) from None
    return True


def try_out(store: Store) -> None:
    """Write, read, list and remove an object, and see that S3 keeps its word on conditional writes.

    Raises
    ------
    StoreError
        Something of it is not allowed, or a condition is ignored: two runs could then both believe to be the first.
    """
    key = f"probe-{uuid.uuid4().hex}"
    store.create(key, b"probe")
    try:
        store.create(key, b"again")
    except Conflict:
        pass
    else:
        raise StoreError("S3 ignores the condition of a PUT (If-None-Match): use a server that has conditional writes")
    finally:
        store.read(key)
        list(store.list(key))
        store.delete(key)


def main(environment: Mapping[str, str]) -> int:
    """Make and try them all; 1 if one cannot be used."""
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
