"""No act ever lands that the rules do not permit, and none is refused that they do.

Random people try random acts, and an oracle that knows nothing of the engine (`authority_oracle`) judges each
from the records. The walks follow from their seeds; LIANBAN_WALKS=20 walks twenty times as many.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from authority_oracle import Day, Item, Judge, pair
from authority_oracle import Office as Registers
from databases import ask
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, make_item
from review_items import AGREE, OPINION, county, events, refer, review_office
from test_meetings import AT_MEETING, absent, convened, meeting_office, minutes
from test_meetings import FORMS as MEETING_FORMS

from engine.clock import read_instant, write_instant
from engine.definition import builtin
from engine.errors import Invalid, NotAllowed, Refusal
from engine.events import CardAnswered, CardContested, CardWithdrawn, canonical
from engine.office import Office
from engine.office.migrations import Wish

TIMES = int(os.environ.get("LIANBAN_WALKS", "1"))
"""How many times as many walks as usual."""

# --- a county in which everybody has a past


PEOPLE = """
[[people]]
id = "two"
posts = ["d1/clerk", "d2/clerk"]
name = { zh = "二", en = "two" }

[[people]]
id = "many"
posts = ["d1/clerk", "d1/inspector", "d2/clerk", "hall/leader"]
certificates = [{ kind = "enforcement", number = "m-1", expires = 2027-01-01 }]
name = { zh = "多", en = "many" }

[[people]]
id = "all"
posts = ["d1/clerk", "hall/leader"]
name = { zh = "全", en = "all" }

[[people]]
id = "both"
posts = ["d1/clerk", "d1/leader"]
name = { zh = "兼", en = "both" }

[[people]]
id = "o1"
posts = ["d1/inspector"]
certificates = [{ kind = "enforcement", number = "1", expires = 2027-01-01 }]
name = { zh = "甲", en = "o1" }

[[people]]
id = "o2"
posts = ["d1/inspector"]
certificates = [{ kind = "enforcement", number = "2", expires = 2026-03-02 }]
name = { zh = "乙", en = "o2" }

[[people]]
id = "o3"
posts = ["d1/inspector"]
certificates = [{ kind = "driving", number = "3", expires = 2027-01-01 }]
name = { zh = "丙", en = "o3" }

[[people]]
id = "leaver"
posts = [{ post = "d3/clerk", until = 2026-03-03 }]
name = { zh = "离", en = "leaver" }

[[people]]
id = "joiner"
posts = [{ post = "d2/clerk", since = 2026-03-04 }]
name = { zh = "来", en = "joiner" }

[[people]]
id = "stranger"
posts = []
name = { zh = "外", en = "stranger" }

[[people]]
id = "aide"
posts = ["hall/aide"]
name = { zh = "助", en = "aide" }

[[people]]
id = "mayor"
posts = ["county/leader"]
name = { zh = "县长", en = "mayor" }

[[people]]
id = "vice"
posts = ["county/vice"]
name = { zh = "副县长", en = "vice" }

[[duty]]
post = "county/duty"
person = "vice"
since = 2026-03-01
until = 2026-03-06

[[duty]]
post = "county/duty"
person = "mayor"
since = 2026-03-07
until = 2026-12-31

[[stand_ins]]
person = "q2"
for = "l2"
since = 2026-03-03
until = 2026-03-05

[[stand_ins]]
person = "aide"
for = "clerk"
since = 2026-03-03
until = 2026-03-04

[[stand_ins]]
person = "o3"
for = "o1"
since = 2026-03-02
until = 2026-03-09

[[stand_ins]]
person = "vice"
for = "boss"
since = 2026-03-04
until = 2026-03-06

[[delegations]]
id = "g1"
grantor = "boss"
post = "hall/leader"
to = "aide"
items = ["item"]
powers = ["approve"]
since = 2026-03-02
until = 2026-03-05

[[delegations]]
id = "g2"
grantor = "l3"
post = "d3/leader"
to = "p3"
items = ["*"]
powers = ["approve"]
since = 2026-03-03
until = 2026-03-04

[[delegations]]
id = "g3"
grantor = "l1"
post = "d1/leader"
to = "q1"
items = ["other"]
powers = ["*"]
since = 2026-01-01
until = 2026-12-31

[[delegations]]
id = "g4"
grantor = "p1"
post = "d1/clerk"
to = "colleague"
items = ["item"]
powers = ["review", "sign"]
since = 2026-03-02
until = 2026-03-03

[[delegations]]
id = "g5"
grantor = "two"
post = "d2/clerk"
to = "aide"
items = ["*"]
powers = ["*"]
since = 2026-03-02
until = 2026-12-31
revoked = 2026-03-05

[[delegations]]
id = "g6"
grantor = "leaver"
post = "d3/clerk"
to = "aide"
items = ["item"]
powers = ["*"]
since = 2026-03-02
until = 2026-12-31

[[delegations]]
id = "g7"
grantor = "clerk"
post = "hall/clerk"
to = "boss"
items = ["*"]
powers = ["sign"]
since = 2026-03-02
until = 2026-12-31

