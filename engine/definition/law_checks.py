"""What the law asks of an item, rule by rule: `LAW` says which article each finding rests on.

The rules of licences (行政许可法) are for items of `type = "licence"`, the others for every item. How long
things may take is in `term_checks`, clocks by themselves in `clock_checks`, joint review and meetings in
`review_checks`, who may not do both in `acting_checks`. A section that `check_item` found fault with is not
looked into here.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

from ..errors import NOTHING, Problem, Text, say
from ..expressions import Malformed, compile_expression
from ..flow.net import ACTIVITIES, HUMAN, Node, Scope, triggers
from ..forms.schema import choices_of, resolved, validator
from .checks import written
from .drawn import Drawn, fields_of
from .lengths import in_unit
from .model import ITEM
from .ways import ways_around, without
from .wording import unknown

LAW: Mapping[str, Text] = {
    # the catalogue entry
    "item.type": say("Administrative Licensing Law art. 2"),
    "item.basis": say("Administrative Licensing Law art. 14-17"),
    "basis.in_force": say("Administrative Licensing Law art. 4, 8"),
    "basis.temporary": say("Administrative Licensing Law art. 15"),
    "basis.ends": say("Administrative Licensing Law art. 8, 15"),
    "fee.basis": say("Administrative Licensing Law art. 58, 59"),
    "item.lead": say("Administrative Licensing Law art. 26"),
    "material.shared": say("Provisions on Online Government Services art. 7"),
    "material.again": say("Administrative Licensing Law art. 31, 35"),
    # time (`term_checks`)
    "clock.promise": say("Administrative Licensing Law art. 42"),
    "clock.no_acceleration": say("the service centre's own promise"),
    "clock.longest_path": say("the service centre's own promise"),
    "clock.statutory": say("Administrative Licensing Law art. 42"),
    "clock.extension": say("Administrative Licensing Law art. 42"),
    "clock.extension_office": say("Administrative Licensing Law art. 42"),
    "clock.ground": say("Administrative Licensing Law art. 45"),
    "clock.acceptance": say("Administrative Licensing Law art. 32(4)"),
    "clock.delivery": say("Administrative Licensing Law art. 44"),
    "clock.publication": say("Open Government Information Regulations art. 26"),
    "clock.silence": say("Administrative Licensing Law art. 32, 50"),
    # ways through the process
    "grant.delivery": say("Administrative Licensing Law art. 44"),
    "grant.publication": say("Administrative Licensing Law art. 40"),
    "refusal.document": say("Administrative Licensing Law art. 38"),
    "refusal.remedies": say("Implementing Regulations of the Reconsideration Law art. 17"),
    "inspection.officers": say("Administrative Licensing Law art. 34(3), 55"),
    "hearing.chair": say("Administrative Licensing Law art. 48(3)"),
    "hearing.notice": say("Administrative Licensing Law art. 48(1)"),
    "hearing.request": say("Administrative Licensing Law art. 47"),
    "hearing.organise": say("Administrative Licensing Law art. 47"),
    "approval.lane": say("one reviews, another decides"),
    "prerequisite.cycle": say("State Council document Guofa [2015] No. 6"),
}
"""The rule behind each finding, by its code."""

CREATING = (
    "law",
    "administrative-regulation",
    "state-council-decision",
    "local-regulation",
    "provincial-rule",
)
"""The levels of norms that may create a licence (art. 14, 15); no other document ever does (art. 17)."""

SETTING_TERMS = ("law", "administrative-regulation", "local-regulation")
"""The levels of norms that may set another term than the Licensing Law's (art. 42: 法律、法规另有规定)."""

SETTING_FEES = ("law", "administrative-regulation")
"""The levels of norms that may let a licence cost something (art. 58)."""

JOINT_MODES = ("unified", "joint", "concentrated")
"""The modes of art. 26 par. 2, for which the joint term of art. 42 par. 2 is made."""


