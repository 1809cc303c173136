"""The search: where is a way that no example takes, and how does a case get there and on to its end?

A `Place` is where a case can stand; from there lead the acts of people and of time. Places that no condition
can tell apart are one. For each way still to be taken, the places nearest to it are walked on from first; who
has taken it goes on by the shortest way to an end. Nothing is drawn by chance, and the search ends after so
many acts: two runs propose the same examples.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import structs

from ..access import may
from ..case import Case
from ..clock import OFFICE_ZONE, Workdays, due, read_instant, shipped
from ..commands import claim_of, claim_to_do
from ..course import Course
from ..coverage import Target, condition_of, named, short, targets
from ..deadlines import runs
from ..definition import Definition
from ..definition.review import Meeting
from ..errors import Refusal, Text, say
from ..events import CaseOpened, DocumentIssued
from ..examples import Stage, filled, play
from ..flow.marking import incidents, open_tasks, variables
from ..meetings import latest_call
from ..organisation import DESIGNATED, Organisation, Person
from ..steps import Step, next_fact_of_time, steps
from .answers import Answers
from .map import FAR, Map, Spot

MOST_ACTS = 3000
"""Acts that are tried in one exploration."""

MOST_EACH = 500
"""Acts that are tried for one way, and again for the way on from there to an end."""

_FAR_OFF = timedelta(days=1100)
_MOST_SILENCES = 200
_FIRST = time(9, 0)


@dataclass(frozen=True)
class Found:
    """An example that takes ways which nothing before it takes: `new`, first what it was looked for."""

    name: str
    example: dict[str, Any]
    new: tuple[Target, ...]


@dataclass(frozen=True)
class Unreached:
    """A way that was looked for and not found, and why."""

    target: Target
    why: Text


@dataclass
class Exploration:
    """What came of it: the examples found; the ways not found; where cases got stuck (element, what is
    wrong); how many acts were tried and how many places seen; `before` and `after`, the ways that the
    examples took and that they take with those found."""

    found: list[Found] = field(default_factory=list)
    unreached: list[Unreached] = field(default_factory=list)
    stuck: dict[str, Text] = field(default_factory=dict)
    acts: int = 0
    places: int = 0
    before: set[Target] = field(default_factory=set)
    after: set[Target] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class Place:
    """Where a case stands after `moves` from `parent`, and the ways it took to get there."""

    serial: int
    case: Case
    at: datetime
    parent: Place | None
    moves: tuple[dict[str, Any], ...]
    took: frozenset[Target]
    depth: int
    onward: dict[str, Place | None] = field(default_factory=dict)

    def whole(self) -> list[dict[str, Any]]:
        """All moves from the opening of the case."""
        place: Place | None = self
        parts: list[tuple[dict[str, Any], ...]] = []
        while place is not None:
            parts.append(place.moves)
            place = place.parent
        return [move for part in reversed(parts) for move in part]


class _Rough(Stage):
    """A stage without paper: what is found is played with it afterwards."""

    def issue(
        self, course: Course, at: datetime, by: dict[str, Any], event: DocumentIssued
    ) -> DocumentIssued:
        self.issued.append(event.document)
        return structs.replace(event, number=event.document, content="")


def explore(definition: Definition, organisation: Organisation, names: Iterable[str] = ()) -> Exploration:
    """Look for the ways that the examples of `definition` do not take. `names` are taken already."""
    walk = _Walk(definition, organisation)
    result = walk.result
    for path, example in definition.examples.items():
        stage = Stage(definition, organisation, path)
        try:
            for _ in play(stage, example):
                pass
        except Refusal:
            continue  # it proves nothing; the rehearsal of the examples says so
        result.before |= stage.reached
    walk.run()
    _name(definition, result, set(names))
    return result


class _Walk:
    def __init__(self, definition: Definition, organisation: Organisation) -> None:
        self.definition = definition
        self.organisation = organisation
        self.result = Exploration()
        self.map = Map(definition)
        self.hours = Workdays(shipped())
        self.answers = Answers(definition, self.hours)
        self.places: dict[str, Place] = {}
        self.serial = 0
        self.refused: dict[str, Text] = {}
        self.days: dict[date, Organisation] = {}
        self.cut_off: set[Target] = set()
        self.given_up: set[Target] = set()

    # --- the search

    def run(self) -> None:
        result = self.result
        every = targets(self.definition)
        covered = set(result.before)
        examples: list[tuple[Target, dict[str, Any], set[Target]]] = []
        if all(target in covered for target in every):
            result.after = covered
            return
        self.begin()
        for target in self._in_order(every):
            if target in covered:
                continue
            way = self.seek(target)
            if way is None:
                continue
            end = self.finish(way, {one for one in every if one not in covered})
            if end is None:
                self.cut_off.add(target)
                continue
            stage = Stage(self.definition, self.organisation, "explored")
            try:
                example = filled(stage, self.example(end))
                for _ in play(Stage(self.definition, self.organisation, "explored"), example):
                    pass
            except Refusal as refusal:
                result.stuck.setdefault(target.id, refusal.message)
                continue
            examples.append((target, example, set(stage.reached)))
            covered |= stage.reached
        self._keep(examples)
        result.after = covered
        result.places = len(self.places)
        missing = [named(self.definition, target) for target in every if target not in covered]
        says_it = {(line["kind"], line["scope"], line["id"]) for line in short(missing)}
        result.unreached = [
            Unreached(target, self.why(target, covered))
            for target in every
            if target not in covered and (target in says_it or target.kind == "outcome")
        ]

    def _in_order(self, every: list[Target]) -> list[Target]:
        """Ends first, for their ways take much along; then what is farthest from the start."""
        start: Spot = (self.definition.net.process, self.definition.start.id)

        def rank(target: Target) -> tuple[bool, int]:
            return target.kind != "outcome", -self.map.to(target).get(start, 0)

        return sorted(every, key=rank)

    def _keep(self, examples: list[tuple[Target, dict[str, Any], set[Target]]]) -> None:
        """Leave out, the last first, what takes no way that the others don't."""
        kept = list(examples)
        for one in reversed(examples):
            others = self.result.before.union(*(took for other, _, took in kept if other != one[0]))
            if one[2] <= others:
                kept.remove(one)
        order = {target: place for place, target in enumerate(targets(self.definition))}
        covered = set(self.result.before)
        for target, example, took in kept:
            new = sorted(took - covered, key=lambda one: (one != target, order.get(one, 0)))
            covered |= took
            self.result.found.append(Found("", example, tuple(new)))

    def begin(self) -> None:
        """Where the examples come by, and every way to open a case."""
        for path, example in self.definition.examples.items():
            self._along(path, example)
        node = self.definition.start
        for number, (at, by) in enumerate(self._openings()):
            for answers in self.answers.of(node, self.definition.start_form(), at, {}):
                stage = _Rough(self.definition, self.organisation, "explored")
                self.result.acts += 1
                try:
                    stage.open(at, by, answers)
                except Refusal as refusal:
                    self.refused.setdefault(node.id, refusal.message)
                    continue
                move = {"start": self.local(at), "by": by, "data": answers}
                self._settle_in(stage, None, (move,), self.places)
            if self.places or number:
                break
        if not self.places:
            lacking = self.answers.lacking(self.definition.start_form())
            if lacking:
                self.refused.setdefault(node.id, _cannot_guess(lacking))

    def _along(self, path: str, example: dict[str, Any]) -> None:
        """The places along an example, up to where it fails."""
        stage = _Rough(self.definition, self.organisation, path)
        parent: Place | None = None
        try:
            for entry in play(stage, _bare(example)):
                if entry is None:
                    move: dict[str, Any] = {
                        key: example[key] for key in ("start", "by", "data") if key in example
                    }
                else:
                    move = entry
                if incidents(stage.case.marking):
                    return
                parent = self._settle_in(stage, parent, (move,), self.places, anew=True)
                stage.reached = set()
        except Refusal:
            return

    def _openings(self) -> Iterator[tuple[datetime, str]]:
        """When and by whom a case is opened: as in the examples; else by whoever may, on the first
        working day of a week in which the item is in force."""
        for example in self.definition.examples.values():
            yield datetime.fromisoformat(example["start"]).astimezone(ZoneInfo(OFFICE_ZONE)), example["by"]
            return
        day = max(date.fromisoformat(self.definition.effective), date(2026, 3, 2))
        while day.weekday() or not self.hours.day(day).works:
            day += timedelta(days=1)
        at = datetime.combine(day, _FIRST, ZoneInfo(OFFICE_ZONE))
        today = self.organisation.on(day)
        opened = CaseOpened(self.definition.code, self.definition.digest, OFFICE_ZONE, "", "", {})
        claim = claim_of(opened, None, self.definition, today)
        for person in may(today, claim)[:1] if claim is not None else ():
            yield at, person.id

    def seek(self, target: Target) -> Place | None:
        """A place just after `target` was reached, nearest first."""
        far = self.map.to(target)
        queue: list[tuple[int, int, Place]] = []

        seen: set[int] = set()

        def put(place: Place) -> None:
            if place.serial in seen:
                return
            seen.add(place.serial)
            distance = self._nearest(place, target, far)
            if distance < FAR and not place.case.closed:
                heapq.heappush(queue, (place.depth + 2 * distance, place.serial, place))

        for place in self.places.values():
            if target in place.took:
                return place
            put(place)
        most = min(self.result.acts + MOST_EACH, MOST_ACTS)
        while queue and self.result.acts < most:
            place = heapq.heappop(queue)[2]
            for after in self.onward(place, far):
                if target in after.took:
                    return after
                put(after)
        if queue:
            self.given_up.add(target)
        return None

    def finish(self, place: Place, wanted: set[Target]) -> Place | None:
        """A closed case from `place` on, by the shortest way; of two, by the one that takes more of what is
        wanted along."""
        if place.case.closed:
            return place
        ends = [self.map.to(Target("outcome", "", end)) for end in self.definition.item["outcomes"]]
        far = {spot: min(one.get(spot, FAR) for one in ends) for spot in set().union(*ends)}
        # Of its own, for a way on from a place like this that was found before does not lead through here.
        known: dict[str, Place] = {}
        queue = [(0, place.serial, place)]
        most = min(self.result.acts, MOST_ACTS) + MOST_EACH
        while queue and self.result.acts < most:
            here = heapq.heappop(queue)[2]
            if here.case.closed:
                return here
            for moves in self._options(here, far):
                after = self._try(here, moves, known)
                if after is None or after.parent is not here:
                    continue
                left = sum(min(far.get(spot, 50), 50) for spot in _spots(self.definition, after.case))
                gain = len((after.took - place.took) & wanted)
                heapq.heappush(
                    queue, (after.depth - place.depth + 2 * left - min(gain, 6), after.serial, after)
                )
        return None

    def _nearest(self, place: Place, target: Target, far: Mapping[Spot, int]) -> int:
        if target.kind == "clock" and any(
            runs(one) and one["clock"] == target.id for one in place.case.deadlines.values()
        ):
            return 0
        nearest = min((far.get(spot, FAR) for spot in _spots(self.definition, place.case)), default=FAR)
        # What is open beside it most often has to be done as well before the case goes on.
        return nearest + max(len(open_tasks(place.case.marking)) - 1, 0)

    # --- from one place to the next

    def onward(self, place: Place, far: Mapping[Spot, int]) -> Iterator[Place]:
        """The places after one act: of those nearest to what is wanted or first in turn, and of time."""
        for moves in self._options(place, far):
            key = json.dumps(moves, sort_keys=True, ensure_ascii=False)
            if key not in place.onward:
                place.onward[key] = self._try(place, moves, self.places)
            after = place.onward[key]
            if after is not None:
                yield after

    def _options(self, place: Place, far: Mapping[Spot, int]) -> Iterator[list[dict[str, Any]]]:
        case, definition = place.case, self.definition
        at = self._stage(place).soon()
        today = self._organisation_on(self.day(at))
        open_now = steps(case, definition)
        tasks = [step for step in open_now if step.message is None]
        nearest = min((far.get((step.scope, step.node.id), FAR) for step in open_now), default=FAR)
        chosen = (
            tasks[:1]
            + [step for step in open_now if far.get((step.scope, step.node.id), FAR) == nearest < FAR][:1]
        )
        chosen += [step for step in open_now if step.message is not None and not tasks]
        for step in {step.task: step for step in chosen}.values():
            yield from self._doings(case, step, at, today)
        silence = self._silence(place)
        if silence is not None:
            yield [{"at": self.local(silence), "advance": True}]
            for step in tasks:
                if self._would_sign(case, step):
                    person = self._who(case, step, today)
                    if person is not None and at < silence:
                        yield [
                            {"at": self.local(at), "by": person.id, "sign": step.task},
                            {"at": self.local(silence), "advance": True},
                        ]
                    break

    def _doings(
        self, case: Case, step: Step, at: datetime, today: Organisation
    ) -> Iterator[list[dict[str, Any]]]:
        person = self._who(case, step, today)
        if person is None:
            self.refused.setdefault(step.node.id, say("nobody may do it: {step}", step=step.task))
            return
        entry = case.docket.get(step.task)
        given: dict[str, Any] = {}
        for meeting in self.definition.meetings.values():
            if step.node.id == meeting.convene:
                given = self._convening(meeting, at)
            elif step.node.id == meeting.hold:
                call = latest_call(meeting, case.docket, case.marking["zone"])
                if call is not None:
                    at = max(at, read_instant(call.begins))
                    given = self._attendance(call.departments, today)
        base = {"at": self.local(at), "by": person.id}
        if entry is not None and entry["stage"] == "entered":
            yield [{**base, "confirm": step.task}]
            return
        form = self.definition.form(step.scope, step.node)
        if form is None:
            yield [{**base, "do": step.task}]
            return
        ways = self.answers.of(step.node, form, at, variables(case.marking), given)
        if not ways:
            self.refused.setdefault(step.node.id, _cannot_guess(self.answers.lacking(form)))
        for answers in ways:
            if answers.get("opinion") == "report_up" and self.definition.joint_of(step.node.id):
                continue  # it goes nowhere by itself
            answers = self._asked_anew(case, step, answers)
            yield [{**base, "do": step.task, **({"data": answers} if answers else {})}]

    def _convening(self, meeting: Meeting, at: datetime) -> dict[str, Any]:
        """When a meeting can be held that is called now: on the working day after its notice has run."""
        day = self.day(due(at, meeting.notice, self.hours).at) + timedelta(days=1)
        while not self.hours.day(day).works:
            day += timedelta(days=1)
        return {"date": day.isoformat(), "time": "09:00", "departments": list(meeting.departments)}

    def _attendance(self, departments: list[str], today: Organisation) -> dict[str, Any]:
        """Every department that was called came, by its designated leader."""
        leaders = {unit: today.holders(unit, DESIGNATED) for unit in departments}
        lines = [
            {"department": unit, "person": people[0].id, "present": True}
            if people
            else {"department": unit, "present": False}
            for unit, people in leaders.items()
        ]
        conclusion = {"department": departments[0], "task": "落实会议意见（示例）", "term": "1wd"}
        return {"attendance": lines, "opinions": [], "conclusions": [conclusion]}

    def _asked_anew(self, case: Case, step: Step, answers: dict[str, Any]) -> dict[str, Any]:
        """The answers, where what is on file is asked for again with the fault that it has."""
        name = step.node.properties.get("requests", "")
        listed = answers.get(name)
        if not isinstance(listed, list):
            return answers
        fault = "（示例）不符合要求"
        anew = [f"{one}:{fault}" if one in case.materials else one for one in listed]
        return {**answers, name: anew}

    def _who(self, case: Case, step: Step, today: Organisation) -> Person | None:
        """Who does it: as in the examples; else who has the fewest other posts, so that others are free."""
        able = may(today, claim_to_do(case, self.definition, today, step))
        named = {name: place for place, name in enumerate(self.answers.who(step.node.id))}
        ranked = sorted(able, key=lambda one: (named.get(one.id, len(named)), len(one.posts)))
        return ranked[0] if ranked else None

    def _would_sign(self, case: Case, step: Step) -> bool:
        """Whether silence on this step could count as consent once it is signed for."""
        entry = case.docket.get(step.task)
        if entry is None or entry["stage"] != "open":
            return False
        review = self.definition.joint_of(step.node.id)
        if review is not None:
            silence, risk = review.silence, review.risks.get(entry["unit"])
        else:
            found = [one for one in self.definition.meetings.values() if one.invite == step.node.id]
            if not found:
                return False
            silence = found[0].absence
            risk = self.definition.joints[found[0].joint].risks.get(entry["unit"])
        return silence is not None and silence.receipt and risk not in silence.excluded

    def _silence(self, place: Place) -> datetime | None:
        """When the case stands elsewhere because nobody has done anything; None if that never comes."""
        stage = self._stage(place)
        until = place.at + _FAR_OFF
        for _ in range(_MOST_SILENCES):
            fact = None if stage.case.closed else next_fact_of_time(stage.case, self.definition, until)
            if fact is None:
                return None
            try:
                stage.advance(fact[0])
            except Refusal:
                return None
            if stage.case.marking != place.case.marking or stage.reached:
                return fact[0]
        return None

    def _stage(self, place: Place) -> _Rough:
        stage = _Rough(self.definition, self.organisation, "explored")
        stage.course.state, stage.at = place.case, place.at
        return stage

    def _try(self, place: Place, moves: list[dict[str, Any]], known: dict[str, Place]) -> Place | None:
        """The place after these moves, which may be one that is `known`; None if they can't be made."""
        stage = self._stage(place)
        self.result.acts += 1
        try:
            for move in moves:
                stage.do(move)
        except Refusal as refusal:
            task = str(moves[0].get("do", moves[0].get("confirm", moves[0].get("sign", ""))))
            self.refused.setdefault(task.rpartition("/")[2].partition("#")[0], refusal.message)
            return None
        return self._settle_in(stage, place, tuple(moves), known)

    def _settle_in(
        self,
        stage: Stage,
        parent: Place | None,
        moves: tuple[dict[str, Any], ...],
        places: dict[str, Place],
        *,
        anew: bool = False,
    ) -> Place | None:
        """The place where the stage stands: one known already, unless something new was reached."""
        case = stage.case
        failed = incidents(case.marking)
        if failed:
            for visit in failed:
                element = visit.rpartition("/")[2].partition("#")[0]
                self.result.stuck.setdefault(element, self._incident(stage, visit))
            return None
        before = parent.took if parent is not None else frozenset[Target]()
        key = self._key(case)
        known = places.get(key)
        if known is not None and not anew and stage.reached <= known.took:
            return known
        self.serial += 1
        # Of two ways as short, rather the one on which people act.
        depth = parent.depth + 1 + ("advance" in moves[-1]) if parent is not None else 0
        place = Place(self.serial, case, stage.at, parent, moves, before | stage.reached, depth)
        places[key if known is None else f"{key}+{self.serial}"] = place
        return place

    def _incident(self, stage: Stage, visit: str) -> Text:
        for _, _, event in reversed(stage.course.entries):
            if event.type == "incident.raised" and visit in event.payload().values():
                return say("{message}", message=str(event.payload().get("message", "")))
        return say("it failed")

    def _key(self, case: Case) -> str:
        """What of a case could decide where it goes."""
        words = self.answers.words
        marking = case.marking
        frames = []
        for frame in marking["frames"].values():
            live = sorted(
                (v["node"], v["wait"], len(v.get("multi", {}).get("waiting", ())))
                for v in frame["live"].values()
            )
            data = _shown(frame.get("data", {}), words)
            frames.append((frame["scope"], live, sorted(frame["joins"].items()), data))
        clocks = sorted(
            (one["clock"], one["due"] is None, one["expired"] is not None)
            for one in case.deadlines.values()
            if runs(one)
        )
        # Who of several departments said what decides as little as the order in which they did, but for those
        # whose word counts for more.
        heavy = {unit for joint in self.definition.joints.values() for unit in (*joint.veto, joint.lead)}
        docket = sorted(
            (
                entry["element"] if entry["unit"] in heavy or "joint" not in entry else entry["joint"],
                entry["stage"],
                json.dumps(_shown(entry.get("answer", {}), words | {"opinion", "reply"}), sort_keys=True),
            )
            for entry in case.docket.values()
            if entry["stage"] != "cancelled"
            and (entry["stage"] not in ("done", "deemed") or "joint" in entry)
        )
        whole = [frames, clocks, docket, case.notices, case.outcome, marking["mail"]]
        return json.dumps(whole, sort_keys=True, default=str)

    # --- time and paper

    def _organisation_on(self, day: date) -> Organisation:
        if day not in self.days:
            self.days[day] = self.organisation.on(day)
        return self.days[day]

    def day(self, at: datetime) -> date:
        return self.hours.date_of(at)

    def local(self, at: datetime) -> str:
        return self.hours.local(at).isoformat()

    def example(self, end: Place) -> dict[str, Any]:
        """The moves to `end` as an example, without expectations."""
        first, *rest = end.whole()
        return {"title": "explored", **first, "steps": rest}

    # --- why not

    def why(self, target: Target, covered: set[Target]) -> Text:
        """Why a way was not found."""
        net = self.definition.net
        if not self.places:
            reason = self.refused.get(self.definition.start.id)
            if reason is None:
                return say("no case can be opened: nobody holds the post of the start event's lane")
            return say("no case can be opened: {reason}", reason=reason)
        if target in self.cut_off:
            return say("a case came there, and no way from there to an end was found")
        if target in self.given_up:
            return say("given up after {count} acts", count=MOST_EACH)
        if target.kind == "flow":
            source = net.scopes[target.scope].flows[target.id].source
            at_source = Target("element", target.scope, source) in covered
            condition = condition_of(self.definition, target)
            if at_source and condition:
                return say("no answers were found that make {condition} true", condition=condition)
            if at_source and net.scopes[target.scope].nodes[source].default == target.id:
                return say("one of the other conditions held each time")
            if at_source:
                return say("the case came to {element} and not out of it this way", element=source)
            return self._stopped(source)
        return self._stopped(target.id)

    def _stopped(self, element: str) -> Text:
        if element in self.refused:
            return say("no case came to {element}: {reason}", element=element, reason=self.refused[element])
        if self.result.acts >= MOST_ACTS:
            return say("given up after {count} acts", count=self.result.acts)
        return say("no case came to {element}", element=element)


