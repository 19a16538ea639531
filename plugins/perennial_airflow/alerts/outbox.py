"""Messages that are to be sent, kept in the model's store until they are, so that each is sent once.

`<model>/alerts/pending/<event>-<channel>.json` is a message to send, `<model>/alerts/sent/...` one that was sent.
A sender reserves a message for a while by compare-and-swap. If it is killed after the server accepted the message and
before that was recorded, the message is sent again: twice is better than never.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from perennial.layout import PENDING_ALERT, SENT_ALERT
from perennial.record import Record
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound
from perennial.store.sealed import read_versioned_record, seal
from perennial_airflow.alerts.events import Event

if TYPE_CHECKING:
    from perennial.store.protocol import Store

log = logging.getLogger(__name__)

ChannelName = Literal["slack", "email", "webhook"]

TAKEN_FOR = timedelta(minutes=10)
"""How long a sender reserves a message: much longer than sending takes, and than workers' clocks may differ."""
_ADVICE = "This alert is not sent, others are. Read it, tell people what it says, and delete it"


class Message(Record):
    """An event to be sent through one channel."""

    event: Event
    channel: ChannelName
    tries: int = 0
    taken_until: datetime | None = None

    @property
    def name(self) -> str:
        """Name of the message in the store."""
        return f"{self.event.digest}-{self.channel}.json"


@dataclass(frozen=True)
class Taken:
    """A message that this sender has reserved, and its version in the store."""

    message: Message
    version: str


@dataclass(frozen=True)
class Outbox:
    """One model's messages."""

    store: Store
    model: str

    def put(self, message: Message) -> None:
        """Store a message until it is sent. Does nothing if it is waiting already; if it was sent, `take` drops it."""
        try:
            self.store.create(self._pending(message), seal(message))
        except Conflict:
            return

    def waiting(self) -> list[Message]:
        """Return the messages that nobody has reserved, fewest tries first, so that a dead server delays no others."""
        return sorted((message for message, _ in self._all() if _free(message)), key=lambda message: message.tries)

    def take(self, message: Message) -> Taken | None:
        """Reserve a message; return None if another sender has it, or it was sent."""
        found = self._read(self._pending(message))
        if found is None or not _free(found[0]):
            return None
        taken = found[0].model_copy(update={"tries": found[0].tries + 1, "taken_until": datetime.now(UTC) + TAKEN_FOR})
        try:
            version = self.store.replace(self._pending(message), seal(taken), found[1])
        except Conflict:
            return None
        # Checked only after reserving: another sender may have sent it between `put` and now.
        if self.store.exists(self._sent(message)):
            self.drop(message)
            return None
        return Taken(taken, version)

    def note_sent(self, message: Message) -> None:
        """Record that a message was sent, and remove it from those waiting."""
        self.store.write(self._sent(message), seal(message.model_copy(update={"taken_until": None})))
        self.drop(message)

    def give_back(self, taken: Taken) -> None:
        """Release a message that could not be sent, for the next try."""
        try:
            free = taken.message.model_copy(update={"taken_until": None})
            self.store.replace(self._pending(free), seal(free), taken.version)
        except Conflict:
            return

    def drop(self, message: Message) -> None:
        """Delete a message that is not to be sent any more."""
        self.store.delete(self._pending(message))

    def _all(self) -> Iterator[tuple[Message, str]]:
        for item in self.store.list(PENDING_ALERT.folder(self.model)):
            found = self._read(item.key)
            if found is not None:
                yield found

    def _read(self, key: str) -> tuple[Message, str] | None:
        """Return a message and its version; None if it is gone or damaged, so that the others can still be sent."""
        try:
            return read_versioned_record(self.store, key, Message, _ADVICE)
        except KeyNotFound:
            return None
        except Damaged as damage:
            log.error("%s", damage)
            return None

    def _pending(self, message: Message) -> str:
        return PENDING_ALERT.key(self.model, message.name)

    def _sent(self, message: Message) -> str:
        return SENT_ALERT.key(self.model, message.name)


def _free(message: Message) -> bool:
    return message.taken_until is None or message.taken_until <= datetime.now(UTC)