def is_licence(item: Mapping[str, Any]) -> bool:
    """Whether the rules of licences are for this item."""
    return bool(item.get("type") == "licence")


def by_law(
    code: str,
    file: str,
    element: str | None,
    message: Text,
    expected: Text,
    *,
    found: Text = NOTHING,
    remedy: Text = NOTHING,
    severity: Literal["error", "warning"] = "error",
    law: str | None = None,
) -> Problem:
    """A finding that names the rule it rests on."""
    rule = say("{expected} ({law})", expected=expected, law=LAW[law or code])
    return Problem(code, severity, file, element, message, rule, found, remedy)


# --- the catalogue entry, which needs no diagram


def check_catalogue(item: Mapping[str, Any], found: Sequence[Problem], today: date | None) -> list[Problem]:
    """What the law finds wrong with `item.toml` by itself.

    `found` is what its schema said, `today` the day of publishing, where that is known.
    """
    faulty = {(problem.element or "").split(".")[0] for problem in found}

    def sound(*names: str) -> bool:
        return faulty.isdisjoint(names)

    problems: list[Problem] = []
    if sound("bases", "type"):
        problems += _check_bases(item)
        problems += _check_type(item)
    if sound("bases", "effective") and "effective" in item:
        problems += _check_in_force(item, today)
    if sound("fees", "type"):
        problems += _check_fees(item)
    if sound("lead", "kind", "handling_mode"):
        problems += _check_lead(item)
    if sound("max_visits") and item.get("max_visits", 0) > 2:
        problems.append(
            Problem(
                "visits.many",
                "warning",
                ITEM,
                "max_visits",
                say("the applicant comes more than twice"),
                say("at most 2 visits"),
                say("{n}", n=item["max_visits"]),
                say("join steps at the window, or take the papers from a shared register"),
            )
        )
    if sound("materials"):
        problems += _check_shared(item)
    return problems


def _check_bases(item: Mapping[str, Any]) -> Iterator[Problem]:
    bases = item.get("bases", [])
    levels = [base["level"] for base in bases]
    remedy = say("add the article that the item rests on, or abolish the item")
    if not bases:
        message = say("the item names no legal basis")
        expected = say("at least one [[bases]] with law, article and level")
        yield by_law("item.basis", ITEM, "bases", message, expected, remedy=remedy)
    elif is_licence(item) and not set(levels) & set(CREATING):
        yield by_law(
            "item.basis",
            ITEM,
            "bases",
            say("nothing that may create a licence is among the bases"),
            say("a basis of one of the levels {levels}", levels=", ".join(CREATING)),
            found=say("{levels}", levels=", ".join(sorted(set(levels)))),
            remedy=remedy,
        )
    elif set(levels) == {"document"}:
        message = say("the item rests on documents below the rank of a rule only")
        yield by_law(
            "item.basis",
            ITEM,
            "bases",
            message,
            say("a basis in a law, a regulation or a rule"),
            remedy=remedy,
        )
    for number, base in enumerate(bases, 1):
        if base["level"] == "provincial-rule" and not _one_year(base):
            yield by_law(
                "basis.temporary",
                ITEM,
                f"bases.{number}.until",
                say("{law} creates a licence for longer than a provincial rule may", law=base["law"]),
                say("since and until, no more than one year apart"),
                found=say("{since} – {until}", since=base.get("since", "—"), until=base.get("until", "—")),
                remedy=say("write both days, or name the local regulation that made it permanent"),
            )


def _one_year(base: Mapping[str, Any]) -> bool:
    if "since" not in base or "until" not in base:
        return False
    since = date.fromisoformat(base["since"])
    try:
        last = since.replace(year=since.year + 1)
    except ValueError:  # 29 February
        last = date(since.year + 1, 3, 1)
    return bool(base["until"] < last.isoformat())


