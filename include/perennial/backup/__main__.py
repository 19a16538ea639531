"""`python -m perennial.backup`: what deploy/backup/*.sh call for stores and buckets."""

from __future__ import annotations

import argparse
import sys
from typing import get_args

from perennial.backup.archive import ArchivePart, first_key, pack, unpack
from perennial.errors import PerennialError
from perennial.store import open_store


def main() -> None:
    """Run one of the commands; the archive goes through standard output or input."""
    parser = argparse.ArgumentParser(prog="python -m perennial.backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    to_tar = commands.add_parser("pack", help="write a part of a store to standard output, as tar")
    to_tar.add_argument("store", help="a folder or s3://bucket/prefix")
    to_tar.add_argument("part", choices=get_args(ArchivePart))
    commands.add_parser("unpack", help="put an archive from standard input into a store").add_argument("store")
    commands.add_parser("empty", help="fail unless the store is empty").add_argument("store")
    arguments = parser.parse_args()
    try:
        print(_run(arguments), file=sys.stderr)
    except PerennialError as error:
        sys.exit(f"error: {error}")


def _run(arguments: argparse.Namespace) -> str:
    store = open_store(arguments.store)
    if arguments.command == "pack":
        return f"{store.uri}: {pack(store, arguments.part, sys.stdout.buffer)} objects ({arguments.part})"
    if arguments.command == "unpack":
        return f"{store.uri}: {unpack(store, sys.stdin.buffer)} objects put back"
    found = first_key(store)
    if found is not None:
        raise PerennialError(
            f"{store.uri} is not empty (it has {found}): a backup is put back into an empty store only. Empty it, or "
            "name another"
        )
    return f"{store.uri} is empty"


if __name__ == "__main__":
    main()
