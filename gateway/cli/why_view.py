"""The answers of ``meshgate why`` as a person reads them."""

import shutil
import sys
import textwrap
from datetime import datetime

from gateway.admin.why import CandidateDocument, DeliveryDocument, LatestDocument, WhyDocument
from gateway.cli.output import bold, print_table

SHOWN = 12  # characters of an ID in a list: enough to ask for it
_WIDTH = 100  # columns


def print_story(story: WhyDocument) -> None:
    """Print what happened, in order, each with the time since the first thing."""
    print(bold(story.id, sys.stdout))
    if story.names:
        print(f"also known as {', '.join(story.names)}")
    if story.steps:
        print(f"\n{_moment(story.steps[0].at_ms)}")
    delays = [_delay(step.after_ms) for step in story.steps]
    width = max(map(len, delays), default=0)
    columns = min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)
    for delay, step in zip(delays, story.steps, strict=True):
        lines = textwrap.wrap(step.sentence, max(20, columns - width - 4)) or [""]
        print(f"  {delay.rjust(width)}  {lines[0]}")
        for line in lines[1:]:
            print(f"  {' ' * width}  {line}")
    if story.kept_until_ms is not None:
        print(f"\nIt is kept until {_moment(story.kept_until_ms)}, for phones that ask for what they missed.")
    if story.delivery is not None:
        print(f"\n{_delivery(story.delivery)}")


def print_candidates(story: WhyDocument) -> None:
    """Print the IDs that begin as was asked, the latest first."""
    print(f"{len(story.candidates)} begin with {story.wanted}; write more of the one you mean.\n")
    _print_list(story.candidates, full=True)


def print_latest(latest: LatestDocument) -> None:
    """Print what something was done with last, one line each."""
    if not latest.latest:
        print("Nothing was recorded yet.")
        return
    _print_list(latest.latest, full=False)


def _print_list(candidates: tuple[CandidateDocument, ...], *, full: bool) -> None:
    rows = [
        (_moment(one.at_ms), one.id if full else one.id[:SHOWN], one.what, one.last.partition(". ")[0].removesuffix("."))
        for one in candidates
    ]
    print_table(("AT", "ID", "WHAT", "WHAT WAS DONE LAST"), rows)


def _delivery(delivery: DeliveryDocument) -> str:
    tries = f"{delivery.attempts} {'try' if delivery.attempts == 1 else 'tries'}"
    why = f" ({delivery.reason})" if delivery.reason else ""
    if delivery.ended_ms is None:
        return f"It is on its way: {delivery.state}, after {tries}; it is given up at {_moment(delivery.expires_ms)}."
    return f"It has ended: {delivery.state}{why}, after {tries}, at {_moment(delivery.ended_ms)}."


def _delay(after_ms: int) -> str:
    seconds = after_ms / 1000
    if seconds < 120:
        return f"+{seconds:.3f} s"
    return f"+{seconds / 60:.1f} min" if seconds < 7200 else f"+{seconds / 3600:.1f} h"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