def _check_type(item: Mapping[str, Any]) -> Iterator[Problem]:
    """An item that does not say what it is escapes the rules of licences; if it looks like one it is told."""
    clocks = item.get("clocks")
    grounds = isinstance(clocks, Mapping) and any(
        isinstance(clock, Mapping) and isinstance(clock.get("grounds"), list) for clock in clocks.values()
    )
    if "type" not in item and (grounds or any("行政许可法" in base["law"] for base in item.get("bases", ()))):
        yield by_law(
            "item.type",
            ITEM,
            "type",
            say("the item follows the Licensing Law and does not say whether it is a licence"),
            say('type = "licence", or what else it is'),
            remedy=say("add the line; until then the rules of licences are not checked"),
            severity="warning",
        )


def _check_in_force(item: Mapping[str, Any], today: date | None) -> Iterator[Problem]:
    """Every basis is in force on the day of publishing, or where the item takes effect later, on that day."""
    day = max(item["effective"], today.isoformat() if today is not None else "")
    bases = item.get("bases", [])
    for number, base in enumerate(bases, 1):
        for key, wrong in (("since", base.get("since", day) > day), ("until", base.get("until", day) < day)):
            if wrong:
                yield by_law(
                    "basis.in_force",
                    ITEM,
                    f"bases.{number}.{key}",
                    say("{law} {article} is not in force on {day}", **_named(base), day=day),
                    say("a basis that is in force when the item is published and takes effect"),
                    found=say("{key} {date}", key=key, date=base[key]),
                    remedy=say("name the article that is in force, or abolish the item"),
                )
    creating = [base for base in bases if base["level"] in CREATING]
    ends = [str(base.get("until", "9999")) for base in creating]
    if is_licence(item) and ends and day <= max(ends) < "9999":
        yield by_law(
            "basis.ends",
            ITEM,
            "bases",
            say("the item could still be applied for when its last basis has ended"),
            say("a basis that lasts, or the item’s end on {date}", date=_after(max(ends))),
            found=say("the last basis ends on {date}", date=max(ends)),
            remedy=say("name the basis that lasts, or abolish the item from that day on"),
            severity="warning",
        )


def _named(base: Mapping[str, Any]) -> dict[str, str]:
    return {"law": str(base["law"]), "article": str(base["article"])}


def _after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _check_fees(item: Mapping[str, Any]) -> Iterator[Problem]:
    for number, fee in enumerate(item.get("fees", ()) if is_licence(item) else (), 1):
        basis = fee["basis"]
        level = basis["level"] if isinstance(basis, Mapping) else None
        if level not in SETTING_FEES:
            yield by_law(
                "fee.basis",
                ITEM,
                f"fees.{number}.basis",
                say("{fee} has no basis in a law or an administrative regulation", fee=fee["name"]),
                say(
                    'a table {text}, or with the level "administrative-regulation"',
                    text='{ law = "…", article = "…", level = "law" }',
                ),
                found=say("{level}", level=level or str(basis)),
                remedy=say("name the article that lets the fee be taken, or remove it: licences are free"),
            )


def _check_lead(item: Mapping[str, Any]) -> Iterator[Problem]:
    if "joint" in (item.get("kind"), item.get("handling_mode")) and "lead" not in item:
        yield by_law(
            "item.lead",
            ITEM,
            "lead",
            say("a joint item has no lead authority"),
            say("the unit code of one department"),
            remedy=say('add lead = "UNIT"'),
        )


def _check_shared(item: Mapping[str, Any]) -> Iterator[Problem]:
    for number, material in enumerate(item.get("materials", ()), 1):
        if "shared_by" in material and material["required"]:
            yield by_law(
                "material.shared",
                ITEM,
                f"materials.{number}.required",
                say(
                    "{name} can be had from {unit} and is asked from the applicant",
                    name=material["name"],
                    unit=material["shared_by"],
                ),
                say("required = false: what another authority shares is not asked again"),
                remedy=say("take it from there, or remove shared_by where it is not shared yet"),
            )


# --- the item with its diagram


