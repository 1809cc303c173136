"""Referrals between departments: receipt, opinion, signature, recusal, hand-over."""

from __future__ import annotations

from typing import Literal

import click

from ..errors import say
from .answers import answers_options, do_step, nothing, reason_given, show_act, value_wanted
from .frame import PARTLY, Settings, Wrong, progress_bar
from .streams import read_bytes, write_file
from .table import F, reason_option, verb


def _plan_options(function: F) -> F:
    draft = click.option(
        "--draft", metavar="FILE", help=say("Write a plan of all your open referrals to FILE (CSV).").msgid
    )
    plan = click.option(
        "--plan",
        metavar="FILE",
        help=say("Work FILE off, line by line; again goes on where it stopped.").msgid,
    )
    dry_run = click.option(
        "--dry-run", is_flag=True, help=say("With --plan: only tell what would be done.").msgid
    )
    return draft(plan(dry_run(function)))


def _planned(
    settings: Settings,
    kind: Literal["sign", "answer"],
    place: tuple[str | None, str | None],
    draft: str | None,
    plan: str | None,
    dry_run: bool,
) -> int | None:
    """Write or work off a plan; the exit code, or None when one step is meant."""
    named = sum(given is not None for given in (place[0], draft, plan))
    if named != 1 or (place[0] is not None and place[1] is None) or (dry_run and plan is None):
        raise Wrong(say("name a CASE and its STEP, or --draft FILE, or --plan FILE [--dry-run]"))
    if draft is not None:
        with settings.office() as office:
            now = settings.now(office.zone)
            content, count = office.draft_plan(settings.who, kind, now, settings.lang)
        write_file(draft, content)
        data = {"kind": kind, "file": draft, "count": count}
        settings.show(data, lambda screen, data: screen.drafted(data))
        return 0
    return None if plan is None else _work_plan(settings, kind, plan, dry_run)


def _work_plan(settings: Settings, kind: Literal["sign", "answer"], plan: str, dry_run: bool) -> int:
    from ..office.bulk import FOLLOWS, STATES

    content = read_bytes(plan)
    lines = []
    with settings.office() as office, progress_bar(settings) as progress:
        worked = office.work_plan(
            settings.who,
            kind,
            content,
            plan,
            lambda: settings.now(office.zone),
            progress,
            dry_run=dry_run,
        )
        for line in worked:
            told = office.told(line.case, line.records) if line.records else []
            facts = [event for event in told if event["fact"] and event["said"]]
            lines.append(
                {
                    "line": line.number,
                    "case": line.case,
                    "step": line.step,
                    "state": line.state,
                    "said": facts[-1]["said"] if facts else {},
                    "events": [event for event in told if event["type"] in FOLLOWS],
                    "refusal": line.refusal.as_dict(settings.translate) if line.refusal else None,
                }
            )
        zone = office.zone
    counts = {state: sum(line["state"] == state for line in lines) for state in STATES}
    data = {"kind": kind, "file": plan, "dry_run": dry_run, "lines": lines, "counts": counts}
    settings.show(data, lambda screen, data: screen.worked(data), zone)
    return PARTLY if counts["refused"] else 0


