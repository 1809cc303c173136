"""The organisation: units, people, delegations, and what changes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..errors import Text, say
from .base import Base, Data, clean, line_of


class Registers(Base):
    def organisation(self, data: Data) -> str:
        """The tree of units, each with its people and their posts; units that have ended last."""
        units = {unit["unit"]: unit for unit in data["units"]}
        below: dict[str, list[str]] = {}
        for code, unit in units.items():
            above = unit["parent"] if unit["stands"] and unit["parent"] in units else ""
            below.setdefault(above if unit["stands"] else "-", []).append(code)
        held: dict[str, list[tuple[str, Data]]] = {}
        for person in data["people"]:
            for post in person["posts"]:
                unit, _, name = post.partition("/")
                held.setdefault(unit, []).append((name, person))
        parts: list[RenderableType] = [Styled(self.name(data["name"]), "bold")]
        for code in below.get("", ()):
            parts += self._branch(code, units, below, held, 0)
        if ended := below.get("-"):
            parts += self._heading(say("Not there on {day}", day=data["day"]))
            for code in ended:
                unit = units[code]
                name = Styled.assemble(self.name(unit["name"], code), (f" {clean(code)}", "dim"))
                if unit["standing"] != code:
                    into = self.name(units[unit["standing"]]["name"], unit["standing"])
                    name.append(self.say(say(" → {unit}", unit=into)), "cyan")
                parts.append(Padding(name, (0, 0, 0, 1)))
        return self._render(parts)

    def _branch(
        self,
        code: str,
        units: Mapping[str, Data],
        below: Mapping[str, Sequence[str]],
        held: Mapping[str, Sequence[tuple[str, Data]]],
        depth: int,
    ) -> Iterator[RenderableType]:
        unit = units[code]
        kind = self.say(_KINDS.get(unit["kind"], say("{name}", name=unit["kind"])))
        head = Styled.assemble((self.name(unit["name"], code), "bold"), (f" {clean(code)} · {kind}", "dim"))
        yield Padding(head, (0, 0, 0, 1 + 2 * depth))
        people: dict[str, list[str]] = {}
        shown: dict[str, Data] = {}
        for post, person in held.get(code, ()):
            people.setdefault(person["person"], []).append(post)
            shown[person["person"]] = person
        for id, posts in people.items():
            line = Styled.assemble(self.name(shown[id]["name"], id), (f" {clean(id)}", "dim"), "  ")
            line.append(clean(", ".join(posts)), "cyan")
            if shown[id]["away"]:
                line.append("  " + self.say(say("away")), "yellow")
            yield Padding(line, (0, 0, 0, 3 + 2 * depth))
        for child in below.get(code, ()):
            yield from self._branch(child, units, below, held, depth + 1)

    def people(self, data: Data) -> str:
        """Everybody, with posts, certificates, and whether she is away."""
        table = self._table(say("person"), say("name"), say("posts"))
        for person in data["people"]:
            posts = Styled(clean(", ".join(person["posts"]) or "—"), "cyan")
            if person["away"]:
                posts.append("\n" + self.say(say("away")), "yellow")
            for own in person["certificates"]:
                told = say("certificate {kind} {number}, valid to {expires}", **own)
                valid = own["expires"] >= data["day"]
                posts.append("\n" + self.say(told), "dim" if valid else "bold red")
            table.add_row(clean(person["person"]), self.name(person["name"]), posts)
        return self._render([table])

    def delegations(self, data: Data) -> str:
        """What was delegated to whom, for what and how long; who stands in for whom."""
        if not data["delegations"] and not data["stand_ins"]:
            return self._render([self.say(say("Nobody acts for anybody else."))])
        parts: list[RenderableType] = []
        for entry in data["delegations"]:
            told = say(
                "{delegation}  {grantor} ({post}) → {to}: {powers} of {items}, {since} to {until}",
                **{**entry, "powers": ", ".join(entry["powers"]), "items": ", ".join(entry["items"])},
            )
            style = "" if entry["valid"] else "dim"
            line = Styled(self.say(told), style)
            if entry["revoked"]:
                line.append(" · " + self.say(say("revoked {day}", day=entry["revoked"])), "bold red")
            elif not entry["valid"]:
                line.append(" · " + self.say(say("not valid today")), "dim")
            parts.append(line)
        for entry in data["stand_ins"]:
            parts.append(
                self.say(say("{person} stands in for {for_}, {since} to {until}", for_=entry["for"], **entry))
            )
        return self._render(parts)

    def changed(self, data: Data) -> str:
        """What a change of the organisation said."""
        if data["repeated"]:
            return self.line(say("already so; nothing changed"), "yellow")
        parts: list[RenderableType] = [
            Styled.assemble(("✓", "green"), " ", self.say(change_in_words(data["change"]))),
            self.say(say("The organisation stands at version {version}.", version=data["version"])),
        ]
        if data["backdated"]:
            past = say("It begins in the past: what was done meanwhile keeps the organisation of its time.")
            parts.append(Styled(self.say(past), "yellow"))
        return self._render(parts)

    def import_planned(self, data: Data) -> str:
        """What an import would change, entry by entry; or that it did."""
        parts: list[RenderableType] = []
        for line in data["differences"]:
            what = self.say(_PARTS.get(line["part"], say("{name}", name=line["part"])))
            mark, style = {"added": ("+", "green"), "gone": ("-", "red")}.get(line["change"], ("~", "yellow"))
            parts.append(Styled.assemble((f" {mark} ", style), f"{what} {clean(line['id'])}".rstrip()))
            for field in line["fields"]:
                was, now = (
                    clean(str(field[key])) if field[key] is not None else "—" for key in ("was", "now")
                )
                if line["change"] == "changed":
                    told = self.say(say("{field}: {was} → {now}", field=field["field"], was=was, now=now))
                    parts.append(Padding(Styled(told, "dim"), (0, 0, 0, 5)))
        if not parts:
            return self.line(say("already so; nothing changed"), "yellow")
        count = say("entries that differ: {count}", count=len(data["differences"]))
        parts.append(Styled(self.say(count), "bold"))
        if data["dry_run"]:
            parts.append(self.say(say("Nothing was recorded: this was a review of the import.")))
            parts.append(line_of(clean(f" {self.command} org import {data['file']}")))
        else:
            stands = say("The organisation stands at version {version}.", version=data["version"])
            parts.append(Styled(self.say(stands), "bold green"))
        return self._render(parts)

    def _table(self, *titles: Text) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        for number, title in enumerate(map(self.say, titles), 1):
            last = number == len(titles)
            table.add_column(title, ratio=1 if last else None, min_width=cell_len(title), overflow="fold")
        return table


def change_in_words(change: Data) -> Text:
    """A change of the organisation as people would say it; codes stay what administrators type."""
    told: dict[str, Any] = {
        key: value if isinstance(value, str) else _plain(value) for key, value in change.items()
    }
    told["for_"] = told.pop("for", "")
    since, until = told.get("since"), told.get("until")
    match change["kind"]:
        case "import":
            text = say("brings the whole organisation in anew")
        case "unit.add" if change.get("parent"):
            text = say("adds the unit {code} below {parent}", **told)
        case "unit.add":
            text = say("adds the unit {code}", **told)
        case "unit.merge" if until:
            return say("merges {unit} into {into} at the end of {until}", **told)
        case "unit.merge":
            text = say("merges {unit} into {into}", **told)
        case "person.add":
            text = say("adds {id} to the people", **told)
        case "post.grant":
            text = say("gives {person} the post {post}", **told)
        case "post.end" if until:
            return say("ends the post {post} of {person} with {until}", **told)
        case "post.end":
            text = say("ends the post {post} of {person}", **told)
        case "rotate" if "on" in told:
            return say("rotates {person} from {post} to {to_post} on {on}", **told)
        case "rotate":
            text = say("rotates {person} from {post} to {to_post}", **told)
        case "stand_in":
            text = say("lets {person} stand in for {for_}", **told)
        case "delegate":
            text = say("delegates {powers} of {items} as {post} from {grantor} to {to} ({id})", **told)
        case "revoke" if "on" in told:
            return say("revokes the delegation {delegation} from {on}", **told)
        case "revoke":
            text = say("revokes the delegation {delegation}", **told)
        case "duty":
            text = say("puts {person} on duty as {post}", **told)
        case "certificate":
            return say(
                "records the certificate {certificate_kind} {number} of {person}, valid to {expires}", **told
            )
        case "designate":
            return say("designates {person} for the joint meetings of {unit}", **told)
        case "interest":
            return say("records an interest of {person} in {party}: {interest}", **told)
        case other:
            return say("{name}", name=other)
    if since and until:
        return say("{text}, {since} to {until}", text=text, since=since, until=until)
    if since:
        return say("{text}, from {since}", text=text, since=since)
    if until:
        return say("{text}, to {until}", text=text, until=until)
    return text


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else ""


_KINDS = {
    "county": say("county"),
    "centre": say("service centre"),
    "government": say("government"),
    "office": say("office"),
    "supervision": say("supervision"),
    "department": say("department"),
    "window": say("window"),
    "subcentre": say("sub-centre"),
    "hall": say("hall"),
    "township": say("township"),
    "village": say("village"),
    "utility": say("utility"),
}
"""Kinds of units."""
_PARTS = {
    "units": say("unit"),
    "people": say("person"),
    "delegations": say("delegation"),
    "stand_ins": say("stand-in"),
    "duty": say("duty"),
    "interests": say("interest"),
}
"""Parts of the register."""
