"""The organisation: units, people, posts, and who acts for whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import click

from ..errors import Text, say
from .answers import entries, value_wanted
from .frame import Settings
from .streams import read_bytes
from .table import COMMON, verb


@verb("org/show", "lianban org show psb", say("The units as they stand, or those below UNIT, with people."))
@click.argument("unit", metavar="[UNIT]", required=False)
def org_show(settings: Settings, unit: str | None) -> None:
    with settings.office() as office:
        data = office.organisation(settings.now(office.zone), unit)
        settings.show(data, lambda screen, data: screen.organisation(data))


@verb("org/people", "lianban org people", say("Everybody, with posts and certificates."))
def org_people(settings: Settings) -> None:
    with settings.office() as office:
        whole = office.organisation(settings.now(office.zone))
        data = {"day": whole["day"], "people": whole["people"]}
        settings.show(data, lambda screen, data: screen.people(data))


@verb("org/delegations", "lianban org delegations", say("Who acts for whom: delegations and stand-ins."))
def org_delegations(settings: Settings) -> None:
    with settings.office() as office:
        whole = office.organisation(settings.now(office.zone))
        data = {key: whole[key] for key in ("day", "delegations", "stand_ins")}
        settings.show(data, lambda screen, data: screen.delegations(data))


@verb(
    "org/import",
    "lianban org import organisation.toml --dry-run",
    say("Bring the whole organisation in from FILE (TOML), in the place of what is on record."),
)
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True, help=say("Only tell what would change.").msgid)
def org_import(settings: Settings, file: str, dry_run: bool) -> None:
    from ..organisation import read_register

    change = {"kind": "import", "organisation": read_register(read_bytes(file)).as_json()}
    with settings.office() as office:
        now = settings.now(office.zone)
        differences = office.plan_change(settings.who, change, now)
        made = None if dry_run else office.change_organisation(settings.who, change, now)
        data = {
            "file": file,
            "dry_run": dry_run,
            "differences": differences,
            "version": made["version"] if made else None,
            "repeated": made["repeated"] if made else False,
        }
        settings.show(data, lambda screen, data: screen.import_planned(data))


class _Option(NamedTuple):
    """An option of a change of the organisation: the `key` it gives; `parts` splits it at commas."""

    flag: str
    key: str
    metavar: str
    help: Text
    needed: bool = False
    parts: bool = False


_SINCE = _Option("--since", "since", "DATE", say("From this day on; left out, from today."))
_UNTIL = _Option("--until", "until", "DATE", say("Up to and with this day."))


def _change_verb(
    path: str,
    kind: str,
    example: str,
    help: Text,
    arguments: Mapping[str, str],
    *options: _Option,
) -> None:
    """A command that changes one thing in the organisation; `arguments` are keys with what help calls
    them."""

    def change(settings: Settings, **given: str | None) -> None:
        wanted: dict[str, Any] = {"kind": kind, **{key: given[key] for key in arguments}}
        for option in options:
            text = given[option.key]
            if text is None and option.needed:
                text = value_wanted(settings, option.flag, option.help)
            if text is not None:
                wanted[option.key] = entries(text) if option.parts else text
        _change(settings, wanted)

    command = verb(path, example, help)(change)
    command.params = [
        *(click.Argument([key], metavar=metavar) for key, metavar in arguments.items()),
        *(
            click.Option([option.flag, option.key], metavar=option.metavar, help=option.help.msgid)
            for option in options
        ),
        *COMMON,
    ]


def _change(settings: Settings, wanted: dict[str, Any]) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        data = office.change_organisation(
            settings.who, _complete(wanted, settings.who, now, office.zone), now
        )
        settings.show(data, lambda screen, data: screen.changed(data))


def _complete(wanted: dict[str, Any], who: str | None, now: datetime, zone: str) -> dict[str, Any]:
    """The change with what follows from who makes it, and when: the record names the day."""
    from zoneinfo import ZoneInfo

    from ..organisation.changes import CHANGES

    today = now.astimezone(ZoneInfo(zone)).date().isoformat()
    wanted = {**dict.fromkeys(CHANGES[wanted["kind"]].dated, today), **wanted}
    names = {lang: wanted.pop(f"name_{lang}") for lang in ("zh", "en") if f"name_{lang}" in wanted}
    if names:
        wanted["name"] = names
    if wanted["kind"] == "delegate":
        wanted["grantor"] = who
    return wanted


_change_verb(
    "delegate",
    "delegate",
    "lianban delegate chen.jing --post samr/leader --items '*' --powers sign --until 2026-06-30",
    say("Let PERSON do what you may do in your post, for these items and powers, for a time."),
    {"to": "PERSON"},
    _Option("--post", "post", "UNIT/POST", say("The post, yours in your own right."), needed=True),
    _Option("--items", "items", "ITEMS", say("Items by code, or *."), needed=True, parts=True),
    _Option(
        "--powers", "powers", "POWERS", say("accept, review, approve, sign, report_up, or *."), True, True
    ),
    _SINCE,
    _UNTIL._replace(needed=True),
    _Option("--id", "id", "ID", say("What the delegation is called on record.")),
)
_change_verb(
    "revoke",
    "revoke",
    "lianban revoke d-2026-3",
    say("Take a delegation back. `org delegations` lists them."),
    {"delegation": "DELEGATION"},
    _Option("--on", "on", "DATE", say("From this day on; left out, from today.")),
)
_change_verb(
    "org/add-unit",
    "unit.add",
    "lianban org add-unit springvillage --name '春城村' --english 'Spring Village' --kind village "
    "--parent chengguan",
    say("Add a unit."),
    {"code": "CODE"},
    _Option("--name", "name_zh", "NAME", say("Its name."), needed=True),
    _Option("--english", "name_en", "NAME", say("Its name in English.")),
    _Option("--kind", "unit_kind", "KIND", say("department, window, township, village …"), needed=True),
    _Option("--parent", "parent", "UNIT", say("The unit above it.")),
    _SINCE,
)
_change_verb(
    "org/merge",
    "unit.merge",
    "lianban org merge quality --into samr --until 2026-06-30",
    say("Merge UNIT into another at the end of a day: people, posts and open cases are the other's then."),
    {"unit": "UNIT"},
    _Option("--into", "into", "UNIT", say("Who takes over."), needed=True),
    _UNTIL._replace(needed=True),
)
_change_verb(
    "org/add-person",
    "person.add",
    "lianban org add-person he.xin --name '何新' --english 'He Xin'",
    say("Add somebody; posts are given with `org grant`."),
    {"id": "PERSON"},
    _Option("--name", "name_zh", "NAME", say("Her name."), needed=True),
    _Option("--english", "name_en", "NAME", say("Her name in English.")),
    _Option("--email", "email", "ADDRESS", say("Where reminders and cards go.")),
)
_change_verb(
    "org/grant",
    "post.grant",
    "lianban org grant he.xin psb/reviewer --since 2026-04-01",
    say("Give PERSON a post."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _SINCE,
    _UNTIL,
)
_change_verb(
    "org/end",
    "post.end",
    "lianban org end yang.fan psb/reviewer --until 2026-03-31",
    say("End a post of PERSON, when nothing is left in her hands."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _UNTIL._replace(help=say("Her last day; left out, today.")),
)
_change_verb(
    "org/rotate",
    "rotate",
    "lianban org rotate yang.fan psb/reviewer --to psb/records --on 2026-04-01",
    say("Move PERSON from one post to another, when nothing is left in her hands."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _Option("--to", "to_post", "UNIT/POST", say("The new post."), needed=True),
    _Option("--on", "on", "DATE", say("Her first day there; left out, today.")),
)
_change_verb(
    "org/stand-in",
    "stand_in",
    "lianban org stand-in wang.lei --for zhao.guoqiang --since 2026-03-02 --until 2026-03-06",
    say("Let PERSON act for somebody who is away."),
    {"person": "PERSON"},
    _Option("--for", "for", "PERSON", say("Who is away."), needed=True),
    _SINCE,
    _UNTIL._replace(needed=True),
)
_change_verb(
    "org/duty",
    "duty",
    "lianban org duty ma.jun government/duty-leader --since 2026-03-02 --until 2026-03-08",
    say("Put PERSON on the duty roster."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _SINCE,
    _UNTIL._replace(needed=True),
)
_change_verb(
    "org/certificate",
    "certificate",
    "lianban org certificate yang.fan --kind enforcement --number 5399-0017 --expires 2028-12-31",
    say("Record a certificate of PERSON, or its renewal."),
    {"person": "PERSON"},
    _Option("--kind", "certificate_kind", "KIND", say("Its kind: enforcement."), needed=True),
    _Option("--number", "number", "TEXT", say("Its number."), needed=True),
    _Option("--expires", "expires", "DATE", say("The last day on which it is valid."), needed=True),
)
_change_verb(
    "org/designate",
    "designate",
    "lianban org designate psb li.gang",
    say("Name the leader whom UNIT sends to joint meetings."),
    {"unit": "UNIT", "person": "PERSON"},
)
_change_verb(
    "org/interest",
    "interest",
    "lianban org interest yang.fan --party '张明' --kind kin",
    say("Declare that PERSON has to do with a party: she keeps out of its cases."),
    {"person": "PERSON"},
    _Option("--party", "party", "NAME", say("The party's name, or its number."), needed=True),
    _Option("--kind", "interest", "KIND", say("own, spouse, kin, in-law or other."), needed=True),
    _Option("--note", "note", "TEXT", say("What the record shall say.")),
)
