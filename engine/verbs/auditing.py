"""What an auditor asks of a history, and of all of them."""

from __future__ import annotations

import sys
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..errors import say
from .answers import calendar_change, renamed
from .frame import (
    EXIT,
    FINDINGS,
    Settings,
    Wrong,
    complain,
    day_given,
    deliver,
    instant_given,
    progress_bar,
    progress_count,
    rendered,
)
from .streams import MOST_OF_A_LOG, as_json, read_bytes, write, write_file, written
from .table import as_of_option, verb

if TYPE_CHECKING:
    from ..office import Office
    from ..screen import Screen


@verb(
    "history",
    "lianban history 42",
    say("Everything that happened in CASE, in order. `office` names the office's own history."),
)
@click.argument("case", metavar="CASE")
@as_of_option
def history(settings: Settings, case: str) -> None:
    with settings.office() as office:
        records = office.history(case, as_of=settings.as_of(office, case))
        data = {"case": records[0].case, "events": office.told(case, records)}
        settings.show(data, lambda screen, data: screen.history(data), office.zone)


@verb(
    "replay",
    """lianban replay 42
lianban replay 42 --to 17 --data
lianban replay 42 --to 2026-03-05 --diagram case.svg
lianban replay --all --workers 2 --resume replay.jsonl""",
    say(
        "Run the history of CASE again and compare every event with the record: as far as an event or"
        " instant, act by act, on the diagram. Or every history of the office."
    ),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--to", metavar="EVENT|INSTANT", help=say("Only as far as this; a number is an event.").msgid)
@click.option(
    "--step",
    "by_act",
    is_flag=True,
    help=say("Act by act, with its tokens and clocks; in pages on a terminal.").msgid,
)
@click.option(
    "--data", "variables", is_flag=True, help=say("With the variables, and what each act changed.").msgid
)
@click.option(
    "--diagram", metavar="FILE.svg", help=say("Draw the tokens on the diagram; - for standard output.").msgid
)
@click.option(
    "--file",
    "name",
    metavar="NAME",
    help=say("Another diagram of the item: shared/joint-meeting.bpmn.").msgid,
)
@click.option("--all", "everything", is_flag=True, help=say("Every history of the office.").msgid)
@click.option("--item", "only", metavar="ITEM", help=say("With --all: of this item only.").msgid)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help=say("With --all: in so many processes (one for each processor).").msgid,
)
@click.option(
    "--scheduler", metavar="ADDRESS", help=say("With --all: by the workers of this Dask scheduler.").msgid
)
@click.option(
    "--resume",
    metavar="FILE",
    help=say("With --all: keep the results in FILE, and leave out what agreed and has not changed.").msgid,
)
def replay(
    settings: Settings,
    case: str | None,
    to: str | None,
    by_act: bool,
    variables: bool,
    diagram: str | None,
    name: str | None,
    everything: bool,
    only: str | None,
    workers: int | None,
    scheduler: str | None,
    resume: str | None,
) -> int:
    of_one = to is not None or by_act or variables or diagram is not None or name is not None
    of_all = any(given is not None for given in (only, workers, scheduler, resume))
    if everything == (case is not None) or (of_one if everything else of_all):
        raise Wrong(
            say("name a CASE (with --to, --step, --data, --diagram), or --all (with the options for it)")
        )
    if name is not None and diagram is None:
        raise Wrong(say("--file is for --diagram"))
    if workers is not None and scheduler is not None:
        raise Wrong(say("--workers are processes of this machine; with --scheduler its workers do it"))
    with settings.office() as office:
        if case is None:
            return _replay_all(settings, office, only, workers, scheduler, resume)
        until = None if to is None else int(to) if to.isdecimal() else instant_given(to, office.zone)
        if diagram is not None:
            drawn = office.retraced_picture(case, until, name)
            text = say("event {to} of {case} is drawn in {file}", to=drawn["to"], case=drawn["case"])
            deliver(settings, drawn, diagram, diagram, text)
            return 0
        data = rendered(office.retrace(case, until), settings.translate)
        screen = settings.screen(office.zone)
        if by_act and not settings.json and sys.stdin.isatty() and sys.stdout.isatty():
            _page(screen, data, variables)
        elif by_act and not settings.json:
            write("".join(screen.act(data, n, variables=variables) for n in range(1, len(data["acts"]) + 1)))
        else:
            settings.show(data, lambda screen, data: screen.replay(data, variables=variables), office.zone)
    return 0


