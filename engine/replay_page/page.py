"""All of a replay as one HTML file: nothing in it comes from elsewhere, and nothing leaves it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from ..case import CalendarOf, Case
from ..clock import read_instant, write_instant
from ..definition import Definition
from ..documents import render
from ..errors import Text, say
from ..events import DocumentIssued, Record
from ..flow.step import Glimpse
from ..forms import NO_FIELDS
from ..organisation import Organisation
from ..seals import Seal
from ..views import answer_lines, by_version, form_of, story_lines
from .acts import CLOCK, Act, Name, State, acts, changed, millis
from .places import Atlas, Chart, marked
from .tracks import bars, clocks, days

HERE = Path(__file__).parent
TEMPLATE = "page.j2"
MOST = 200_000_000
"""Most characters of a page: it has a history of any length, and our own template alone decides its size."""

Tell = Callable[[Mapping[str, Any]], tuple[str, str]]
"""Says of an event (`views.story_lines`) who did it, and what happened, in the reader's language."""


class Proof(Struct, frozen=True):
    """What was found when the case was checked at the instant `at` (nothing, where all is as it was written),
    and how far its history was sealed: `(up to which event, by which seal)` in order."""

    at: datetime
    findings: Sequence[Text]
    seals: Sequence[tuple[int, Seal]]


def page(
    played: Iterable[tuple[Record, Case]],
    seen: list[Glimpse],
    definition_of: Callable[[str], Definition],
    calendar_of: CalendarOf,
    organisation: Organisation,
    proof: Proof,
    lang: str,
    translate: Callable[[str], str],
    tell: Tell,
) -> dict[str, Any]:
    """`{case, item, definition, outcome, acts, events, hash, content}`: the replay of a case in `content`,
    and of what: how many acts and events, and the hash of the last one.

    `seen` is the list that the replay's watch adds to. The same bytes for the same history, proof and
    language. Raises `Diverged` where the history does not follow, `drawing.Undrawable`.
    """

    def name(names: Mapping[str, str]) -> str:
        return names.get(lang) or next(iter(names.values()), "")

    def charts_of(digest: str) -> list[Chart]:
        return atlas.charts_of(definition_of(digest))

    atlas = Atlas(lambda definition: definition.title().render(translate))
    told = list(acts(played, seen, atlas, definition_of, calendar_of, organisation, name))
    case = told[-1].case
    definition = definition_of(case.definition)
    history = [record for act in told for record in act.records]
    versions = by_version(history, case.definition, definition_of)
    lines = _rendered(story_lines(versions, organisation), translate)
    words = {key: text.render(translate) for key, text in WORDS.items()}
    until = read_instant(case.at) if case.closed else max(proof.at, read_instant(case.at))
    ends = [line["due"] for line in told[-1].state["open"].values()]
    ends += [line[CLOCK.index("due")] for line in told[-1].state["clocks"].values() if line[0] == "running"]
    horizon = until if case.closed else max([until, *(_instant(end) for end in ends if end)])
    steps = bars(told)
    tracks = clocks(told, definition_of, name)
    units = list(dict.fromkeys([bar["unit"] for bar in steps] + [track["unit"] for track in tracks]))
    when = _Local(case.marking["zone"])
    data = {
        "case": case.number,
        "until": millis(write_instant(until)),
        "horizon": millis(write_instant(horizon)),
        "offset": when.offsets(case.opened_at, horizon),
        "acts": _acts(told, lines, definition_of, name, tell, when, words),
        "events": [[record.seq, record.event.type, record.hash, record.body.decode()] for record in history],
        "bars": steps,
        "tracks": _rendered(tracks, translate),
        "days": days(case, calendar_of, units, case.opened_at, horizon),
        "units": {unit: organisation.unit_name(unit, lang) for unit in units},
        "parties": _parties(told, definition_of, organisation, name, words),
        "documents": _documents(told, definition_of, name),
        "versions": [
            {
                "definition": digest,
                "charts": [chart.number for chart in atlas.charts_of(definition_of(digest))],
            }
            for digest in dict.fromkeys(act.case.definition for act in told)
        ],
        "outcomes": {case.outcome: name(definition.outcome_names(case.outcome))} if case.outcome else {},
        "proof": _proof(proof, when, translate),
        "words": words,
    }
    texts = {part: (HERE / f"page.{part}").read_text("utf-8").strip() for part in ("css", "js")}
    last = _marks(told[-1].state)
    charts, pictures = [], {}
    for chart in atlas.charts:
        key = f"chart{chart.number}"
        pictures[key] = marked(chart.drawing.svg, last.get(chart.number, {}))
        charts.append(
            {
                "key": key,
                "number": chart.number,
                "file": chart.file,
                "width": f"{chart.drawing.width:g}",
                "current": chart.definition == case.definition,
            }
        )
    context = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "case": case.number,
        "item": definition.title().render(translate),
        "words": words,
        "charts": charts,
        "rows": _rows(told, lines, tell, when),
        "last": len(told) - 1,
        "summary": _summary(case, definition, proof, name, when, words),
        "policy": "; ".join(
            (
                "default-src 'none'",
                f"script-src 'sha256-{_digest(texts['js'])}'",
                "style-src 'unsafe-inline'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
            )
        ),
    }
    parts = {**texts, "data": _embedded(data)}
    content = render({TEMPLATE: (HERE / TEMPLATE).read_bytes()}, TEMPLATE, context, pictures, parts, MOST)
    return {
        "case": case.number,
        "item": case.item,
        "definition": case.definition,
        "outcome": case.outcome,
        "acts": len(told),
        "events": len(history),
        "hash": history[-1].hash,
        "content": content.decode(),
    }


