"""What ``meshgate policy dry-run`` found, as a person and as a program read it."""

from gateway.bridge.policy_trial import Tally, Trial
from gateway.cli.output import print_table

_TALLIES = ("looked_at", "still_crosses", "newly_crosses", "no_longer_crosses", "still_stays", "refused_anyway")
_NOT_NOTED = "Announces, goodbyes, voice, pings and handshakes are not noted, so nothing is said about them."


def trial_document(trial: Trial) -> dict[str, object]:
    """Return the document for programs."""
    return {
        **{name: _figures(getattr(trial, name)) for name in _TALLIES},
        "target_unknown": trial.target_unknown,
        "kinds": [{"kind": kind, "before": before, "after": after} for kind, (before, after) in sorted(trial.kinds.items())],
        "rules": [{"rule": rule, "crosses": crosses, "stays": stays} for rule, (crosses, stays) in trial.rules.items()],
        "changes": [
            {"rule": rule, "kind": kind, "crosses": crosses, "packets": packets}
            for (rule, kind, crosses), packets in sorted(trial.changes.items())
        ],
    }


def print_trial(trial: Trial, hours: float) -> None:
    """Print what crossed and what would have, by kind; what each rule would have done; and what would have changed."""
    asked = trial.looked_at.packets - trial.refused_anyway.packets
    print(f"The last {hours:g} hours, each packet counted once for each site it came from or was to go to.")
    if asked:
        _print_kinds(trial)
        print()
        print_table(
            ("RULE", "WOULD LET ACROSS", "WOULD KEEP"),
            [
                (rule, f"{crosses:,}", f"{stays:,}")
                for rule, (crosses, stays) in sorted(trial.rules.items(), key=lambda item: -sum(item[1]))
            ],
        )
        print()
        _print_changes(trial)
    else:
        print("Nothing was noted that a rule could have decided about.")
    if trial.refused_anyway.packets:
        print(f"{trial.refused_anyway.packets:,} more did not cross for reasons no rule can change (`meshgate why` tells which).")
    if trial.target_unknown:
        print(f"Of {trial.target_unknown:,} it is not known where they were going; rules with `to` were passed over for them.")
    print(_NOT_NOTED)


def _print_kinds(trial: Trial) -> None:
    rows = [(kind, f"{before:,}", f"{after:,}", _difference(after - before)) for kind, (before, after) in sorted(trial.kinds.items())]
    before, after = (sum(one[index] for one in trial.kinds.values()) for index in (0, 1))
    print()
    print_table(("KIND", "CROSSED", "WOULD CROSS", ""), [*rows, ("in all", f"{before:,}", f"{after:,}", _difference(after - before))])


def _print_changes(trial: Trial) -> None:
    if not trial.changes:
        print("Nothing would have changed.")
    for (rule, kind, crosses), packets in sorted(trial.changes.items()):
        who = "no rule would have fitted, and by default" if rule == "default" else f'the rule "{rule}"'
        does = "would have let across what stayed" if crosses else "would have kept what crossed"
        print(f"{packets:,} of kind {kind}: {who} {does}.")


def _difference(change: int) -> str:
    return f"{change:+,}" if change else ""


def _figures(tally: Tally) -> dict[str, int]:
    return {"packets": tally.packets, "bytes": tally.size}
