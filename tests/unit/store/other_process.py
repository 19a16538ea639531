"""What other processes do to a store while a test looks on: `other_process.py URI ACTION ...`."""

from __future__ import annotations

import sys
import time
from itertools import count

from perennial.store import Conflict, Store, open_store


def create_all(store: Store, keys: int, content: str) -> None:
    """Try to create each key; print those that were won."""
    for number in range(keys):
        try:
            store.create(f"race/{number}", content.encode())
        except Conflict:
            continue
        print(number)


def increment(store: Store, times: int) -> None:
    """Add one to the number under `counter`, so many times."""
    for _ in range(times):
        while True:
            before = store.read_versioned("counter")
            try:
                store.replace("counter", str(int(before.data) + 1).encode(), before.version)
            except Conflict:
                continue
            break


def write_for_ever(store: Store, size_bytes: int) -> None:
    """Write whole objects of one repeated byte, in all ways, until killed."""
    print("writing", flush=True)
    for number in count():
        content = b"abcdefgh"[number % 8 : number % 8 + 1] * size_bytes
        store.write("written", content)
        store.replace("replaced", content, store.read_versioned("replaced").version)
        try:
            store.create(f"created/{number}", content)
        except Conflict:
            continue
        with store.scratch() as folder:
            (folder / "file").write_bytes(content)
            store.put_file("put", folder / "file")


def hold_scratch(store: Store) -> None:
    """Leave a file in a scratch folder, print the folder, and wait to be killed."""
    with store.scratch() as folder:
        (folder / "file").write_bytes(b"unfinished")
        print(folder, flush=True)
        time.sleep(600)


def fill(store: Store) -> None:
    """Write ever more until the store refuses; print why, then how many objects of the right size are there."""
    for number in range(1000):
        try:
            store.write(f"full/{number}", bytes(50_000))
        except Exception as error:
            print(type(error).__name__, error)
            break
    print([entry.size_bytes for entry in store.list()] == [50_000] * number)


if __name__ == "__main__":
    opened, action, arguments = open_store(sys.argv[1]), sys.argv[2], sys.argv[3:]
    match action:
        case "create_all":
            create_all(opened, int(arguments[0]), arguments[1])
        case "increment":
            increment(opened, int(arguments[0]))
        case "write_for_ever":
            write_for_ever(opened, int(arguments[0]))
        case "hold_scratch":
            hold_scratch(opened)
        case "fill":
            fill(opened)
        case _:
            sys.exit(f"unknown action {action}")
