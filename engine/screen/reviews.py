"""Several departments about one case: referrals, what they come to, recusals, meetings, and plan files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text as Styled

from ..errors import Text, say
from ..words import FINDINGS, OUTCOMES, SILENCES
from .base import LABELS, Base, Data, clean, columns, line_of

DEEMED_MARK = ("∅", "bold magenta")
"""What stands before an answer that nobody gave."""

OF_REVIEWS = (
    "answer.",
    "contact.",
    "finding.",
    "joint.",
    "material.",
    "meeting.",
    "notice.",
    "recusal.",
    "referral.",
    "silence.",
    "task.ended",
    "task.handed_over",
    "task.passed",
    "task.reinstated",
    "task.suspended",
)
"""Beginnings of the types of events about referrals and about who may act."""


class Reviews(Base):
    # --- a case

    def _steps_noted(self, step: Data, basis: Data | None) -> list[Styled]:
        """What is to be known about a step beside its answer: silence, a signature that is missing, a
        standstill."""
        notes = []
        if step["state"] == "deemed":
            notes.append(Styled(self.say(say("deemed to agree, by silence")), DEEMED_MARK[1]))
            if basis is not None:
                notes.append(Styled(self.say(say("{law} {article}", **basis)), "magenta"))
            if step["stage"] == "owed":
                notes.append(Styled(self.say(say("its opinion is still owed")), "yellow"))
            elif step["late"]:
                late = step["late"]
                person = self.name(late["by_name"], late["by"] or "")
                told = say(
                    "afterwards, {at}: {opinion} ({person})",
                    at=self.when(late["at"]),
                    opinion=self.name(late["said"]),
                    person=person,
                )
                notes.append(Styled(self.say(told), "cyan"))
        if step["state"] == "withdrawn":
            notes.append(Styled(self.say(say("the department keeps out")), "cyan"))
        if step["stage"] == "entered" and step["state"] == "open":
            notes.append(Styled(self.say(say("waits to be signed")), "yellow"))
        if step["stage"] == "reported" and step["state"] == "open":
            notes.append(Styled(self.say(say("reported to a higher organ")), "yellow"))
        if step["state"] == "open" and not step["people"]:
            notes.append(Styled(self.say(say("nobody may do it as things are")), "bold red"))
        if step["suspended"]:
            held = say("stands still: recusal {recusal}", recusal=step["suspended"])
            notes.append(Styled(self.say(held), "bold red"))
        return notes

    def _people_of(self, step: Data) -> str:
        """Who did the step, or signed for it."""
        if step["by"]:
            person = self.name(step["by_name"], step["by"])
            for signed in step["confirmed"]:
                other = self.name(signed["by_name"], signed["by"])
                person = self.say(say("{person}, signed by {other}", person=person, other=other))
            return person
        if step["assignee"]:
            person = self.name(step["assignee_name"], step["assignee"])
            return self.say(say("received by {person}", person=person))
        return ""

    def _joint(self, reviews: Sequence[Data]) -> list[RenderableType]:
        """The standing of each joint review: how many have answered, what is certain and why, what the
        answers have in them beside consent."""
        parts: list[RenderableType] = [*self._heading(say("Joint review"))] if reviews else []
        for review in reviews:
            answers = review["answers"]
            given = sum(bool(answer["opinion"]) for answer in answers)
            head = say(
                "{name}: {given} of {all} have answered",
                name=self.name(review["name"], review["joint"]),
                given=given,
                all=len(answers),
            )
            if review["round"] > 1:
                head = say("{text} (round {round})", text=head, round=review["round"])
            parts.append(Padding(Styled(self.say(head), "bold"), (0, 0, 0, 1)))
            because = clean(review["because"])
            if review["certain"]:
                certain = say("certain, whatever is still to come: {because}", because=because)
                if given == len(answers):
                    certain = say("{text}", text=because)
                parts.append(Padding(Styled(self.say(certain), "bold"), (0, 0, 0, 3)))
            else:
                parts.append(Padding(Styled(because, "dim"), (0, 0, 0, 3)))
            names = {
                a["unit_name"].get("zh", a["unit"]): self.name(a["unit_name"], a["unit"]) for a in answers
            }
            parts += [
                Padding(self._answer(answer), (0, 0, 0, 3))
                for answer in answers
                if answer["opinion"] not in ("", "agree") or answer["deemed"]
            ]
            if review["conditions"]:
                parts.append(Padding(self.say(say("Conditions of a grant")), (0, 0, 0, 3)))
            for number, condition in enumerate(review["conditions"], 1):
                units = self._listed(names.get(unit, unit) for unit in condition["units"])
                text = say("{n}. {text} ({units})", n=number, text=condition["text"], units=units)
                parts.append(Padding(self.say(text), (0, 0, 0, 5)))
        return parts

    def _answer(self, answer: Data) -> Styled:
        """`✗ Taxation Bureau disagrees: reason`; of silence, what it was taken for and on which basis."""
        unit = self.name(answer["unit_name"], answer["unit"])
        told = say("{unit} {opinion}", unit=unit, opinion=self.name(answer["words"], answer["opinion"]))
        if answer["deemed"]:
            basis = say("{law} {article}", **answer["basis"])
            told = say("{text} ({basis}); nobody has said so", text=told, basis=basis)
            return Styled.assemble(DEEMED_MARK, " ", (self.say(told), DEEMED_MARK[1]))
        if answer["competent"]:
            told = say("{text}; competent is {unit}", text=told, unit=answer["competent"])
        if answer["reason"]:
            told = say("{text}: {reason}", text=told, reason=answer["reason"])
        mark = {"disagree": ("✗", "bold red"), "conditions": ("✓", "yellow")}.get(
            answer["opinion"], ("–", "")
        )
        return Styled.assemble(mark, " ", self.say(told))

    def _listed(self, names: Any) -> str:
        return ("、" if self.lang == "zh" else ", ").join(names)

    def _recusals(self, case: str, recusals: Sequence[Data]) -> list[RenderableType]:
        if not recusals:
            return []
        parts: list[RenderableType] = [*self._heading(say("Recusals"))]
        for recusal in recusals:
            person = self.name(recusal["name"], recusal["person"])
            about = {"recusal": recusal["recusal"], "person": person, "reason": recusal["reason"]}
            told = say("{recusal}  {person} recuses herself: {reason}", **about)
            if recusal["party"]:
                told = say(
                    "{recusal}  {party} challenges {person}: {reason}", party=recusal["party"], **about
                )
            state = Styled(self.say(_RECUSALS[recusal["state"]]), "bold red" * (recusal["state"] == "open"))
            parts.append(Padding(Styled(self.say(told)) + " · " + state, (0, 0, 0, 1)))
            if recusal["state"] == "open":
                command = f" {self.command} recusal decide {case} {recusal['recusal']} --uphold --reason …"
                parts.append(line_of(clean(command + self._acting(recusal["people"]))))
        return parts

    def _materials(self, materials: Sequence[Data]) -> list[RenderableType]:
        if not materials:
            return []
        rows = (
            (
                self.when(filed["at"]),
                clean(filed["name"]),
                self.name(filed["unit_name"], filed["unit"]),
                clean(filed["reference"]),
            )
            for filed in materials
        )
        return [*self._heading(say("Materials on file")), columns(rows)]

    def findings(self, data: Data) -> str:
        """What somebody will have to answer for, case by case."""
        parts: list[RenderableType] = []
        for found in data["findings"]:
            who = self.name(found["by_name"], found["by"] or "") or self.say(say("by the passing of time"))
            case = (clean(found["case"]), "bold")
            parts.append(Styled.assemble(self.when(found["at"]), "  ", case, "  ", who))
            parts.append(Padding(Styled(self.say(self._finding(found)), "bold red"), (0, 0, 0, 2)))
        if not parts:
            parts.append(self.say(say("There is no finding.")))
        return self._render(parts)

    def _findings(self, findings: Sequence[Data]) -> list[RenderableType]:
        if not findings:
            return []
        lines = (
            Styled.assemble(self.when(found["at"]), "  ", (self.say(self._finding(found)), "bold red"))
            for found in findings
        )
        return [*self._heading(say("Findings")), *(Padding(line, (0, 0, 0, 1)) for line in lines)]

    def _finding(self, found: Data) -> Text:
        what = FINDINGS.get(found["finding"], say("{name}", name=found["finding"]))
        told = say(
            "{what} ({finding}; {law} {article})", what=what, finding=found["finding"], **found["basis"]
        )
        step = self.name(found["name"])
        return say("{step}: {text}", step=step, text=told) if step else told

    def _responsible(self, data: Data) -> list[RenderableType]:
        """Who answers for the case to the applicant, and who files for whom."""
        lines = []
        if contact := data["contact"]:
            person = self.name(contact["name"], contact["person"])
            unit = self.name(contact["unit_name"], contact["unit"])
            lines.append(say("first contact: {person} · {unit}", person=person, unit=unit))
        if agent := data["agent"]:
            lines.append(say("agent: {agent} for {principal} ({authorisation})", **agent))
        if data["notices"]["told"]:
            lines.append(
                say(
                    "told what is missing: {told} times; further notices allowed: {allowed}",
                    **data["notices"],
                )
            )
        return [self.say(line) for line in lines]

    # --- events

    def _review_words(self, line: Data, data: Data, name: str, said: str) -> Text:
        """What an event about a referral, a recusal, a meeting says; `name` is the step or the review."""
        named = {one["code"]: self.name(one["name"], one["code"]) for one in line["mentions"]}
        unit = named.get(data.get("unit", ""), data.get("unit", ""))
        about: dict[str, Any] = {"name": name, "unit": unit, "recusal": data.get("recusal", "")}
        text = self._acted_on(line["type"], data, about, named, said)
        if text is None:
            text = self._followed(line, data, about, named)
        return text

    def _acted_on(
        self, type: str, data: Data, about: Mapping[str, Any], named: Mapping[str, str], said: str
    ) -> Text | None:
        """What people did."""
        match type:
            case "referral.signed":
                return say("signs for the receipt of {name}", **about)
            case "referral.reported_up":
                superior = data["data"].get("superior", "")
                text = say("reports {name} to {superior}", superior=superior, **about)
                return with_reason(text, data["data"].get("reason", ""))
            case "referral.followed_up":
                return say("says at last what the department thinks of {name}: {said}", said=said, **about)
            case "referral.withdrawn":
                return with_reason(say("keeps the department out of {name}", **about), data["reason"])
            case "answer.entered":
                return say("{name}: {said}; it waits to be signed", said=said, **about)
            case "answer.confirmed":
                return say("signs what was entered: {name}", **about)
            case "answer.returned":
                return with_reason(say("sends back what was entered: {name}", **about), data["reason"])
            case "recusal.declared":
                text = say("recuses herself ({recusal})", **about)
                if about["name"]:
                    text = say("recuses herself ({recusal}) from {name}", **about)
                return with_reason(text, data["reason"])
            case "recusal.challenged":
                person = named.get(data["person"], data["person"])
                text = say(
                    "enters that {party} challenges {person} ({recusal})",
                    party=data["party"],
                    person=person,
                    **about,
                )
                return with_reason(text, data["reason"])
            case "recusal.decided" if data["upheld"]:
                return with_reason(say("upholds the recusal {recusal}", **about), data["reason"])
            case "recusal.decided":
                return with_reason(say("rejects the recusal {recusal}", **about), data["reason"])
            case "task.handed_over":
                person = named.get(data["to"], data["to"])
                text = say("hands {name} over to {person}", person=person, **about)
                return with_reason(text, data["reason"])
            case "contact.handed_over":
                person = named.get(data["to"], data["to"])
                text = say(
                    "hands the first-contact responsibility over to {person} of {unit}",
                    person=person,
                    **about,
                )
                return with_reason(text, data["reason"])
            case "notice.allowed":
                return with_reason(say("allows one more notice of what is missing"), data["reason"])
        return None

    def _followed(self, line: Data, data: Data, about: Mapping[str, Any], named: Mapping[str, str]) -> Text:
        """What followed from it."""
        basis = say("{law} {article}", **data["basis"]) if data.get("basis") else say("—")
        match line["type"]:
            case "referral.sent" if data["round"] > 1:
                return say("{unit} is asked for its opinion again: {name}", **about)
            case "referral.sent":
                return say("{unit} is asked for its opinion: {name}", **about)
            case "referral.deemed":
                return say(
                    "{unit} was silent on {name}: deemed to agree, which nobody has said ({basis})",
                    basis=basis,
                    **about,
                )
            case "silence.noted":
                why = SILENCES.get(data["why"], say("{name}", name=data["why"]))
                return say("{unit} was silent on {name}, which has no effect: {why}", why=why, **about)
            case "task.passed":
                return say("{name} waits for {post} of {unit}", post=data["post"], **about)
            case "task.ended":
                return say("{name} is done", **about)
            case "task.suspended":
                return say("{name} stands still until the recusal {recusal} is decided", **about)
            case "task.reinstated":
                return say("{name} can be done again", **about)
            case "joint.certain" if not data["proof"]["decision"]["open"]:
                return say("{name} is certain: {because}", because=clean(line["because"]), **about)
            case "joint.certain":
                because = clean(line["because"])
                return say(
                    "{name} is certain, whatever is still to come: {because}", because=because, **about
                )
            case "joint.decided":
                return self._decided(data, about, named)
            case "meeting.convened":
                units = self._listed(named.get(unit, unit) for unit in data["departments"])
                begins = self.when(data["begins"])
                return say("{name} is called for {begins}: {units}", begins=begins, units=units, **about)
            case "meeting.absent" if data["deemed"]:
                return say(
                    "{unit} stayed away from {name}: deemed to agree, which nobody has said ({basis})",
                    basis=basis,
                    **about,
                )
            case "meeting.absent" if data["excused"]:
                return say("{unit} stayed away from {name}, with an excuse", **about)
            case "meeting.absent":
                return say("{unit} stayed away from {name}, without an excuse", **about)
            case "meeting.held":
                outcome = OUTCOMES.get(data["outcome"], say("{name}", name=data["outcome"]))
                people = self._listed(named.get(person, person) for person in data["present"])
                return say(
                    "{name} was held, with {people}: {outcome}",
                    people=people or "—",
                    outcome=outcome,
                    **about,
                )
            case "material.received":
                return say("on file: {name} ({reference})", reference=data["reference"], **about)
            case "finding.raised":
                return self._finding({**data, "name": line["name"]})
            case other:
                return say("{name}", name=other)

    def _decided(self, data: Data, about: Mapping[str, Any], named: Mapping[str, str]) -> Text:
        """`Parallel review: grant on conditions; conditions: 2; against: Taxation Bureau`."""
        outcome = OUTCOMES.get(data["outcome"], say("{name}", name=data["outcome"]))
        text = say("{name}, all answers are in: {outcome}", outcome=outcome, **about)
        if data["conditions"]:
            text = say("{text}; conditions: {count}", text=text, count=len(data["conditions"]))
        if data["dissent"]:
            units = self._listed(named.get(unit, unit) for unit in data["dissent"])
            text = say("{text}; against: {units}", text=text, units=units)
        if data["deemed"]:
            units = self._listed(named.get(unit, unit) for unit in data["deemed"])
            text = say("{text}; by silence: {units}", text=text, units=units)
        return text

    # --- meetings

    def meetings(self, data: Data) -> str:
        """Each joint meeting of a case: when, who was called, who came, what was said, what can be done."""
        parts: list[RenderableType] = [Styled(clean(data["case"]), "bold")]
        for meeting in data["meetings"]:
            parts += ["", Styled(self.name(meeting["name"], meeting["meeting"]), "bold")]
            if meeting["begins"] is None:
                parts.append(self.say(say("not convened yet")))
            else:
                when = self.when(meeting["begins"])
                parts.append(self.say(say("{when}, {place}", when=when, place=meeting["place"] or "—")))
                parts.append(self.say(say("about: {agenda}", agenda=meeting["agenda"] or "—")))
            rows = [self._invited(line) for line in meeting["departments"]]
            if rows:
                parts.append(columns(rows))
            for line in meeting["departments"]:
                if line["deemed"]:
                    unit = self.name(line["unit_name"], line["unit"])
                    basis = say("{law} {article}", **line["basis"])
                    told = say(
                        "{unit} stayed away: deemed to agree ({basis}); nobody has said so",
                        unit=unit,
                        basis=basis,
                    )
                    parts.append(
                        Padding(
                            Styled.assemble(DEEMED_MARK, " ", (self.say(told), DEEMED_MARK[1])), (0, 0, 0, 1)
                        )
                    )
            for number, conclusion in enumerate(meeting["conclusions"], 1):
                unit = self.name(conclusion["unit_name"], conclusion["unit"])
                text = say(
                    "{n}. {task} ({unit}, {term})",
                    n=number,
                    task=conclusion["task"],
                    unit=unit,
                    term=conclusion["term"],
                )
                parts.append(Padding(self.say(text), (0, 0, 0, 1)))
            if meeting["outcome"]:
                outcome = OUTCOMES.get(meeting["outcome"], say("{name}", name=meeting["outcome"]))
                parts.append(Styled(self.say(say("came to: {outcome}", outcome=outcome)), "bold green"))
            parts += self._next_in(data["case"], meeting)
        if not data["meetings"]:
            parts.append(self.say(say("This item knows no joint meeting.")))
        return self._render(parts)

    def _invited(self, line: Data) -> tuple[str, ...]:
        """Department, whom it sends, and whether that one came."""
        leader = self.name(line["designated_name"], line["designated"] or "—")
        reply = {
            "": say("no reply"),
            "coming": say("comes"),
            "substitute": say(
                "sends {person}", person=self.name(line["substitute_name"], line["substitute"])
            ),
            "apology": say("can't come: {reason}", reason=line["reason"]),
        }.get(line["reply"], say("{name}", name=line["reply"]))
        told = say("{text} (received)", text=reply) if line["received"] and not line["reply"] else reply
        if line["present"] is not None:
            told = say("was there: {person}", person=self.name(line["attended_name"], line["attended"]))
            if not line["present"]:
                told = say("stayed away: {reason}", reason=line["excuse"] or "—")
        if line["opinion"]:
            told = say("{text}; {opinion}", text=told, opinion=self.name(line["words"], line["opinion"]))
        return self.name(line["unit_name"], line["unit"]), leader, self.say(told)

    def _next_in(self, case: str, meeting: Data) -> list[RenderableType]:
        if not meeting["steps"]:
            return []
        parts: list[RenderableType] = [*self._heading(say("What you can do next"))]
        for step in meeting["steps"]:
            verb = {"convene": "meeting convene", "invite": "meeting reply", "hold": "meeting hold"}.get(
                step["role"]
            )
            words = [verb, case, *([step["task"]] if step["role"] == "invite" else ())]
            if verb is None:
                words = ["do", case, step["task"]]
            actor = f" --as {step['people'][0]}" if step["people"] and self.who not in step["people"] else ""
            parts.append(line_of(clean(f" {self.command} {' '.join(map(str, words))}{actor}")))
        return parts

    # --- many at once

    def drafted(self, data: Data) -> str:
        """The plan file that was written, and what to do with it."""
        verb = "answer" if data["kind"] == "answer" else "sign"
        parts: list[RenderableType] = [
            Styled(self.say(say("{count} referrals are in {file}", count=data["count"], file=data["file"])))
        ]
        hint = say("Fill in opinion and what goes with it; a line left blank is skipped.")
        if verb == "sign":
            hint = say("Every line that stays in the file will be signed for.")
        parts += [self.say(hint), *self._heading(say("What you can do next"))]
        parts.append(line_of(f" {self.command} {verb} --plan {data['file']} --dry-run"))
        parts.append(line_of(f" {self.command} {verb} --plan {data['file']}"))
        return self._render(parts)

    def worked(self, data: Data) -> str:
        """Line by line what became of a plan, or would, and the sums."""
        parts: list[RenderableType] = []
        for line in data["lines"]:
            mark, style = _LINE_MARKS[line["state"]]
            state = self.say(_LINE_STATES[line["state"]])
            place = clean(" ".join(filter(None, (line["case"], line["step"]))))
            head = Styled.assemble(
                (f"{line['line']:>4} ", "dim"), (mark, style), f" {place}  ", (state, style)
            )
            said = self.name(line["said"])
            if said:
                head.append(f": {said}")
            parts.append(head)
            if line["refusal"] is not None:
                parts.append(Padding(Styled(clean(line["refusal"]["message"]), "red"), (0, 0, 0, 7)))
                for key, label in LABELS.items():
                    if line["refusal"][key]:
                        told = f"{self.say(label)}: {clean(line['refusal'][key])}"
                        parts.append(Padding(Styled(told, "dim"), (0, 0, 0, 7)))
            parts += [
                Padding(Styled(self.say(self._tell(event)), "cyan"), (0, 0, 0, 7)) for event in line["events"]
            ]
        counts = [
            say("{state}: {count}", state=text, count=data["counts"][state])
            for state, text in _LINE_STATES.items()
            if data["counts"][state]
        ]
        total = self._listed(map(self.say, counts)) or self.say(say("The plan has no lines."))
        style = "bold red" if data["counts"]["refused"] else "bold green"
        parts.append(Styled(total, style))
        if data["dry_run"]:
            parts.append(self.say(say("Nothing was recorded: this was a review of the plan.")))
        elif data["counts"]["refused"]:
            parts.append(
                self.say(say("Correct the refused lines and give the same file again; done lines stay done."))
            )
        return self._render(parts)

    def _tell(self, event: Data) -> Text:
        name = self.name(event["name"], event["data"].get("element", ""))
        if event["type"] == "case.closed":
            return say("case closed: {name}", name=name)
        return self._review_words(event, event["data"], name, "")

    def handed_over(self, data: Data) -> str:
        """What was handed over, item by item."""
        if not data["lines"]:
            return self._render([self.say(say("You answer for nothing that is open."))])
        parts: list[RenderableType] = []
        for line in data["lines"]:
            step = line["step"] or self.say(say("first contact"))
            mark, style = ("✗", "bold red") if line["refusal"] else ("✓", "green")
            parts.append(Styled.assemble((mark, style), f" {clean(line['case'])} {clean(step)}"))
            if line["refusal"]:
                parts.append(Padding(Styled(clean(line["refusal"]["message"]), "red"), (0, 0, 0, 2)))
                parts.append(Padding(Styled(clean(line["refusal"]["remedy"]), "dim"), (0, 0, 0, 2)))
        refused = sum(line["refusal"] is not None for line in data["lines"])
        text = say(
            "handed over to {person}: {done}; left as they were: {refused}",
            person=data["to"],
            done=len(data["lines"]) - refused,
            refused=refused,
        )
        return self._render([*parts, Styled(self.say(text), "bold red" if refused else "bold green")])


def with_reason(text: Text, reason: str) -> Text:
    """The text and why, if somebody said it."""
    return say("{text}: {reason}", text=text, reason=reason) if reason else text


_RECUSALS = {
    "open": say("not decided"),
    "upheld": say("upheld: keeps out of the case"),
    "rejected": say("rejected"),
}
_LINE_MARKS = {
    "done": ("✓", "green"),
    "repeated": ("✓", "yellow"),
    "would": ("→", "cyan"),
    "skipped": ("–", "dim"),
    "refused": ("✗", "bold red"),
}
_LINE_STATES = {
    "done": say("done"),
    "repeated": say("already done"),
    "would": say("would be done"),
    "skipped": say("skipped, nothing is filled in"),
    "refused": say("refused"),
}
"""States of a line of a plan."""
