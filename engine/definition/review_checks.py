"""What `read_folder` checks of the joint reviews of an item and of its meetings. The shape of the entries is
`check_item`'s business; a section that it found fault with is not looked into here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..errors import NOTHING, Problem, Text, say
from ..flow.net import Node, Scope
from ..forms.schema import choices_of, kind_of
from ..joint import parse_need
from ..organisation import DESIGNATED
from .checks import written
from .drawn import Drawn, check_document, check_unit, fields_of, process_of, quoted
from .model import ITEM
from .review import ALWAYS_EXCLUDED
from .wording import fault, near, one_of, unknown

NEEDED: Mapping[str, tuple[str, ...]] = {
    "agree": (),
    "conditions": ("conditions",),
    "disagree": ("reason",),
    "not_concerned": ("reason", "competent"),
    "report_up": ("reason", "superior"),
}
"""The opinions that a referral's form may offer, each with the fields that it needs."""

MEETING_FIELDS: Mapping[str, tuple[str, ...]] = {
    "convene": ("date", "time", "departments"),
    "invite": ("reply", "substitute", "reason"),
    "hold": ("attendance", "opinions", "resolved"),
    "carry_out": (),
    "duty": ("decision", "reason"),
}
"""The elements of a meeting, each with the fields of its form that the engine reads."""


def check_review(drawn: Drawn) -> list[Problem]:
    """What is wrong with the sections `[joint.*]` and `[meetings.*]`, each finding once."""
    found: list[Problem] = []
    for problem in (*_check_joints(drawn), *_check_meetings(drawn), *_check_results(drawn)):
        if problem not in found:  # several tasks may share a form
            found.append(problem)
    return found


# --- joint reviews


def _check_joints(drawn: Drawn) -> Iterator[Problem]:
    if "joint" in (drawn.item.get("kind"), drawn.item.get("handling_mode")) and not drawn.item.get("joint"):
        yield Problem(
            "joint.none",
            "warning",
            ITEM,
            "joint",
            say("the item is handled jointly, but nothing says how the departments decide together"),
            expected=say("a section [joint.ID] with name, activities, rule and result"),
            remedy=say(
                "add it (Administrative Licensing Law art. 26: unified, joint or concentrated handling)"
            ),
        )
    joints = drawn.entries("joint")
    for id, entry in joints.items():
        place = f"joint.{id}"
        yield from _check_activities(drawn, place, entry, {k: v for k, v in joints.items() if k != id})
        yield from _check_rule(drawn, place, entry)
        yield from _check_referral_clock(drawn, place, entry)
        yield from _check_silence(drawn, f"{place}.silence", entry.get("silence"), (entry["activities"],))
        if "silence" in entry:
            yield from _check_reminder(drawn, place, entry)
            yield from _check_risks(place, entry)


