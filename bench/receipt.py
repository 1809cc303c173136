"""A real log through the engine: 1,434 permit applications of a Dutch municipality, 8,577 events.

Publishes the item in `bench/receipt/` in a rehearsal office whose organisation is the log's groups and
resources, then plays all events in the order of their instants, each at its own instant by its own
resource, with a sweep every night: the case opens, each logged activity completes the task of that
name, the end date ends the application. A decision that the log does not hold (what did T06 find?) is
answered from what the same case did next.

The law's term is a clock of the item: eight weeks in days of Amsterdam, every day counted alike. Its due date
is compared with the deadline column of the log, to the day. The column also tells of extensions and
suspensions that the log has no event for: a longer term is extended (up to six weeks) and suspended (for the
rest) from its first day on, and reported for itself.

A case replays exactly when every one of its events was accepted in order and, if the log has an end date
for it, it reached its end. `bench/receipt/README.md` describes the diagram.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.clock import Overlay, read_instant, shipped
from engine.errors import Refusal
from engine.events import ClockExpired
from engine.office import Done, Office

HERE = Path(__file__).parent
LOG = HERE.parent.parent / "shared" / "data" / "receipt.csv"
FOLDER = HERE / "receipt" / "processes" / "receipt"

ZONE = ZoneInfo("Europe/Amsterdam")
TERM, EXTENSION = 56, 42
"""Days: eight weeks, and the six by which they may be extended once (Wabo art. 3.9)."""
OPENING, RESUMING = -2, -1
"""Acts that are no event of the log, where those have their index."""

REASON = "as the deadline column has it"

CONFIRMATION = {"t02", "t03", "t04", "t05"}
ADVICE = {
    "t06",
    "t07_1",
    "t07_2",
    "t07_3",
    "t07_4",
    "t07_5",
    "t08",
    "t09_1",
    "t09_2",
    "t09_3",
    "t09_4",
    "t10",
}
GROUP = {
    **dict.fromkeys(["confirmation", "t03", "t06", "t07_5", "t08", "t10", "t11", "t13", "t16", "t18"], "1"),
    **dict.fromkeys(["t09_1", "t09_2", "t09_3", "t09_4"], "1"),
    **dict.fromkeys(["t05", "t15", "t20"], "2"),
    **dict.fromkeys(["t04", "t14", "t19"], "3"),
    **dict.fromkeys(["t02", "t12", "t17"], "4"),
    "t07_1": "13",
    "t07_2": "15",
    "t07_3": "14",
    "t07_4": "12",
}
"""Which group's lane each step lies in, as in the diagram: the group that the log names for it, if any."""


@dataclass
class Logged:
    """One event of the log."""

    at: datetime
    step: str
    who: str


