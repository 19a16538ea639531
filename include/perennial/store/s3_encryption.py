"""How S3 encrypts what the store writes there."""

from __future__ import annotations

from perennial.errors import StoreError

VARIABLE = "PERENNIAL_S3_SSE"


def encryption_arguments(wanted: str) -> dict[str, str]:
    """Return the arguments that every write passes to S3.

    Parameters
    ----------
    wanted : str
        `AES256` (S3's own keys), `aws:kms` (the account's default key) or `aws:kms:<key id>`. Empty: the bucket's
        default.

    Raises
    ------
    StoreError
        `wanted` is something else.
    """
    if not wanted:
        return {}
    if wanted in ("AES256", "aws:kms"):
        return {"ServerSideEncryption": wanted}
    key = wanted.removeprefix("aws:kms:")
    if key and key != wanted:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    raise StoreError(f"{VARIABLE} is {wanted!r}: use AES256, aws:kms or aws:kms:<key id>, or leave it empty")