@verb(
    "sign",
    "lianban sign 42 psb_review",
    say("Sign for the receipt of a referral, or of all in a plan file. Its term runs either way."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("step", metavar="[STEP]", required=False)
@_plan_options
def sign(
    settings: Settings, case: str | None, step: str | None, draft: str | None, plan: str | None, dry_run: bool
) -> int:
    code = _planned(settings, "sign", (case, step), draft, plan, dry_run)
    if code is None:
        with settings.office() as office:
            done = office.sign(settings.who, str(case), str(step), settings.now(office.zone))
            show_act(settings, office, done)
    return code or 0


@verb(
    "answer",
    "lianban answer 42 psb_review --set opinion=conditions --set conditions='…'",
    say("Give your department's opinion on a referral, or on all in a plan file."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("step", metavar="[STEP]", required=False)
@answers_options
@_plan_options
def answer(
    settings: Settings,
    case: str | None,
    step: str | None,
    pairs: tuple[str, ...],
    data: str | None,
    draft: str | None,
    plan: str | None,
    dry_run: bool,
) -> int:
    code = _planned(settings, "answer", (case, step), draft, plan, dry_run)
    if code is None:
        do_step(settings, str(case), lambda office, now: str(step), nothing, pairs, data)
    return code or 0


@verb(
    "confirm",
    "lianban confirm 42 psb_review",
    say("Put your name under what somebody else entered: as the leader, or as the other officer."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
def confirm(settings: Settings, case: str, step: str) -> None:
    with settings.office() as office:
        show_act(settings, office, office.confirm(settings.who, case, step, settings.now(office.zone)))


@verb(
    "return",
    "lianban return 42 psb_review --reason '…'",
    say("Send what somebody else entered back to her."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
@reason_option
def give_back(settings: Settings, case: str, step: str, reason: str | None) -> None:
    reason = reason_given(settings, reason)
    with settings.office() as office:
        done = office.give_back(settings.who, case, step, reason, settings.now(office.zone))
        show_act(settings, office, done)


@verb(
    "recuse",
    "lianban recuse 42 psb_review --reason '…'",
    say("Say that you are not impartial in CASE; STEP stands still until that is decided."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="[STEP]", required=False)
@click.option(
    "--department", is_flag=True, help=say("As its head: the whole department keeps out of STEP.").msgid
)
@reason_option
def recuse(settings: Settings, case: str, step: str | None, department: bool, reason: str | None) -> None:
    if department and step is None:
        raise Wrong(say("name the STEP that the department keeps out of"))
    reason = reason_given(settings, reason)
    with settings.office() as office:
        now = settings.now(office.zone)
        act = office.withdraw_department if department else office.recuse
        show_act(settings, office, act(settings.who, case, step or "", reason, now))


@verb(
    "challenge",
    "lianban challenge 42 psb_review --person yang.fan --party '张明' --reason '…'",
    say("Enter that a party says PERSON is not impartial; STEP stands still until that is decided."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--person", metavar="PERSON", help=say("Who is challenged.").msgid)
@click.option(
    "--party", metavar="NAME", help=say("Who challenges: the applicant, or an interested party.").msgid
)
@reason_option
def challenge(
    settings: Settings,
    case: str,
    step: str | None,
    person: str | None,
    party: str | None,
    reason: str | None,
) -> None:
    person = person or value_wanted(settings, "--person", say("Who is challenged"))
    party = party or value_wanted(settings, "--party", say("Who challenges"))
    reason = reason_given(settings, reason)
    with settings.office() as office:
        now = settings.now(office.zone)
        done = office.challenge(settings.who, case, step or "", person, party, reason, now)
        show_act(settings, office, done)


@verb(
    "recusal/decide",
    "lianban recusal decide 42 r1 --uphold --reason '…'",
    say("Decide whether somebody keeps out of CASE, as the head of the unit. `show` lists the recusals."),
)
@click.argument("case", metavar="CASE")
@click.argument("id", metavar="ID")
@click.option("--uphold/--reject", "upheld", default=None, help=say("She keeps out, or may go on.").msgid)
@reason_option
def decide_recusal(settings: Settings, case: str, id: str, upheld: bool | None, reason: str | None) -> None:
    if upheld is None:
        choices = {"uphold": say("uphold"), "reject": say("reject")}
        upheld = value_wanted(settings, "--uphold' / '--reject", say("Decision"), choices) == "uphold"
    reason = reason_given(settings, reason)
    with settings.office() as office:
        now = settings.now(office.zone)
        show_act(settings, office, office.decide_recusal(settings.who, case, id, upheld, reason, now))


@verb(
    "handover",
    "lianban handover 42 psb_review --to shi.lin --reason '…'",
    say("Let PERSON answer for STEP from now on; without STEP, for the case to the applicant."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--to", metavar="PERSON", help=say("Who takes it over.").msgid)
@click.option(
    "--all", "everything", is_flag=True, help=say("All that you answer for, told one by one.").msgid
)
@reason_option
def handover(
    settings: Settings,
    case: str | None,
    step: str | None,
    to: str | None,
    everything: bool,
    reason: str | None,
) -> int:
    if everything == (case is not None):
        raise Wrong(say("name a CASE, or --all"))
    to = to or value_wanted(settings, "--to", say("Who takes it over"))
    reason = reason_given(settings, reason)
    with settings.office() as office:
        if case is not None:
            done = office.hand_over(settings.who, case, step or "", to, reason, settings.now(office.zone))
            show_act(settings, office, done)
            return 0
        with progress_bar(settings) as progress:
            found = office.hand_over_all(
                settings.who, to, reason, lambda: settings.now(office.zone), progress
            )
    lines = [
        {"case": number, "step": task, "refusal": refusal.as_dict(settings.translate) if refusal else None}
        for number, task, refusal in found
    ]
    settings.show({"to": to, "lines": lines}, lambda screen, data: screen.handed_over(data))
    return PARTLY if any(line["refusal"] for line in lines) else 0


@verb(
    "notice/allow",
    "lianban notice allow 42 --reason '…'",
    say("Allow one more notice of what is missing, as the office that may; it is an accountability event."),
)
@click.argument("case", metavar="CASE")
@reason_option
def allow_notice(settings: Settings, case: str, reason: str | None) -> None:
    reason = reason_given(settings, reason)
    with settings.office() as office:
        show_act(settings, office, office.allow_notice(settings.who, case, reason, settings.now(office.zone)))
