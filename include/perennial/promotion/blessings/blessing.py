"""Makes a blessing of the results of its gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from perennial.promotion.records import Blessing, BlessingName, GateResult, Outcome


def bless(name: BlessingName, gates: Iterable[GateResult], met: str, *, dry_run: Collection[str] = ()) -> Blessing:
    """Take gates together: a blessing is given only if all of them pass, except those in a dry run.

    Parameters
    ----------
    name : str
    gates : iterable of GateResult
    met : str
        What the blessing says if it is given.
    dry_run : collection of str
        Names of gates that are shown and do not decide.

    Returns
    -------
    Blessing
        `reject` if a gate that decides failed, `inconclusive` if none failed and not all passed.
    """
    results = tuple(gate.model_copy(update={"dry_run": gate.name in dry_run}) for gate in gates)
    deciding = [gate for gate in results if not gate.dry_run]
    outcome: Outcome = "promote"
    if any(gate.failed for gate in deciding):
        outcome = "reject"
    elif any(gate.inconclusive for gate in deciding):
        outcome = "inconclusive"
    # Several gates may fail for the same reason, such as an undefined metric.
    reasons = dict.fromkeys(gate.sentence for gate in deciding if not gate.passed)
    return Blessing(name=name, outcome=outcome, sentence="; ".join(reasons) or met, gates=results)
