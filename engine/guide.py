"""The service guide (办事指南) of an item, from the definition that runs (floor 5).

Administrative Licensing Law art. 30 has the organ publish the matter, its bases, conditions, quantity,
procedure and terms, all the materials and the application form. Everything here is read from the definition
and the organisation as they stand. Where they say nothing, the guide says that it is not stated: nothing is
made up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .clock import parse_term
from .clock.ledger import Rule
from .clock.terms import amount
from .definition import Definition
from .definition.clocks import Clock
from .definition.review import ALWAYS_EXCLUDED
from .documents import render
from .drawing import Box, Drawing, draw
from .errors import Text, say, titled
from .flow.net import HUMAN, Node, Scope
from .forms.schema import field_title
from .organisation import Organisation

TEMPLATE = Path(__file__).with_name("guide.j2")

OBLIGED: Mapping[str, Text] = {
    "bases": say("legal bases"),
    "conditions": say("conditions"),
    "quantity": say("number of licences"),
    "statutory": say("statutory term"),
    "promised": say("promised term"),
    "materials": say("materials"),
    "fees": say("fees"),
    "delivery": say("delivery of the result"),
    "remedies": say("remedies"),
    "complaints": say("complaints and supervision"),
    "contact": say("address, hours and telephone"),
}
"""What the public has to be told, by the name under which `not_stated` gives it."""

_KINDS = {
    "immediate": say("decided on the spot"),
    "committed": say("decided within a promised term"),
    "joint": say("joint item of several departments"),
}
_MODES = {
    "single": say("handled by one department"),
    "unified": say("received by one department, handled uniformly"),
    "joint": say("handled jointly by several departments"),
    "concentrated": say("handled by several departments in one place"),
}
_LEVELS = {
    "law": say("law"),
    "administrative-regulation": say("administrative regulation"),
    "local-regulation": say("local regulation"),
    "rule": say("departmental or government rule"),
    "document": say("normative document"),
}
_TIERS = {
    "statutory": say("statutory"),
    "promised": say("promised"),
    "step": say("of a step"),
}
_EFFECTS = {
    "deemed_acceptance": say("after it the application counts as accepted as of the day of its receipt"),
    "deemed_consent": say("after it silence counts as consent"),
    "deemed_renewal": say("after it the licence counts as renewed"),
    "deemed_withdrawal": say("after it the application counts as withdrawn"),
    "deemed_refusal": say("after it the application counts as refused"),
    "route": say("after it the procedure goes on as the flow chart shows"),
}
_OUTCOMES = {
    "grant": say("licence granted"),
    "refuse": say("licence refused"),
    "withdrawn": say("withdrawn"),
    "not-accepted": say("not accepted"),
    "not-required": say("no licence needed"),
}
_COUNTING = {
    "wd": say(
        "Working days: the day on which the term begins is not counted; rest days and public holidays are not"
        " counted, working days in their place are; the term ends at closing time of its last day."
    ),
    "d": say(
        "Calendar days: the day on which the term begins is not counted; if the last day is no working day,"
        " the term ends on the next that is."
    ),
    "h": say("Hours: counted day and night from the minute on."),
}
_NOT_STATED = say("not stated")
_READABLE = 6.2
"""Units of a picture in a millimetre of paper at which its text (12 units) can still be read."""
_PAPER = (277.0, 178.0)
_OVERLAP = 80.0
_HEAD = 84.0
"""The left part of a picture, with the names of pool and lanes, repeated before a part further right."""

Data = dict[str, Any]

_EMPTY: Data = {"lines": [], "items": [], "head": [], "rows": [], "groups": [], "notes": []}


def guide(definition: Definition, organisation: Organisation, version: int | None) -> Data:
    """What the guide says, as plain data with `Text`s: `item`, `version` (None: not published), `definition`
    (digest), `effective`, `not_stated` (names of `OBLIGED`), and `facts` and `sections` for the page.

    A section has a `heading` and any of `lines`, `items`, `head` with `rows`, `groups`; texts that the
    definition itself gives are in the language it gives them in.
    """
    return _Guide(definition, organisation, version).data()


def charts(definition: Definition, translate: Callable[[str], str]) -> dict[str, Drawing]:
    """The flow charts of a definition by file: its own diagram first, then those of the processes that it
    calls. Raises `drawing.Undrawable`."""
    found: dict[str, Drawing] = {}
    for n, (name, content) in enumerate(diagrams(definition)):
        title = definition.title().render(translate) if name == "diagram.bpmn" else ""
        found[name] = draw(content, file=name, prefix=f"chart{n + 1}-", title=title)
    return found


def diagrams(definition: Definition) -> list[tuple[str, bytes]]:
    """The BPMN files, named, that a case of the definition can come through: its own first."""
    names = sorted(name for name in definition.files if name.endswith(".bpmn"))
    names.sort(key=lambda name: name != "diagram.bpmn")
    reached = {scope.split("/")[0] for scope in definition.net.scopes}
    found = [(name, definition.files[name]) for name in names]
    return [
        (name, content)
        for name, content in found
        if name == "diagram.bpmn" or any(f'id="{process}"'.encode() in content for process in reached)
    ]


def page(said: Data, drawings: Mapping[str, Drawing], lang: str, translate: Callable[[str], str]) -> bytes:
    """The guide as one HTML page for web and print; `said` is what `guide` answered."""
    pictures = {name: drawing.svg for name, drawing in drawings.items()}
    chart_list = []
    for n, (name, drawing) in enumerate(drawings.items(), 1):
        tiles = _tiles(drawing)
        parts = [
            {
                "view": " ".join(f"{value:g}" for value in tile),
                "x": f"{tile.x:g}",
                "y": f"{tile.y:g}",
                "width": f"{tile.width:g}",
                "height": f"{tile.height:g}",
                "whole": f"{tile.width + _HEAD:g}" if tile.x else "",
                "title": say("Flow chart {chart}, part {part} of {parts}", chart=n, part=k, parts=len(tiles)),
            }
            for k, tile in enumerate(tiles, 1)
        ]
        chart_list.append(
            {
                "name": name,
                "id": f"chart{n}",
                "tiles": parts,
                "title": say("Flow chart {chart}", chart=n),
                "width": f"{drawing.width:g}",
                "height": f"{drawing.height:g}",
                "head": f"{_HEAD:g}",
            }
        )
    words = {
        "flow_chart": say("Flow chart"),
        "not_stated": _NOT_STATED,
        "foot": say("Version and proof"),
        "overview": say("The chart is repeated below in parts that can be read on paper."),
    }
    context = {
        "guide": said,
        "charts": chart_list,
        "lang": "zh-CN" if lang == "zh" else "en",
        "words": words,
    }
    context = rendered(context, translate)
    return render({"guide.j2": TEMPLATE.read_bytes()}, "guide.j2", context, pictures)


def _tiles(drawing: Drawing) -> list[Box]:
    """The parts in which a picture too large for a page is printed, overlapping a little; none if it fits,
    and none for a part in which nothing happens."""
    scale = max(drawing.width / _PAPER[0], drawing.height / _PAPER[1])
    if scale <= _READABLE:
        return []
    spans = []
    for whole, paper in zip((drawing.width, drawing.height), _PAPER, strict=True):
        most = paper * _READABLE
        count = max(1, math.ceil((whole - _OVERLAP) / (most - _OVERLAP)))
        size = round((whole + (count - 1) * _OVERLAP) / count, 1)
        spans.append([(round(k * (size - _OVERLAP), 1), size) for k in range(count)])
    steps = [box for id, box in drawing.boxes.items() if drawing.kinds[id] not in ("participant", "lane")]
    tiles = [Box(x, y, width, height) for y, height in spans[1] for x, width in spans[0]]
    return [tile for tile in tiles if any(tile.meets(step) for step in steps)]


def rendered(data: Any, translate: Callable[[str], str]) -> Any:
    """`data` with its texts in a language."""
    if isinstance(data, Text):
        return data.render(translate)
    if isinstance(data, dict):
        return {key: rendered(value, translate) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [rendered(value, translate) for value in data]
    return data


class _Guide:
    """Collects the sections, and what is missing in them."""

    def __init__(self, definition: Definition, organisation: Organisation, version: int | None) -> None:
        self.definition = definition
        self.item = definition.item
        self.said: Mapping[str, Any] = self.item.get("guide", {})
        self.organisation = organisation
        self.version = version
        self.missing: list[str] = []

    def data(self) -> Data:
        """All of it."""
        sections = [
            self.bases(),
            self.conditions(),
            self.application(),
            self.materials(),
            self.terms(),
            self.clocks(),
            *self.joint(),
            self.fees(),
            self.results(),
            self.remedies(),
            self.offices(),
            self.procedure(),
        ]
        return {
            "item": self.definition.code,
            "version": self.version,
            "definition": self.definition.digest,
            "effective": self.definition.effective,
            "not_stated": sorted(self.missing, key=list(OBLIGED).index),
            "name": self.definition.title(),
            "title": say("Service guide"),
            "office": titled(**self.organisation.name),
            "facts": self.facts(),
            "sections": [{**_EMPTY, **section} for section in sections],
            "foot": self.foot(),
        }

    def stated(self, name: str, value: Any) -> list[Any]:
        """`value` as lines; where there is none, that it is not stated."""
        lines = [value] if isinstance(value, str | Text) else list(value or ())
        if not lines:
            self.missing.append(name)
        return lines or [_NOT_STATED]

    def unit(self, code: str) -> Text:
        """What a unit is called."""
        names = self.organisation.units.get(code, {}).get("name", {})
        return titled(names.get("zh", code), names.get("en", code))

    def facts(self) -> list[Data]:
        """The first table: what it is and who deals with it."""
        item, unit = self.item, self.definition.opener()[0]
        facts: list[tuple[Text, Any]] = [
            (say("Item"), self.definition.title()),
            (say("Code"), f"{item['serial_code']} ({self.definition.code})"),
            (say("Kind"), _KINDS[item["kind"]]),
            (say("How it is handled"), _MODES[item["handling_mode"]]),
        ]
        if "lead" in item:
            facts.append((say("Decided by"), self.unit(item["lead"])))
        facts.append((say("Accepted by"), self.unit(unit) if unit else _NOT_STATED))
        if "max_visits" in item:
            facts.append((say("Visits needed at most"), item["max_visits"]))
        facts.append((say("In force from"), self.definition.effective))
        return [{"label": label, "value": value} for label, value in facts]

    def bases(self) -> Data:
        lines = [
            say(
                "{basis} ({level})",
                basis=_basis(basis["law"], basis["article"]),
                level=_LEVELS.get(basis["level"], basis["level"]),
            )
            for basis in self.item.get("bases", ())
        ]
        return {"heading": say("Legal bases"), "items": self.stated("bases", lines)}

    def conditions(self) -> Data:
        conditions = self.stated("conditions", self.said.get("conditions"))
        quantity = self.stated("quantity", self.said.get("quantity"))
        rows = [[say("Conditions"), conditions], [say("Number of licences"), quantity]]
        return {"heading": say("Conditions and number"), "rows": _rows(rows)}

    def application(self) -> Data:
        lines: list[Any] = []
        if self.definition.agent is not None:
            lines.append(say("An agent may file the application with the applicant's authorisation."))
        if "channels" in self.said:
            lines.append(self.said["channels"])
        form = self.definition.start_form()
        required = set(form.get("required", ()))
        rows = [
            [field_title(name, shape), say("required") if name in required else say("optional")]
            for name, shape in form.get("properties", {}).items()
        ]
        section: Data = {"heading": say("Application"), "lines": lines}
        if rows:
            section |= {"head": [say("The application form asks"), say("required?")], "rows": _rows(rows)}
        else:
            section["lines"] = [*lines, say("The application needs no form.")]
        return section

    def materials(self) -> Data:
        given = self.item.get("materials", ())
        heading = say("Materials to be handed in")
        if not given:
            return {"heading": heading, "lines": self.stated("materials", None)}
        rows = [
            [
                material["name"],
                say("always") if material["required"] else say("where needed"),
                material["source"],
                material["purpose"],
            ]
            for material in given
        ]
        head = [say("material"), say("required?"), say("where it comes from"), say("what for")]
        return {"heading": heading, "head": head, "rows": _rows(rows)}

    def terms(self) -> Data:
        terms = self.item.get("terms", {})
        rows: list[list[Any]] = [
            [say("Statutory term"), self.stated("statutory", terms.get("statutory"))],
            [say("Promised term"), self.stated("promised", terms.get("promised"))],
        ]
        if "supplement" in terms:
            rows.append([say("Term for what has to be supplied later"), [terms["supplement"]]])
        units = {clock.rule.term.unit for clock in self.definition.clocks.values()}
        lines = [_COUNTING[unit] for unit in ("wd", "d", "h") if unit in units]
        return {"heading": say("Terms"), "rows": _rows(rows), "notes": lines}

    def clocks(self) -> Data:
        """Every clock: how long, from when to when, what stops it for a while, what silence means."""
        rows = []
        for clock in self.definition.clocks.values():
            rule = clock.rule
            rows.append(
                [
                    titled(**clock.name),
                    _TIERS[rule.tier],
                    [rule.term.text(), _basis(rule.basis.law, rule.basis.article)],
                    self.unit(clock.unit) if not clock.each else say("the department of the step"),
                    [*self.course_of(clock), *_effects(rule)],
                ]
            )
        heading = say("How each term runs")
        if not rows:
            return {"heading": heading, "lines": [say("No term is counted by itself.")]}
        head = [say("term"), say("tier"), say("length and basis"), say("answers for it"), say("course")]
        return {"heading": heading, "head": head, "rows": _rows(rows)}

    def course_of(self, clock: Clock) -> Iterator[Text]:
        """From when to when a clock runs, and what interrupts it."""
        if clock.each:
            yield say("runs for each of: {steps}", steps=self.steps(clock.each))
        else:
            yield say("begins with: {steps}", steps=self.steps(clock.starts))
        if clock.stops:
            yield say("ends with: {steps}", steps=self.steps(clock.stops))
        if clock.restarts:
            yield say("begins anew with: {steps}", steps=self.steps(clock.restarts))
        if clock.follows:
            followed = self.definition.clocks[clock.follows]
            yield say("stands still whenever this one does: {clock}", clock=titled(**followed.name))
        elif clock.rule.grounds:
            names = _joined([titled(ground.zh, ground.en) for ground in clock.rule.grounds.values()])
            bases = {ground.basis for ground in clock.rule.grounds.values()}
            laws = _joined([_basis(basis.law, basis.article) for basis in sorted(bases, key=str)])
            yield say("not counted ({bases}): {grounds}", bases=laws, grounds=names)

    def steps(self, triggers: Iterable[str]) -> Text:
        """The names of the elements that drive a clock."""
        return _joined([titled(**self.definition.names(trigger.partition(":")[0])) for trigger in triggers])

    def joint(self) -> list[Data]:
        """Who answers together, what it takes, and what silence counts as."""
        found = []
        rules = {
            "all": say("All departments concerned must consent."),
            "lead": say("The lead department decides."),
            "majority": say("The majority of the departments decides."),
            "quorum": say("A quorum of the departments decides."),
        }
        for joint in self.definition.joints.values():
            units = dict.fromkeys(filter(None, self.definition.units_of(joint).values()))
            lines: list[Any] = [rules[joint.kind]]
            if units:
                lines.append(say("Departments: {units}", units=_joined([self.unit(unit) for unit in units])))
            if joint.clock:
                term = self.definition.clocks[joint.clock].rule.term.text()
                lines.append(say("Each answers within {term}.", term=term))
            if joint.silence is not None:
                basis = _basis(joint.silence.basis.law, joint.silence.basis.article)
                lines.append(
                    say(
                        "A department that does not answer in time counts as consenting ({basis}); this does"
                        " not reach matters of public safety, health, ecology, finance or national security.",
                        basis=basis,
                    )
                )
                excluded = ALWAYS_EXCLUDED | joint.silence.excluded
                never = [self.unit(unit) for unit, risk in joint.risks.items() if risk in excluded]
                if never:
                    lines.append(
                        say("Never taken for consent is the silence of: {units}", units=_joined(never))
                    )
            else:
                lines.append(say("Silence of a department has no effect."))
            found.append({"heading": titled(**joint.name), "items": lines})
        return found

    def fees(self) -> Data:
        fees = self.item.get("fees", ())
        if not fees:
            return {"heading": say("Fees"), "lines": self.stated("fees", None)}
        rows = [[fee["name"], fee["amount"], fee["basis"]] for fee in fees]
        head = [say("fee"), say("amount"), say("basis")]
        return {"heading": say("Fees"), "head": head, "rows": _rows(rows)}

    def results(self) -> Data:
        outcomes = [
            [titled(**outcome["name"]), _OUTCOMES[outcome["kind"]]]
            for outcome in self.item["outcomes"].values()
        ]
        documents = [titled(**entry["name"]) for entry in self.item.get("documents", {}).values()]
        delivery = self.stated("delivery", self.said.get("delivery"))
        lines = [say("Documents: {documents}", documents=_joined(documents))] if documents else []
        lines += [say("Delivery: {how}", how=one) for one in delivery]
        head = [say("result"), say("kind")]
        return {"heading": say("Results and delivery"), "head": head, "rows": _rows(outcomes), "notes": lines}

    def remedies(self) -> Data:
        supervisors = dict.fromkeys(unit for unit, _ in self.organisation.supervisors)
        complaints = self.stated("complaints", self.said.get("complaints"))
        if supervisors:
            names = _joined([self.unit(unit) for unit in supervisors])
            complaints = [*complaints, say("Supervised by: {units}", units=names)]
        rows: list[list[Any]] = [
            [say("Reconsideration and litigation"), self.stated("remedies", self.said.get("remedies"))],
            [say("Complaints and supervision"), complaints],
        ]
        return {"heading": say("Remedies and supervision"), "rows": _rows(rows)}

    def offices(self) -> Data:
        """Which post of which unit takes part, by the lanes of the diagram."""
        rows = []
        for lane, post in self.item["lanes"].items():
            unit, _, _ = post.partition("/")
            rows.append([lane, self.unit(unit)])
        contact = self.stated("contact", self.said.get("contact"))
        head = [say("window or post"), say("unit")]
        lines = [say("Address, hours and telephone: {contact}", contact=one) for one in contact]
        return {"heading": say("Offices and windows"), "lines": lines, "head": head, "rows": _rows(rows)}

    def procedure(self) -> Data:
        """The steps that people do, lane by lane, each with its term and the documents it issues."""
        groups: dict[tuple[str, str], list[list[Any]]] = {}
        for scope, node in self._nodes():
            term = self.term_of(scope, node)
            issued = [
                titled(**self.item["documents"][document]["name"])
                for document in node.properties.get("documents", "").split()
                if document in self.item.get("documents", {})
            ]
            row = [titled(**self.definition.names(node.id)), term, issued]
            groups.setdefault((scope.id.split("/")[0], node.lane or ""), []).append(row)
        parts = []
        for (_, lane), rows in groups.items():
            unit = self.item["lanes"].get(lane, "").partition("/")[0]
            name = say("{lane} ({unit})", lane=lane, unit=self.unit(unit)) if unit else lane
            parts.append({"name": name or say("no lane"), "rows": _rows(rows)})
        return {
            "heading": say("Procedure, step by step"),
            "head": [say("step"), say("term"), say("documents issued")],
            "groups": parts,
        }

    def _nodes(self) -> Iterator[tuple[Scope, Node]]:
        scopes = self.definition.net.scopes.values()
        own = self.definition.net.process
        for scope in sorted(scopes, key=lambda scope: scope.id.split("/")[0] != own):
            for node in sorted(scope.nodes.values(), key=lambda node: node.order):
                waits = node.kind in ("catch", "receive") and node.event is not None
                message = waits and node.event is not None and node.event.kind == "message"
                opens = node.kind == "start" and scope.id == own
                if node.kind in HUMAN or message or opens:
                    yield scope, node

    def term_of(self, scope: Scope, node: Node) -> list[Any]:
        """The clocks that run for a step or end with it, and the timers on its edge."""
        lines: list[Any] = []
        told: set[str] = set()
        for id, clock in self.definition.clocks.items():
            if node.id in clock.each or node.id in clock.stops:
                told.add(id)
                lines.append(say("{clock}: {term}", clock=titled(**clock.name), term=clock.rule.term.text()))
        for other in scope.nodes.values():
            if other.host != node.id or other.event is None or other.event.kind != "timer":
                continue
            text = other.event.text or ""
            named = re.fullmatch(r"\s*clock\(\s*['\"](\w[\w-]*)['\"]\s*\)\s*", text)
            if named and (named[1] in told or named[1] not in self.definition.clocks):
                continue
            name = titled(**self.definition.names(other.id))
            term = self.definition.clocks[named[1]].rule.term.text() if named else _term_in(text)
            lines.append(say("{clock}: {term}", clock=name, term=term) if term is not None else name)
        return lines

    def foot(self) -> list[Data]:
        version = self.version if self.version is not None else say("draft, not published")
        rows = [
            (say("Version"), version),
            (say("In force from"), self.definition.effective),
            (say("Digest of the definition (SHA-256)"), self.definition.digest),
            (
                say("How to check it"),
                say(
                    "The same digest is shown by `lianban item list --json` for the published version, by"
                    " `lianban item check FOLDER --json` for the folder, and in every case that runs by it"
                    " (`lianban show CASE --json`): it is computed from every byte of the definition."
                ),
            ),
        ]
        return [{"label": label, "value": value} for label, value in rows]


def _rows(rows: Iterable[Iterable[Any]]) -> list[list[list[Any]]]:
    """Every cell as lines."""
    return [[cell if isinstance(cell, list) else [cell] for cell in row] for row in rows]


def _basis(law: str, article: str) -> Text:
    return say("{law}, {article}", law=law, article=article)


def _joined(texts: list[Text]) -> Text:
    """Names one after the other."""
    if len(texts) < 2:
        return texts[0] if texts else say("—")
    return say("{names}, {name}", names=_joined(texts[:-1]), name=texts[-1])


def _effects(rule: Rule) -> Iterator[Text]:
    """What may lengthen a term, and what its end means."""
    if rule.extension is not None:
        basis = _basis(rule.extension.basis.law, rule.extension.basis.article)
        yield say("may be extended by up to {term} ({basis})", term=rule.extension.up_to.text(), basis=basis)
    if rule.effect.kind in _EFFECTS:
        effect = _EFFECTS[rule.effect.kind]
        if rule.effect.basis is None:
            yield effect
        else:
            basis = _basis(rule.effect.basis.law, rule.effect.basis.article)
            yield say("{effect} ({basis})", effect=effect, basis=basis)


_CALLS = re.compile(r"\s*(workdays|days|hours)\(\s*(\d{1,4})\s*\)\s*")
_UNITS = {"workdays": "wd", "days": "d", "hours": "h"}


def _term_in(text: str) -> Text | None:
    """A timer's duration in words; None for what only a case can tell."""
    found = _CALLS.fullmatch(text)
    if not found:
        return None
    term = parse_term(f"{found[2]}{_UNITS[found[1]]}")
    return amount(term.n, term.unit)
