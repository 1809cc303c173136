"""What an exploration means: deadlocks, tokens that are lost, left over or too many, dead elements, circles
without a way out; each with a shortest way to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

from ..errors import NOTHING, Problem, Text, say
from ..flow.marking import Frame, element_of
from ..flow.net import Node, Scope, triggers
from .explore import Exploration, Failure, Passage, State
from .model import Model

_DIAGRAM = "diagram.bpmn"
MOST_NAMED = 5
"""Elements that a finding lists."""
_QUIET = frozenset({"armed"})
_CATCH = say(
    "draw an error event on the edge of the subprocess around it, or an event subprocess that begins with one"
)


class Findings:
    """The problems of one exploration, each code and element once: the certain ones before the assumed ones,
    the shortest first."""

    def __init__(
        self, model: Model, found: Exploration, sources: Mapping[str, str], outcomes: Collection[str]
    ) -> None:
        self.model, self.net, self.found = model, model.net, found
        self.sources, self.outcomes = sources, outcomes
        self.problems: dict[tuple[str, str], Problem] = {}

    def all(self) -> list[Problem]:
        states = sorted(range(len(self.found.states)), key=lambda i: self.found.states[i].assumed)
        for index in states:
            state = self.found.states[index]
            self.crowded(index, state)
            if state.stuck:
                self.deadlock(index, state)
        for passage in sorted(self.found.passages, key=lambda passage: passage.assumed):
            self.ended(passage)
            self.failed(passage)
        for failure in self.found.failures:
            self.endless(failure)
        if self.found.complete and not self.found.failures:
            self.circles()
            self.dead()
        elif not self.found.failures:
            self.bounded()
        return list(self.problems.values())

    def add(
        self,
        code: str,
        severity: Literal["error", "warning"],
        scope: Scope | None,
        element: str,
        message: Text,
        *,
        trace: tuple[Text, ...] = (),
        assumed: bool = False,
        expected: Text = NOTHING,
        found: Text = NOTHING,
        remedy: Text = NOTHING,
    ) -> None:
        key = (code, element)
        if key in self.problems:
            return
        if assumed:
            severity = "warning"
            note = say("whether it comes to that rests on what the way shows as taken to be so")
            found = say("{found}; {note}", found=found, note=note) if found.msgid else note
        process = (scope.id if scope is not None else self.net.process).split("/")[0]
        file = self.sources.get(process, _DIAGRAM)
        self.problems[key] = Problem(
            code, severity, file, element, message, expected, found, remedy, trace=trace
        )

    # --- states

    def deadlock(self, index: int, state: State) -> None:
        frames = state.marking["frames"]
        stuck = [(frame, node) for frame in frames.values() for node in frame["joins"]]
        frame, element = stuck[0] if stuck else _first_waiting(frames)
        scope = self.net.scopes[frame["scope"]]
        self.add(
            "sound.deadlock",
            "error",
            scope,
            shown(element),
            say("the case stands still at {element}, and nobody can do anything", element=shown(element)),
            trace=self.found.trace(index),
            assumed=state.assumed,
            expected=say("every branch goes on to an end event"),
            found=self.missing(frame, scope.nodes[element]) if stuck else NOTHING,
            remedy=say(
                "let the branches meet at the kind of gateway at which they parted: ✕ where one of them is "
                "chosen, ○ where several may be, ＋ where all are taken"
            ),
        )

    def missing(self, frame: Frame, node: Node) -> Text:
        scope = self.net.scopes[frame["scope"]]
        arrived = frame["joins"][node.id]
        came = [shown(scope.flows[flow].source) for flow in node.incoming if flow in arrived]
        lacking = [shown(scope.flows[flow].source) for flow in node.incoming if flow not in arrived]
        return say(
            "the branch from {came} has arrived, and it waits for ever for the one from {lacking}",
            came=", ".join(came),
            lacking=", ".join(lacking),
        )

    def failed(self, passage: Passage) -> None:
        for effect in passage.effects:
            if effect.kind != "incident":
                continue
            code = effect.info["code"]
            scope = self.net.scopes[effect.scope]
            element = shown(effect.element)
            trace, assumed = self.found.trace(passage.state, passage.said), passage.assumed
            if code == "flow.none":
                self.add(
                    "sound.no_flow",
                    "error",
                    scope,
                    element,
                    say(
                        "no condition on the flows out of {element} holds, and there is no default flow",
                        element=element,
                    ),
                    expected=say("one flow at least for whatever can be answered"),
                    remedy=say("add the condition that is missing, or mark one flow as the default flow"),
                    trace=trace,
                    assumed=assumed,
                )
            elif code == "error.uncaught":
                self.add(
                    "sound.uncaught",
                    "error",
                    scope,
                    element,
                    say("the error that {element} throws is caught nowhere", element=element),
                    expected=say("an event that catches it"),
                    remedy=_CATCH,
                    trace=trace,
                    assumed=assumed,
                )
            else:
                self.add(
                    "sound.fault",
                    "warning",
                    scope,
                    element,
                    say(
                        "at {element} something can’t be worked out: {message}",
                        element=element,
                        message=effect.info["message"],
                    ),
                    expected=say("values for all that is read there, whatever has been answered"),
                    remedy=say(
                        "make the field required in the form, or let only those cases come here that have it"
                    ),
                    trace=trace,
                    assumed=assumed,
                )

    def crowded(self, index: int, state: State) -> None:
        for frame in state.marking["frames"].values():
            scope = self.net.scopes[frame["scope"]]
            counts: dict[str, int] = {}
            for visit in frame["live"].values():
                if visit["wait"] not in ("undo", "armed"):
                    counts[visit["node"]] = counts.get(visit["node"], 0) + 1
            for node, flows in frame["joins"].items():
                counts[node] = max(flows.values())
            for node, count in counts.items():
                if count > 1:
                    self.add(
                        "sound.two_tokens",
                        "warning",
                        scope,
                        shown(node),
                        say(
                            "{element} is come to twice, and what follows is done twice", element=shown(node)
                        ),
                        trace=self.found.trace(index),
                        assumed=state.assumed,
                        expected=say("branches that meet before it, so that it is done once"),
                        found=say("{count} branches come to it one by one", count=count),
                        remedy=say("where branches of ＋ meet again, draw ＋; where several of ○ meet, ○"),
                    )

    def ended(self, passage: Passage) -> None:
        """Ends of the process itself that are reached while something else is under way."""
        process = self.net.scopes[self.net.process]
        completed = [e for e in passage.effects if e.kind == "completed" and e.scope == process.id]
        ends = [e.element for e in completed if e.element in self.outcomes]
        if not ends:
            return
        before = self.found.states[passage.state].marking["frames"][""] if passage.state is not None else None
        earlier = before.get("end") if before is not None else None
        trace, assumed = self.found.trace(passage.state, passage.said), passage.assumed
        reached = [end for end in (earlier, *ends) if end in self.outcomes]
        if len(set(reached)) > 1:
            names = ", ".join(dict.fromkeys(str(end) for end in reached))
            self.add(
                "sound.two_outcomes",
                "warning",
                process,
                str(reached[-1]),
                say("one case comes to several outcomes: {outcomes}", outcomes=names),
                expected=say("one outcome"),
                found=say("{outcomes}", outcomes=names),
                remedy=say("let the branches meet at a join, and decide behind it"),
                trace=trace,
                assumed=assumed,
            )
        if passage.marking["state"] == "running":
            root = passage.marking["frames"][""]
            others = [v["node"] for v in root["live"].values() if v["wait"] not in _QUIET]
            others += root["joins"]
            if others:
                still = _names(others)
                self.add(
                    "sound.left_over",
                    "warning",
                    process,
                    ends[-1],
                    say("outcome {end} is reached while {others} is still open", end=ends[-1], others=still),
                    expected=say("nothing is left when the outcome is reached"),
                    found=say("the case stays open: {others}", others=still),
                    remedy=say("join all branches before the end event"),
                    trace=trace,
                    assumed=assumed,
                )
            return
        last = process.nodes[ends[-1]]
        if any(event.kind == "terminate" for event in triggers(last)):
            cut = [element_of(e.id) for e in passage.effects if e.kind == "cancelled"]
            gone_on = {effect.element for effect in completed}
            cut += [join for join in before["joins"] if join not in gone_on] if before is not None else []
            if cut:
                open_ = _names(cut)
                self.add(
                    "sound.cut_off",
                    "warning",
                    process,
                    last.id,
                    say("{end} ends the case while {others} is still open", end=last.id, others=open_),
                    expected=say("nothing is left when the outcome is reached"),
                    found=say("taken away: {others}", others=open_),
                    remedy=say("keep it if that is meant; else join all branches before the end event"),
                    trace=trace,
                    assumed=assumed,
                )

    def endless(self, failure: Failure) -> None:
        trace = self.found.trace(failure.state) if failure.state is not None else ()
        self.add(
            "sound.endless",
            "error",
            self.scope_of(failure.element),
            shown(failure.element),
            say(
                "the case comes to {element} again and again, and waits for nobody",
                element=shown(failure.element),
            ),
            expected=say("a loop that ends, or in which somebody has something to do"),
            trace=(*trace, *((failure.said,) if failure.said is not None else ())),
            assumed=failure.assumed,
            remedy=say("put a task or an event into the loop, or correct the condition that leaves it"),
        )

    # --- the whole

    def circles(self) -> None:
        """States from where no end can be reached."""
        states = self.found.states
        back: dict[int, list[int]] = {}
        for index, state in enumerate(states):
            for following in state.next:
                back.setdefault(following, []).append(index)
        # What stands still, has failed, or was not looked at any further is no circle.
        good = [i for i, s in enumerate(states) if not s.next]
        good += [i for i, s in enumerate(states) if s.next and not s.whole]
        reached = set(good)
        while good:
            for before in back.get(good.pop(), ()):
                if before not in reached:
                    reached.add(before)
                    good.append(before)
        bad = [i for i in range(len(states)) if i not in reached]
        if not bad:
            return
        first = min(bad, key=lambda i: (states[i].assumed, len(self.found.trace(i)), i))
        assumed = states[first].assumed
        for _ in range(2):  # further in, to the circle itself
            round_ = self.following(first)
            round_ = self.following(max(round_))
            first = min(round_)
        steps = sorted(
            {
                (self.net.scopes[frame["scope"]].nodes[visit["node"]].order, visit["node"])
                for i in round_
                for frame in states[i].marking["frames"].values()
                for visit in frame["live"].values()
                if visit["wait"] in ("task", "event", "race") and not visit["node"].startswith("?")
            }
        )
        names = [name for _, name in steps]
        element = names[0] if names else self.net.process
        self.add(
            "sound.livelock",
            "error" if self.model.exact else "warning",
            self.scope_of(element),
            element,
            say("from {element} on the case goes round and can never end", element=element),
            trace=self.found.trace(first),
            assumed=assumed,
            expected=say("a way out of the loop to an end event"),
            found=say("again and again: {steps}", steps=", ".join(names)),
            remedy=say("draw a way out of the loop, or correct the condition that leaves it"),
        )

    def following(self, index: int) -> set[int]:
        """The states that can follow on one, itself included."""
        found, queue = {index}, [index]
        while queue:
            for following in self.found.states[queue.pop()].next:
                if following not in found:
                    found.add(following)
                    queue.append(following)
        return found

    def dead(self) -> None:
        """Elements that no case reaches; of those behind each other only the first."""
        if not all(state.whole for state in self.found.states):
            return  # what follows there is not known
        alive = self.found.alive
        for scope in self.net.scopes.values():
            for node in scope.nodes.values():
                if (scope.id, node.id) not in alive and self.is_first(scope, node, alive):
                    self.add(
                        "sound.dead_element",
                        "warning",
                        scope,
                        shown(node.id),
                        say("no case ever comes to {element}", element=shown(node.id)),
                        expected=say("a way that leads there"),
                        remedy=say("correct the conditions that lead there, or delete it"),
                    )

    def is_first(self, scope: Scope, node: Node, alive: Collection[tuple[str, str]]) -> bool:
        if node.id.startswith("?"):
            return False
        if node.host is not None:  # faults of the diagram, and compensation, are not looked at there
            kinds = {event.kind for event in triggers(node)}
            return (scope.id, node.host) in alive and not kinds & {"error", "compensate", "cancel"}
        sources = [scope.flows[flow].source for flow in node.incoming]
        sources = [s for source in sources for s in self.behind(scope, source)]
        told = {element for _, element in self.problems}  # where it stops, nothing behind comes to life
        return any((scope.id, source) in alive and source not in told for source in sources)

    def behind(self, scope: Scope, source: str) -> Iterator[str]:
        """The drawn element that a flow comes from."""
        if not source.startswith("?"):
            yield source
            return
        for flow in scope.nodes[source].incoming:
            yield from self.behind(scope, scope.flows[flow].source)

    def bounded(self) -> None:
        self.add(
            "sound.bounded",
            "warning",
            None,
            self.net.process,
            say("the process has too many states to look at all of them"),
            expected=say("a process that can be explored to the end"),
            found=say("{states} states looked at; what is said of them holds", states=len(self.found.states)),
            remedy=say("put parts of it into processes of their own, and check these by themselves"),
        )

    def scope_of(self, element: str) -> Scope | None:
        return next((scope for scope in self.net.scopes.values() if element in scope.nodes), None)


def _names(elements: Iterable[str]) -> str:
    names = list(dict.fromkeys(shown(element) for element in elements))
    return ", ".join(names if len(names) <= MOST_NAMED else [*names[:MOST_NAMED], "…"])


def shown(element: str) -> str:
    """The drawn element that one of the exploration's own belongs to."""
    return element.strip("?").partition("?")[0]


def _first_waiting(frames: Mapping[str, Frame]) -> tuple[Frame, str]:
    for frame in reversed(list(frames.values())):
        for visit in frame["live"].values():
            if visit["wait"] not in _QUIET:
                return frame, visit["node"]
    root = frames[""]
    return root, next(visit["node"] for visit in root["live"].values())
