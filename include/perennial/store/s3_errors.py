"""Turn the errors of S3 and of the connection to it into errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error, RetriesExceededError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from s3transfer.exceptions import S3DownloadFailedError  # type: ignore[import-untyped]

from perennial.address import without_logins
from perennial.errors import StoreError, StoreUnavailable
from perennial.store.protocol import Conflict, KeyNotFound

_ADVICE = {
    "NoSuchBucket": "the bucket does not exist: create it, or point PERENNIAL_STORE elsewhere",
    "InvalidBucketName": "this cannot be the name of a bucket: point PERENNIAL_STORE elsewhere",
    "InvalidAccessKeyId": "the endpoint does not know the access key: check the credentials and AWS_ENDPOINT_URL",
    "SignatureDoesNotMatch": "the secret key is wrong: check the credentials",
    "ExpiredToken": "the credentials have expired: renew them",
    "RequestTimeTooSkewed": "this machine's clock and the endpoint's are too far apart: set both by NTP",
    "NotImplemented": "the endpoint lacks a function that the store needs, such as conditional writes: use another",
}
_FORBIDDEN = (
    "access is denied: the credentials need s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and "
    "s3:DeleteObject on what is in it"
)
_GONE = {"NoSuchKey", "NotFound", "404"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_BUSY = {"SlowDown", "RequestTimeout", "Throttling", "TooManyRequests", "429"}


@contextmanager
def s3_errors(uri: str) -> Iterator[None]:
    """Turn what boto3 raises about an object or bucket into a StoreError.

    Raises
    ------
    KeyNotFound, Conflict
        If the object is not there, or is not in the expected version.
    StoreUnavailable
        If the endpoint cannot be reached, or still fails after boto3's own retries.
    StoreError
        For everything else: no bucket, no rights, no credentials.
    """
    try:
        yield
    except ClientError as error:
        raise _from_answer(uri, error) from error
    except S3DownloadFailedError as error:
        raise StoreUnavailable(f"{uri} was replaced while it was read; read it again") from error
    except Boto3Error as error:
        # The transfer functions wrap the actual error, which is found only here.
        cause = error.last_exception if isinstance(error, RetriesExceededError) else error.__context__
        if isinstance(cause, ClientError):
            raise _from_answer(uri, cause) from error
        raise StoreUnavailable(f"{uri}: {without_logins(str(cause or error))}") from None
    except BotoCoreError as error:
        # The error's text contains the endpoint's address, which may contain a login.
        raise _without_answer(uri, error) from None


def _from_answer(uri: str, error: ClientError) -> StoreError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _GONE:
        return KeyNotFound(f"nothing is stored under {uri}")
    if code in _CHANGED:
        return Conflict(f"{uri} was written by another process")
    if code in _ADVICE:
        return StoreError(f"{uri}: {_ADVICE[code]}")
    if not code:
        return StoreError(f"{uri}: what answers is not an S3 server (status {status}): check AWS_ENDPOINT_URL")
    if status >= 500 or code in _BUSY:
        return StoreUnavailable(
            f"{uri}: S3 is not available now ({code or status}); try again later, and "
            "if it stays so, check AWS_ENDPOINT_URL"
        )
    if status in (401, 403):
        return StoreError(f"{uri}: {_FORBIDDEN}")
    return StoreError(f"{uri}: {without_logins(str(error))}")


def _without_answer(uri: str, error: BotoCoreError) -> StoreError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StoreError(
            f"{uri}: no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
            "or an AWS connection in Airflow"
        )
    if isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError):
        return StoreUnavailable(
            f"{uri}: S3 does not answer: {without_logins(str(error))}. Check AWS_ENDPOINT_URL and the network"
        )
    return StoreError(f"{uri}: {without_logins(str(error))}")