def check_law(drawn: Drawn, templates: Mapping[str, str]) -> list[Problem]:
    """What the law finds wrong with an item as it is drawn. `templates` are the texts of the documents by
    file name."""
    return [
        *_check_conclusion(drawn),
        *_check_refusals(drawn, templates),
        *_check_hearing(drawn),
        *_check_inspections(drawn),
        *_check_approvals(drawn),
        *_check_asked_again(drawn),
        *_check_prerequisites(drawn),
    ]


# after the decision


def _check_conclusion(drawn: Drawn) -> Iterator[Problem]:
    """A grant reaches the applicant and the public; the applicant is asked how it was."""
    conclusion = drawn.section("conclusion") or {}
    for key in ("delivery", "publication", "survey"):
        for number, step in enumerate(conclusion.get(key, ()), 1):
            if step not in drawn.nodes:
                yield unknown("step", ITEM, f"conclusion.{key}.{number}", step, drawn.nodes)
    if "type" in drawn.item and not any(step in drawn.nodes for step in conclusion.get("survey", ())):
        yield Problem(
            "survey.none",
            "warning",
            ITEM,
            "conclusion.survey",
            say("nobody asks the applicant how the service was"),
            say("a step in which the applicant rates it"),
            remedy=say('draw it, for example with the form “rating”, and name it: survey = ["rate"]'),
        )
    if not is_licence(drawn.item) or any(place[0] in ("conclusion", "outcomes") for place in drawn.faulty):
        return
    delivery = conclusion.get("delivery", [])
    yield from _check_passed(drawn, "grant.delivery", delivery, say("delivers"), _STEP % "delivery")
    if "register" not in conclusion:
        publication = conclusion.get("publication", [])
        yield from _check_passed(
            drawn, "grant.publication", publication, say("publishes"), _STEP % "publication"
        )


_STEP = '%s = ["STEP"]'


def _check_passed(drawn: Drawn, code: str, steps: Sequence[str], does: Text, line: str) -> Iterator[Problem]:
    """Every way to a grant passes one of `steps`."""
    for scope, end, way in _ways_to(drawn, "grant", lambda node: node.id in steps):
        yield by_law(
            code,
            drawn.file(scope),
            end,
            say("on a way to {end} nothing {does} the decision", end=end, does=does),
            say("{line} in [conclusion], on every way to a grant", line=line),
            found=_shown(scope, way),
            remedy=say("draw the step before the end, and name it"),
        )


def _ways_to(drawn: Drawn, kind: str, done: Any) -> Iterator[tuple[Scope, str, list[str]]]:
    """The ends of outcomes of this `kind` that are come to with nothing `done`, with their scope and a way.
    Only the case itself ends: in its process, or in an event subprocess that takes its place."""
    outcomes = drawn.item.get("outcomes", {})
    process = drawn.net.scopes[drawn.net.process]
    scopes = [(process, process.starts)]
    for handler in process.handlers:
        body, start = drawn.net.start_of(handler)
        if start.interrupting:
            scopes.append((body, (start.id,)))
    for scope, starts in scopes:
        found = ways_around(drawn.net, scope, starts, done)
        for end, way in found.items():
            if (
                scope.nodes[end].kind == "end"
                and outcomes.get(end, {}).get("kind") == kind
                and not done(scope.nodes[end])
            ):
                yield scope, end, way


def _shown(scope: Scope, way: Sequence[str]) -> Text:
    """A way as a reader follows it: what is more than a junction."""
    steps = [at for at in way if scope.nodes[at].kind not in ("xor", "and", "or", "race")]
    return say("{way}", way=" → ".join(steps))


