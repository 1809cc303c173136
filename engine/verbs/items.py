"""Service items: begin, check, publish, compare, migrate, draw."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import say
from .answers import entries, reason_given, renamed, value_wanted
from .frame import (
    EXIT,
    PARTLY,
    Settings,
    Wrong,
    catalogue,
    day_given,
    deliver,
    instant_given,
    problem_data,
    progress_bar,
)
from .streams import read_bytes, write_file
from .table import reason_option, verb

if TYPE_CHECKING:
    from datetime import date


@verb("item/list", "lianban item list", say("The published items, every version."))
def list_items(settings: Settings) -> None:
    with settings.office() as office:
        settings.show(
            {"items": office.items(settings.now(office.zone))},
            lambda screen, data: screen.items(data),
            office.zone,
        )


@verb(
    "item/new",
    "lianban item new food-licence --kind joint --name 食品经营许可 --units samr,health,fire --promise 12",
    say("Begin an item: a FOLDER that publishes as it is, with diagram, forms, clocks and worked cases."),
)
@click.argument("folder", metavar="FOLDER", required=False)
@click.option("--list", "listed", is_flag=True, help=say("The kinds of items, a line each.").msgid)
@click.option("--kind", metavar="KIND", help=say("What kind of item; see --list.").msgid)
@click.option("--name", metavar="NAME", help=say("What the guide calls it, in Chinese.").msgid)
@click.option("--name-en", metavar="NAME", default="", help=say("Its English name.").msgid)
@click.option("--code", metavar="CODE", help=say("Its code; left out: the name of the folder.").msgid)
@click.option("--lead", metavar="UNIT", default="", help=say("The authority that decides.").msgid)
@click.option("--window", metavar="UNIT", default="", help=say("The unit that receives and delivers.").msgid)
@click.option("--units", metavar="UNIT,…", help=say("The units that take part, the lead first.").msgid)
@click.option("--days", type=int, metavar="N", help=say("The law's term, from acceptance to decision.").msgid)
@click.option("--promise", type=int, metavar="N", help=say("The term that you promise.").msgid)
@click.option("--law", metavar="LAW", default="", help=say("The law that creates the licence.").msgid)
@click.option("--article", metavar="ARTICLE", default="", help=say("The article of it.").msgid)
@click.option(
    "--level",
    type=click.Choice(["law", "administrative-regulation", "local-regulation", "rule"]),
    default="law",
    help=say("The rank of that law.").msgid,
)
@click.option("--effective", metavar="DATE", help=say("From when on; left out: today.").msgid)
def begin_item(
    settings: Settings,
    folder: str | None,
    listed: bool,
    kind: str | None,
    name: str | None,
    code: str | None,
    units: str | None,
    effective: str | None,
    **given: Any,
) -> None:
    from ..office import new_item
    from ..scaffold import Wish, kinds

    if listed:
        told = [
            {"kind": k.id, "name": k.title, "summary": k.summary, "term": str(k.term)}
            for k in kinds().values()
        ]
        settings.show({"kinds": told}, lambda screen, data: screen.kinds(data))
        return
    if folder is None:
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint="'FOLDER'", param_type="argument"
        )
    kind = kind or value_wanted(
        settings, "--kind", say("Kind of item"), {k.id: k.title for k in kinds().values()}
    )
    name = name or value_wanted(settings, "--name", say("Name of the item, in Chinese"))
    day = instant_given(effective) if effective else settings.now()
    wish = Wish(
        kind,
        code or Path(folder).resolve().name,
        name,
        _office_day(day),
        units=tuple(entries(units)),
        **given,
    )
    where = Path(folder)
    files = settings.office_at_hand(
        lambda office: office.new_item(where, wish), lambda: new_item(where, wish)
    )
    data = {"folder": folder, "item": wish.code, "kind": kind, "files": files}
    settings.show(data, lambda screen, data: screen.begun(data))


def _office_day(at: datetime) -> date:
    """The day in the office on which an instant falls."""
    from zoneinfo import ZoneInfo

    from ..clock import OFFICE_ZONE

    return at.astimezone(ZoneInfo(OFFICE_ZONE)).date()


@verb(
    "item/check",
    "lianban item check processes/senior-card",
    say("Everything that is wrong with the item in FOLDER, and whether its examples come out."),
)
@click.argument("folder", metavar="[FOLDER]", required=False)
@click.option(
    "--explain",
    "code",
    metavar="CODE",
    help=say("The page of a problem's code: what it means, why it matters, how to mend it.").msgid,
)
def check_item(settings: Settings, folder: str | None, code: str | None) -> int:
    if (folder is None) is (code is None):
        raise Wrong(say("give a folder to check, or --explain with the code of a problem"))
    if folder is None:
        from ..problems import explain

        page = explain(str(code))
        data = {"code": page.code, "title": page.title, "severity": page.head["severity"]}
        data |= {"rule": page.rule, "page": page.text}
        settings.show(data, lambda screen, data: screen.code_page(data))
        return 0
    from ..office import check_folder

    where = Path(folder)
    checked = settings.office_at_hand(lambda office: office.check(where), lambda: check_folder(where))
    definition = checked.definition
    data = {
        "folder": folder,
        "item": definition.code if definition else None,
        "definition": definition.digest if definition else None,
        "examples": checked.played,
        "not_looked_at": checked.left,
        "problems": [problem_data(settings, *found) for found in checked.problems],
        "explain": "lianban item check --explain CODE",
    }
    settings.show(data, lambda screen, data: screen.checked(data))
    return 0 if definition else EXIT["invalid"]


@verb(
    "item/publish",
    "lianban item publish processes/senior-card",
    say("Check the item in FOLDER, play its examples, and put it in force from its effective date."),
)
@click.argument("folder", metavar="FOLDER")
def publish(settings: Settings, folder: str) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        row = office.publish(Path(folder), now, settings.who)
        versions = [line for line in office.items(now) if line["item"] == row.item]
    line = next(line for line in versions if line["version"] == row.version)
    text = say(
        "{item} version {version} is published, in force from {effective}",
        item=row.item,
        version=row.version,
        effective=row.effective,
    )
    data = {**row._asdict(), "status": line["status"], "revived": None}
    ended = [other["abolished"] for other in versions if other["abolished"] and line["abolished"] is None]
    if ended:
        data["revived"] = ended[0]["since"]
    settings.show(data, lambda screen, data: screen.line(text) + screen.published(data))


@verb(
    "item/abolish",
    "lianban item abolish senior-card --from 2027-01-01 --reason '…'",
    say("Open no case of ITEM from a day on, as an administrator; open cases go on."),
)
@click.argument("item", metavar="ITEM")
@click.option("--from", "since", metavar="DATE", help=say("The first such day; left out, today.").msgid)
@reason_option
def abolish(settings: Settings, item: str, since: str | None, reason: str | None) -> None:
    reason = reason_given(settings, reason)
    with settings.office() as office:
        day = day_given(since, office.zone)
        data = office.abolish(settings.who, item, day, reason, settings.now(office.zone))
        settings.show(data, lambda screen, data: screen.abolished(data), office.zone)


@verb(
    "item/migrate",
    """lianban item migrate senior-card --dry-run