def _check_activities(
    drawn: Drawn, place: str, entry: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """A referral is a user task of its own, or an instance of the one that asks all departments."""
    activities = entry["activities"]
    for number, element in enumerate(activities, 1):
        key = f"{place}.activities.{number}"

        def wrong(message: Text, remedy: Text, key: str = key) -> Problem:
            expected = say("user tasks, or one user task with the parallel multi-instance marker")
            return fault("joint.activity", ITEM, key, message, expected=expected, remedy=remedy)

        if element not in drawn.nodes:
            yield unknown("step", ITEM, key, element, drawn.nodes)
            continue
        scope, node = drawn.nodes[element]
        twice = [id for id, other in others.items() if element in other["activities"]]
        if twice or element in activities[: number - 1]:
            message = say("{step} is named in two places", step=element)
            yield wrong(message, say("a department's answer belongs to one joint review"))
        if node.kind != "user":
            yield wrong(say("{step} is no user task", step=element), say("name the task that is answered"))
            continue
        if node.loop is not None and node.loop.kind == "sequential":
            message = say("{step} asks the departments one after the other", step=element)
            yield wrong(message, say("use the parallel marker ⦀"))
        if node.loop is not None and len(set(activities)) > 1:
            message = say("{step} asks many departments and is not the only activity", step=element)
            yield wrong(message, say("name it alone, or draw one task for each department"))
        if any(outer.loop is not None for _, outer in drawn.around(scope)):
            message = say("{step} lies in a multi-instance subprocess", step=element)
            yield wrong(message, say("put the marker ⦀ on the task itself"))
        beside = [other for other in activities if other != element and other in scope.nodes]
        yield from _check_cancelling(drawn, scope, node, beside)
        yield from _check_referral_form(drawn, scope, node)


def _check_cancelling(drawn: Drawn, scope: Scope, node: Node, beside: Sequence[str]) -> Iterator[Problem]:
    """Nothing takes an open referral away, neither that of `node` nor those `beside` it in its scope: the
    applicant must hear every objection at once. A message (the applicant withdraws) may end the case."""

    def cancels(where: Scope, element: str, message: Text, remedy: Text) -> Problem:
        return fault(
            "joint.cancels",
            drawn.file(where),
            element,
            message,
            expected=say("every department's opinion (Administrative Licensing Law art. 32)"),
            remedy=remedy,
        )

    def ends(where: Scope, end: str) -> Problem:
        message = say("the end event {end} would take open referrals away", end=end)
        return cancels(
            where, end, message, say("join the branches first, or let the event end its branch only")
        )

    for outer, activity in [(scope, node), *drawn.around(scope)]:
        inside = activity.kind == "handler" and drawn.net.start_of(activity)[1].interrupting
        for start in (drawn.net.start_of(handler)[1] for handler in outer.handlers):
            if start.interrupting and not inside:  # once one has begun, no other one does
                message = say("{event} would take the referral {step} away", event=start.id, step=node.id)
                yield cancels(outer, start.id, message, say("make its event subprocess non-interrupting"))
        if activity.loop is not None and activity.loop.until is not None:
            message = say("the completion condition would take open referrals away")
            remedy = say("remove it; the joint review knows when it is certain")
            yield cancels(outer, activity.id, message, remedy)
        for event in outer.boundaries.get(activity.id, ()):
            if event.interrupting:
                message = say("{event} would take the referral {step} away", event=event.id, step=node.id)
                remedy = say("make it non-interrupting (dashed); what silence means says [joint.ID.silence]")
                yield cancels(outer, event.id, message, remedy)
            elif event.event is not None and event.event.kind == "timer":
                yield from (ends(outer, end) for end in _terminating(outer, event.id))
    if any(node.id not in _after(scope, other) for other in beside):
        yield from (ends(scope, end) for end in _terminating(scope, node.id, beside))


def _after(scope: Scope, element: str, without: Sequence[str] = ()) -> list[str]:
    """What a token comes to after `element`, before any join and `without` these elements."""
    found = [element]
    for at in found:
        for target in (scope.flows[flow].target for flow in scope.nodes[at].outgoing):
            node = scope.nodes[target]
            joins = node.kind in ("and", "or") and len(node.incoming) > 1
            if target not in found and target not in without and not joins:
                found.append(target)
    return found[1:]


def _terminating(scope: Scope, element: str, without: Sequence[str] = ()) -> list[str]:
    """The end events among them that end everything in `scope`."""
    ends = [scope.nodes[target] for target in _after(scope, element, without)]
    return [end.id for end in ends if end.event is not None and end.event.kind == "terminate"]


def _check_referral_form(drawn: Drawn, scope: Scope, node: Node) -> Iterator[Problem]:
    form = drawn.form(node)
    if form is None:
        return
    file, element = drawn.form_place(scope, node)

    def wrong(place: str, message: Text, expected: Text, remedy: Text = NOTHING) -> Problem:
        where = f"{element}.{place}" if file != drawn.file(scope) else element
        return fault("joint.form", file, where, message, expected=expected, remedy=remedy)

    fields = fields_of(form)
    offered = [choice.value for choice in choices_of(form, fields.get("opinion", {}))]
    if not offered:
        message = say("the form of a referral offers no opinions")
        yield wrong("opinion", message, one_of(NEEDED), say("add the field opinion, with its choices"))
    for opinion in offered:
        if opinion not in NEEDED:
            message = say("{opinion} is none of the opinions that a department may have", opinion=opinion)
            yield wrong("opinion", message, one_of(NEEDED), near(opinion, NEEDED))
            continue
        asked = fields_of(form, {"opinion": opinion})
        for name in NEEDED[opinion]:
            kinds = ("text", "list", "choices") if name == "conditions" else ("text", "choice")
            if name not in asked or kind_of(form, asked[name]) not in kinds:
                yield wrong(
                    name,
                    say(
                        "the form offers the opinion {opinion} and has no field {name}",
                        opinion=opinion,
                        name=name,
                    ),
                    say("a list of texts, or a text") if name == "conditions" else say("a text"),
                    say("add the field, or offer the opinion no more"),
                )


def _seats(drawn: Drawn, entry: Mapping[str, Any]) -> list[str] | None:
    """The units that are asked; None where the case finds that out."""
    units = []
    for element in entry["activities"]:
        performer = drawn.performer(drawn.nodes[element][1]) if element in drawn.nodes else None
        if performer is None:
            return None
        units.append(performer.partition("/")[0])
    if drawn.organisation is not None and not drawn.organisation.units.keys() >= set(units):
        return None  # a unit that is not there has been reported
    return units


def _check_rule(drawn: Drawn, place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """When there is consent: by whom, by how many."""
    seats = _seats(drawn, entry)
    rule, lead = entry["rule"], entry.get("lead", drawn.item.get("lead"))
    yield from _check_quorum(place, entry, seats)
    named = {f"{place}.veto.{number}": unit for number, unit in enumerate(entry.get("veto", ()), 1)}
    named |= {f"{place}.risks.{unit}": unit for unit in entry.get("risks", {})}
    if "lead" in entry:
        named[f"{place}.lead"] = entry["lead"]
    for key, unit in named.items():
        wrong = list(check_unit(drawn, key, unit))
        yield from wrong
        if seats is not None and not wrong and unit not in seats and not key.endswith(".lead"):
            yield fault(
                "joint.seat",
                ITEM,
                key,
                say("{unit} is not among those who are asked", unit=unit),
                expected=one_of(sorted(set(seats))),
                remedy=near(unit, seats, say("correct the unit, or name its activity")),
            )
    if rule == "lead" and (lead is None or (seats is not None and lead not in seats)):
        yield fault(
            "joint.lead",
            ITEM,
            f"{place}.lead",
            say("the lead decides, and there is no lead among those who are asked"),
            expected=one_of(sorted(set(seats))) if seats else say("the code of a unit that is asked"),
            found=NOTHING if lead is None else say("{unit}", unit=lead),
            remedy=say('add lead = "UNIT", or choose another rule'),
        )
    if drawn.organisation is not None and "confirm" in entry:
        for unit in sorted(set(seats or ())):
            if unit in drawn.organisation.units and not drawn.organisation.holders(unit, entry["confirm"]):
                post = f"{unit}/{entry['confirm']}"
                yield Problem(
                    "joint.confirm",
                    "warning",
                    ITEM,
                    f"{place}.confirm",
                    say("nobody holds the post {post} that is to confirm answers", post=post),
                    remedy=say("have the administrator fill it, or name another post"),
                )


def _check_quorum(place: str, entry: Mapping[str, Any], seats: list[str] | None) -> Iterator[Problem]:
    quorum = entry.get("quorum")

    def wrong(message: Text, remedy: Text) -> Problem:
        expected = say("a number of seats such as 3, or a share such as {share}", share='"2/3"')
        return fault("joint.quorum", ITEM, f"{place}.quorum", message, expected=expected, remedy=remedy)

    if entry["rule"] != "quorum":
        if quorum is not None:
            message = say("the rule {rule} has no quorum", rule=entry["rule"])
            yield wrong(message, say('remove the line, or write rule = "quorum"'))
    elif quorum is None:
        yield wrong(say("the rule is a quorum and does not say how many"), say("add a line quorum = …"))
    else:
        try:
            need = parse_need(quorum)
        except ValueError:
            yield wrong(say("{quorum} is more than all", quorum=quorum), say("write 1/1 for all"))
            return
        if isinstance(need, int) and seats is not None and need > len(seats):
            message = say("{quorum} of {count} seats can never consent", quorum=need, count=len(seats))
            yield wrong(message, say("ask for at most as many as there are activities"))


def _check_referral_clock(drawn: Drawn, place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    if "clock" in entry:
        yield from _check_task_clock(drawn, f"{place}.clock", entry["clock"], (entry["activities"],))
    elif "silence" in entry:
        yield fault(
            "joint.silence",
            ITEM,
            f"{place}.clock",
            say("nothing says from when on a department is silent"),
            expected=say("a clock with each = {steps}", steps=quoted(entry["activities"])),
            remedy=say('add clock = "ID", or remove the silence'),
        )


def _check_task_clock(drawn: Drawn, place: str, id: str, over: Sequence[Sequence[str]]) -> Iterator[Problem]:
    """A clock that runs for each task of just the elements of one of `over`."""
    if id not in drawn.clock_entries:
        yield unknown("clock", ITEM, place, id, drawn.clock_entries)
    elif id in drawn.clocks and set(drawn.clocks[id].each) not in [set(elements) for elements in over]:
        yield fault(
            "joint.clock",
            ITEM,
            place,
            say("{clock} is no clock over just these activities", clock=id),
            expected=say("each = {steps} in [clocks.{clock}]", steps=quoted(over[0]), clock=id),
            remedy=say("correct the clock, or name another one"),
        )


def _check_silence(
    drawn: Drawn, place: str, silence: Mapping[str, Any] | None, over: Sequence[Sequence[str]]
) -> Iterator[Problem]:
    """A policy on silence or absence never reaches the risk classes that no policy may reach."""
    if silence is None:
        return
    missing = sorted(ALWAYS_EXCLUDED.difference(silence.get("excluded", ALWAYS_EXCLUDED)))
    if missing:
        yield fault(
            "joint.excluded",
            ITEM,
            f"{place}.excluded",
            say("silence can never be consent in the risk classes {classes}", classes=", ".join(missing)),
            expected=say("at least {classes}", classes=", ".join(sorted(ALWAYS_EXCLUDED))),
            remedy=say("add them, or leave excluded out"),
        )
    yield from check_document(drawn, f"{place}.document", silence.get("document"))
    if "follow_up" in silence:
        yield from _check_task_clock(drawn, f"{place}.follow_up", silence["follow_up"], over)


def _check_reminder(drawn: Drawn, place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Who is held to have consented has been reminded, by the ladder of the referral's clock."""
    silence, name = entry["silence"], entry.get("clock")
    if name is not None and silence.get("follow_up") == name:
        yield fault(
            "joint.clock",
            ITEM,
            f"{place}.silence.follow_up",
            say("the clock that has run out can't follow itself up"),
            remedy=say("name another clock"),
        )
    clock = drawn.clocks.get(name or "")
    if clock is None or not silence.get("reminder", True):
        return
    if not any(rung.over is None and not rung.card for rung in clock.rule.ladder):
        yield fault(
            "joint.reminder",
            ITEM,
            f"{place}.silence.reminder",
            say("silence counts only after a reminder, and {clock} never reminds", clock=clock.rule.id),
            expected=say(
                "a rung without card before the end: {text}", text='{ name = "reminder", left = 1 }'
            ),
            remedy=say("add it to the ladder, or write reminder = false if the policy needs none"),
        )


def _check_risks(place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """A risk class written a little differently would be deemed to consent."""
    excluded = ALWAYS_EXCLUDED.union(entry["silence"].get("excluded", ()))
    for unit, risk in entry.get("risks", {}).items():
        close = difflib.get_close_matches(risk.replace("_", "-"), sorted(excluded), 1, 0.85)
        if risk not in excluded and close:
            yield Problem(
                "joint.risk",
                "warning",
                ITEM,
                f"{place}.risks.{unit}",
                say("silence counts as consent in the risk class {risk}", risk=risk),
                expected=one_of(sorted(excluded)),
                remedy=say("did you mean {name}?", name=close[0]),
            )


# --- meetings


def _check_meetings(drawn: Drawn) -> Iterator[Problem]:
    joints = drawn.item.get("joint", {})
    known = joints if isinstance(joints, Mapping) else {}
    named: set[str] = set()
    for id, entry in drawn.entries("meetings").items():
        place = f"meetings.{id}"
        for key in MEETING_FIELDS:
            if key in entry:
                yield from _check_meeting_step(drawn, f"{place}.{key}", key, entry[key], named)
                named.add(entry[key])
        if entry["joint"] not in known and ["joint"] not in drawn.faulty:
            yield unknown("joint", ITEM, f"{place}.joint", entry["joint"], known)
        yield from _check_silence(drawn, f"{place}.absence", entry.get("absence"), [])
        yield from _check_departments(drawn, f"{place}.departments", entry["departments"])


def _check_meeting_step(
    drawn: Drawn, place: str, key: str, element: str, named: Collection[str]
) -> Iterator[Problem]:
    """Convening, holding and the duty leader's word are one task each; an invitation goes to every
    department, a conclusion to the one in charge."""
    if element not in drawn.nodes:
        yield unknown("step", ITEM, place, element, drawn.nodes)
        return
    scope, node = drawn.nodes[element]
    many = key in ("invite", "carry_out")
    fits = node.loop is not None and node.loop.kind == "parallel" if many else node.loop is None
    if node.kind != "user" or not fits or (many and "unit" not in node.properties):
        yield fault(
            "meeting.element",
            ITEM,
            place,
            say("{step} is no element for this", step=element),
            expected=say("a user task with the parallel multi-instance marker and the property unit")
            if many
            else say("a user task without a multi-instance marker"),
            remedy=say("draw it so, or name another element (processes/README.md, “Meetings”)"),
        )
        return
    if element in named:
        message = say("{step} is named in two places", step=element)
        yield fault("meeting.element", ITEM, place, message, remedy=say("name an element of its own"))
        return
    form = drawn.form(node)
    if form is None:
        return
    file, where = drawn.form_place(scope, node)
    fields = MEETING_FIELDS[key]
    for name in fields:
        if name not in fields_of(form):
            yield fault(
                "meeting.form",
                file,
                where,
                say("the form of {step} has no field {name}", step=element, name=name),
                expected=say("the fields {names}", names=", ".join(fields)),
                remedy=say("add it, or use the form that lianban ships"),
            )


def _check_departments(drawn: Drawn, place: str, departments: Sequence[str]) -> Iterator[Problem]:
    """Each department that may be invited has said which of its leaders attends."""
    for number, unit in enumerate(departments, 1):
        key = f"{place}.{number}"
        wrong = list(check_unit(drawn, key, unit))
        yield from wrong
        if drawn.organisation is not None and not wrong and not drawn.organisation.holders(unit, DESIGNATED):
            yield fault(
                "meeting.designated",
                ITEM,
                key,
                say("{unit} has designated no leader for joint meetings", unit=unit),
                expected=say("one leader designated by each department that may be invited"),
                remedy=say("lianban org designate {unit} PERSON", unit=unit),
            )


def _check_results(drawn: Drawn) -> Iterator[Problem]:
    """What the engine writes is written by nothing else, which would overwrite it."""
    taken: dict[tuple[str, str], str] = {}
    for section, element in (("joint", "activities"), ("meetings", "hold")):
        for id, entry in drawn.entries(section).items():
            name, place = entry["result"], f"{section}.{id}.result"
            steps = entry[element]
            first = steps if isinstance(steps, str) else steps[0]
            if first not in drawn.nodes:
                continue
            process = process_of(drawn.nodes[first][0])
            writers = [
                node.id
                for scope in drawn.net.scopes.values()
                if process_of(scope) == process
                for node in scope.nodes.values()
                if name in written(node, drawn.net, drawn.forms)
            ]
            other = taken.setdefault((process, name), place)
            if writers or other != place:
                yield fault(
                    "review.result",
                    ITEM,
                    place,
                    say("{other} writes the variable {name} too", other=(writers or [other])[0], name=name),
                    expected=say("a variable of its own"),
                    remedy=say("choose another name"),
                )
