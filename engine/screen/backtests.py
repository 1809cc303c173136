"""Recorded cases against a draft: how many come out otherwise, where they part, what nobody can say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..errors import Text, say
from .base import INSTANT_TEXT, Base, Data, clean

_CLASSES = {
    "same": (say("the same"), "green"),
    "decided": (say("decided differently"), "bold red"),
    "routed": (say("routed differently"), "bold yellow"),
    "time": (say("other due dates"), "yellow"),
    "documents": (say("other documents"), "yellow"),
    "unanswerable": (say("can't be answered"), "magenta"),
    "broken": (say("history does not replay"), "bold red"),
}
"""What a case comes to, and its style."""

_LACKS = {
    "step": say("a step that nobody did"),
    "field": say("answers that nobody gave: {fields}"),
    "signature": say("a signature that nobody gave"),
    "message": say("a message that nobody received"),
    "incident": say("its own condition or script fails"),
    "refused": say("it refuses what was done"),
}
"""Why a case can't be answered."""

_MOST_GROUPS = 12
"""Kinds of differences that are shown."""

_MOST_CASES = 3
"""Cases of each that are named; --json has all."""


class Backtests(Base):
    def backtested(self, data: Data) -> str:
        """The sum, then the cases that come out otherwise: alike ones together."""
        total = data["total"]
        about = {"item": data["item"], "draft": self._draft(data), "count": total["cases"]}
        head = say("Cases of {item} against {draft}: {count}", **about)
        parts: list[RenderableType] = [Styled(self.say(head), "bold")]
        if not total["cases"]:
            return self._render([*parts, self.say(say("There is no case."))])
        answered = say(
            "{answered} of {count} can be answered ({percent} %)",
            answered=total["answered"],
            count=total["cases"],
            percent=total["percent"],
        )
        rows = [
            (self.say(_CLASSES[name][0]), str(n), _CLASSES[name][1]) for name, n in total["classes"].items()
        ]
        parts += [self.say(answered), "", self._counts(rows)]
        if data["strange_units"]:
            units = ", ".join(data["strange_units"])
            text = say("its lanes name units that there are not: {units}", units=units)
            parts.append(Styled(self.say(text), "yellow"))
        parts += self._lacking(total["lacking"])
        parts += self._sums(data)
        parts += self._cases(data["cases"])
        if data["file"] is not None:
            parts += ["", self.say(say("all of it: {file}", file=data["file"]))]
        return self._render(parts)

    def _draft(self, data: Data) -> str:
        said = [data["draft"] or self.say(say("their own versions"))]
        said += data["tables"]
        if data["calendar"] is not None:
            said.append(self.say(say("calendar {calendar}", calendar=data["calendar"][:12])))
        return " + ".join(said)

    def _counts(self, rows: Iterable[tuple[str, str, str]]) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(ratio=None, overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        for name, count, style in rows:
            table.add_row(Styled(clean(name), style), count)
        return Padding(table, (0, 0, 0, 1))

    def _lacking(self, lacking: Iterable[Data]) -> list[RenderableType]:
        rows = []
        for one in lacking:
            why = self.say(say(_LACKS[one["why"]].msgid, fields=", ".join(one["fields"])))
            where = f"{self._called(one['name'], one['element'])}: {why}" if one["element"] else why
            rows.append((where, str(one["cases"]), ""))
        if not rows:
            return []
        return [*self._heading(say("What the draft asks for and nobody recorded")), self._counts(rows)]

    def _called(self, names: Mapping[str, str], code: str) -> str:
        name = self.name(names, code)
        return name if name == code else f"{name} ({code})"

    def _sums(self, data: Data) -> list[RenderableType]:
        """What is otherwise in sum, of the cases that can be answered."""
        total = data["total"]
        parts: list[RenderableType] = []
        names = data["outcome_names"]
        open_still = self.say(say("still open"))

        def outcome(end: str | None) -> str:
            return open_still if end is None else self.name(names.get(end, {}), end)

        changed = [one for one in total["outcomes"] if one["recorded"] != one["draft"]]
        if changed:
            rows = [
                (f"{outcome(o['recorded'])} → {outcome(o['draft'])}", str(o["cases"]), "") for o in changed
            ]
            parts += [*self._of(say("Outcomes that change"), total["answered"]), self._counts(rows)]
        overdue = total["overdue"]
        rows = [(self.say(say("cases in which a clock ran out")), self._both(overdue["cases"]), "")]
        rows += [
            (self._called(line["name"], line["clock"]), self._both(line), "") for line in overdue["clocks"]
        ]
        rows.append((self.say(say("cards")), self._both(overdue["cards"]), ""))
        rows = [row for row, line in zip(rows, self._lines(overdue), strict=True) if _differs(line)]
        if rows:
            parts += [*self._of(say("Late, recorded → draft"), total["answered"]), self._counts(rows)]
        days = total["days"]
        if days["of"] and (days["mean"] or days["median"]):
            text = say(
                "{mean} working days on average, {median} in the median",
                mean=_signed(days["mean"]),
                median=_signed(days["median"]),
            )
            parts += [
                *self._of(say("How long a case takes"), days["of"]),
                Padding(self.say(text), (0, 0, 0, 1)),
            ]
        units = [line for line in total["units"] if _differs(line)]
        if units:
            rows = [(self._called(line["name"], line["unit"]), self._both(line), "") for line in units]
            parts += [*self._of(say("Steps to do, recorded → draft"), total["answered"]), self._counts(rows)]
        return parts

    @staticmethod
    def _lines(overdue: Data) -> list[Data]:
        return [overdue["cases"], *overdue["clocks"], overdue["cards"]]

    def _of(self, title: Text, count: int) -> tuple[RenderableType, RenderableType]:
        return self._heading(say("{title} (of {count} cases)", title=title, count=count))

    @staticmethod
    def _both(line: Data) -> str:
        return f"{line['recorded']} → {line['draft']}"

    def _cases(self, cases: Iterable[Data]) -> list[RenderableType]:
        groups: dict[tuple[object, ...], list[Data]] = {}
        for line in cases:
            if line["class"] != "same":
                groups.setdefault(_point(line), []).append(line)
        if not groups:
            return []
        table = Table.grid(padding=(0, 1))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        ordered = sorted(groups.values(), key=lambda lines: -len(lines))
        for lines in ordered[:_MOST_GROUPS]:
            text, style = _CLASSES[lines[0]["class"]]
            named = ", ".join(line["case"] for line in lines[:_MOST_CASES])
            if len(lines) > _MOST_CASES:
                rest = len(lines) - _MOST_CASES
                named = self.say(say("{cases} and {count} more", cases=named, count=rest))
            table.add_row(str(len(lines)), Styled.assemble((self.say(text), style), f": {clean(named)}"))
            if len(lines) > 1:
                table.add_row("", Styled(self.say(say("in the first of them:")), "dim"))
            for said in self._part(lines[0]):
                table.add_row("", clean(said))
        parts: list[RenderableType] = [*self._heading(say("Where they part")), table]
        if len(groups) > _MOST_GROUPS:
            rest = len(groups) - _MOST_GROUPS
            parts.append(Styled(self.say(say("{count} more such points: see --json", count=rest)), "dim"))
        return parts

    def _part(self, line: Data) -> list[str]:
        """The first point of difference, and why there is no answer."""
        if line["refusal"] is not None:
            return [line["refusal"]["message"]]
        lack, first, found = line["unanswerable"], line["first"], []
        if lack is not None:
            where = self._called(lack["name"], lack["element"]) if lack["element"] else ""
            found.append(self._local_times(f"{where}: {lack['message']}" if where else lack["message"]))
        if first is not None:
            chosen = first["chosen"]
            if chosen is not None:
                values = ", ".join(f"{name} = {value!r}" for name, value in chosen["values"].items())
                text = say(
                    "at {gateway}: to {draft} in place of {recorded}",
                    gateway=self._called(chosen["name"], chosen["element"]),
                    draft=self._called(chosen["draft_name"], chosen["draft"]),
                    recorded=self._called(chosen["recorded_name"], chosen["recorded"]),
                )
                found += [self.say(text)]
                found += [part for part in (chosen["condition"], values) if part]
            found.append(self.say(say("recorded: {what}", what=self._local_times(first["recorded"]))))
            found.append(self.say(say("draft: {what}", what=self._local_times(first["draft"]))))
        return found


def _point(line: Data) -> tuple[object, ...]:
    """What cases have in common that part at the same point, whatever their dates and values are."""
    lack, first = line["unanswerable"] or {}, line["first"] or {}
    chosen = first.get("chosen") or {}
    texts = [INSTANT_TEXT.sub("…", first.get(side, "")) for side in ("recorded", "draft")]
    return (
        line["class"],
        line["refusal"] and line["refusal"]["code"],
        lack.get("why"),
        lack.get("element"),
        *lack.get("fields", ()),
        first.get("kind"),
        first.get("element"),
        *texts,
        chosen.get("element"),
        chosen.get("draft"),
    )


def _differs(line: Data) -> bool:
    return bool(line["recorded"] != line["draft"])


def _signed(days: float) -> str:
    return f"{days:+g}" if days else "0"
