"""Documents: what a template may do, what it may not, and the shipped ones."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.documents import (
    CONTEXT,
    MAX_OUTPUT,
    check,
    date_words,
    date_zh,
    render,
    yuan,
    yuan_words,
)
from engine.errors import Invalid

FORMS = {path.name: path.read_bytes() for path in Path("forms").glob("*.j2")}
SHIPPED = sorted(name for name in FORMS if not name.startswith("_"))

STARTUP = tomllib.loads(Path("processes/enterprise-startup/item.toml").read_text())
SENIOR = tomllib.loads(Path("processes/senior-card/item.toml").read_text())
DISCLOSURE = tomllib.loads(Path("processes/disclosure-request/item.toml").read_text())

COMPANY: dict[str, Any] = {
    "company_name": "示例县云岭生态茶业有限公司",
    "company_type": "limited",
    "registered_capital": 200,
    "address": "示例县城关镇文化路18号",
    "business_scope": "茶叶种植、加工和销售",
    "legal_representative": "张明",
    "applicant": "张明",
    "id_number": "539901198506150031",
    "phone": "0876-5550101",
    "intake": {"outcome": "complete", "materials": ["公司章程 1份"]},
    "samr": {"opinion": "agree"},
    "psb": {"opinion": "disagree", "reason": "名称不一致"},
}
ELDER: dict[str, Any] = {
    "applicant": "段老福",
    "birth_date": "1951-11-08",
    "id_number": "539901195111080013",
    "residence": "示例县城关镇东街6号",
    "card_kind": "70+",
}
REQUEST: dict[str, Any] = {
    "applicant": "李敏",
    "contact": "0876-5550166",
    "description": "农村危房改造补助资金分配方案",
    "channel": "electronic",
    "search": {"found": "检索公文系统", "consult": "both", "third_party": "示例县春城建筑有限公司"},
    "draft": {"outcome": "refused", "reason": "涉及第三方商业秘密", "secrecy": True},
}


def clock(tier: str, name: str, term: str, due_date: str | None, **more: Any) -> dict[str, Any]:
    return {
        "tier": tier,
        "name": {"zh": name, "en": name},
        "term": term,
        "state": "running",
        "since": "2026-03-02T01:00:00.000000Z",
        "due_date": due_date,
        "provisional": False,
        "total": 20,
        "left": 12,
        "count_unit": "wd",
        "late": False,
        "paused": [],
        **more,
    }


TESTED = {"ground": "testing", "since": "2026-03-09T01:00:00.000000Z", "expected": "12wd", "document": ""}
CLOCKS = {
    "decision": clock("statutory", "登记决定", "3wd", None, state="paused", paused=[TESTED]),
    "promise": clock("promised", "承诺办结", "3wd", None, state="paused", paused=[TESTED]),
    "joint": clock("statutory", "联合办理", "45wd", "2026-05-14"),
    "completeness": clock("statutory", "一次性告知", "5wd", "2026-03-07", state="stopped"),
    "delivery": clock("statutory", "颁发送达", "10wd", "2026-03-23"),
    "reply": clock("statutory", "答复", "20wd", "2026-03-30"),
    "supplement": clock("statutory", "补正", "10wd", "2026-03-24"),
    "third_party": clock("statutory", "第三方提出意见", "15wd", "2026-03-31"),
    "makers": clock("statutory", "共同制作机关提出意见", "15wd", "2026-04-01"),
}
ART_42 = {"law": "中华人民共和国行政许可法", "article": "第四十二条第二款"}
ART_45 = {"law": "中华人民共和国行政许可法", "article": "第四十五条"}
PAUSE = {
    "clock": "decision",
    "name": {"zh": "登记决定", "en": "Decision"},
    "ground_name": {"zh": "检测", "en": "testing"},
    "basis": ART_45,
    **TESTED,
}
EXTENSION = {
    "clock": "joint",
    "name": {"zh": "联合办理", "en": "Joint handling"},
    "at": "2026-03-09T01:00:00.000000Z",
    "by": "15wd",
    "approver": "government/head",
    "reason": "案情复杂",
    "document": "",
    "basis": ART_42,
}
NOTICES = {
    "special-procedure-notice": PAUSE,
    "consultation-notice": PAUSE,
    "extension-notice": EXTENSION,
}
SILENCE = {
    "effect": "deemed_acceptance",
    "clock": "completeness",
    "as_of": "2026-03-01T17:00:00.000000Z",
    "at": "2026-03-09T09:30:00.000000Z",
    "basis": {"law": "中华人民共和国行政许可法", "article": "第三十二条第一款第四项"},
}
UNITS = {"samr": "示例县市场监督管理局", "psb": "示例县公安局", "tax": "国家税务总局示例县税务局"}
PEOPLE = {"luo.yan": {"zh": "罗燕", "en": "Luo Yan"}, "gao.jianjun": {"zh": "高建军", "en": "Gao Jianjun"}}
SILENCE_BASIS = {"law": "示例县并联审批管理办法", "article": "第十五条"}


def answer(unit: str, opinion: str, **more: Any) -> dict[str, Any]:
    """What a department said in the joint review, or that it was silent."""
    silent = opinion == "deemed"
    return {
        "task": f"{unit}_review",
        "unit": unit,
        "unit_name": {"zh": UNITS[unit], "en": unit},
        "opinion": opinion,
        "words": {},
        "deemed": silent,
        "basis": SILENCE_BASIS if silent else None,
        "reason": "",
        "conditions": [],
        "competent": "",
        "by_name": {} if silent else {"zh": "王磊", "en": "Wang Lei"},
        "confirmed_by_name": {},
        "at": "2026-03-04T09:30:00.000000Z",
        **more,
    }


REVIEW = {
    "review": {
        "outcome": "meeting",
        "certain": True,
        "dissent": [UNITS["psb"]],
        "conditions": [{"text": "三十日内办理参保登记", "units": [UNITS["samr"]]}],
        "answers": [
            answer("samr", "conditions", conditions=["三十日内办理参保登记"]),
            answer("psb", "disagree", reason="名称不一致"),
            answer("tax", "deemed"),
        ],
    }
}
MEETING = {
    "date": "2026-03-05",
    "time": "09:00",
    "place": "三楼会议室",
    "agenda": "印章名称",
    "departments": ["samr", "psb", "tax"],
}
MINUTES = {
    "attendance": [
        {"department": "samr", "person": "luo.yan", "present": True},
        {"department": "psb", "person": "gao.jianjun", "present": True},
        {"department": "tax", "person": "ma.xiulan", "present": False},
    ],
    "opinions": [{"department": "psb", "opinion": "disagree", "reason": "名称不一致"}],
    "conclusions": [{"department": "psb", "task": "出具更正意见", "term": "1wd"}],
    "resolved": False,
}
CONFERENCE = {
    "outcome": "unresolved",
    "unresolved": True,
    "conditions": [],
    "dissent": ["psb"],
    "absent": ["tax"],
    "deemed": ["tax"],
}
DUTY = {"decision": "conditional", "reason": "不影响主体资格", "conditions": ["刻章前更正名称"]}


def in_joint_review(step: str) -> dict[str, Any]:
    """The context of a paper of the joint review, issued by this step."""
    return {"joint": REVIEW, "step": {"id": step, "name": {"zh": "环节", "en": "Step"}}}


def context(
    item: dict[str, Any], document: str, data: dict[str, Any], answers: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "office": {"name": {"zh": "示例县", "en": "Shili County"}, "division": "539901"},
        "case": {
            "number": "539901-SC-LB0001-2026-00042",
            "item_code": item["code"],
            "opened_at": "2026-03-01T17:00:00.000000Z",
        },
        "item": item,
        "data": data,
        "answers": answers,
        "step": {"id": "step", "name": {"zh": "审查", "en": "Review"}},
        "actor": {
            "name": {"zh": "王磊", "en": "Wang Lei"},
            "unit": "samr",
            "unit_name": "示例县市场监督管理局",
            "post": "reviewer",
        },
        "document": {
            "id": document,
            "number": "决定〔2026〕38号",
            "name": item["documents"][document]["name"],
        },
        "documents": {"acceptance-notice": {"number": "受理〔2026〕42号"}},
        "clocks": CLOCKS,
        "notice": NOTICES.get(document, {}),
        "deemed": [],
        "date": "2026-03-09",
        "joint": {},
        "materials": [],
        "agent": {},
        "first_contact": {},
        "people": PEOPLE,
        "units": UNITS,
        **more,
    }


def shipped(
    item: dict[str, Any], document: str, data: dict[str, Any], answers: dict[str, Any], **more: Any
) -> str:
    template = item["documents"][document]["template"]
    return render(FORMS, template, context(item, document, data, answers, **more)).decode()


def made(source: str, /, **data: Any) -> str:
    return render({"t.j2": source.encode()}, "t.j2", {"data": data}).decode()


def failed(source: str, /, **data: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        made(source, **data)
    assert caught.value.code == "document.failed"
    return caught.value


GRANT = {"decision": "grant"}
REFUSE = {"decision": "refuse", "reason": "缺少前置许可", "remedies": "可自收到之日起六十日内申请行政复议"}
LICENCE = {"licence_number": "91539901MA6KA00025", "established": "2026-03-09"}
DELIVERY = {"recipient": "张明", "method": "in_person", "items": ["营业执照"]}
EVERY_DOCUMENT = [
    (STARTUP, "acceptance-notice", COMPANY, {}, {}),
    (STARTUP, "supplement-notice", COMPANY, {"defects": ["章程未签字"]}, {}),
    (STARTUP, "correction-notice", COMPANY, {"defects": ["名称不一致"]}, {}),
    (STARTUP, "department-opinion", COMPANY, {"opinion": "disagree", "reason": "名称不一致"}, {}),
    (STARTUP, "decision", COMPANY, GRANT, {}),
    (STARTUP, "decision", COMPANY, REFUSE, {}),
    (STARTUP, "licence", COMPANY, LICENCE, {}),
    (STARTUP, "delivery-receipt", COMPANY, DELIVERY, {}),
    (STARTUP, "non-acceptance", COMPANY, {}, {}),
    (STARTUP, "special-procedure-notice", COMPANY, {}, {}),
    (STARTUP, "extension-notice", COMPANY, {}, {}),
    (STARTUP, "silence-record", COMPANY, {}, in_joint_review("tax_review")),
    (STARTUP, "meeting-notice", COMPANY, MEETING, in_joint_review("joint_meeting/convene_meeting")),
    (
        STARTUP,
        "meeting-minutes",
        {**COMPANY, "meeting": MEETING, "conference": CONFERENCE},
        MINUTES,
        in_joint_review("joint_meeting/hold_meeting"),
    ),
    (SENIOR, "non-acceptance", {**ELDER, "birth_date": "1970-01-01"}, {}, {}),
    (SENIOR, "decision", ELDER, GRANT, {}),
    (SENIOR, "senior-card", ELDER, {}, {}),
    (SENIOR, "delivery-receipt", ELDER, {"recipient": "段老福", "method": "agent"}, {}),
    (DISCLOSURE, "receipt", REQUEST, {"outcome": "unclear"}, {}),
    (DISCLOSURE, "supplement-notice", REQUEST, {"points": ["写明年份"], "guidance": "可以参考目录"}, {}),
    (DISCLOSURE, "third-party-letter", REQUEST, {"matter": "是否涉及商业秘密"}, {}),
    (DISCLOSURE, "makers-letter", REQUEST, {"matter": "是否同意公开"}, {}),
    (DISCLOSURE, "consultation-notice", REQUEST, {}, {}),
    (DISCLOSURE, "extension-notice", REQUEST, {}, {}),
    (DISCLOSURE, "reply", REQUEST, {}, {}),
]
TO_OTHERS = ("third-party-letter", "makers-letter")
"""What is not addressed to the applicant, and does not name the applicant."""


# --- the shipped templates


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_template_is_sound(name: str) -> None:
    assert [str(problem.message) for problem in check(FORMS, name)] == []


def test_every_document_of_the_shipped_items_is_tried_here() -> None:
    declared = {(item["code"], name) for item in (STARTUP, SENIOR, DISCLOSURE) for name in item["documents"]}
    assert {(item["code"], name) for item, name, _, _, _ in EVERY_DOCUMENT} == declared


@pytest.mark.parametrize(("item", "document", "data", "answers", "more"), EVERY_DOCUMENT)
def test_every_shipped_document_names_organ_number_case_applicant_and_date(
    item: dict[str, Any],
    document: str,
    data: dict[str, Any],
    answers: dict[str, Any],
    more: dict[str, Any],
) -> None:
    text = shipped(item, document, data, answers, **more)
    for part in ("示例县市场监督管理局", "决定〔2026〕38号", "539901-SC-LB0001-2026-00042", "2026年3月9日"):
        assert part in text
    assert (data["applicant"] in text) == (document not in TO_OTHERS)
    assert "None" not in text and "True" not in text
    assert "http" not in text  # self-contained: nothing is fetched when it is shown or printed


@pytest.mark.parametrize(("item", "document", "data", "answers", "more"), EVERY_DOCUMENT)
def test_what_people_typed_never_becomes_markup(
    item: dict[str, Any],
    document: str,
    data: dict[str, Any],
    answers: dict[str, Any],
    more: dict[str, Any],
) -> None:
    evil = '<script>alert("x")</script>{{ data }}'
    fixed = {
        "birth_date",
        "registered_capital",
        "company_type",
        "established",
        "decision",
        "opinion",
        "method",
        "outcome",
        *("date", "time", "term", "person", "department", "departments", "deemed", "dissent"),
        *("id", "task", "unit", "at"),
    }

    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: poisoned(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [poisoned(part, key) for part in value]
        return value if key in fixed or not isinstance(value, str) else evil

    text = shipped(item, document, poisoned(data), poisoned(answers), **poisoned(more))
    assert "<script" not in text
    assert "&lt;script&gt;" in text and "{{ data }}" in text


def test_a_refusal_gives_reasons_and_remedies_with_terms() -> None:
    text = shipped(STARTUP, "decision", COMPANY, REFUSE)
    assert "不予行政许可决定书" in text and "缺少前置许可" in text and "六十日内申请行政复议" in text
    text = shipped(STARTUP, "decision", COMPANY, {"decision": "refuse", "reason": "缺少前置许可"})
    assert "六十日内依法向示例县人民政府申请行政复议" in text
    assert "六个月内依法向示例县人民法院提起行政诉讼" in text


def test_a_refusal_without_reasons_is_not_made() -> None:
    with pytest.raises(Invalid) as caught:
        shipped(STARTUP, "decision", COMPANY, {"decision": "refuse"})
    assert "decision.j2, line" in str(caught.value.found)


def test_a_decision_names_the_opinion_of_every_department() -> None:
    text = shipped(STARTUP, "decision", COMPANY, GRANT)
    assert "准予行政许可决定书" in text
    assert "市场监管局审查岗：同意；公安局窗口：不同意；" in text


MET = {**COMPANY, "meeting": MEETING, "minutes": MINUTES, "conference": CONFERENCE}
NOT_ITS_WORD = "不是该部门出具的意见，不代替其法定文书；该部门的审查职责和法律责任不因此免除"


def test_a_grant_over_the_dissent_of_a_department_says_why_or_is_not_made() -> None:
    with pytest.raises(Invalid) as caught:
        shipped(STARTUP, "decision", COMPANY, GRANT, joint=REVIEW)
    assert caught.value.code == "document.failed"
    text = shipped(STARTUP, "decision", COMPANY, {**GRANT, "reason": "名称已更正"}, joint=REVIEW)
    assert "对示例县公安局的不同意见不予采纳，理由：名称已更正。" in text


def test_a_decision_after_a_meeting_tells_what_it_came_to_and_what_the_duty_leader_said() -> None:
    text = shipped(STARTUP, "decision", {**MET, "duty": DUTY}, GRANT, joint=REVIEW)
    assert "值班县领导决定：<strong>附条件同意办理</strong>。理由：不影响主体资格。" in text
    assert "对示例县公安局的不同意见不予采纳，理由：不影响主体资格。" in text
    assert "<li>刻章前更正名称</li>" in text
    assert "国家税务总局示例县税务局缺席，根据《示例县" in text
    assert "视为同意（缺席默认），不是该部门的意见" in text


def test_silence_is_called_silence_on_every_paper_that_repeats_it() -> None:
    department, law = UNITS["tax"], "《示例县并联审批管理办法》第十五条"
    text = shipped(STARTUP, "decision", COMPANY, {**GRANT, "reason": "名称已更正"}, joint=REVIEW)
    (line,) = [part for part in text.split("<tr>") if department in part]
    assert "<strong>视为同意（超时默认）</strong>" in line and law in line and NOT_ITS_WORD in line
    assert "<strong>同意</strong>" not in text
    text = shipped(STARTUP, "silence-record", COMPANY, {}, **in_joint_review("tax_review"))
    assert f"{department}未提出意见。" in text and law in text and "视为同意（超时默认）" in text
    assert "不是该部门出具的意见" in text and "王磊" not in text


def test_the_minutes_tell_who_stayed_away_from_who_spoke_and_what_is_to_be_done_by_when() -> None:
    text = shipped(STARTUP, "meeting-minutes", MET, MINUTES, **in_joint_review("joint_meeting/hold_meeting"))
    assert "罗燕　到会" in text and "高建军　到会" in text and "ma.xiulan　到会" not in text
    assert "<strong>缺席，视为同意（缺席默认）</strong>" in text and "不是该部门的意见" in text
    assert "示例县公安局：出具更正意见。自纪要形成之日的次日起1个工作日内落实并报告。" in text
    assert "未达成一致" in text and "报请值班县领导决定" in text


def test_the_licence_has_what_was_corrected_not_what_was_first_applied_for() -> None:
    corrected = {**COMPANY, "correction": {"materials": ["x"], "company_name": "示例县春城茶业有限公司"}}
    text = shipped(STARTUP, "licence", corrected, LICENCE)
    assert "示例县春城茶业有限公司" in text and "云岭" not in text
    assert COMPANY["address"] in text
    assert "人民币贰佰万元整" in text and "长期" in text


def test_the_supplement_notice_lists_every_defect_and_counts_them() -> None:
    defects = ["章程未签字", "缺少住所证明", "任职文件未盖章"]
    text = shipped(STARTUP, "supplement-notice", COMPANY, {"defects": defects})
    assert all(f"<li>{defect}</li>" in text for defect in defects)
    assert "以上共3项" in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {
                "intake": {
                    "outcome": "not_ours",
                    "reason": "在邻县",
                    "competent_authority": "邻县市场监督管理局",
                }
            },
            "请向<strong>邻县市场监督管理局</strong>提出申请",
        ),
        ({"intake": {"outcome": "not_required", "reason": "自产自销"}}, "依法不需要取得行政许可：自产自销"),
        ({"supplement_check": {"complete": False, "reason": "仍缺章程"}}, "仍缺章程"),
    ],
)
def test_a_non_acceptance_says_why_and_who_is_competent(data: dict[str, Any], words: str) -> None:
    assert words in shipped(STARTUP, "non-acceptance", {**COMPANY, **data}, {})


# --- the law's clock on paper


def test_the_acceptance_notice_prints_the_due_date_of_every_term_from_the_ledger() -> None:
    clocks = {
        "completeness": CLOCKS["completeness"],
        "decision": clock("statutory", "登记决定", "3wd", "2026-03-05"),
        "joint": CLOCKS["joint"],
        "promise": clock("promised", "承诺办结", "2wd", "2026-03-04"),
        "psb": clock("step", "公安局审查", "2wd", "2026-03-06"),
    }
    text = shipped(STARTUP, "acceptance-notice", COMPANY, {}, clocks=clocks)
    assert "登记决定（法定）3个工作日，至<strong>2026年3月5日</strong>；" in text
    assert "联合办理（法定）45个工作日，至<strong>2026年5月14日</strong>；" in text
    assert "承诺办结2个工作日，至<strong>2026年3月4日</strong>；" in text
    assert "2026年3月7日" not in text and "公安局审查" not in text


PROVISIONAL = {
    name: {**entry, "due_date": "2027-02-09", "provisional": True} for name, entry in CLOCKS.items()
}
DATED = [
    (STARTUP, "acceptance-notice", COMPANY, {}),
    (STARTUP, "decision", COMPANY, GRANT),
    (STARTUP, "extension-notice", COMPANY, {}),
    (DISCLOSURE, "receipt", REQUEST, {"outcome": "clear"}),
    (DISCLOSURE, "supplement-notice", REQUEST, {"points": ["写明年份"]}),
    (DISCLOSURE, "third-party-letter", REQUEST, {"matter": "是否涉及商业秘密"}),
    (DISCLOSURE, "makers-letter", REQUEST, {"matter": "是否同意公开"}),
    (DISCLOSURE, "extension-notice", REQUEST, {}),
]


@pytest.mark.parametrize(("item", "document", "data", "answers"), DATED)
def test_a_due_date_that_counts_on_an_unannounced_calendar_says_so_wherever_it_is_printed(
    item: dict[str, Any], document: str, data: dict[str, Any], answers: dict[str, Any]
) -> None:
    text = shipped(item, document, data, answers, clocks=PROVISIONAL)
    printed, marked = "2027年2月9日", "2027年2月9日（推定，以国务院办公厅放假通知为准）"
    assert text.count(printed) == text.count(marked) > 0
    assert "推定" not in shipped(item, document, data, answers)


def test_an_application_accepted_by_silence_is_accepted_as_of_the_day_of_receipt() -> None:
    for document, answers in (("acceptance-notice", {}), ("decision", GRANT)):
        text = shipped(STARTUP, document, COMPANY, answers, deemed=[SILENCE])
        assert "第三十二条第一款第四项" in text and "自收到申请材料之日即2026年3月2日起即为受理" in text
        assert "决定予以受理" not in text and "已予受理" not in text


def test_the_notice_of_a_special_procedure_says_why_how_long_and_that_it_is_not_counted() -> None:
    text = shipped(STARTUP, "special-procedure-notice", COMPANY, {})
    for part in ("检测", "第四十五条", "2026年3月9日", "12个工作日", "不计算在办理期限内"):
        assert part in text
    assert "登记决定：20个工作日，剩余12个工作日" in text and "承诺办结：" in text
    assert "联合办理" not in text  # this one runs on


def test_the_notice_of_an_extension_says_why_how_much_by_whom_and_until_when() -> None:
    text = shipped(STARTUP, "extension-notice", COMPANY, {})
    for part in ("案情复杂。", "第四十二条第二款", "15个工作日", "王磊", "<strong>2026年5月14日</strong>"):
        assert part in text


def test_a_clock_that_stands_still_has_no_due_date_to_print() -> None:
    text = shipped(STARTUP, "extension-notice", COMPANY, {}, notice={**EXTENSION, "clock": "decision"})
    assert "<strong>期限恢复计算后另行告知</strong>" in text


@pytest.mark.parametrize(("term", "words"), [("12wd", "12个工作日"), ("30d", "30日"), ("2h", "2小时")])
def test_terms_are_printed_in_words(term: str, words: str) -> None:
    templates = {**FORMS, "t.j2": b"{% from '_parts.j2' import term %}{{ term(data.t) }}"}
    assert render(templates, "t.j2", {"data": {"t": term}}).decode() == words


REPLIES = [
    ("provided", {"access": "全文"}, "予以公开"),
    ("partly_provided", {"access": "部分", "reason": "涉密"}, "予以部分公开"),
    ("already_public", {"access": "门户网站"}, "第三十六条第一项"),
    ("refused", {"reason": "涉密"}, "第三十六条第三项"),
    ("not_held", {"reason": "未制作"}, "第三十六条第四项"),
    (
        "other_authority",
        {"reason": "邻县制作", "authority": "邻县人民政府"},
        "请向<strong>邻县人民政府</strong>申请",
    ),
    ("repeated", {"reason": "已答复"}, "第三十六条第六项"),
    ("special_regime", {"reason": "不动产登记"}, "第三十六条第七项"),
    ("not_request", {"reason": "投诉"}, "第三十九条"),
]


@pytest.mark.parametrize(("outcome", "fields", "words"), REPLIES)
def test_the_reply_to_a_request_for_information_names_its_rule(
    outcome: str, fields: dict[str, str], words: str
) -> None:
    text = shipped(DISCLOSURE, "reply", {**REQUEST, "draft": {"outcome": outcome, **fields}}, {})
    assert words in text
    assert all(value in text for value in fields.values()) and "六十日内依法申请行政复议" in text


def test_the_reply_tells_a_deemed_consent_from_a_real_one() -> None:
    consent = {**SILENCE, "effect": "deemed_consent", "basis": {"law": "条例", "article": "第三十四条"}}
    assert "视为同意公开" in shipped(DISCLOSURE, "reply", REQUEST, {}, deemed=[consent])
    assert "视为同意公开" not in shipped(DISCLOSURE, "reply", REQUEST, {})


def test_local_dates_are_those_of_the_office() -> None:
    # 17:00 UTC is past midnight in Shanghai
    assert "于2026年3月2日提出" in shipped(STARTUP, "acceptance-notice", COMPANY, {})
    values = context(STARTUP, "acceptance-notice", COMPANY, {})
    values["office"]["zone"] = "Europe/Berlin"
    assert "于2026年3月1日提出" in render(FORMS, "acceptance-notice.j2", values).decode()


def test_the_same_template_and_data_give_the_same_bytes_in_another_interpreter() -> None:
    values = context(STARTUP, "decision", COMPANY, GRANT)
    code = (
        "import json, pathlib, sys; from engine.documents import render\n"
        "forms = {p.name: p.read_bytes() for p in pathlib.Path('forms').glob('*.j2')}\n"
        "sys.stdout.buffer.write(render(forms, 'decision.j2', json.load(sys.stdin)))"
    )
    for seed in ("1", "2"):
        other = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(values, default=str).encode(),
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        )
        assert other.stdout == render(FORMS, "decision.j2", values)


# --- what a template may do


def test_data_is_escaped_and_plain() -> None:
    assert made("{{ data.a }}|{{ data.b }}|{{ data.c }}|{{ data.d }}", a="<b>&", b=None, c=True, d=5.0) == (
        "&lt;b&gt;&amp;||是|5"
    )


@pytest.mark.parametrize("name", ["items", "keys", "values", "get", "pop", "copy", "update"])
def test_a_field_named_like_a_method_is_data(name: str) -> None:
    assert made("{{ data." + name + " }}", **{name: "值"}) == "值"
    assert made("{{ data." + name + " is defined }}") == "否"


@pytest.mark.parametrize("source", ["{{ data }}", "{{ data.l }}", "{{ data.l|map('upper') }}", "{{ range }}"])
def test_a_list_or_group_is_not_printed_as_python_writes_it(source: str) -> None:
    assert "loop over it" in str(failed(source, l=["a"]).found)
    assert made("{{ data.l|map('upper')|join('、') }}", l=["a", "b"]) == "A、B"


def test_what_the_case_lacks_is_an_error_naming_template_and_line() -> None:
    found = str(failed("one\ntwo {{ data.absent }}").found)
    assert "t.j2, line 2" in found and "absent" in found
    assert made("{{ data.absent is defined }}{{ data.absent|default('—') }}") == "否—"


def test_an_error_in_an_included_template_names_that_one() -> None:
    templates = {"a.j2": b"{% include 'b.j2' %}", "b.j2": b"\n\n{{ data.absent }}"}
    with pytest.raises(Invalid) as caught:
        render(templates, "a.j2", {"data": {}})
    assert "b.j2, line 3" in str(caught.value.found)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ data.d|date_zh }}", "2026年3月2日"),
        ("{{ data.d|date_words }}", "二〇二六年三月二日"),
        ("{{ data.n|yuan }}", "1,234.50元"),
        ("{{ data.n|yuan_words }}", "壹仟贰佰叁拾肆元伍角整"),
        ("{% for k, v in data.m|items %}{{ loop.index }}{{ k }}{{ v }}{% endfor %}", "1a12b2"),
        ("{% for x in [3, 1, 2]|sort if x > 1 %}{{ x }}{{ ',' if not loop.last }}{% endfor %}", "2,3"),
        ("{% for x in range(3) %}{{ loop.cycle('a', 'b') }}{% endfor %}", "aba"),
        ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(1) }}{{ m('<') }}", "[1][&lt;]"),
        ("{{ 'a' ~ 1 ~ '<' }}", "a1&lt;"),
        ("{{ 2 * 3 + 7 % 4 }}", "9"),
    ],
)
def test_a_template_has_what_official_documents_need(source: str, value: str) -> None:
    assert made(source, d="2026-03-02", n=1234.5, m={"a": 1, "b": 2}) == value


# --- what it may not do

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ data.__class__ }}",
    "{{ data['__class__'].__base__ }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ data|attr('__class__') }}",
    "{{ [data]|map(attribute='__class__')|list }}",
    "{{ [data]|map('attr', '__class__')|list }}",
    "{{ data.items() }}",
    "{{ data.x.upper() }}",
    "{{ data.x.format(data) }}",
    "{{ '{0.__class__}'.format(data) }}",
    "{{ '{0.__class__}'|format(data) }}",
    "{{ '%s' % data }}",
    "{{ data.l.append(1) }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum() }}",
    "{{ namespace(a=1).a }}",
    "{{ joiner.__init__ }}",
    "{{ dict(a=1) }}",
    "{{ config }}",
    "{{ range.__self__ }}",
    "{{ range.__self__.loader }}",
    "{{ range(1).__class__ }}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}",
    "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{{ (data.absent|default(data)).__class__ }}",
    "{{ data.absent.__class__ }}",
    "{% set x = data.__init__ %}{{ x }}",
    "{{ [1,2]|random }}",
    "{{ data|tojson|safe }}",
    "{{ '<b>'|safe }}",
    "{% autoescape false %}<b>{{ data.x }}{% endautoescape %}",
    "{% include '/etc/passwd' %}",
    "{% include '../engine/errors.py' %}",
    "{% include data.x %}",
    "{% import 'os' as os %}",
    "{% do data.clear() %}",
    "{% debug %}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_the_sandbox_holds(source: str) -> None:
    failed(source, x="text", l=[1])


BOMBS = [
    "{{ 'x' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 9 ** 999999999 }}",
    "{{ '%0999999999d' % 1 }}",
    "{% for x in range(1000000000) %}{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) if false %}{% endfor %}{% endfor %}",
    "{% for a in range(90000) %}" + "x" * 100 + "{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "{% macro m(s) %}{{ s }}{{ s }}{% endmacro %}{% set s = 'xxxxxxxx' %}" + "{% set s = m(s) %}" * 40,
    "{% set s = 'x' %}" + "{% set s = s ~ s %}" * 60 + "{{ s }}",
    "{% set s = 'x' %}" + "{% set s = s + s %}" * 60 + "{{ s }}",
    "{% set s = 'xx' %}" + "{% set s = s|replace('x', 'xxxxxxxxxx') %}" * 60 + "{{ s }}",
    "{% set s = ['x'] %}" + "{% set s = s + s %}" * 60,
    "{% set n = 999 %}" + "{% set n = n * n %}" * 60,
    "{% set s = 'x' %}" + "{% set s %}{{ s }}{{ s }}{% endset %}" * 60,
    "{% include 't.j2' %}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
]


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
def test_a_template_cannot_run_or_grow_without_end(source: str) -> None:
    began = time.perf_counter()
    failed(source)
    assert time.perf_counter() - began < 5


def test_a_long_document_is_allowed_up_to_the_limit() -> None:
    assert len(made("{% for a in range(1900) %}{{ data.s }}{% endfor %}", s="x" * 1000)) == 1_900_000
    assert str(MAX_OUTPUT) in str(
        failed("{% for a in range(2001) %}{{ data.s }}{% endfor %}", s="x" * 1000).found
    )


# --- checking templates before they are used


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% if %}", "Expected an expression"),
        ("{{ data.a ", "unexpected end of template"),
        ("{% include 'absent.j2' %}", "there is no template absent.j2"),
        ("{% include data.x %}", "computed name"),
        ("{% if data.a %}{{ data.a|shout }}{% endif %}", "no filter or test shout"),
        ("{% if data.a is shouted %}{% endif %}", "shouted"),
        ("{{ dta.name }}", "it uses dta"),
        ("{% set x %}a{% endset %}", "measured"),
        ("{% autoescape false %}{% endautoescape %}", "escaping"),
    ],
)
def test_a_faulty_template_is_found_before_any_case_uses_it(source: str, words: str) -> None:
    (problem,) = check({"t.j2": b"{% extends 'u.j2' %}", "u.j2": source.encode()}, "t.j2")
    assert words in str(problem.message) and (problem.severity, problem.file) == ("error", "u.j2")


def test_a_syntax_error_is_reported_with_its_line() -> None:
    (problem,) = check({"t.j2": b"one\ntwo\n{% nonsense %}"}, "t.j2")
    assert problem.element == "line 3"


def test_a_template_that_is_not_there_or_not_text_is_reported() -> None:
    assert "no template" in str(check({}, "t.j2")[0].message)
    assert "UTF-8" in str(check({"t.j2": b"\xff\xfe"}, "t.j2")[0].message)
    with pytest.raises(Invalid):
        render({"t.j2": b"\xff\xfe"}, "t.j2", {})


def test_all_names_of_the_context_may_be_used() -> None:
    source = "".join(f"{{{{ {name} is defined }}}}" for name in sorted(CONTEXT))
    assert check({"t.j2": source.encode()}, "t.j2") == []


# --- dates and amounts


def test_formal_dates() -> None:
    assert date_zh(date(2026, 12, 31)) == "2026年12月31日"
    assert date_words(date(2026, 10, 20)) == "二〇二六年十月二十日"
    assert date_words(date(2030, 11, 31 - 1)) == "二〇三〇年十一月三十日"
    assert date_words(date(2005, 2, 28)) == "二〇〇五年二月二十八日"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "零元整"),
        (1, "壹元整"),
        (10, "壹拾元整"),
        (105, "壹佰零伍元整"),
        (1_000_000, "壹佰万元整"),
        (2_000_500, "贰佰万零伍佰元整"),
        (100_010, "壹拾万零壹拾元整"),
        (1_0000_0001, "壹亿零壹元整"),
        (1_2000_0000, "壹亿贰仟万元整"),
        (10_0050_0000, "壹拾亿零伍拾万元整"),
        (0.05, "伍分"),
        (0.5, "伍角整"),
        (1.05, "壹元零伍分"),
        (6.70, "陆元柒角整"),
        (16_409.02, "壹万陆仟肆佰零玖元零贰分"),
        (1_680.32, "壹仟陆佰捌拾元叁角贰分"),
        (0.07 * 10_000, "柒佰元整"),
    ],
)
def test_amounts_in_words(amount: float, words: str) -> None:
    assert yuan_words(amount) == words


def test_amounts_that_have_no_words_are_refused() -> None:
    for amount in (-1, 10**12):
        with pytest.raises(ValueError):
            yuan_words(amount)
    assert (yuan(1_000_000), yuan(0.5)) == ("1,000,000元", "0.50元")