def _embedded(data: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or a line."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class _Local:
    """Instants as the office's wall shows them."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def __call__(self, instant: str) -> str:
        return read_instant(instant).astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def offsets(self, since: str, until: datetime) -> int:
        """How far the wall is before UTC when the case ends, in milliseconds."""
        offset = until.astimezone(self.zone).utcoffset()
        return int(offset.total_seconds() * 1000) if offset else 0


def _instant(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _rendered(value: Any, translate: Callable[[str], str]) -> Any:
    if isinstance(value, Text):
        return value.render(translate)
    if isinstance(value, dict):
        return {key: _rendered(held, translate) for key, held in value.items()}
    return [_rendered(held, translate) for held in value] if isinstance(value, list) else value


def _acts(
    told: Sequence[Act],
    lines: Sequence[Mapping[str, Any]],
    definition_of: Callable[[str], Definition],
    name: Name,
    tell: Tell,
    when: _Local,
    words: Mapping[str, str],
) -> list[dict[str, Any]]:
    found = []
    before: State = {}
    for act in told:
        fact = act.records[0]
        who, what = tell(lines[fact.seq - 1])
        by = fact.by
        found.append(
            {
                "seq": fact.seq,
                "last": act.records[-1].seq,
                "at": millis(fact.at),
                "when": when(fact.at),
                "entered": when(fact.entered),
                "who": who,
                "what": what,
                "post": "/".join(by[key] for key in ("unit", "post") if key in by),
                "answers": _answers(fact, act.case, definition_of, name, words),
                "change": changed(before, act.state),
            }
        )
        before = act.state
    return found


def _answers(
    fact: Record,
    case: Case,
    definition_of: Callable[[str], Definition],
    name: Name,
    words: Mapping[str, str],
) -> list[list[str]]:
    """What was entered, field by field, in words."""
    entered = fact.event.payload().get("data")
    if not isinstance(entered, dict):
        return []
    definition = definition_of(case.definition)
    element = getattr(fact.event, "element", "")
    if fact.event.type == "case.opened":
        form = definition.start_form()
    elif fact.event.type == "message.received":
        form = form_of(definition, definition.message_element(getattr(fact.event, "name", "")))
    else:
        form = form_of(definition, element) if element else NO_FIELDS
    return [
        [name(line["title"]), name(line["words"]) or _readable(line["value"], words)]
        for line in answer_lines(form, entered)
    ]


def _readable(value: Any, words: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parties(
    told: Sequence[Act],
    definition_of: Callable[[str], Definition],
    organisation: Organisation,
    name: Name,
    words: Mapping[str, str],
) -> dict[str, str]:
    """What those are called whose the time was."""
    found: dict[str, str] = {}
    for act in told:
        definition = definition_of(act.case.definition)
        grounds = {
            key: {"zh": ground.zh, "en": ground.en}
            for clock in definition.clocks.values()
            for key, ground in clock.rule.grounds.items()
        }
        for holder in act.state["whose"]:
            kind, _, party = holder.partition(":")
            if kind == "unit":
                unit = organisation.units.get(party, {}).get("name", {})
                found[holder] = name(unit) or party
            elif kind == "excluded":
                found[holder] = f"{words['excluded']} · {name(grounds.get(party, {})) or party}"
            elif kind == "waiting":
                found[holder] = f"{words['waiting']} · {name(definition.names(party))}"
            else:
                found[holder] = words["applicant"]
    return found


def _documents(
    told: Sequence[Act], definition_of: Callable[[str], Definition], name: Name
) -> list[dict[str, Any]]:
    """Every document that was issued: by the `act`, and the digest of its bytes."""
    return [
        {
            "act": n,
            "seq": record.seq,
            "name": name(definition_of(act.case.definition).document(record.event.document)["name"]),
            "number": record.event.number,
            "digest": record.event.content,
        }
        for n, act in enumerate(told)
        for record in act.records
        if isinstance(record.event, DocumentIssued)
    ]


def _proof(proof: Proof, when: _Local, translate: Callable[[str], str]) -> dict[str, Any]:
    return {
        "at": when(write_instant(proof.at)),
        "findings": [finding.render(translate) for finding in proof.findings],
        "seals": [
            {
                "seq": seq,
                "number": seal.number,
                "at": when(seal.at),
                "root": seal.root,
                "digest": seal.digest,
                "key": seal.key,
            }
            for seq, seal in proof.seals
        ],
    }


def _marks(state: State) -> dict[int, dict[str, str]]:
    """The classes of the elements in a state, by chart; the page's script gives the same."""
    found: dict[int, dict[str, list[str]]] = {}
    for mark, section in (("s-done", "done"), ("s-taken", "taken"), ("s-dropped", "dropped")):
        for place in state[section]:
            chart, _, element = place.partition(":")
            found.setdefault(int(chart), {}).setdefault(element, []).append(mark)
    for place, (_, wait) in state["tokens"].items():
        chart, _, element = place.partition(":")
        found.setdefault(int(chart), {}).setdefault(element, []).append(f"s-at s-{wait}")
    return {chart: {key: " ".join(marks) for key, marks in held.items()} for chart, held in found.items()}


def _rows(
    told: Sequence[Act], lines: Sequence[Mapping[str, Any]], tell: Tell, when: _Local
) -> list[dict[str, Any]]:
    """The history as a table."""
    found = []
    for n, act in enumerate(told):
        for record in act.records:
            who, what = tell(lines[record.seq - 1])
            found.append(
                {
                    "seq": record.seq,
                    "act": n,
                    "fact": record.event.fact,
                    "when": when(record.at),
                    "who": who if record.event.fact else "",
                    "what": what,
                    "hash": record.hash[:12],
                }
            )
    return found


def _summary(
    case: Case,
    definition: Definition,
    proof: Proof,
    name: Name,
    when: _Local,
    words: Mapping[str, str],
) -> list[dict[str, str]]:
    """The head of the page: opened, closed, checked."""
    outcome = name(definition.outcome_names(case.outcome)) if case.outcome else ""
    state = f"{words['closed']}: {outcome}" if case.closed else words["open_case"]
    return [
        {"label": words["opened"], "value": when(case.opened_at)},
        {"label": words["state"], "value": f"{state} · {when(case.at)}" if case.closed else state},
        {"label": words["written"], "value": when(write_instant(proof.at))},
    ]


WORDS: Mapping[str, Text] = {
    "title": say("Replay"),
    "replay_of": say("Replay of case"),
    "opened": say("Opened"),
    "state": say("State"),
    "closed": say("case closed"),
    "open_case": say("case open"),
    "written": say("Checked and written"),
    "no_script": say(
        "Without scripts this page shows the case as it stood at last, and all events. Allow scripts for this"
        " file to look at every act."
    ),
    "controls": say("Acts"),
    "first": say("First act (Home)"),
    "previous": say("Previous act (←)"),
    "play": say("Play (space)"),
    "pause": say("Pause (space)"),
    "next": say("Next act (→)"),
    "end": say("Last act (End)"),
    "speed": say("Speed"),
    "slider": say("Act that is shown"),
    "act_of": say("act {n} of {all}"),
    "diagram": say("Where the case stands"),
    "zoom_in": say("Larger"),
    "zoom_out": say("Smaller"),
    "fit": say("Fit"),
    "legend": say("Legend"),
    "here": say("waits here"),
    "done": say("done"),
    "dropped": say("no longer wanted"),
    "failed": say("failed"),
    "warned": say("warned: yellow"),
    "exceeded": say("exceeded: red"),
    "timeline": say("Whose days they were"),
    "timeline_hint": say("Grey days are not worked. Click on a line to go there."),
    "clock_lines": say("Clocks"),
    "this_act": say("This act"),
    "entered": say("entered {when}"),
    "entered_answers": say("What was entered"),
    "yes": say("yes"),
    "no": say("no"),
    "followed": say("What followed"),
    "open_steps": say("Open steps"),
    "nothing_open": say("Nobody has anything to do."),
    "may_come": say("may come"),
    "signed_by": say("with {who}"),
    "due": say("due {due}"),
    "provisional": say("provisional"),
    "late": say("overdue"),
    "clocks": say("Clocks"),
    "clocks_over": say("{n} that are over"),
    "no_clocks": say("No clock has started."),
    "running": say("running"),
    "paused": say("paused"),
    "expired": say("expired"),
    "stopped": say("stopped"),
    "spent": say("took effect"),
    "restarted": say("begun anew"),
    "extended": say("extended"),
    "overstayed": say("pause overstayed"),
    "reminder": say("reminder"),
    "yellow": say("yellow"),
    "red": say("red"),
    "left_of": say("{left} of {total} {unit} left"),
    "over_by": say("exceeded by {over} {unit}"),
    "unit_wd": say("working days"),
    "unit_d": say("calendar days"),
    "unit_h": say("hours"),
    "whose": say("Whose time it is"),
    "whose_so_far": say("Whose time it was so far"),
    "nobody": say("The case is closed."),
    "applicant": say("applicant"),
    "excluded": say("not counted by law"),
    "waiting": say("waiting"),
    "days_n": say("{n} d"),
    "hours_n": say("{n} h"),
    "working_days": say("{n} working days"),
    "cancelled": say("no longer wanted"),
    "deemed": say("silence"),
    "withdrawn": say("department keeps out"),
    "passed": say("passed on"),
    "open": say("still open"),
    "data": say("Data of the case"),
    "no_data": say("There is none."),
    "documents": say("Documents"),
    "no_documents": say("None was issued so far."),
    "proof": say("Proof"),
    "chain_here": say("Hash of event {seq}"),
    "chain_before": say("Hash of the one before"),
    "definition": say("Definition (SHA-256)"),
    "sealed_by": say("Sealed by seal {number} of {at}"),
    "seal_signed": say("signed with {key}"),
    "seal_unsigned": say("not signed"),
    "not_sealed": say("No seal covers this event yet."),
    "verified": say("Checked on {at}: no finding"),
    "not_verified": say("Checked on {at}: {n} findings"),
    "recomputed": say("Recomputed in this page: {n} of {all} events have their hash and follow one another"),
    "recomputed_not": say("Recomputed in this page: event {seq} does not have its hash or does not follow"),
    "cannot_recompute": say("This browser can't compute SHA-256 here."),
    "offline": say("How to check it elsewhere"),
    "offline_page": say(
        "The records are in this file, in the element “replay” under “events”: number, type, hash, and the"
        " bytes that were hashed. SHA-256 of those bytes is the hash, and the next record names it in “prev”."
    ),
    "offline_office": say(
        "In the office, `lianban verify {case}` plays the history again and compares everything that is kept;"
        " `lianban verify --seals FILE` compares it with a copy of the seals that was kept elsewhere."
    ),
    "events": say("All events"),
    "search": say("Search events (/)"),
    "found": say("{n} of {all} events"),
    "number": say("no."),
    "when": say("when"),
    "who": say("who"),
    "what": say("what"),
    "hash": say("hash"),
    "keys": say("Keys: ← → act by act · Home, End · space plays · / searches"),
    "chart": say("Diagram"),
}
"""Every text of the page that is not the case's own."""