lianban item migrate senior-card --map review=check --reason '…'
lianban item migrate senior-card --undo m1 --reason '…'""",
    say(
        "Take open cases of ITEM (all, or each CASE) over to another version, as an administrator; what is "
        "under way stays so, and clocks keep their terms."
    ),
)
@click.argument("item", metavar="ITEM")
@click.argument("cases", metavar="[CASE]...", nargs=-1)
@click.option("--to", type=int, metavar="VERSION", help=say("Left out, the version in force today.").msgid)
@click.option("--from", "source", type=int, metavar="VERSION", help=say("Only cases of this version.").msgid)
@click.option(
    "--map", "pairs", multiple=True, metavar="OLD=NEW", help=say("What an element is called now.").msgid
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="ELEMENT",
    help=say("Answer for it that a case passes over ELEMENT.").msgid,
)
@click.option("--undo", default="", metavar="BATCH", help=say("Take the cases of BATCH back.").msgid)
@click.option("--dry-run", is_flag=True, help=say("Only say which cases could go over, and why not.").msgid)
@reason_option
def migrate(
    settings: Settings,
    item: str,
    cases: tuple[str, ...],
    to: int | None,
    source: int | None,
    pairs: tuple[str, ...],
    accepted: tuple[str, ...],
    undo: str,
    dry_run: bool,
    reason: str | None,
) -> int:
    from ..office.migrations import Wish

    if undo and (to is not None or source is not None or pairs):
        raise Wrong(say("--undo goes back as it came: leave --to, --from and --map away"))
    names = dict(renamed(pair) for pair in pairs)
    text = "" if dry_run else reason_given(settings, reason)
    wish = Wish(item, to, source, cases, names, accepted, undo, text)
    with settings.office() as office, progress_bar(settings) as progress:
        if dry_run:
            done = office.plan_migration(wish, settings.now(office.zone), progress)
        else:
            done = office.migrate(settings.who, wish, lambda: settings.now(office.zone), progress)
    for line in done["cases"]:
        if line["refusal"] is not None:
            line["refusal"] = line["refusal"].as_dict(settings.translate)
    settings.show({**done, "dry_run": dry_run}, lambda screen, data: screen.migrated(data))
    counts = done["counts"]
    undone = counts.get("unsafe", 0) + counts.get("refused", 0)
    if dry_run or not undone:
        return 0
    return PARTLY if counts.get("migrated") or counts.get("already") else EXIT["invalid"]


@verb(
    "item/diff",
    "lianban item diff senior-card@1 senior-card@2",
    say("What NEW changes for applicants, clerks and clocks: folders, or published items (ITEM, ITEM@1)."),
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@click.option(
    "-o", "--output", metavar="FILE.html", help=say("Write a page with the diagrams to FILE.").msgid
)
def diff_items(settings: Settings, old: str, new: str | None, output: str | None) -> None:
    with settings.office() as office:
        found = office.compare(old, new, settings.lang, settings.translate)
        page = found.pop("content")
        if output is not None:
            write_file(output, page.encode(), public=True)
        data = {**found, "file": output}
        settings.show(data, lambda screen, data: screen.compared(data), office.zone)


_version_option = click.option(
    "--version",
    "version",
    type=click.IntRange(min=1),
    metavar="N",
    help=say("Version N of the published item; left out, the one in force.").msgid,
)


@verb(
    "item/draw",
    "lianban item draw processes/senior-card -o senior-card.svg",
    say(
        "The diagram as SVG: of a FOLDER or a FILE.bpmn that is being drawn, or of a published ITEM. What"
        " has no place in the file is laid out."
    ),
)
@click.argument("what", metavar="FOLDER|FILE.bpmn|ITEM")
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
@click.option(
    "--file",
    "name",
    metavar="NAME",
    help=say("Another diagram of the item: shared/joint-meeting.bpmn.").msgid,
)
@_version_option
def draw_item(
    settings: Settings, what: str, output: str | None, name: str | None, version: int | None
) -> None:
    from ..office import picture, picture_of_folder

    about: dict[str, Any] = {"item": None, "version": None, "definition": None}
    if Path(what).is_dir():
        drawn = about | picture_of_folder(Path(what), name)
    elif what.endswith(".bpmn") or Path(what).is_file():
        drawn = about | picture(read_bytes(what), Path(what).name)
    else:
        with settings.office() as office:
            drawn = office.picture(what, version, name, settings.now(office.zone))
    suggested = f"{drawn['item'] or Path(what).resolve().stem}.svg"
    text = say("{diagram} is drawn in {file}", diagram=drawn["diagram"])
    deliver(settings, drawn, output, suggested, text, public=True)


@verb(
    "item/guide",
    "lianban item guide senior-card -o senior-card.html",
    say(
        "The service guide of a published ITEM, or of the item in FOLDER, as a page for web and print, with"
        " its flow charts. In Chinese unless --lang or LIANBAN_LANG says otherwise."
    ),
)
@click.argument("what", metavar="FOLDER|ITEM")
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
@_version_option
def guide_item(settings: Settings, what: str, output: str | None, version: int | None) -> None:
    from ..office import guide_of_folder

    lang = settings.public
    translate = catalogue(lang).gettext
    folder = Path(what)
    if folder.is_dir():
        made = settings.office_at_hand(
            lambda office: office.guide_of_folder(folder, lang, translate, settings.now(office.zone)),
            lambda: guide_of_folder(folder, lang, translate),
        )
    else:
        with settings.office() as office:
            made = office.guide(what, version, lang, translate, settings.now(office.zone))
    text = say("the guide to {item} is in {file}", item=made["item"])
    deliver(settings, made, output, f"{made['item']}.html", text, public=True)
    if made["not_stated"] and not settings.json:
        names = ", ".join(entry["name"].render(settings.translate) for entry in made["not_stated"])
        left = say("The item does not state: {names}. The guide says so.", names=names)
        click.echo(left.render(settings.translate), err=True)