def _replay_all(
    settings: Settings,
    office: Office,
    item: str | None,
    workers: int | None,
    scheduler: str | None,
    resume: str | None,
) -> int:
    with progress_bar(settings) as progress:
        report = Path(resume) if resume is not None else None
        replayed = office.replay_all(item, workers, scheduler, report, progress)
    data = rendered(replayed, settings.translate)
    if not settings.json:
        complain(settings, data["findings"])
    settings.show(data, lambda screen, data: screen.replayed_all(data), office.zone)
    return FINDINGS if data["findings"] else 0


def _page(screen: Screen, data: Any, variables: bool) -> None:
    """Show a replay act by act, as far as somebody wants to see it."""
    n, count = 1, len(data["acts"])
    while True:
        click.clear()
        write(screen.act(data, n, variables=variables))
        ask = say("act {n} of {count} (Enter: next, b: back, a number, q: quit)", n=n, count=count)
        answer = click.prompt(screen.say(ask), default="", show_default=False).strip().lower()
        if answer == "q" or (not answer and n == count):
            return
        if answer.isdecimal():
            n = min(max(int(answer), 1), count)
        elif answer in ("", "b"):
            n = min(max(n + (-1 if answer == "b" else 1), 1), count)


@verb(
    "why",
    "lianban why 42 outcome",
    say(
        "Why CASE ended so or waits where it does, or why WHAT is so: a step, a route, a document, a due "
        "date, a joint review, an event's number. Back to the application, each link with its event."
    ),
)
@click.argument("case", metavar="CASE")
@click.argument("what", metavar="[WHAT]", required=False)
@as_of_option
def why(settings: Settings, case: str, what: str | None) -> None:
    with settings.office() as office:
        told = office.why(case, what, settings.now(office.zone), as_of=settings.as_of(office, case))
        settings.show(told, lambda screen, data: screen.why(data), office.zone)


@verb(
    "page",
    "lianban page 42 -o 42.html",
    say(
        "CASE as a page to look back through: diagram, clocks, days and proof after every act, in one file"
        " that needs no network. It holds all that the history holds: keep it as you keep the file."
    ),
)
@click.argument("case", metavar="CASE")
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def page(settings: Settings, case: str, output: str | None) -> int:
    with settings.office() as office, progress_count(settings) as progress:
        screen, now = settings.screen(office.zone), settings.now(office.zone)
        made = office.replay_page(case, now, settings.lang, settings.translate, screen.told, progress)
    found = [finding.as_dict(settings.translate) for finding in made["findings"]]
    if not settings.json:
        complain(settings, found)
    text = say("the replay of case {case} is in {file}", case=made["case"])
    deliver(settings, {**made, "findings": found}, output, f"{made['case']}.html", text)
    return FINDINGS if found else 0