def _check_refusals(drawn: Drawn, templates: Mapping[str, str]) -> Iterator[Problem]:
    """Who is refused is told why, and what can be done about it, by a document issued on the way."""
    if any(place[0] in ("documents", "outcomes") for place in drawn.faulty):
        return
    says = {
        document: _says(str(entry["template"]), templates)
        for document, entry in drawn.documents.items()
        if entry["template"] in templates
    }
    whole = {document for document, (reasons, remedies) in says.items() if reasons and remedies}

    def told(node: Node) -> bool:
        return not whole.isdisjoint(node.properties.get("documents", "").split())

    for scope, end, way in _ways_to(drawn, "refuse", told):
        issued = [d for at in way for d in scope.nodes[at].properties.get("documents", "").split()]
        yield by_law(
            "refusal.document",
            drawn.file(scope),
            end,
            say("on a way to {end} no document tells the reasons and the remedies", end=end),
            say(
                "a document whose template prints the reasons, and where to apply for reconsideration or sue"
            ),
            found=say("{way}; documents: {names}", way=_shown(scope, way), names=", ".join(issued) or "—"),
            remedy=say("have a step on that way issue {names}", names=", ".join(sorted(whole)))
            if whole
            else say(
                "print a field reason and a field remedies in a template, and have a step on that way issue "
                "the document (property documents)"
            ),
            severity="error" if is_licence(drawn.item) else "warning",
            law=None if is_licence(drawn.item) else "refusal.remedies",
        )


_PRINTED = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_TAKEN = re.compile(r"""\{%-?\s*(?:extends|include|import|from)\s+["']([^"']+)["']""")


