"""A case of hundreds of events: 26 departments side by side, in rounds, each with a clock of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from drawing import draw
from items import DAY, HOUR, NOON, fields, make_item, organisation

from engine.office import Office

DEPARTMENTS = 26

CLOCKS = """
[clocks.decision]
name = { zh = "决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["s"]
stops = ["check"]
unit = "hall"
basis = { law = "行政许可法", article = "第四十二条" }

[clocks.reply]
name = { zh = "部门答复", en = "Reply" }
tier = "step"
term = "2wd"
each = [%s]
basis = { law = "并联审批办法", article = "第六条" }
ladder = [ { name = "reminder", left = 1 }, { name = "yellow", over = 0, card = true } ]
"""


def large_office(root: Path) -> Office:
    """An office with that item, `item`."""
    steps = [f"r{n}" for n in range(1, DEPARTMENTS + 1)]
    nodes = "; ".join(f"user {step}" for step in steps)
    flows = "; ".join(f"split -> {step}; {step} -> join" for step in steps)
    diagram = draw(
        f"start s; xor round; and split; {nodes}; and join; user check; xor again; end granted",
        f"s -> round; round -> split; {flows}; join -> check; check -> again; "
        "again -> round if more == True; again -> granted default",
    )
    office = Office.create_rehearsal(str(root / "office.db"), NOON, organisation(DEPARTMENTS))
    folder = make_item(
        root,
        diagram,
        lanes={step: f"d{n}" for n, step in enumerate(steps, 1)},
        forms={"check": fields(more="boolean")},
        clocks=CLOCKS % ", ".join(f'"{step}"' for step in steps),
    )
    office.publish(folder, NOON)
    return office


def run(office: Office, rounds: int) -> tuple[str, datetime]:
    """A case that went through so many rounds and was granted, and when; five departments are late each
    time."""
    now = NOON
    case = office.open_case("clerk", "item", {}, now).case
    for n in range(1, rounds + 1):
        for department in range(1, DEPARTMENTS + 1):
            now += 5 * DAY if department == DEPARTMENTS - 4 else HOUR / 4
            number = f"r{department}" if n == 1 else f"r{department}#{n}"
            office.do(f"p{department}", case, number, {}, now)
        step = "check" if n == 1 else f"check#{n}"
        office.do("clerk", case, step, {"more": n < rounds}, now)
    return case, now
