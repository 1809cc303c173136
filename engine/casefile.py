"""The file of a case (案卷) as one page for web and print (floor 5): cover, index, what was applied for, the
terms and due dates, what happened, what proves it; and every document as it was issued, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from lxml import etree

from .clock import read_instant
from .documents import render
from .errors import Diverged, Text, say
from .seals import Seal

TEMPLATE = Path(__file__).with_name("casefile.j2")

_TELLING = frozenset(
    {"case.deemed", "case.closed", "clock.expired", "card.raised", "joint.decided", "meeting.held"}
)
"""Consequences that are told beside what was entered."""

_STATES = {"open": say("the case is open"), "closed": say("the case is closed")}
_CLOCKS = {
    "running": say("it runs"),
    "paused": say("it stands still"),
    "expired": say("it has run out"),
    "stopped": say("what it measures is done"),
    "spent": say("it ran out, and that had its effect"),
}
_ANSWERS = {True: say("yes"), False: say("no")}


class Proof(NamedTuple):
    """What proves the case: what `verify` found, and the seal that its latest sealed event is under, with the
    number of that event (None: it was never sealed)."""

    findings: Sequence[Diverged]
    seal: Seal | None
    sealed: int | None


class Parts(NamedTuple):
    """What goes into the file: `shown` and `told` as `Office.show` and `told` give them, the bytes of each
    document in the order of `shown`, and who issued the file when."""

    shown: Mapping[str, Any]
    told: Sequence[Mapping[str, Any]]
    contents: Sequence[bytes]
    proof: Proof
    organ: str
    zone: str
    at: str


def page(
    parts: Parts,
    lang: str,
    translate: Callable[[str], str],
    tell: Callable[[Mapping[str, Any]], tuple[str, str]],
) -> bytes:
    """The file as HTML, in `lang`; `tell` says of an event (as in `told`) who and what."""
    pictures = {f"d{n}": _isolated(content) for n, content in enumerate(parts.contents, 1)}
    context = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "words": _rendered(_WORDS, translate),
        "file": _rendered(_File(parts, lang, tell).data(), translate),
    }
    return render({"casefile.j2": TEMPLATE.read_bytes()}, "casefile.j2", context, pictures)


_WORDS: Mapping[str, Any] = {
    "title": say("Case file"),
    "blank": [say("Kept for"), say("Pages"), say("Filed by"), say("Filed on"), say("Archive number")],
    "index": say("Index"),
    "index_head": [say("No."), say("Document number"), say("Title"), say("Date"), say("SHA-256")],
    "index_note": say(
        "The digest is that of the document's bytes as they were issued; `lianban print` gives them again."
    ),
    "no_documents": say("No document was issued."),
    "application": say("What was applied for"),
    "clocks": say("Terms and due dates"),
    "clocks_head": [
        say("Term"),
        say("Legal basis"),
        say("Since"),
        say("Due"),
        say("Used"),
        say("State"),
    ],
    "no_clocks": say("No term has run."),
    "history": say("What happened"),
    "history_head": [say("Event"), say("When"), say("Who"), say("What")],
    "proof": say("Proof"),
}


class _File:
    def __init__(self, parts: Parts, lang: str, tell: Callable[[Mapping[str, Any]], tuple[str, str]]) -> None:
        self.parts, self.shown, self.lang, self.tell = parts, parts.shown, lang, tell
        self.zone = ZoneInfo(parts.zone)

    def data(self) -> dict[str, Any]:
        told = [line for line in self.parts.told if line["fact"] or line["type"] in _TELLING]
        application = [
            {
                "label": self.name(line["title"]),
                "value": self.name(line["words"]) or self.answer(line["value"]),
            }
            for line in self.shown["application"]
        ]
        note = say(
            "{shown} of {all} events: what was entered, and what closed, decided or expired. `lianban history"
            " {case}` has them all.",
            shown=len(told),
            all=len(self.parts.told),
            case=self.shown["case"],
        )
        return {
            "case": self.shown["case"],
            "organ": self.parts.organ,
            "cover": self.cover(),
            "documents": self.documents(),
            "application": application,
            "clocks": [self.clock(line) for line in self.shown["clocks"]],
            "clocks_note": say(
                "`lianban clock explain {case}` counts each of them day by day.", case=self.shown["case"]
            ),
            "history": [self.event(line) for line in told],
            "history_note": note,
            "proof": self.proof(),
            "findings": [finding.message for finding in self.parts.proof.findings],
        }

    def cover(self) -> list[dict[str, Any]]:
        shown = self.shown
        applicant = next((one["value"] for one in shown["application"] if one["field"] == "applicant"), None)
        units = dict.fromkeys(self.name(line["unit_name"]) for line in shown["steps"])
        outcome = self.name(shown["outcome_name"]) or shown["outcome"]
        rows = [
            (say("Case number"), shown["case"]),
            (say("Item"), f"{self.name(shown['item_name'])} ({shown['item']})"),
            (say("Applicant"), _text(applicant) if applicant is not None else "—"),
            (say("Opened on"), self.when(shown["opened_at"])),
            (say("Closed on"), self.when(shown["closed_at"]) or "—"),
            (say("State"), _STATES[shown["status"]]),
            (say("Outcome"), outcome or "—"),
            (say("Handled by"), ("、" if self.lang == "zh" else ", ").join(filter(None, units))),
            (say("Documents"), str(len(shown["documents"]))),
            (say("Printed on"), self.when(self.parts.at)),
        ]
        return [{"label": label, "value": value} for label, value in rows]

    def documents(self) -> list[dict[str, Any]]:
        return [
            {
                "n": n,
                "key": f"d{n}",
                "number": line["number"],
                "name": self.name(line["name"]),
                "at": self.when(line["at"]),
                "digest": line["digest"],
            }
            for n, line in enumerate(self.shown["documents"], 1)
        ]

    def answer(self, value: Any) -> Any:
        return _ANSWERS[value] if isinstance(value, bool) else _text(value)

    def clock(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """When a clock ran and to what end; a step's own clock is named after it."""
        of = f" ({line['of']})" if line["of"] else ""
        state = say("{state}, late", state=_CLOCKS[line["state"]]) if line["late"] else _CLOCKS[line["state"]]
        return {
            "name": f"{self.name(line['name'])}{of}",
            "term": line["term"],
            "basis": " ".join(str(part) for part in line["basis"].values()),
            "since": self.when(line["since"]),
            "due": self.when(line["due"]) or "—",
            "used": f"{line['used']}/{line['total']} {line['count_unit']}",
            "state": state,
        }

    def event(self, line: Mapping[str, Any]) -> dict[str, Any]:
        who, what = self.tell(line)
        return {"seq": line["seq"], "at": self.when(line["at"]), "who": who, "what": what}

    def proof(self) -> list[dict[str, Any]]:
        proof, last = self.parts.proof, self.parts.told[-1]
        verified = say(
            "replayed: all {count} events, documents and the definition are as they were written",
            count=len(self.parts.told),
        )
        if proof.findings:
            verified = say("NOT as it was written: {count} findings, below", count=len(proof.findings))
        rows: list[tuple[Text, Any, bool]] = [
            (say("Verified"), verified, False),
            (say("Hash of the last event"), f"{last['seq']}: {last['hash']}", True),
            (say("Definition"), self.shown["definition"], True),
        ]
        if proof.seal is None:
            rows.append((say("Seal"), say("not sealed yet"), False))
        else:
            number, at = proof.seal.number, self.when(proof.seal.at)
            sealed = say("seal {number} of {at}, up to event {seq}", number=number, at=at, seq=proof.sealed)
            rows.append((say("Seal"), sealed, False))
            rows.append((say("Root of the seal"), proof.seal.root, True))
        return [{"label": label, "value": value, "digest": digest} for label, value, digest in rows]

    def name(self, names: Mapping[str, str] | str) -> str:
        if isinstance(names, str):
            return names
        return names.get(self.lang) or next(iter(names.values()), "")

    def when(self, instant: str | None) -> str:
        if instant is None:
            return ""
        return read_instant(instant).astimezone(self.zone).strftime("%Y-%m-%d %H:%M")


