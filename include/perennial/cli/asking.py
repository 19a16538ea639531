"""Asks the person at the terminal whether a candidate may be promoted."""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from perennial.answer import Answer
from perennial.promotion.approval import question
from perennial.promotion.records import RegisteredVersion, Verdict


@dataclass(frozen=True)
class Asking:
    """Where answers come from.

    Attributes
    ----------
    console : rich.console.Console
    approve : str or None
        Reason of an approval that was given beforehand; None: the terminal is asked, if there is one.
    """

    console: Console
    approve: str | None = None

    def __call__(self, registered: RegisteredVersion, verdict: Verdict) -> Answer | None:
        """Return the answer; None: there is nobody to ask."""
        if self.approve is not None:
            return self._answer(True, self.approve)
        if not (sys.stdin.isatty() and self.console.is_terminal):
            return None
        self.console.print(Text(f"{registered.name} v{registered.version}. {verdict.sentence}", style="bold"))
        approved = Confirm.ask(question(verdict), console=self.console, default=False)
        return self._answer(approved, Prompt.ask("Why", console=self.console, default="", show_default=False))

    def _answer(self, approved: bool, reason: str) -> Answer:
        return Answer(approved=approved, by=f"{getpass.getuser()} (perennial run)", at=datetime.now(UTC), reason=reason)