def _says(template: str, templates: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a template prints reasons (a field `reason` or `reasons`), and remedies (a field `remedies`, or
    the words of the law themselves)."""
    text, names = "", [template]
    for name in names:  # with what it is made from, save the shared macros: those print what they are given
        part = _COMMENT.sub("", templates.get(name, ""))
        names += [other for other in _TAKEN.findall(part) if other not in names and not other.startswith("_")]
        text += part
    code = " ".join(first or second for first, second in _PRINTED.findall(text))
    words = _PRINTED.sub("", text)
    reasons = re.search(r"\breasons?\b", code) is not None
    remedies = re.search(r"\bremed(?:y|ies)\b", code) is not None
    return reasons, remedies or ("行政复议" in words and "行政诉讼" in words)


# who


def _check_hearing(drawn: Drawn) -> Iterator[Problem]:
    """Time to ask for a hearing, to hold it, and to prepare for it; who reviewed does not chair it."""
    hearing = drawn.section("hearing")
    if hearing is None:
        return
    hold = hearing["hold"]
    if hold not in drawn.nodes:
        yield unknown("step", ITEM, "hearing.hold", hold, drawn.nodes)
    elif not any(
        entry["kind"] == "hearing-chair" and entry["steps"][0] == hold
        for entry in drawn.section("separation") or ()
    ):
        yield by_law(
            "hearing.chair",
            ITEM,
            "hearing.hold",
            say("who reviewed the application could chair the hearing"),
            say('[[separation]] with kind = "hearing-chair" and {step} as the first of its steps', step=hold),
            remedy=say("add it, with the steps of the review"),
        )
    for key, days, least in (("request", 5, True), ("organise", 20, False), ("notice", 7, True)):
        if key not in hearing:
            continue
        id = hearing[key]
        if id not in drawn.clock_entries:
            yield unknown("clock", ITEM, f"hearing.{key}", id, drawn.clock_entries)
            continue
        clock = drawn.clocks.get(id)
        if clock is None:
            continue
        unit: Literal["wd", "d"] = "wd" if clock.rule.term.unit == "wd" else "d"
        length = in_unit(clock.rule.term, unit)
        if length < days if least else length > days:
            yield by_law(
                f"hearing.{key}",
                ITEM,
                f"clocks.{id}.term",
                say("the clock {clock} is shorter than the law says", clock=id)
                if least
                else say("the clock {clock} is longer than the law allows", clock=id),
                say("{n} days or more", n=days) if least else say("{n} days or less", n=days),
                found=clock.rule.term.text(),
                remedy=say("write {term}, or more", term=f"{days}{unit}")
                if least
                else say("write {term}, or less", term=f"{days}{unit}"),
            )
        elif least and not drawn.waited_for(id):
            yield by_law(
                f"hearing.{key}",
                ITEM,
                f"hearing.{key}",
                say("nothing in the diagram waits until {clock} has run out", clock=id),
                say("a timer event with {text}", text=f"clock('{id}')"),
                remedy=say("draw it before the hearing, so that it can't be held earlier")
                if key == "notice"
                else say("draw it beside the request, so that it can come until then"),
            )


_ON_SITE = re.compile("现场|踏勘|勘验|查验|实地")


def _check_inspections(drawn: Drawn) -> Iterator[Problem]:
    """What is inspected on the spot is inspected by two."""
    if not is_licence(drawn.item):
        return
    for scope, node in drawn.nodes.values():
        if node.kind not in HUMAN or "officers" in node.properties:
            continue
        certified = node.properties.get("certificate") == "enforcement"
        if certified or _ON_SITE.search(node.name):
            yield by_law(
                "inspection.officers",
                drawn.file(scope),
                node.id,
                say("one person alone inspects in {step}", step=node.name or node.id),
                say("the property officers = 2: two or more officials sign the record"),
                remedy=say("add the property; the step must be a user task"),
                severity="error" if certified else "warning",
            )


def _check_approvals(drawn: Drawn) -> Iterator[Problem]:
    """Who reviewed does not decide: another post, or the engine keeps the two apart."""
    if not is_licence(drawn.item):
        return
    apart = [set(entry["steps"]) for entry in drawn.section("separation") or ()]
    handling: dict[str, list[str]] = {}
    for _, node in drawn.nodes.values():
        post = drawn.performer(node)
        if node.kind in HUMAN and post is not None and node.properties.get("power", "review") == "review":
            handling.setdefault(post, []).append(node.id)
    for scope, node in drawn.nodes.values():
        post = drawn.performer(node)
        if node.kind not in HUMAN or post is None or node.properties.get("power") != "approve":
            continue
        before = _before(scope, node.id)
        same = [
            step
            for step in handling.get(post, ())
            if step in before and not any({step, node.id} <= steps for steps in apart)
        ]
        if same:
            yield by_law(
                "approval.lane",
                drawn.file(scope),
                node.id,
                say(
                    "{post} reviews ({steps}) and decides ({step})",
                    post=post,
                    steps=", ".join(same),
                    step=node.id,
                ),
                say("another post, or [[separation]] of these steps"),
                remedy=say("draw the decision into another lane, or add the separation"),
            )


def _before(scope: Scope, element: str) -> set[str]:
    """What may have been done in `scope` before `element`."""
    found = [element]
    for at in found:
        node = scope.nodes[at]
        sources = [scope.flows[flow].source for flow in node.incoming]
        sources += [node.host] if node.host is not None else []
        found += [source for source in sources if source not in found]
    return set(found[1:])


def _check_asked_again(drawn: Drawn) -> Iterator[Problem]:
    """What was handed in is not taken again on the same way, save what was asked for in between."""
    taking: dict[str, tuple[Scope, set[str]]] = {}
    asking: set[str] = set()
    for scope, node in drawn.nodes.values():
        if "requests" in node.properties:
            asking.add(node.id)
        if "receives" in node.properties:
            taking[node.id] = scope, _offered(drawn, node, node.properties["receives"])
    for first, (scope, offered) in taking.items():
        if scope.nodes[first].kind in ACTIVITIES | {"start", "catch"}:
            ahead = ways_around(drawn.net, scope, [first], lambda node: node.id in asking)
            for second in ahead:
                again = sorted(offered & taking[second][1]) if second in taking and second != first else []
                if again:
                    yield by_law(
                        "material.again",
                        drawn.file(scope),
                        second,
                        say("{names} is taken again, after {step}", names=", ".join(again), step=first),
                        say("each material once: whoever comes later has it on file"),
                        remedy=say("take them out of the form, or ask by a step with the property requests"),
                        severity="warning",
                    )


def _offered(drawn: Drawn, node: Node, field: str) -> set[str]:
    """The materials that a field of the form of `node` takes; none for one that takes any text."""
    form = drawn.form(node)
    if form is None or field not in fields_of(form):
        return set()
    entries = resolved(form, fields_of(form)[field].get("items", {}))
    if not choices_of(form, entries) and "pattern" not in entries:
        return set()
    ids = [entry["id"] for entry in drawn.section("materials") or () if "id" in entry]
    return {id for id in ids if validator(form).evolve(schema=entries).is_valid(id)}


# what waits for what


def _check_prerequisites(drawn: Drawn) -> Iterator[Problem]:
    """Branches beside each other don't wait for one another in a circle: neither would ever go on."""
    for scope in drawn.net.scopes.values():
        reached = without(scope, scope.starts, "")
        behind = {
            node.id: reached - without(scope, scope.starts, node.id) - {node.id}
            for node in scope.nodes.values()
            if _needs(node) and not _has_another_way(scope, node)
        }
        if not behind:
            continue
        waits: dict[str, list[str]] = {}
        for at in behind:
            for need in _needs(scope.nodes[at]):
                givers = _givers(drawn, scope, need)
                beyond = scope.id != drawn.net.process and need[0] == "variable"
                if givers and not beyond:  # a called process sees the variables of its caller
                    waits.setdefault(at, []).extend(other for other in behind if givers <= behind[other])
        for circle in _circles(waits):
            yield by_law(
                "prerequisite.cycle",
                drawn.file(scope),
                circle[0],
                say("these wait for each other, and none can go on"),
                say("branches beside each other that don’t wait for one another in a circle"),
                found=say("{way}", way=" → ".join([*circle, circle[0]])),
                remedy=say("let one of them go on without the other, or draw them one after the other"),
            )


def _has_another_way(scope: Scope, node: Node) -> bool:
    """Whether `node` is one of the events that an event-based gateway waits for."""
    return any(scope.nodes[scope.flows[flow].source].kind == "race" for flow in node.incoming)


Need = tuple[Literal["message", "variable"], str]


def _needs(node: Node) -> list[Need]:
    """The messages or variables without which `node` can't go on, where only the diagram gives them."""
    found: list[Need] = []
    for event in triggers(node) if node.kind in ("catch", "receive") else ():
        if event.kind == "message" and event.name is not None:
            found.append(("message", event.name))
        if event.kind == "conditional" and event.text:
            with contextlib.suppress(Malformed):  # flow.read has said so
                found += [("variable", name) for name in sorted(compile_expression(event.text).names)]
    parts = triggers(node)
    return found if len(parts) < 2 or (node.event is not None and node.event.all) else []


def _givers(drawn: Drawn, scope: Scope, need: Need) -> set[str]:
    """The nodes of `scope` that throw the message or write the variable, or have inside what does."""
    kind, name = need

    def gives(node: Node) -> bool:
        if kind == "variable":
            return name in written(node, drawn.net, drawn.forms)
        thrown = node.kind in ("throw", "send", "end")
        return thrown and any(event.kind == "message" and event.name == name for event in triggers(node))

    found: set[str] = set()
    for node in scope.nodes.values():
        bodies = [body for body in [node.body] if body in drawn.net.scopes]
        for body in bodies:
            bodies += [
                inner.body
                for inner in drawn.net.scopes[body].nodes.values()
                if inner.body in drawn.net.scopes and inner.body not in bodies
            ]
        inside = (inner for body in bodies for inner in drawn.net.scopes[body].nodes.values())
        if gives(node) or any(map(gives, inside)):
            found.add(node.id)
    return found


def _circles(waits: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The shortest circle through each node of the graph, each once, as its members in order."""
    seen: set[frozenset[str]] = set()
    for start in waits:
        ways = {start: [start]}
        queue = [start]
        for at in queue:
            for other in waits.get(at, ()):
                if other == start and frozenset(ways[at]) not in seen:
                    seen.add(frozenset(ways[at]))
                    yield ways[at]
                elif other not in ways:
                    ways[other] = [*ways[at], other]
                    queue.append(other)