[[interests]]
person = "p3"
party = "张三"
kind = "kin"
"""

DRAWING = (
    "start s; xor ready; user intake; xor missing; user tell; catch supplied message supplied; "
    "user look; xor round; and split; xor anew; user a; xor asked; user b; user c; and join; xor how; "
    "user convene; user invite each department of meeting.departments into replies from reply; "
    "boundary begins invite date meeting.date + 'T' + meeting.time + ':00'; xor gather; user hold; "
    "user carry_out each conclusion of minutes.conclusions into reports from report; xor open; user duty; "
    "xor met; user weigh; xor again; user decide; end granted",
    "s -> ready -> intake -> missing; missing -> tell if intake.missing; tell -> supplied -> ready; "
    "missing -> look default; look -> round -> split; split -> anew -> a -> asked; "
    "asked -> anew if a_says.opinion == 'not_concerned'; asked -> join default; "
    "split -> b; split -> c; b -> join; c -> join; join -> how; "
    "how -> convene if review.outcome == 'meeting'; how -> met default; convene -> invite -> gather -> hold; "
    "begins -> gather; hold -> carry_out -> open; open -> duty if conference.unresolved; "
    "open -> met default; duty -> met; met -> weigh -> again; again -> round if anew; "
    "again -> decide default; decide -> granted",
)

LANES = {
    "inspectors": ("d1/inspector", ["look"]),
    "leaders": ("d1/designated", ["invite"]),
    "doers": ("d1/clerk", ["carry_out"]),
    "chair": ("d4/leader", ["hold"]),
    "duty": ("county/duty", ["duty"]),
    "deciders": ("hall/leader", ["decide"]),
    "d1": ("d1/clerk", ["a"]),
    "d2": ("d2/clerk", ["b"]),
    "d3": ("d3/clerk", ["c"]),
}

PROPERTIES = {
    "s": {"receives": "materials"},
    "intake": {"result": "intake", "power": "accept"},
    "tell": {"result": "told", "requests": "materials", "power": "accept"},
    "supplied": {"result": "supplied", "receives": "materials"},
    "look": {"officers": "2", "result": "site"},
    "a": {"result": "a_says"},
    "b": {"result": "b_says"},
    "c": {"result": "c_says"},
    "convene": {"result": "meeting"},
    "invite": {"result": "reply", "unit": "department"},
    "hold": {"result": "minutes"},
    "carry_out": {"unit": "conclusion.department", "term": "conclusion.term", "result": "report"},
    "duty": {"result": "duty"},
    "decide": {"result": "decision", "power": "approve"},
}


def fields(**properties: Any) -> dict[str, Any]:
    """A form with these fields, none required."""
    described = {name: {**kind, "title": name, "x-title-en": name} for name, kind in properties.items()}
    return {"type": "object", "additionalProperties": False, "properties": described}


TEXT, TRUTH, TEXTS = {"type": "string"}, {"type": "boolean"}, {"type": "array", "items": {"type": "string"}}

FORMS = {
    "s": fields(owner=TEXT, materials=TEXTS),
    "intake": fields(missing=TRUTH),
    "tell": fields(materials=TEXTS),
    "supplied": fields(materials=TEXTS),
    "look": fields(found=TEXT),
    "a": OPINION,
    "b": OPINION,
    "c": OPINION,
    "weigh": fields(anew=TRUTH, owner=TEXT),
    "decide": fields(reason=TEXT),
    **MEETING_FORMS,
}

SECTIONS = """
[clocks.decision]
name = { zh = "决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["s"]
stops = ["decide"]
unit = "hall"
basis = { law = "行政许可法", article = "第四十二条" }
grounds = ["hearing", "testing"]
pause_notice = "special"
[clocks.decision.extension]
up_to = "10wd"
approver = "county/leader"
notice = "extended"
times = 2
basis = { law = "行政许可法", article = "第四十二条" }

[clocks.referral]
name = { zh = "部门答复", en = "Reply of the department" }
tier = "step"
term = "2wd"
each = ["a", "b", "c"]
basis = { law = "并联审批办法", article = "第六条" }
ladder = [ { name = "reminder", left = 1 }, { name = "yellow", over = 0, card = true } ]

[clocks.owed]
name = { zh = "补意见", en = "Opinion owed" }
tier = "step"
term = "1wd"
each = ["a", "b", "c"]
basis = { law = "并联审批办法", article = "第十条" }
ladder = [ { name = "red", over = 0, card = true } ]

[clocks.conclusion]
name = { zh = "落实", en = "Carrying out" }
tier = "step"
term = "10wd"
each = ["carry_out"]
basis = { law = "并联审批办法", article = "第十三条" }
ladder = [ { name = "red", over = 0, card = true } ]

[joint.review]
name = { zh = "并联审查", en = "Joint review" }
activities = ["a", "b", "c"]
%(rule)s
result = "review"
clock = "referral"
confirm = "leader"
[joint.review.risks]
d3 = "ecology"
[joint.review.silence]
basis = { law = "并联审批办法", article = "第九条" }
level = "local-document"
follow_up = "owed"
document = "silence"
%(silence)s

[meetings.conference]
name = { zh = "联席办理会议", en = "Joint-handling meeting" }
convene = "convene"
invite = "invite"
hold = "hold"
carry_out = "carry_out"
duty = "duty"
joint = "review"
notice = "1wd"
result = "conference"
departments = ["d1", "d2", "d3"]
[meetings.conference.absence]
basis = { law = "并联审批办法", article = "第十二条" }
level = "local-document"

[[separation]]
steps = ["a", "decide"]
name = { zh = "审查与决定分离", en = "Review and decision apart" }
kind = "four-eyes"
basis = { law = "行政许可法", article = "第三十四条" }

[[separation]]
steps = ["look", "a", "decide"]
name = { zh = "核查与审查分离", en = "Inspection, review and decision apart" }
kind = "four-eyes"
basis = { law = "行政许可法", article = "第三十四条" }

[notice]
documents = ["supplement"]
approver = "hall/leader"
basis = { law = "行政许可法", article = "第三十二条" }

[[materials]]
id = "plan"
name = "图纸"
source = "申请人"
required = true
purpose = "审查"

[[materials]]
id = "deed"
name = "权属证明"
source = "申请人"
required = true
purpose = "审查"
"""

RULES = (
    ('rule = "all"', ""),
    ('rule = "majority"\nveto = ["d2"]', ""),
    ('rule = "quorum"\nquorum = "2/3"', "receipt = false"),
    ('rule = "lead"\nlead = "d1"', ""),
)
"""What consent is, and on what silence depends."""


def folder(root: Path, rule: tuple[str, str]) -> Path:
    """The folder of the walks' item, in which all that is in the rules can happen."""
    path = make_item(
        root,
        draw(*DRAWING),
        lanes={node: lane for lane, (_, nodes) in LANES.items() for node in nodes},
        forms=FORMS,
        properties=PROPERTIES,
        documents={"tell": "supplement", "look": "record", "a": "opinion", "b": "opinion", "c": "opinion"},
        notices=["special", "extended", "silence"],
        clocks=SECTIONS % {"rule": rule[0], "silence": rule[1]},
    )
    text = (path / "item.toml").read_text("utf-8").replace("effective =", 'parties = ["owner"]\neffective =')
    for lane, (post, _) in LANES.items():
        text = text.replace(f'"{lane}" = "{lane}/clerk"', f'"{lane}" = "{post}"')
    (path / "item.toml").write_text(text, "utf-8")
    return path


def register() -> bytes:
    """The organisation of the walks."""
    text = county(4, PEOPLE)
    for n in (1, 2, 3):
        text = text.replace(f"[units.d{n}]\n".encode(), f'[units.d{n}]\ndesignated = "l{n}"\n'.encode())
    return text


def read_item(path: Path) -> Item:
    """The item in a folder, as the oracle reads it, with the diagrams that it may call."""
    diagrams = [path / "diagram.bpmn", *sorted((path.parent / "shared").glob("*.bpmn"))]
    return Item(tomllib.loads((path / "item.toml").read_text("utf-8")), [d.read_bytes() for d in diagrams])


# --- random people who try random acts


class Crowd:
    """One case, and everybody who works here and some who don't, trying things. `landed` and `refused` count
    the acts by kind."""

    def __init__(self, database: str, item: Item, seed: int) -> None:
        self.database = database
        self.office = Office.open(database)
        self.item = item
        self.chance = random.Random(seed)
        self.now = NOON
        self.registers = Registers()
        self.landed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.serial = 0
        self.refresh()
        self.judge = Judge(item, self.registers)
        self.seen = 0
        self.case = ""

    # what happens

    def go(self, acts: int) -> None:
        """Open the case, and do so many things."""
        self.open()
        self.hurry()
        for _ in range(acts):
            if self.judge.closed and self.chance.random() < 0.2:
                break
            luck = self.chance.random()
            if luck < 0.24:
                self.pass_time()
            elif luck < 0.34:
                self.reorganise()
            else:
                self.act()
            if self.chance.random() < 0.3:
                self.compare_inbox()
        self.end()

    def open(self) -> None:
        data = self.application()
        while not self.case:
            who = self.person("case.opened", {"data": data})
            refused = self.attempt("case.opened", {"data": data}, who, partial(self.opened, who, data))
            assert refused is None or refused.startswith("access.")

    def hurry(self) -> None:
        """Every other case is before the departments at once."""
        if self.chance.random() < 0.5:
            return
        at = write_instant(self.now)
        self.office.do("clerk", self.case, "intake", {"missing": False}, self.now)
        for act in (self.office.do, self.office.confirm):
            self.follow()
            answer = [{}] if act == self.office.do else []
            who = self.chance.choice(sorted(self.judge.able("look", at)))
            act(who, self.case, "look", *answer, self.now)
        self.follow()

    def opened(self, who: str, data: dict[str, Any]) -> Any:
        done = self.office.open_case(who, self.item.code, data, self.now)
        self.case = done.case
        return done

    def application(self) -> dict[str, Any]:
        return {"owner": self.chance.choice(["张三", "李四", "李四"]), "materials": ["plan"]}

    def pass_time(self) -> None:
        """A little while, or up to the next thing that is due, or to midnight."""
        later = self.now + timedelta(hours=self.chance.choice([0.2, 1, 4, 12, 30]))
        dues = [due for (due,) in ask(self.database, "SELECT due FROM timers WHERE due IS NOT NULL")]
        if dues and self.chance.random() < 0.4:
            later = max(self.now, read_instant(min(dues)))
        if self.chance.random() < 0.2:
            later = self.now.replace(hour=16, minute=0) + (DAY if self.now.hour >= 16 else 0 * DAY)
            later -= timedelta(minutes=self.chance.choice([0, 1]))
        self.now = max(later, self.now)
        self.office.sweep(self.now)
        self.follow()

    def attempt(self, kind: str, data: Mapping[str, Any], who: str, act: Callable[[], Any]) -> str | None:
        """Let somebody try, and judge it: the code of the refusal, None when it landed. Whoever is refused
        because it is not hers must be somebody to whom the rules do not give it."""
        code = None
        try:
            done = act()
            self.landed[kind] += not done.repeated
        except NotAllowed as refusal:
            code = refusal.code
        except Refusal as refusal:
            code = refusal.code
            self.refused[kind] += 1
            self.follow()
            return code
        self.follow()
        if code is not None:
            self.refused[kind] += 1
            why = self.judge.would(kind, data, who, write_instant(self.now))
            assert why, f"{self.case} {self.judge_seq}: {who} may do {kind} {data}, but was refused: {code}"
        return code

    @property
    def judge_seq(self) -> int:
        return self.seen

    def follow(self) -> None:
        """Let the oracle read what has been recorded meanwhile."""
        sql = "SELECT body FROM events WHERE case_no = ? AND seq > ? ORDER BY seq"
        fresh = [json.loads(body) for (body,) in ask(self.database, sql, self.case, self.seen)]
        self.seen += len(fresh)
        faults = self.judge.read(fresh)
        assert not faults, f"{self.case}: {faults}"

    def refresh(self) -> None:
        """Read the versions of the organisation that there are now."""
        self.registers.versions[:] = read_versions(self.office, self.database)

    def compare_inbox(self) -> None:
        """Those to whom the inbox gives a step are those to whom the rules give it."""
        at = write_instant(self.now)
        lines = self.office.inbox(None, self.now, everybody=True)
        if not self.judge.closed:
            owed = {t.id for t in self.judge.tasks.values() if t.stage == "deemed" and not t.followed_up}
            asked = {id for id, recusal in self.judge.recusals.items() if recusal["state"] == "open"}
            assert owed | asked <= {line["task"] for line in lines}
        for line in lines:
            given, able = set(line["people"]), self.judge.able(line["task"], at)
            wrong = f"too many: {given - able}, too few: {able - given}"
            assert given == able, f"{self.case} {self.seen} {line['task']}: {wrong}"

    def end(self) -> None:
        """All of it again, from the records alone."""
        [history] = [ask(self.database, "SELECT body FROM events WHERE case_no = ? ORDER BY seq", self.case)]
        told = [json.loads(body) for (body,) in history]
        assert Judge(self.item, self.registers).read(told) == []
        own = [json.loads(record.body) for record in self.office.history("office")]
        assert self.registers.read(own) == []
        assert self.office.verify()[1] == []
        [(stored,)] = ask(self.database, "SELECT state FROM heads WHERE case_no = ?", self.case)
        assert bytes(stored) == canonical(self.office.replay(self.case)[-1][1].to_json())
        self.office.close()

    # who

    @property
    def day(self) -> Day:
        at = write_instant(self.now)
        return self.registers.on(self.registers.latest(at), at)

    def person(self, kind: str, data: Mapping[str, Any]) -> str:
        """Somebody who may, as often as not; else somebody who might think so, or anybody."""
        luck, day = self.chance.random(), self.day
        at = write_instant(self.now)
        if luck < 0.6:
            able = [p for p in day.people if not self.judge.would(kind, data, p, at)]
            if able:
                return self.chance.choice(able)
        task = self.judge.tasks.get(data.get("task", ""))
        if luck < 0.88 and task is not None:
            near = [*day.members(task.unit), *(n for one in self.judge.tasks.values() for n in one.names)]
            flat = [n for one in near for n in ([one] if isinstance(one, str) else sorted(one))]
            if flat:
                return self.chance.choice(flat)
        return self.chance.choice(day.people)

    # what

    def act(self) -> None:
        """Something that could be next, most likely, or something else."""
        open_tasks = [task for task in self.judge.tasks.values() if not task.ended]
        kinds: list[tuple[float, Callable[[], None]]] = [(0.6, self.question), (0.5, self.meddle)]
        invitations = [meeting["invite"] for meeting in self.item.meetings.values()]
        if open_tasks:
            task = self.chance.choice(open_tasks)
            if task.stage == "entered":
                kinds += [(9.0, lambda: self.sign_for(task.id)), (1.0, lambda: self.do(task.id))]
            else:
                kinds += [(8.0, lambda: self.do(task.id)), (0.5, lambda: self.sign_for(task.id))]
                asked = task.joint or task.element in invitations
                kinds += [(4.0 if task.stage == "open" and asked else 0.1, lambda: self.sign(task.id))]
            if task.joint:
                kinds += [(0.3, lambda: self.withdraw(task.id))]
            kinds += [(0.8, lambda: self.hand_over(task.id)), (0.3, lambda: self.hand_over(""))]
        waiting = self.awaited()
        if waiting:
            kinds.append((6.0, lambda: self.receive(self.chance.choice(waiting))))
        if any(recusal["state"] == "open" for recusal in self.judge.recusals.values()):
            kinds.append((6.0, self.decide))
        if any(task.stage == "deemed" and not task.followed_up for task in self.judge.tasks.values()):
            kinds.append((3.0, self.follow_up))
        if self.judge.notices:
            kinds.append((1.0 + 3.0 * (self.judge.leaves < self.judge.notices), self.allow))
        if self.judge.cards:
            kinds.append((1.0, self.treat))
        weights = [weight for weight, _ in kinds]
        self.chance.choices([chosen for _, chosen in kinds], weights)[0]()

    def awaited(self) -> list[str]:
        """The messages that the case waits for."""
        steps = self.office.show(self.case)["steps"]
        return [line["task"] for line in steps if line["state"] == "awaited"]

    def do(self, task: str) -> None:
        entry = self.judge.tasks[task]
        answer = self.answer(entry.element, entry.unit)
        said = {"task": task, "data": answer}
        kind = "task.completed"
        if entry.joint and answer.get("opinion") == "report_up":
            kind = "referral.reported_up"
        who = self.person(kind, said)
        self.attempt(kind, said, who, lambda: self.office.do(who, self.case, task, answer, self.now))

    def receive(self, element: str) -> None:
        name = self.item.elements[element].message
        answer = self.answer(element, "")
        said = {"name": name, "data": answer}
        who = self.person("message.received", said)
        act = lambda: self.office.do(who, self.case, element, answer, self.now)  # noqa: E731
        self.attempt("message.received", said, who, act)

    def follow_up(self) -> None:
        owing = [t.id for t in self.judge.tasks.values() if t.stage == "deemed" and not t.followed_up]
        task = self.chance.choice(owing)
        said = {"task": task, "data": self.answer(self.judge.tasks[task].element, "")}
        who = self.person("referral.followed_up", said)
        act = lambda: self.office.do(who, self.case, task, said["data"], self.now)  # noqa: E731
        self.attempt("referral.followed_up", said, who, act)

    def sign(self, task: str) -> None:
        said = {"task": task}
        who = self.person("referral.signed", said)
        self.attempt("referral.signed", said, who, lambda: self.office.sign(who, self.case, task, self.now))

    def sign_for(self, task: str) -> None:
        """Confirm what was entered, or give it back."""
        said = {"task": task, "reason": "漏了一项"}
        if self.chance.random() < 0.7:
            who = self.person("answer.confirmed", said)
            act = lambda: self.office.confirm(who, self.case, task, self.now)  # noqa: E731
            self.attempt("answer.confirmed", said, who, act)
        else:
            who = self.person("answer.returned", said)
            back = lambda: self.office.give_back(who, self.case, task, "漏了一项", self.now)  # noqa: E731
            self.attempt("answer.returned", said, who, back)

    def withdraw(self, task: str) -> None:
        said = {"task": task}
        who = self.person("referral.withdrawn", said)
        act = lambda: self.office.withdraw_department(who, self.case, task, "是申请人", self.now)  # noqa: E731
        self.attempt("referral.withdrawn", said, who, act)

    def question(self) -> None:
        """Declare a conflict of one's own, or enter a challenge of somebody."""
        tasks = [task.id for task in self.judge.tasks.values() if not task.ended]
        task = self.chance.choice([*tasks, ""])
        said = {"task": task}
        if self.chance.random() < 0.4:
            who = self.person("task.completed", said) if task else self.person("recusal.declared", said)
            act = lambda: self.office.recuse(who, self.case, task, "是亲属", self.now)  # noqa: E731
            self.attempt("recusal.declared", said, who, act)
        else:
            person = self.person("task.completed", said)
            who = self.person("recusal.challenged", said)
            challenge = lambda: self.office.challenge(  # noqa: E731
                who, self.case, task, person, "邻居", "是亲属", self.now
            )
            self.attempt("recusal.challenged", said, who, challenge)

    def decide(self) -> None:
        waiting = [id for id, recusal in self.judge.recusals.items() if recusal["state"] == "open"]
        id, upheld = self.chance.choice(waiting), self.chance.random() < 0.4
        said = {"recusal": id}
        who = self.person("recusal.decided", said)
        act = lambda: self.office.decide_recusal(who, self.case, id, upheld, "查明", self.now)  # noqa: E731
        self.attempt("recusal.decided", said, who, act)

    def hand_over(self, task: str) -> None:
        kind = "task.handed_over" if task else "contact.handed_over"
        to = self.person("task.completed", {"task": task}) if task else self.chance.choice(self.day.people)
        said = {"task": task, "to": to} if task else {"to": to}
        who = self.person(kind, said)
        act = lambda: self.office.hand_over(who, self.case, task, to, "调休", self.now)  # noqa: E731
        self.attempt(kind, said, who, act)

    def allow(self) -> None:
        who = self.person("notice.allowed", {})
        act = lambda: self.office.allow_notice(who, self.case, "另有新情况", self.now)  # noqa: E731
        self.attempt("notice.allowed", {}, who, act)

    def meddle(self) -> None:
        """Do something about a clock."""
        clocks = [
            c for c in self.office.show(self.case, self.now)["clocks"] if c["state"] in ("running", "paused")
        ]
        clocks = [c for c in clocks if self.described(c["clock"]).get("grounds")]
        if not clocks:
            return
        clock = self.chance.choice(clocks)
        id, paused = clock["clock"], [pause["ground"] for pause in clock["paused"]]
        luck = self.chance.random()
        if luck < 0.35:
            kind, term = "extension.granted", self.described(id).get("extension", {}).get("up_to", "1wd")
            act = lambda: self.office.extend(who, self.case, id, term, "案情复杂", self.now)  # noqa: E731
        elif paused:
            kind = "resume.ordered"
            act = lambda: self.office.resume(who, self.case, id, paused[0], "完毕", self.now)  # noqa: E731
        else:
            kind, ground = "pause.ordered", self.chance.choice(["hearing", "testing", "appraisal"])
            act = lambda: self.office.pause(who, self.case, id, ground, "2wd", "送检", self.now)  # noqa: E731
        said = {"clock": id}
        who = self.person(kind, said)
        self.attempt(kind, said, who, act)

    def described(self, clock: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.item.described["clocks"][clock.partition("#")[0].partition("@")[0]]
        return found

    def treat(self) -> None:
        card = self.chance.choice(list(self.judge.cards))
        what = self.chance.choice([CardAnswered, CardContested, CardWithdrawn])
        kind, said = what.type, {"card": card}
        who = self.person(kind, said)
        act = lambda: self.office.treat_card(who, self.case, what(card, "已处理"), self.now)  # noqa: E731
        self.attempt(kind, said, who, act)

    # answers

    def answer(self, element: str, unit: str) -> dict[str, Any]:
        chance = self.chance
        if element in ("a", "b", "c"):
            return self.opinion()
        match element:
            case "intake":
                return {"missing": chance.random() < 0.35}
            case "tell":
                asked = ["deed", "plan", "plan:缺少四至", "deed:未签字", "elsewhere"]
                return {"materials": chance.sample(asked, chance.randint(1, 2))}
            case "supplied":
                return {"materials": chance.sample(["deed", "plan"], chance.randint(1, 2))}
            case "weigh":
                renamed = {"owner": "王五"} if chance.random() < 0.3 else {}
                return {"anew": chance.random() < 0.5, **renamed}
            case "look":
                return {"found": "符合"}
            case "decide":
                return {"reason": "符合条件"}
        return self.in_meeting(element, unit)

    def opinion(self) -> dict[str, Any]:
        """An opinion, now and then one without what makes it one, or one that nobody can give."""
        reasons = {
            "reason": "不符合规划",
            "competent": "水务局",
            "superior": "市水务局",
            "conditions": ["绿化率35%"],
        }
        needed = {
            "agree": (),
            "conditions": ("conditions",),
            "disagree": ("reason",),
            "not_concerned": ("reason", "competent"),
            "report_up": ("reason", "superior"),
            "deemed": (),
        }
        chosen = self.chance.choices(list(needed), [8, 3, 3, 2, 1, 0.3])[0]
        given = {name: reasons[name] for name in needed[chosen]}
        if given and self.chance.random() < 0.15:
            given.pop(self.chance.choice(list(given)))
        return {"opinion": chosen, **given}

    def in_meeting(self, element: str, unit: str) -> dict[str, Any]:
        """What is entered in a step of the joint meeting."""
        chance, [(id, meeting)] = self.chance, self.item.meetings.items()
        if element == meeting["convene"]:
            day = self.now.date() + timedelta(days=chance.choice([1, 2, 3, 3, 4]))
            called = chance.sample(meeting["departments"], chance.randint(1, len(meeting["departments"])))
            if chance.random() < 0.1:
                called = [*called, "hall"]
            told = {"place": "三楼", "agenda": "有异议"}
            return {"date": day.isoformat(), "time": "09:00", "departments": called, **told}
        if element == meeting["invite"]:
            reply = chance.choice(["coming", "coming", "substitute", "apology"])
            named = {"substitute": chance.choice([*self.day.members(unit), "stranger"]), "apology": ""}
            more = {"substitute": named["substitute"]} if reply == "substitute" else {}
            more |= {"reason": "抗洪"} if reply == "apology" and chance.random() < 0.8 else {}
            return {"reply": reply, **more}
        if element == meeting["hold"]:
            return self.minutes(id)
        if element == meeting["duty"]:
            return {"decision": chance.choice(["grant", "conditional", "refuse"]), "reason": "权衡"}
        return {"report": "已落实"}

    def minutes(self, id: str) -> dict[str, Any]:
        chance, call = self.chance, self.judge.calls[id]
        attendance: list[dict[str, Any]] = []
        opinions: list[dict[str, Any]] = []
        for unit in call["departments"]:
            leaders = self.day.holders((unit, "designated"))
            invited = self.judge._invitations(id).get(unit)
            named = [str(invited.answer["substitute"])] if invited and "substitute" in invited.answer else []
            person = chance.choice([*leaders, *leaders, *leaders, *named, "q2"])
            present = chance.random() < 0.6
            line: dict[str, Any] = {"department": unit, "present": present}
            line |= {"person": person} if present else ({"reason": "抗洪"} if chance.random() < 0.2 else {})
            attendance.append(line)
            if present and chance.random() < 0.7:
                said = {k: v for k, v in self.opinion().items() if k in ("opinion", "reason", "conditions")}
                opinions.append({"department": unit, **said})
        if chance.random() < 0.1:
            attendance.pop()
        departments = self.item.meetings[id]["departments"]
        tasks = [{"department": chance.choice(departments), "task": "补做", "term": "5wd"}]
        conclusions = tasks * chance.randint(0, 2)
        return {
            "attendance": attendance,
            "opinions": opinions,
            "conclusions": conclusions,
            "resolved": chance.random() < 0.7,
        }

    # the organisation

    def reorganise(self) -> None:
        """Change the organisation, or try to."""
        change = self.change()
        who = self.chance.choices(
            [self.administrator(), self.concerned(change), self.chance.choice(self.day.people)], [3, 3, 1]
        )[0]
        at, version = write_instant(self.now), len(self.registers.versions)
        held = []
        if change["kind"] in ("rotate", "post.end"):
            held = self.judge.in_hands(change["person"], pair(change["post"]), at)
        kind = "org " + change["kind"]
        try:
            done = self.office.change_organisation(who, change, self.now)
        except NotAllowed as refusal:
            self.refused[kind] += 1
            why = self.registers.keeps_from(who, change, at, version)
            assert why, f"{who} may do {change}, but was refused: {refusal.code}"
        except Refusal:
            self.refused[kind] += 1
        else:
            self.refresh()
            self.landed[kind] += not done["repeated"]
            assert done["repeated"] or not held, f"{self.case}: {change} leaves {held}"

    def administrator(self) -> str:
        posts = map(pair, self.day.content["administrators"])
        return next((p for post in posts for p in self.day.holders(post)), "admin")

    def concerned(self, change: Mapping[str, Any]) -> str:
        """Somebody whom the change is about, or her head."""
        about = [str(change[key]) for key in ("grantor", "person", "for") if key in change]
        if "delegation" in change:
            known = self.day.content["delegations"]
            about += [entry["grantor"] for entry in known if entry["id"] == change["delegation"]]
        units = [unit for person in about for unit, _ in self.day.held.get(person, ())]
        heads = [head for unit in units for head in self.day.holders(self.day.head(unit))]
        return self.chance.choice([*about, *heads, *about, *heads] or self.day.people)

    def change(self) -> dict[str, Any]:
        chance, day = self.chance, self.day
        person, other = chance.choice(day.people), chance.choice(day.people)
        if chance.random() < 0.6:  # those who matter now
            waiting = [task for task in self.judge.tasks.values() if not task.ended]
            near = [p for task in waiting for p in day.holders((task.unit, task.post))]
            person = chance.choice(near or day.people)
            mates = [p for unit, _ in day.held[person] for p in day.members(unit)]
            other = chance.choice([*mates, other])
        held = ["/".join(post) for post in day.held[person] if post[1] not in ("designated", "duty")]
        post = chance.choice(held or ["d1/clerk"])
        today = date.fromisoformat(day.day)
        since, until = sorted(today + timedelta(days=chance.randint(-1, 3)) for _ in range(2))
        span = {"since": since.isoformat(), "until": until.isoformat()}
        self.serial += 1
        units = [code for code, unit in day.content["units"].items() if unit.get("kind") == "department"]
        known = [entry["id"] for entry in day.content["delegations"]] or ["g0"]
        kinds: list[tuple[float, dict[str, Any]]] = [
            (4.0, {
                "kind": "delegate", "id": f"w{self.serial}", "grantor": person, "post": post, "to": other,
                "items": [chance.choice([self.item.code, "*", "other"])],
                "powers": [chance.choice(["review", "approve", "accept", "*", "*"])], **span,
            }),
            (2.0, {"kind": "revoke", "delegation": chance.choice(known), "on": since.isoformat()}),
            (3.0, {"kind": "stand_in", "person": other, "for": person, **span}),
            (2.0, {"kind": "post.grant", "person": other, "post": post, "since": since.isoformat()}),
            (2.0, {"kind": "post.end", "person": person, "post": post, "until": since.isoformat()}),
            (2.0, {"kind": "rotate", "person": person, "post": post, "on": until.isoformat(),
                   "to_post": chance.choice(held or [post]).replace("d1/", "d2/")}),
            (1.0, {"kind": "duty", "person": other, "post": post, **span}),
            (1.5, {"kind": "certificate", "person": person, "certificate_kind": "enforcement",
                   "number": str(self.serial), "expires": until.isoformat()}),
            (1.0, {"kind": "designate", "unit": pair(post)[0], "person": other}),
            (1.0, {"kind": "interest", "person": person, "party": chance.choice(["李四", "张三", "王五"]),
                   "interest": "kin"}),
            (0.5, {"kind": "unit.merge", "unit": chance.choice(units), "into": chance.choice(units),
                   "until": since.isoformat()}),
        ]  # fmt: skip
        return chance.choices([change for _, change in kinds], [weight for weight, _ in kinds])[0]


class ShippedCrowd(Crowd):
    """The same in a shipped item, with answers taken from its worked cases."""

    def __init__(self, database: str, item: Item, seed: int) -> None:
        super().__init__(database, item, seed)
        paths = sorted((builtin().items()[item.code] / "examples").glob("*.toml"))
        told = [tomllib.loads(path.read_text("utf-8")) for path in paths]
        # One of them is followed by and large, a long one rather than a short one.
        self.guide = max(self.chance.sample(told, 2), key=lambda example: len(example["steps"]))
        self.guided = self.answers_of([self.guide])
        self.answers = self.answers_of(told)

    def hurry(self) -> None:
        """These have to go all the way."""

    @staticmethod
    def answers_of(told: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        """What was entered in the steps of these worked cases, by element."""
        found: dict[str, list[dict[str, Any]]] = {}
        for step in (step for example in told for step in example["steps"] if "do" in step):
            element = step["do"].rpartition("/")[2].partition("#")[0].partition(":")[0]
            found.setdefault(element, []).append(step.get("data", {}))
        return found

    def application(self) -> dict[str, Any]:
        data: dict[str, Any] = self.guide["data"]
        return data | ({"applicant": "李四"} if self.chance.random() < 0.5 else {})

    def awaited(self) -> list[str]:
        stray = self.chance.random() < 0.05
        return [element for element in super().awaited() if stray or element in self.guided]

    def answer(self, element: str, unit: str) -> dict[str, Any]:
        meeting = next(iter(self.item.meetings.values()))
        if element in (meeting["convene"], meeting["invite"], meeting["hold"]):
            return self.in_meeting(element, unit)
        known = self.guided if element in self.guided and self.chance.random() < 0.93 else self.answers
        said = self.chance.choice(known.get(element, [{}]))
        if self.item.joint_of(element) and self.chance.random() < 0.3:
            return said | self.opinion()
        return said


def read_versions(office: Office, database: str) -> list[tuple[str, Any]]:
    """The versions of an office's organisation, with the instants since when they are in force."""
    found = []
    for record in office.history("office"):
        if record.event.type.startswith("organisation."):
            named = record.event.payload()["content"]
            [(content,)] = ask(database, "SELECT content FROM contents WHERE digest = ?", named)
            found.append((record.at, json.loads(content)))
    return found


def walk(template: Path, crowd: Callable[[str, int], Crowd], seeds: range, acts: int) -> Counter[str]:
    """Walk from every seed in a copy of an office; how many acts of each kind landed."""
    landed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for seed in seeds:
        database = shutil.copy(template, template.with_name(f"walk-{seed}.db"))
        walked = crowd(str(database), seed)
        print("seed", seed)  # pytest shows it when the walk fails
        walked.go(acts)
        landed += walked.landed
        refused += walked.refused
        Path(database).unlink()
    print("landed", dict(sorted(landed.items())))
    print("refused", dict(sorted(refused.items())))
    return landed


# --- the promises

EVERY = (
    *("task.completed", "answer.confirmed", "answer.returned", "referral.signed", "referral.withdrawn"),
    *("recusal.declared", "recusal.challenged", "recusal.decided", "task.handed_over"),
)
"""Acts that land in every group of walks."""


@pytest.mark.parametrize("rule", range(len(RULES)))
def test_nothing_lands_that_is_not_permitted_and_nothing_is_refused_that_is(
    tmp_path: Path, rule: int
) -> None:
    template = tmp_path / "template.db"
    path = folder(tmp_path, RULES[rule])
    with Office.create_rehearsal(str(template), NOON, register()) as office:
        office.publish(path, NOON)
    item = read_item(path)
    landed = walk(
        template,
        lambda database, seed: Crowd(database, item, seed),
        range(rule, rule + 10 * TIMES * 4, 4),
        130,
    )
    assert all(landed[kind] >= TIMES for kind in EVERY), landed
    assert landed["task.completed"] > 40 * TIMES
    assert landed.total() > 200 * TIMES


@pytest.mark.parametrize("code", ["enterprise-startup", "homestead"])
def test_the_same_holds_in_the_shipped_items(tmp_path: Path, code: str) -> None:
    template = tmp_path / "template.db"
    path = builtin().items()[code]
    Office.create_rehearsal(str(template), NOON, folders=[path]).close()
    item = read_item(path)
    landed = walk(
        template, lambda database, seed: ShippedCrowd(database, item, seed), range(900, 900 + 5 * TIMES), 150
    )
    assert landed["task.completed"] >= 20 * TIMES
    assert landed["message.received"] >= TIMES
    assert landed.total() > 60 * TIMES


# --- that the oracle would notice


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Item, Registers, list[dict[str, Any]]]]:
    """A case that went as it should, and what it was judged by."""
    root = tmp_path_factory.mktemp("told")
    path, database = folder(root, RULES[0]), str(root / "office.db")
    with Office.create_rehearsal(database, NOON, register()) as office:
        office.publish(path, NOON)
        case = office.open_case("clerk", "item", {"owner": "张三", "materials": ["plan"]}, NOON).case
        office.do("clerk", case, "intake", {"missing": False}, NOON)
        office.do("o1", case, "look", {"found": "符合"}, NOON)
        office.confirm("o2", case, "look", NOON + HOUR)
        office.do("p1", case, "a", AGREE, NOON + HOUR)
        office.confirm("l1", case, "a", NOON + HOUR)
        office.challenge("clerk", case, "b", "p2", "邻居", "是亲属", NOON + HOUR)
        office.decide_recusal("l2", case, "r1", False, "查无此事", NOON + 2 * HOUR)
        office.do("q2", case, "b", AGREE, NOON + 2 * HOUR)
        office.confirm("l2", case, "b", NOON + 3 * HOUR)
        office.do("q3", case, "c", AGREE, NOON + 3 * DAY)
        office.confirm("l3", case, "c", NOON + 3 * DAY)
        office.do("clerk", case, "weigh", {"anew": False}, NOON + 3 * DAY)
        office.do("boss", case, "decide", {}, NOON + 3 * DAY)
        history = [json.loads(record.body) for record in office.history(case)]
        yield read_item(path), Registers(read_versions(office, database)), history


def nth(history: list[dict[str, Any]], kind: str, task: str = "") -> dict[str, Any]:
    """The event of this type about this step."""
    return next(e for e in history if e["type"] == kind and task in ("", e["data"].get("task")))


def by(kind: str, task: str, **who: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Let it have been somebody else, or in another capacity."""

    def forge(history: list[dict[str, Any]]) -> None:
        nth(history, kind, task)["by"].update(who)

    return forge


def data(kind: str, task: str, **said: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Let it have said something else."""

    def forge(history: list[dict[str, Any]]) -> None:
        nth(history, kind, task)["data"].update(said)

    return forge


def gone(kind: str, task: str = "") -> Callable[[list[dict[str, Any]]], None]:
    """Let it not have happened."""

    def forge(history: list[dict[str, Any]]) -> None:
        history.remove(nth(history, kind, task))

    return forge


def twice(kind: str, task: str = "") -> Callable[[list[dict[str, Any]]], None]:
    """Let it have happened twice."""

    def forge(history: list[dict[str, Any]]) -> None:
        event = nth(history, kind, task)
        history.insert(history.index(event), event)

    return forge


def both(*forges: Callable[[list[dict[str, Any]]], None]) -> Callable[[list[dict[str, Any]]], None]:
    """Let all of these be so."""

    def forge(history: list[dict[str, Any]]) -> None:
        for one in forges:
            one(history)

    return forge


def deemed(history: list[dict[str, Any]]) -> None:
    event = nth(history, "silence.noted", "c")
    event["type"] = "referral.deemed"
    event["data"] |= {"basis": {"law": "并联审批办法", "article": "第九条"}, "level": "local-document"}


def cancelled(history: list[dict[str, Any]]) -> None:
    """The refusal of one department takes the referral of another away."""
    confirmed = [event for event in history if event["type"] == "answer.confirmed"][1]
    event = {**confirmed, "type": "task.cancelled", "data": {"task": "b", "element": "b"}}
    history.insert(history.index(confirmed) + 1, event)


FORGED: dict[str, tuple[Callable[[list[dict[str, Any]]], None], str]] = {
    "somebody of another department": (by("answer.entered", "a", person="p2", unit="d2"), "post"),
    "a post that is not hers": (by("answer.entered", "b", post="leader"), "capacity"),
    "a stand-in before the first day": (
        by("task.completed", "intake", person="aide", **{"for": "clerk", "as": "stand_in"}),
        "post",
    ),
    "a delegate whose power is another": (
        by("answer.confirmed", "c", person="p3", delegation="g2", **{"for": "l3", "as": "delegate"}),
        "post",
    ),
    "who is kin of the applicant": (by("answer.entered", "c", person="p3"), "interest"),
    "who must keep out": (
        both(data("recusal.decided", "", upheld=True), by("answer.entered", "b", person="p2")),
        "recusal",
    ),
    "an answer signed by who entered it": (by("answer.confirmed", "look", person="o1"), "four-eyes"),
    "an officer without a certificate": (by("answer.confirmed", "look", person="o3"), "certificate"),
    "one person for two departments": (
        both(by("answer.entered", "a", person="two"), by("answer.entered", "b", person="two")),
        "own opinion",
    ),
    "an inspector who decides": (
        both(by("answer.entered", "look", person="many"), by("task.completed", "decide", person="many")),
        "separation",
    ),
    "a step that stands still": (gone("recusal.decided"), "suspended"),
    "an answer nobody signed for": (gone("referral.signed", "a"), "not signed for"),
    "an opinion without its reason": (
        data("answer.entered", "a", data={"opinion": "disagree"}),
        "opinion",
    ),
    "a decision about oneself": (by("recusal.decided", "", person="p2", post="clerk"), "post"),
    "another version of the organisation": (by("answer.entered", "a", org=2), "version"),
    "an outcome that does not follow": (data("joint.decided", "", outcome="refuse"), "joint.outcome"),
    "a certainty that was none": (data("joint.certain", "", outcome="conditional"), "joint.certain"),
    "a round that never ends": (gone("joint.decided"), "joint.decided"),
    "two ends of a case": (twice("case.closed"), "closed twice"),
    "silence of who may not be silent": (deemed, "silence"),
    "a referral that another one takes away": (cancelled, "referral.cancelled"),
    "a suspension that never began": (gone("task.suspended"), "missing"),
}


def test_the_oracle_finds_nothing_in_a_case_that_went_as_it_should(
    told: tuple[Item, Registers, list[dict[str, Any]]],
) -> None:
    item, registers, history = told
    assert Judge(item, registers).read(history) == []
    assert {event["type"] for event in history} >= {"silence.noted", "recusal.decided", "joint.decided"}


@pytest.mark.parametrize("name", FORGED)
def test_the_oracle_finds_what_was_forged(
    told: tuple[Item, Registers, list[dict[str, Any]]], name: str
) -> None:
    item, registers, history = told
    forge, rule = FORGED[name]
    forged: list[dict[str, Any]] = json.loads(json.dumps(history))
    forge(forged)
    assert rule in {found for _, found, _ in Judge(item, registers).read(forged)}


# --- what the walks found


def test_the_head_hands_over_as_the_head_and_whoever_stands_in_for_her_too(tmp_path: Path) -> None:
    more = (
        '[[people]]\nid = "both"\nposts = ["d1/clerk", "d1/leader"]\nname = { zh = "兼", en = "both" }\n'
        '[[people]]\nid = "deputy"\nposts = ["d1/aide"]\nname = { zh = "副", en = "deputy" }\n'
        '[[stand_ins]]\nperson = "deputy"\nfor = "l1"\nsince = 2026-03-01\nuntil = 2026-03-02\n'
    )
    office = review_office(tmp_path, people=county(more=more))
    case = refer(office)
    office.sign("p1", case, "a", NOON)
    [record] = office.hand_over("both", case, "a", "q1", "调休", NOON).events
    assert (record.by["person"], record.by["post"]) == ("both", "leader")
    [record] = office.hand_over("deputy", case, "a", "p1", "调休", NOON).events
    assert (record.by["for"], record.by["post"]) == ("l1", "leader")
    with pytest.raises(NotAllowed):
        office.hand_over("deputy", case, "a", "q1", "调休", NOON + DAY)
    with pytest.raises(NotAllowed):
        office.hand_over("q1", case, "a", "q1", "我来", NOON)


def test_first_contact_goes_to_somebody_who_works_here(tmp_path: Path) -> None:
    more = '[[people]]\nid = "gone"\nposts = []\nname = { zh = "离", en = "gone" }\n'
    office = review_office(tmp_path, people=county(more=more))
    case = refer(office)
    with pytest.raises(Invalid) as refused:
        office.hand_over("clerk", case, "", "gone", "退休", NOON)
    assert refused.value.code == "handover.nobody"


def test_the_parties_are_those_of_the_application_whatever_is_written_later(tmp_path: Path) -> None:
    form = fields(owner=TEXT)
    path = make_item(
        tmp_path,
        draw("start s; user rename; user a; end e", "s -> rename -> a -> e"),
        lanes={"a": "d1"},
        forms={"s": form, "rename": form, "a": ANYTHING},
    )
    text = (path / "item.toml").read_text("utf-8").replace("effective =", 'parties = ["owner"]\neffective =')
    (path / "item.toml").write_text(text, "utf-8")
    kin = '[[interests]]\nperson = "p1"\nparty = "张三"\nkind = "kin"\n'
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, county(more=kin)) as office:
        office.publish(path, NOON)
        case = office.open_case("clerk", "item", {"owner": "张三"}, NOON).case
        office.do("clerk", case, "rename", {"owner": "王五"}, NOON)
        with pytest.raises(NotAllowed):
            office.do("p1", case, "a", {}, NOON)


@pytest.mark.parametrize("kind", ["post.end", "rotate"])
def test_after_a_merger_too_nobody_leaves_a_post_with_work_in_her_hands(tmp_path: Path, kind: str) -> None:
    office = review_office(tmp_path)
    case = refer(office)
    office.sign("p1", case, "a", NOON)
    merger = {"kind": "unit.merge", "unit": "d1", "into": "d2", "until": "2026-03-02"}
    office.change_organisation("admin", merger, NOON)
    how = {"until": "2026-03-04"} if kind == "post.end" else {"to_post": "d3/clerk", "on": "2026-03-05"}
    with pytest.raises(Invalid) as refused:
        leaving = {"kind": kind, "person": "p1", "post": "d2/clerk", **how}
        office.change_organisation("admin", leaving, NOON + DAY)
    assert refused.value.code == "organisation.hands"


def again(seed_root: Path) -> tuple[Office, str]:
    """A case in which department 1 was asked twice in the first round: `two` answered for it first."""
    office = Office.create_rehearsal(str(seed_root / "office.db"), NOON, register())
    office.publish(folder(seed_root, RULES[0]), NOON)
    case = office.open_case("clerk", "item", {"owner": "李四", "materials": []}, NOON).case
    office.do("clerk", case, "intake", {"missing": False}, NOON)
    office.do("o1", case, "look", {}, NOON)
    office.confirm("o2", case, "look", NOON)
    office.do("two", case, "a", {"opinion": "not_concerned", "reason": "无关", "competent": "水务局"}, NOON)
    office.confirm("l1", case, "a", NOON)
    return office, case


def test_who_spoke_for_a_department_in_an_earlier_visit_of_the_round_speaks_for_no_other(
    tmp_path: Path,
) -> None:
    office, case = again(tmp_path)
    assert [sent["round"] for sent in events(office, case, "referral.sent")] == [1, 1, 1, 1]
    with pytest.raises(NotAllowed) as refused:
        office.do("two", case, "b", AGREE, NOON)
    assert refused.value.code == "access.barred"
    office.do("two", case, "a#2", AGREE, NOON)


def test_a_round_in_which_somebody_is_never_asked_is_certain_when_it_is_over(tmp_path: Path) -> None:
    office, case = again(tmp_path)
    office.do("p2", case, "b", AGREE, NOON)
    office.confirm("l2", case, "b", NOON)
    office.do("q3", case, "c", AGREE, NOON)
    office.confirm("l3", case, "c", NOON)
    said = {"opinion": "not_concerned", "reason": "无关", "competent": "水务局"}
    for task, answer in (("a#2", said), ("a#3", AGREE)):
        office.do("p1", case, task, answer, NOON)
        office.confirm("l1", case, task, NOON)
    certain, decided = (events(office, case, f"joint.{what}") for what in ("certain", "decided"))
    assert [one["round"] for one in certain] == [one["round"] for one in decided] == [1, 2]
    assert [one["outcome"] for one in certain] == [one["outcome"] for one in decided]


@pytest.mark.parametrize("signed", [True, False])
def test_absence_is_held_against_who_signed_for_the_invitation_and_nobody_else(
    tmp_path: Path, signed: bool
) -> None:
    office = meeting_office(tmp_path)
    case = convened(office)
    if signed:  # and the leader who did must keep out since: the department was told all the same
        office.sign("l2", case, "invite:2", NOON + 2 * HOUR)
        county_head = {"kind": "post.grant", "person": "boss", "post": "county/leader"}
        office.change_organisation("admin", county_head, NOON + 2 * HOUR)
        office.challenge("clerk", case, "invite:2", "l2", "邻居", "是亲属", NOON + 2 * HOUR)
        office.decide_recusal("boss", case, "r1", True, "属实", NOON + 3 * HOUR)
    else:  # and it was handed over to somebody, who has not signed for it either
        substitute = {"kind": "stand_in", "person": "p2", "for": "l2", "until": "2026-03-31"}
        office.change_organisation("admin", substitute, NOON + 2 * HOUR)
        office.hand_over("l2", case, "invite:2", "p2", "调休", NOON + 2 * HOUR)
    office.sweep(AT_MEETING)
    office.do("clerk", case, "hold", minutes(attendance=absent(), opinions=[]), AT_MEETING)
    assert [gone["deemed"] for gone in events(office, case, "meeting.absent")] == [signed]


# --- repairs, signals, other versions, items that are abolished

FAILING = draw("start s; user a; script c fee = 20 / copies; user b; end e", "s -> a -> c -> b -> e")
OTHERWISE = draw("start s; user a; script c fee = 20 / copies; user d; end e", "s -> a -> c -> d -> e")
SENDER = draw("start s; user a; end e signal storm", "s -> a -> e")
WAITER = draw("start s; user work; boundary alarm work signal storm; end e", "s -> work -> e; alarm -> e")


class Administered:
    """An office in which a case failed, was put right and taken over, another heard a signal, and an item was
    abolished; all of it as JSON."""

    def __init__(self, root: Path) -> None:
        database = str(root / "office.db")
        about: dict[str, Any] = {"forms": {"s": ANYTHING, "a": ANYTHING}}
        first, second = make_item(root / "1", FAILING, **about), make_item(root / "2", OTHERWISE, **about)
        others = [
            make_item(root / code, drawn, code=code)
            for code, drawn in (("sender", SENDER), ("waiter", WAITER))
        ]
        with Office.create_rehearsal(database, NOON, county()) as office:
            for folder in (first, *others):
                office.publish(folder, NOON)
            repaired = office.open_case("clerk", "item", {"copies": 0}, NOON).case
            office.do("clerk", repaired, "a", {}, NOON)
            office.retry("admin", repaired, "c", {"copies": 4}, "份数录错", NOON + HOUR)
            named = office.publish(second, NOON + HOUR).definition
            wish = Wish("item", cases=(), reason="改版", names={"b": "d"})
            assert office.migrate("admin", wish, lambda: NOON + 2 * HOUR)["counts"] == {"migrated": 1}
            office.do("clerk", repaired, "d", {}, NOON + 3 * HOUR)
            waiting = office.open_case("clerk", "waiter", {}, NOON).case
            sender = office.open_case("clerk", "sender", {}, NOON).case
            office.do("clerk", sender, "a", {}, NOON + HOUR)
            office.abolish("admin", "waiter", date(2026, 4, 1), "停办", NOON + DAY)
            self.registers = Registers(read_versions(office, database))
            streams = {"repaired": repaired, "waiting": waiting, "office": "office"}
            self.told = {
                name: [json.loads(record.body) for record in office.history(case)]
                for name, case in streams.items()
            }
        self.judges = {
            "repaired": Judge(read_item(first), self.registers, {named: read_item(second)}),
            "waiting": Judge(read_item(others[1]), self.registers),
        }

    def faults(self, stream: str, history: list[dict[str, Any]]) -> set[str]:
        judge = self.registers if stream == "office" else deepcopy(self.judges[stream])
        return {rule for _, rule, _ in judge.read(history)}


@pytest.fixture(scope="module")
def administered(tmp_path_factory: pytest.TempPathFactory) -> Administered:
    return Administered(tmp_path_factory.mktemp("administered"))


def test_the_oracle_finds_nothing_in_repairs_migrations_signals_and_abolitions(
    administered: Administered,
) -> None:
    for stream, history in administered.told.items():
        assert administered.faults(stream, history) == set(), stream


CLERK = {"person": "clerk", "unit": "hall", "post": "clerk"}


@pytest.mark.parametrize(
    ("stream", "forge", "rule"),
    [
        ("repaired", by("incident.retried", "", person="clerk", post="clerk"), "post"),
        ("repaired", data("incident.retried", "", incident="a"), "nothing failed"),
        ("repaired", gone("incident.raised"), "nothing failed"),
        ("repaired", by("case.migrated", "", person="boss", post="leader"), "post"),
        ("repaired", data("case.migrated", "", reason=" "), "migrated"),
        ("repaired", gone("task.migrated"), "task"),
        ("repaired", by("task.migrated", "", person="boss"), "cause"),
        ("waiting", by("signal.received", "", **CLERK), "cause"),
        ("office", by("item.abolished", "", **CLERK), "administrator"),
        ("office", data("item.abolished", "", since="2026-03-01"), "back-dated"),
        ("office", by("migration.ordered", "", person="p1", unit="d1", post="clerk"), "administrator"),
    ],
)
def test_the_oracle_finds_what_was_forged_in_them(
    administered: Administered, stream: str, forge: Callable[[list[dict[str, Any]]], None], rule: str
) -> None:
    history = deepcopy(administered.told[stream])
    forge(history)
    assert rule in administered.faults(stream, history)