@dataclass
class Application:
    """One case of the log, and how far its replay has come."""

    reference: str
    start: datetime
    deadline: datetime
    end: datetime | None
    responsible: str
    data: dict[str, str]
    events: list[Logged] = field(default_factory=list)
    case: str = ""
    due: date | None = None
    open: list[str] = field(default_factory=list)
    done: int = 0
    ended: bool = False
    trouble: str = ""

    @property
    def opened(self) -> datetime:
        """In two cases the log has an event before the start date."""
        return min(self.start, self.events[0].at)

    @property
    def given(self) -> int:
        """How many days after the opening the deadline of the log lies."""
        return (day(self.deadline) - day(self.opened)).days

    @property
    def crosses(self) -> str:
        """The change of summer time between opening and deadline: spring, autumn or none (or both)."""
        change = self.deadline.astimezone(ZONE).utcoffset() or timedelta()
        change -= self.opened.astimezone(ZONE).utcoffset() or timedelta()
        return {-1: "autumn", 0: "", 1: "spring"}[change // timedelta(hours=1)]


def day(at: datetime) -> date:
    """The day in Amsterdam."""
    return at.astimezone(ZONE).date()


def step_of(activity: str) -> str:
    """The element that stands for an activity of the log: `T07-1 Draft …` is `t07_1`."""
    code = activity.split()[0]
    return code.lower().replace("-", "_") if code[1:3].isdigit() else "confirmation"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def read_log(path: Path) -> list[Application]:
    """The cases of the log in its order."""
    found: dict[str, Application] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            reference = row["case:concept:name"]
            if reference not in found:
                found[reference] = Application(
                    reference,
                    instant(row["case:startdate"]),
                    instant(row["case:deadline"]),
                    instant(row["case:enddate"]) if row["case:enddate"] else None,
                    row["case:responsible"] or row["org:resource"],
                    {
                        "reference": reference,
                        "channel": row["case:channel"],
                        "department": row["case:department"],
                    },
                )
            found[reference].events.append(
                Logged(instant(row["time:timestamp"]), step_of(row["concept:name"]), row["org:resource"])
            )
    return list(found.values())


def organisation(cases: list[Application]) -> bytes:
    """Groups as units, resources as people: each holds a post in the group of every step they did."""
    posts: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        posts[case.responsible].add("registry/official")
        for event in case.events:
            posts[event.who].add(f"group-{GROUP[event.step]}/member")
    units = sorted({post.partition("/")[0] for held in posts.values() for post in held} | {"registry"})
    text = 'name = { zh = "某市", en = "A municipality" }\ndivision = "000000"\n'
    text += f'zone = "{ZONE.key}"\nclosing = 23:59:59\n'  # a day of the term is over when the day is
    for unit in units:
        text += f'[units.{unit}]\nname = {{ zh = "{unit}", en = "{unit}" }}\nkind = "department"\n'
    for person, held in sorted(posts.items()):
        text += f'[[people]]\nid = "{person}"\nname = {{ zh = "{person}", en = "{person}" }}\n'
        text += f"posts = {sorted(held)}\n".replace("'", '"')
    return text.encode()


def answers(events: list[Logged], index: int) -> dict[str, Any]:
    """What event `index` decided, read from what the case did after it."""
    step = events[index].step
    later = [event.step for event in events[index + 1 :]]
    match step:
        case "t02" | "t04":
            return {"in_order": next((s for s in later if s in CONFIRMATION), "") != "t03"}
        case "t12" | "t17":
            again = {"t12": "t13", "t17": "t18"}[step]
            return {"in_order": next((s for s in later if s[:2] == "t1" and s >= "t11"), "") != again}
        case "t06":
            here, after = this_round(later)
            kinds = [f"aspect-{s[-1]}" for s in here if s.startswith("t07")] + ["external"] * ("t08" in here)
            return {"kinds": sorted(set(kinds)), "again": not kinds and after == "t06"}
        case "t08":
            here, _ = this_round(later)
            return {"parties": sorted({s[-1] for s in here if s.startswith("t09")})}
        case "t10":
            follows = next((s for s in later if s in ("t11", "t16")), "")
            return {"stop": {"t16": "hold", "t11": "unlicensed", "": "no"}[follows]}
    return {}


def this_round(later: list[str]) -> tuple[list[str], str]:
    """The steps about advice before stop advice is determined again, and the step that ends the round."""
    here: list[str] = []
    for step in later:
        if step in ("t06", "t10"):
            return here, step
        if step in ADVICE:
            here.append(step)
    return here, ""


def play(office: Office, cases: list[Application]) -> tuple[int, float]:
    """Everything that happened, in the order of instants; how many acts, and seconds."""
    agenda: list[tuple[datetime, int, int, Application]] = []
    for case in cases:
        agenda.append((case.opened, OPENING, len(agenda), case))
        if (suspended := case.given - TERM - EXTENSION) > 0:
            agenda.append((case.opened.astimezone(ZONE) + timedelta(suspended), RESUMING, len(agenda), case))
        agenda += [(event.at, index, len(agenda), case) for index, event in enumerate(case.events)]
        if case.end is not None:
            # The end date is a column, not an event; often it lies a second before the last event.
            agenda.append((max(case.end, case.events[-1].at), len(case.events), len(agenda), case))
    agenda.sort(key=lambda entry: (entry[0], entry[2]))
    night = agenda[0][0] + timedelta(days=1)
    acts = 0
    begin = time.perf_counter()
    for at, index, _, case in agenda:
        while night <= at:
            office.sweep(night)
            night += timedelta(days=1)
        if not case.trouble and not (index == RESUMING and case.ended):
            act(office, case, at, index)
            acts += 1
    office.sweep(night)
    return acts, time.perf_counter() - begin


def act(office: Office, case: Application, at: datetime, index: int) -> None:
    """Play one act of one case: one of the log's events, its opening, its end, or that its term runs on."""
    name = "start"
    try:
        if index == OPENING:
            done = begin(office, case, at)
        elif index == RESUMING:
            done = office.resume(case.responsible, case.case, None, None, "", at)
        elif index < len(case.events):
            event = case.events[index]
            name = event.step
            # A second visit to a step has an identity of its own: t02#2.
            task = next((task for task in case.open if task.partition("#")[0] == name), name)
            done = office.do(event.who, case.case, task, answers(case.events, index), at)
            case.done += 1
        else:
            name = "end"
            done = office.do(case.responsible, case.case, "end_application", {}, at)
            case.ended = done.outcome is not None
    except Refusal as refusal:
        before = case.events[index - 1].step if index > 0 else "start"
        case.trouble = f"{name} after {before}: {refusal.code}"
    else:
        case.open = done.open


def begin(office: Office, case: Application, at: datetime) -> Done:
    """Open the case, with the extension and the suspension that its deadline tells of."""
    done = office.open_case(case.responsible, "receipt", case.data, at)
    case.case = done.case
    if (more := min(case.given - TERM, EXTENSION)) > 0:
        done = office.extend(case.responsible, case.case, None, f"{more}d", REASON, at)
    if (rest := case.given - TERM - EXTENSION) > 0:
        done = office.pause(case.responsible, case.case, None, "completion", f"{rest}d", REASON, at)
    return done


def lateness(office: Office, cases: list[Application]) -> tuple[set[str], set[str]]:
    """The ended cases that were late: by the clock on record, and by the columns of the log, by days."""
    recorded = {
        case.reference
        for case in cases
        if case.ended and any(isinstance(record.event, ClockExpired) for record in office.history(case.case))
    }
    told = {case.reference for case in cases if case.end is not None and day(case.end) > day(case.deadline)}
    return recorded, told


def due_day(office: Office, case: Application) -> date | None:
    """The day at the end of which the clock of the case is due; None while it stands still."""
    (clock,) = office.show(case.case)["clocks"]
    return day(read_instant(clock["due"])) if clock["due"] else None


def report_deadlines(office: Office, cases: list[Application]) -> None:
    played = [case for case in cases if case.case]
    same = [case for case in played if due_day(office, case) == day(case.deadline)]
    still = sum(due_day(office, case) is None for case in played)
    plain = [case for case in same if case.given == TERM]
    over = Counter(case.crosses for case in plain)
    extended = sum(TERM < case.given <= TERM + EXTENSION for case in same)
    short = sum(case.given < TERM for case in cases)
    print(f"deadlines  {len(plain)} of {len(cases)} reproduced to the day by the term of eight weeks alone,")
    print(
        f"           {over['spring']} across the change to summer time, {over['autumn']} across the one back;"
    )
    print(f"           {len(same)} with extensions of up to six weeks ({extended}) and suspensions beyond")
    print(
        f"           ({len(same) - len(plain) - extended}), their lengths read from the column. Of the others"
    )
    print(f"           {short} have less than the term, {still} ended while the term stood still")


def exact_ones(cases: list[Application]) -> list[Application]:
    return [case for case in cases if not case.trouble and case.ended == (case.end is not None)]


def shuffled(cases: list[Application]) -> list[Application]:
    """The same cases with the steps behind the first in random order, at the same instants."""
    chance = random.Random(1434)
    mixed = []
    for case in cases:
        first, *rest = case.events
        drawn = chance.sample(rest, len(rest))
        events = [first, *(replace(event, at=old.at) for event, old in zip(drawn, rest, strict=True))]
        mixed.append(replace(case, events=events))
    return mixed


def report(office: Office, cases: list[Application], acts: int, seconds: float) -> bool:
    exact = exact_ones(cases)
    whole = [case for case in exact if {"t05", "t10"} <= {event.step for event in case.events}]
    events = sum(len(case.events) for case in cases)
    accepted = sum(case.done for case in cases)
    never = sum(case.end is None for case in cases)
    print(f"cases      {len(cases)}, replayed exactly {len(exact)} ({len(exact) / len(cases):.1%})")
    print(
        f"           of these {len(whole)} went through confirmation and stop advice, the others were ended"
    )
    print(f"           before or are still under way; {never} never ended in the log")
    print(f"events     {events}, accepted {accepted} ({accepted / events:.1%}) before a case deviates")
    for reason, count in Counter(case.trouble for case in cases if case.trouble).most_common(8):
        print(f"           {count:4} {reason}")
    recorded, told = lateness(office, cases)
    after = {
        case.reference
        for case in cases
        if case.end and day(case.events[-1].at) > day(case.deadline) >= day(case.end)
    }
    short = {case.reference for case in cases if case.given < TERM}
    only, missing = recorded - told, told - recorded
    print(f"late       {len(recorded)} on record; {len(told)} by the log's columns,")
    print(
        f"           {len(told & recorded)} of them on record; by the columns only: {len(missing)}, of which"
    )
    print(f"           {len(missing & short)} have less than the term; on record only: {len(only)}, of which")
    print(f"           {len(only & after)} because the log has an event past the deadline after the end date")
    report_deadlines(office, cases)
    print(f"rate       {acts} acts in {seconds:.1f} s: {acts / seconds:.0f} acts/s, with a sweep every night")
    begin = time.perf_counter()
    count, findings = office.verify()
    print(f"verify     {count} histories in {time.perf_counter() - begin:.1f} s, {len(findings)} findings")
    for finding in findings[:3]:
        print(f"           {finding.message}")
    return not findings


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("log", nargs="?", type=Path, default=LOG, help="receipt.csv (default: %(default)s)")
    parser.add_argument("--small", action="store_true", help="the first 40 cases only, to see that it runs")
    options = parser.parse_args()
    if not options.log.is_file():
        print(f"there is no file {options.log}; give the path of receipt.csv", file=sys.stderr)
        return 2
    try:
        cases = read_log(options.log)
    except (KeyError, ValueError) as error:
        print(f"{options.log} is not the log of the receipt phase: {error!r}", file=sys.stderr)
        return 2
    people = organisation(cases)
    cases = cases[: 40 if options.small else None]
    control = shuffled(cases)
    with tempfile.TemporaryDirectory() as temporary:
        with set_up(Path(temporary) / "receipt.db", people, cases[0].start) as office:
            sound = report(office, cases, *play(office, cases))
        with set_up(Path(temporary) / "shuffled.db", people, cases[0].start) as office:
            play(office, control)
    print(f"control    {len(exact_ones(control))} replay exactly when each case's later steps are shuffled")
    return 0 if sound else 1


def set_up(path: Path, people: bytes, start: datetime) -> Office:
    opening = start - timedelta(days=1000)
    office = Office.create_rehearsal(str(path), opening, people)
    office.publish(FOLDER, opening)
    # In the log a term ends on whatever day it ends: 59 of 1,080 on a weekend.
    days = (date(2010, 1, 1) + timedelta(n) for n in range(5 * 365))
    alike = {on: Overlay(True, "every day counts", "the log") for on in days if not shipped().day(on).works}
    applied = opening + timedelta(days=1)
    office.apply_calendar(office.import_calendar({"*": alike}, "", applied), applied)
    return office


if __name__ == "__main__":
    sys.exit(main())