def _rendered(data: Any, translate: Callable[[str], str]) -> Any:
    match data:
        case Text():
            return data.render(translate)
        case dict():
            return {key: _rendered(value, translate) for key, value in data.items()}
        case list():
            return [_rendered(value, translate) for value in data]
    return data


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(one)}" for key, one in value.items())
    return str(value)


# --- documents inside a document

_ROOTS = re.compile(r"(?<![\w.#-])(:root|html|body)(?=\s*[,{])")


def _isolated(content: bytes) -> str:
    """A document for a shadow tree of its own: its style reaches nothing else, and none reaches it."""
    root = etree.fromstring(content, etree.HTMLParser(encoding="utf-8", no_network=True))
    body = None if root is None else root.find("body")
    if root is None or body is None:
        return f"<pre>{escape(content.decode(errors='replace'))}</pre>"
    style = "\n".join(_ROOTS.sub(_scoped, one.text or "") for one in root.iter("style"))
    for one in list(root.iter("style", "script", "link", "meta", "base")):
        parent = one.getparent()
        if parent is not None:
            parent.remove(one)
    inner = escape(body.text or "", quote=False)
    inner += "".join(etree.tostring(child, method="html", encoding="unicode") for child in body)
    # Below its slip a document that fills its page would need another one.
    style += "\n@media print { .sheet { min-height: 0 !important; } }"
    return f'<style>{style}</style><div class="body">{inner}</div>'


def _scoped(found: re.Match[str]) -> str:
    return ".body" if found[1] == "body" else ":host"