@verb(
    "backtest",
    """lianban backtest processes/senior-card
lianban backtest senior-card --dmn card-kind.dmn --from 2026-01-01
lianban backtest homestead@2 --map review=check -o report.json""",
    say(
        "Recorded cases against a draft, a FOLDER or a version: who would have been routed, decided or late "
        "otherwise, case by case and in sum. By ITEM alone, each case by its own version, with another table "
        "or calendar."
    ),
)
@click.argument("what", metavar="FOLDER|ITEM@VERSION|ITEM")
@click.option(
    "--dmn",
    "tables",
    multiple=True,
    metavar="FILE",
    help=say("This decision table in the place of that of the same name.").msgid,
)
@click.option(
    "--calendar",
    "calendars",
    multiple=True,
    metavar="FILE",
    help=say("With this year or these local days, as `clock import` reads them.").msgid,
)
@click.option("--item", metavar="ITEM", help=say("Cases of ITEM; left out, of the draft's own.").msgid)
@click.option("--from", "since", metavar="DATE", help=say("Cases opened from this day on.").msgid)
@click.option("--until", metavar="DATE", help=say("Cases opened until this day.").msgid)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=say("Only the N that were opened last.").msgid
)
@click.option(
    "--map", "pairs", multiple=True, metavar="OLD=NEW", help=say("What an element is called now.").msgid
)
@click.option("-o", "--output", metavar="FILE.json", help=say("Write what --json prints to FILE.").msgid)
def backtest(
    settings: Settings,
    what: str,
    tables: tuple[str, ...],
    calendars: tuple[str, ...],
    item: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    pairs: tuple[str, ...],
    output: str | None,
) -> int:
    from ..office.backtesting import Wish

    with settings.office() as office, progress_bar(settings) as progress:
        wish = Wish(
            what,
            {Path(file).name: read_bytes(file) for file in tables},
            tuple(calendar_change(file) for file in calendars),
            item,
            day_given(since, office.zone),
            day_given(until, office.zone),
            limit,
            dict(renamed(pair) for pair in pairs),
        )
        done = office.backtest(wish, settings.now(office.zone), progress)
    for line in done["cases"]:
        if line["refusal"] is not None:
            line["refusal"] = line["refusal"].as_dict(settings.translate)
    data = {**done, "file": output}
    if output is not None:
        write_file(output, as_json(rendered(data, settings.translate)).encode())
    settings.show(data, lambda screen, data: screen.backtested(data), office.zone)
    return FINDINGS if done["total"]["classes"].get("broken") else 0


