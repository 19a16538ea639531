"""How S3 encrypts what the store writes there."""

from __future__ import annotations

from perennial.errors import StoreError

VARIABLE = "PERENNIAL_S3_SSE"


def encryption_arguments(wanted: str) -> dict[str, str]:
    """Return what every write passes to S3.

    Parameters
    ----------
    wanted : str
        `AES256` (S3's own keys), `aws:kms` (the account's default key) or `aws:kms:<key id>`. Empty: whatever the bucket
        does by itself.

    Raises
    ------
    StoreError
        It is none of these.
    """
    if not wanted:
        return {}
    if wanted in ("AES256", "aws:kms"):
        return {"ServerSideEncryption": wanted}
    key = wanted.removeprefix("aws:kms:")
    if key and key != wanted:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    raise StoreError(f"{VARIABLE} is {wanted!r}: use AES256, aws:kms or aws:kms:<key id>, or leave it empty")
