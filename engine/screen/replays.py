"""Histories run again: act by act with tokens, clocks and variables, and all of an office."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text as Styled

from ..clock import read_instant
from ..errors import Text, say
from .base import Data, clean, columns
from .stories import Stories

_LISTED = 20
"""Most cases of a kind that are named."""


class Replays(Stories):
    def replay(self, data: Data, *, variables: bool = False) -> str:
        """Every event again, after each act where the process stood, and how all stands at the end; with the
        `variables`, what each act did to them too."""
        table = self._events()
        ends = {act["last"]: act for act in data["acts"]}
        for line in data["events"]:
            table.add_row(*self._event(line))
            act = ends.get(line["seq"])
            if act is not None and line["open"]:
                then = self.say(say("→ open: {steps}", steps=", ".join(line["open"])))
                table.add_row("", "", Styled(then, "cyan"))
            if act is not None and variables:
                for change in self._changes(act["changed"]):
                    table.add_row("", "", change)
        parts: list[RenderableType] = [Styled(clean(data["case"]), "bold"), table]
        if data["to"] < data["count"] or variables:
            parts += [*self._stands(data, data["acts"][-1], variables=variables)]
        return self._render([*parts, *self._footnote(data), self._agreed(data)])

    def act(self, data: Data, n: int, *, variables: bool = False) -> str:
        """The `n`th act of a replay, counted from 1: its events, and how all stood after it."""
        act = data["acts"][n - 1]
        events = data["events"][act["first"] - 1 : act["last"]]
        told = {"n": n, "count": len(data["acts"]), "first": act["first"], "last": act["last"]}
        title = self.say(say("act {n} of {count}, events {first} to {last}", **told))
        table = self._events()
        for line in events:
            table.add_row(*self._event(line))
        parts: list[RenderableType] = [
            Styled.assemble((clean(data["case"]), "bold"), "  ", title),
            table,
            *self._stands(data, act, variables=variables),
        ]
        if n == len(data["acts"]):
            parts.append(self._agreed(data))
        return self._render([*parts, ""])

    def _agreed(self, data: Data) -> Styled:
        if data["to"] < data["count"]:
            agreed = say("replay agrees with the record up to event {to} of {count}", **_range(data))
        else:
            agreed = say("replay agrees with the record: {count} events", count=data["count"])
        return Styled(self.say(agreed), "bold green")

    def _stands(self, data: Data, act: Data, *, variables: bool) -> list[RenderableType]:
        """Where the tokens are, what the clocks show, and what the act did to the variables, or all of
        them."""
        then = copy(self)
        then.now = read_instant(act["as_of"])  # or the clocks would show what they show today
        parts: list[RenderableType] = []
        if act["tokens"]:
            parts += [*self._heading(say("Tokens")), columns([self._token(token) for token in act["tokens"]])]
        units = {line["data"]["unit"]: line["unit_name"] for line in data["events"] if line["unit_name"]}
        steps = {
            clock["of"]: f"{clock['of']} · {self.name(units.get(clock['unit'], {}), clock['unit'])}"
            for clock in act["clocks"]
            if clock["of"]
        }
        parts += then._clocks(act["clocks"], steps)
        changes = list(self._changes(act["changed"]))
        if variables and act["data"]:
            parts += self._heading(say("Variables"))
            marks = {(one["frame"], one["name"]): _SIGNS[one["change"]] for one in act["changed"]}
            rows = [
                (marks.get((frame, name), " "), _named(frame, name), _written(value))
                for frame, known in act["data"].items()
                for name, value in known.items()
            ]
            parts.append(columns(rows))
        elif changes:
            parts += [*self._heading(say("Variables")), *(Padding(one, (0, 0, 0, 1)) for one in changes)]
        return parts

    def _token(self, token: Data) -> Sequence[str]:
        name = self.name(token["name"], token["element"])
        where = token["token"] if token["n"] == 1 else f"{token['token']} × {token['n']}"
        return clean(where), name, self.say(self._waiting(token))

    def _waiting(self, token: Data) -> Text:
        match token["waits"]:
            case "person":
                whose = "/".join(part for part in (token["unit"], token["post"]) if part) or "—"
                return say("waits for {whose}", whose=whose)
            case "event":
                return say("waits for {events}", events=", ".join(map(self._event_awaited, token["awaits"])))
            case "others":
                return say("came by {flow}, waits for the other branches", flow=token["flow"])
            case "inside":
                return say("waits for what runs inside")
            case "compensation":
                return say("waits for the compensation")
            case _:
                return say("failed, waits for repair")

    def _event_awaited(self, event: Data) -> str:
        if event["due"]:
            return self.when(event["due"])
        kind = self.say(_KINDS[event["kind"]]) if event["kind"] in _KINDS else event["kind"]
        return f"{kind} {clean(event['name'])}".strip()

    def _changes(self, changed: Iterable[Data]) -> Iterable[Styled]:
        for one in changed:
            name, value = _named(one["frame"], one["name"]), _written(one["value"])
            if one["change"] == "changed":
                value = f"{_written(one['was'])} → {value}"
            text = f"{_SIGNS[one['change']]} {name}" + ("" if one["change"] == "gone" else f" = {value}")
            yield Styled(clean(text), "magenta")

    def replayed_all(self, data: Data) -> str:
        """How many histories were run again, and which of them are not what replay gives."""
        told = {key: data[key] for key in ("replayed", "acts", "events", "unchanged")}
        text = say("replayed: {replayed} cases, {acts} acts, {events} events", **told)
        if data["unchanged"]:
            text = say(
                "replayed: {replayed} cases, {acts} acts, {events} events; unchanged since they agreed:"
                " {unchanged}",
                **told,
            )
        bad = [(title, data[state]) for state, title in _STATES.items() if data[state]]
        parts: list[RenderableType] = [Styled(self.say(text), "bold red" if bad else "bold green")]
        for title, cases in bad:
            named = [*map(clean, cases[:_LISTED]), *(["…"] if len(cases) > _LISTED else [])]
            parts.append(Styled(self.say(say("{title}: {count}", title=title, count=len(cases))), "bold red"))
            parts.append(columns([(case,) for case in named]))
        return self._render(parts)


def _range(data: Data) -> dict[str, Any]:
    return {key: data[key] for key in ("to", "count")}


def _named(frame: str, name: str) -> str:
    return f"{frame}.{name}" if frame else name


def _written(value: Any) -> str:
    return clean(json.dumps(value, ensure_ascii=False))


_SIGNS = {"new": "+", "changed": "*", "gone": "-"}

_KINDS = {
    "message": say("message"),
    "signal": say("signal"),
    "timer": say("timer"),
    "conditional": say("condition"),
}

_STATES: Mapping[str, Text] = {
    "diverged": say("diverged"),
    "broken": say("chain broken"),
    "unreadable": say("unreadable"),
}