@verb(
    "verify",
    "lianban verify --seals seals.json",
    say("Check CASE, or everything: hashes, replay, who and when, documents, definitions, numbers, seals."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--seals", metavar="FILE", help=say("Against a copy of the seals kept elsewhere.").msgid)
@click.option("--key", metavar="FILE.pub", help=say("Every seal must be signed with this key.").msgid)
@click.option("--export", "log", metavar="FILE.xes", help=say("Against an export kept elsewhere.").msgid)
def verify(settings: Settings, case: str | None, seals: str | None, key: str | None, log: str | None) -> int:
    copy = read_bytes(seals) if seals is not None else None
    signer = read_bytes(key).decode(errors="replace") if key is not None else ""
    kept = read_bytes(log, MOST_OF_A_LOG) if log is not None else None
    with settings.office(damaged=True) as office, progress_count(settings) as progress:
        checked: Counter[str] = Counter()
        count, findings = office.verify(case, progress, copy=copy, key=signer, checked=checked)
        if kept is not None:
            findings += office.verify_export(BytesIO(kept), progress, checked=checked)
    found = [finding.as_dict(settings.translate) for finding in findings]
    if not settings.json:
        complain(settings, found)
    settings.show(
        {"histories": count, "findings": found, "checked": dict(checked)},
        lambda screen, data: screen.verified(data),
    )
    return FINDINGS if findings else 0


@verb(
    "report/accountability",
    "lianban report accountability 42 --days",
    say("Whose the days of CASE, or of every case, were: a unit's, the applicant's, or nobody's by law."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--days", is_flag=True, help=say("Day by day.").msgid)
@as_of_option
def report_accountability(settings: Settings, case: str | None, days: bool) -> None:
    with settings.office() as office:
        data = office.accountability(case, settings.now(office.zone), as_of=settings.as_of(office, case))
        settings.show(data, lambda screen, data: screen.accountability(data, days=days), office.zone)


@verb(
    "report/findings",
    "lianban report findings",
    say("What somebody will have to answer for, in CASE or in every case: a second notice, a late dissent …"),
)
@click.argument("case", metavar="[CASE]", required=False)
@as_of_option
def report_findings(settings: Settings, case: str | None) -> None:
    with settings.office() as office:
        data = {
            "findings": office.findings(case, settings.now(office.zone), as_of=settings.as_of(office, case))
        }
        settings.show(data, lambda screen, data: screen.findings(data), office.zone)


@verb(
    "export",
    "lianban export xes --item enterprise-startup -o log.xes",
    say(
        "The histories of all cases for other tools, as xes, ocel (OCEL 2.0, JSON) or csv. They hold persons"
        " and answers unless you --redact them."
    ),
)
@click.argument("form", metavar="FORMAT", type=click.Choice(["xes", "ocel", "csv"]))
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE, else to standard output.").msgid)
@click.option("--item", "code", metavar="ITEM", help=say("Only cases of ITEM.").msgid)
@click.option("--from", "since", metavar="INSTANT", help=say("Only cases opened then or later.").msgid)
@click.option("--until", metavar="INSTANT", help=say("Only cases opened before.").msgid)
@click.option("--redact", is_flag=True, help=say("Without persons and answers.").msgid)
@click.option("--bom", is_flag=True, help=say("CSV begins with a mark for spreadsheets.").msgid)
@as_of_option
def export(
    settings: Settings,
    form: Literal["xes", "ocel", "csv"],
    output: str | None,
    code: str | None,
    since: str | None,
    until: str | None,
    redact: bool,
    bom: bool,
) -> None:
    from ..office.exporting import Wanted

    with settings.office() as office, progress_count(settings) as progress:
        first, last = (instant_given(text, office.zone) if text else None for text in (since, until))
        wanted = Wanted(form, code, first, last, redact, settings.public, bom)
        if output in (None, "-"):
            office.export(wanted, sys.stdout.buffer, progress, as_of=settings.as_of(office))
            return
        with written(str(output)) as stream:
            told = office.export(wanted, stream, progress, as_of=settings.as_of(office))
        data = {**told, "file": output}
        text = say(
            "{file} is written; cases: {cases}, events: {events}",
            cases=told["cases"],
            events=told["events"],
            file=output,
        )
        settings.show(data, lambda screen, _: screen.line(text), office.zone)
    if not redact and not settings.json:
        warning = say("It holds persons and answers; --redact leaves them out.")
        click.echo(warning.render(settings.translate), err=True)


@verb(
    "conform",
    "lianban conform senior-card log.csv --case-column 'Case ID'",
    say(
        "Replay LOG, a log of another system (XES or CSV), on a diagram: which cases follow it, and where the"
        " others leave it. DIAGRAM is a folder, a file, or a published item (ITEM, ITEM@1)."
    ),
)
@click.argument("what", metavar="DIAGRAM")
@click.argument("log", metavar="LOG")
@click.option("--case-column", default="", metavar="NAME", help=say("The column of the case.").msgid)
@click.option("--activity-column", default="", metavar="NAME", help=say("The column of what was done.").msgid)
@click.option("--time-column", default="", metavar="NAME", help=say("The column of when.").msgid)
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="ACTIVITY=ELEMENT",
    help=say("What an activity is in the diagram; nothing after the = passes it over. Repeat it.").msgid,
)
@click.option("--strict", is_flag=True, help=say("A step that the log never names was not done.").msgid)
@click.option("--ended", is_flag=True, help=say("Every case must have come to the end of the process.").msgid)
def conform_log(
    settings: Settings,
    what: str,
    log: str,
    case_column: str,
    activity_column: str,
    time_column: str,
    pairs: tuple[str, ...],
    strict: bool,
    ended: bool,
) -> int:
    from ..conform import Columns
    from ..office.conforming import check_log, is_drawn

    columns = Columns(case_column, activity_column, time_column)
    given = dict(_activity(pair) for pair in pairs)
    content = (log, read_bytes(log, MOST_OF_A_LOG))
    wanted: Any = {"ended": ended, "strict": strict}
    with progress_bar(settings) as progress:
        if is_drawn(what):
            told = check_log(what, None, content, columns, given, **wanted, progress=progress)
        else:
            with settings.office() as office:
                told = office.conform(what, content, columns, given, **wanted, progress=progress)
    settings.show(told, lambda screen, data: screen.conformed(data))
    return EXIT["refused"] if told["fitting"] < len(told["cases"]) else 0


def _activity(pair: str) -> tuple[str, str]:
    """What --map says: an activity, and the element that it is ("" for none)."""
    activity, sign, element = pair.rpartition("=")
    if not (activity.strip() and sign):
        raise Wrong(say("--map {pair} names no activity; write --map ACTIVITY=ELEMENT", pair=pair))
    return activity.strip(), element.strip()
