"""A hundred companies have applied, and been accepted, on the morning of Monday 2 March 2026."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.office import Office

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
APPLICATION = json.loads(Path("startup.json").read_text(encoding="utf-8"))

with Office.open("lianban.db") as office:
    for number in range(1, 101):
        company = {"company_name": f"示例县春城第{number}商贸有限公司"}
        case = office.open_case("chen.jing", "enterprise-startup", APPLICATION | company, MORNING).case
        office.do(
            "chen.jing", case, "intake", {"outcome": "complete", "materials": ["公司章程 1份"]}, MORNING
        )
        office.do("chen.jing", case, "accept", {"delivery": "in_person"}, MORNING)