def _cannot_guess(names: list[str]) -> Text:
    if not names:
        return say("no answers were found that its form takes")
    return say("no value can be guessed for {fields}; give an example that has them", fields=", ".join(names))


def _bare(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example without its expectations."""
    plain = {key: example[key] for key in example if key != "outcome" and not key.startswith("expect_")}
    entries = example.get("steps", ())
    bare = [{key: one[key] for key in one if not key.startswith("expect_")} for one in entries]
    return {**plain, "steps": bare}


def _spots(definition: Definition, case: Case) -> set[Spot]:
    """Where a case waits: not for what runs inside an activity, but there."""
    found = set()
    for frame in case.marking["frames"].values():
        for visit in frame["live"].values():
            if visit["wait"] in ("task", "event", "race") or "multi" in visit:
                found.add((frame["scope"], visit["node"]))
    return found


def _shown(value: Any, words: frozenset[str]) -> Any:
    """What conditions can see of the variables: records by the names that any expression mentions."""
    if isinstance(value, dict):
        return {key: _shown(value[key], words) for key in value if key in words}
    if isinstance(value, list):
        parts = [_shown(one, words) for one in value]
        return sorted(parts, key=lambda one: json.dumps(one, sort_keys=True, default=str))
    return value


def _name(definition: Definition, result: Exploration, taken: set[str]) -> None:
    """Names that say where an example ends and what it was looked for."""
    renamed = []
    for number, found in enumerate(result.found, 1):
        telling = short([named(definition, target) for target in found.new])
        tells = {Target(line["kind"], line["scope"], line["id"]) for line in telling[:1]}
        first = next((target for target in found.new if target in tells), found.new[0])
        words = [f"explored-{number:02d}", str(found.example["outcome"])]
        if first.kind == "flow":
            flow = definition.net.scopes[first.scope].flows[first.id]
            words += ["via", flow.target if flow.target != words[1] else flow.source]
        elif first.kind != "outcome":
            words += ["via", first.id]
        name = "-".join(words).replace("_", "-").lower()
        while name in taken:
            name += "-again"
        taken.add(name)
        renamed.append(replace(found, name=name))
    result.found = renamed
