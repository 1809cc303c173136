"""The organisation as dated data: how it stands on a day, and how it changes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from engine.definition import builtin
from engine.errors import Invalid, Refusal, Unknown
from engine.organisation import Organisation, Register, read_register

TODAY = date(2026, 3, 2)

COUNTY = """
name = { zh = "示例县", en = "Shili County" }
division = "539901"
administrators = ["hall/admin"]
[units.county]
name = { zh = "县", en = "County" }
kind = "county"
[units.hall]
name = { zh = "中心", en = "Centre" }
kind = "centre"
parent = "county"
[units.samr]
name = { zh = "市监局", en = "Market Regulation" }
kind = "department"
parent = "county"
designated = "zhao"
[units.quality]
name = { zh = "质监局", en = "Quality" }
kind = "department"
parent = "county"
designated = "hu"
[units.samr-window]
name = { zh = "市监窗口", en = "Market Regulation Window" }
kind = "window"
parent = "samr"
[units.sub]
name = { zh = "分中心", en = "Sub-centre" }
kind = "subcentre"
parent = "hall"
[units.town]
name = { zh = "镇", en = "Town" }
kind = "township"
parent = "county"
[units.village]
name = { zh = "村", en = "Village" }
kind = "village"
parent = "town"
head = "committee"
[[people]]
id = "admin"
name = { zh = "管", en = "Admin" }
posts = ["hall/admin"]
[[people]]
id = "wang"
name = { zh = "王", en = "Wang" }
posts = ["samr/reviewer"]
email = "wang@example.org"
[[people]]
id = "zhao"
name = { zh = "赵", en = "Zhao" }
posts = ["samr/leader"]
[[people]]
id = "hu"
name = { zh = "胡", en = "Hu" }
posts = ["quality/tester", "quality/leader"]
[[people]]
id = "window"
name = { zh = "窗", en = "Window" }
posts = ["samr-window/clerk"]
[[people]]
id = "sub"
name = { zh = "分", en = "Sub" }
posts = ["sub/clerk"]
[[people]]
id = "mayor"
name = { zh = "镇长", en = "Mayor" }
posts = ["town/leader"]
[[people]]
id = "agent"
name = { zh = "代", en = "Agent" }
posts = ["village/agent"]
"""


def county(more: str = "") -> Register:
    return read_register((COUNTY + more).encode())


def changed(register: Register, *changes: dict[str, Any], today: date = TODAY) -> Register:
    for change in changes:
        register = register.changed(change, today)
    return register


def on(register: Register, day: str) -> Organisation:
    return register.on(date.fromisoformat(day))


def ids(people: list[Any]) -> list[str]:
    return [person.id for person in people]


def as_bytes(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


MERGED = {"kind": "unit.merge", "unit": "quality", "into": "samr", "until": "2026-06-30"}


# --- reading


def test_the_shipped_organisation_says_the_same_as_json() -> None:
    shipped = read_register(builtin().organisation.read_bytes())
    stored = as_bytes(shipped.as_json())
    for again in (read_register(stored), read_register(stored, recorded=True)):
        assert again.as_json() == shipped.as_json()
        for day in (date(2018, 7, 19), TODAY, date(2026, 8, 12)):
            before, after = shipped.on(day), again.on(day)
            assert {id: person.posts for id, person in before.people.items()} == {
                id: person.posts for id, person in after.people.items()
            }
            assert set(before.stand_ins) == set(after.stand_ins)


def test_the_shipped_county_has_what_its_items_need() -> None:
    shipped = read_register(builtin().organisation.read_bytes()).on(TODAY)
    kinds = [unit["kind"] for unit in shipped.units.values()]
    assert (kinds.count("township"), kinds.count("village"), kinds.count("subcentre")) == (16, 3, 4)
    joint = [
        "samr",
        "psb",
        "tax",
        "hrss",
        "land",
        "agriculture",
        "forestry",
        "water",
        "ecology",
        "housing",
        "drc",
    ]
    for unit in joint:
        assert shipped.holders(unit, "reviewer"), unit
        assert shipped.holders(unit, "leader"), unit
        assert len(shipped.holders(unit, "designated")) == 1, unit
    for unit in ("land", "agriculture", "forestry", "water", "ecology"):
        certified = [
            shipped.certificate_of(one.id, "enforcement") for one in shipped.holders(unit, "reviewer")
        ]
        assert len(certified) >= 2, unit
        assert all(certified), unit
    for code in shipped.units:
        assert code == "county" or shipped.superior(code), code
    assert ids(shipped.holders("government", "duty-leader")) == ["zheng.haibo"]


def test_a_text_recorded_by_an_earlier_version_still_reads() -> None:
    text = """
name = { zh = "示例县", en = "Shili County" }
division = "539901"
closing = 17:00:00
[units.hall]
name = { zh = "中心", en = "Centre" }
floor = 2
[[people]]
id = "clerk"
name = { zh = "职员", en = "" }
posts = ["hall/clerk"]
phone = "110"
"""
    before = read_register(text.encode(), recorded=True).on(TODAY)
    assert ids(before.holders("hall", "clerk")) == ["clerk"]
    assert (before.closing, before.zone, before.supervisors) == ("17:00", "Asia/Shanghai", ())
    assert before.superior("hall") == ""


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ('[[duty]]\npost = "town/duty"\nperson = "mayor"\nsince = 2026-01-01\nuntill = 2026-01-02', "until"),
        ('[[people]]\nid = "x"\nname = { zh = "x" }\nposts = []\nphone = "110"', "phone"),
        ('[[people]]\nid = "wang"\nname = { zh = "x" }\nposts = []', "wang"),
        ('[[people]]\nid = "x"\nname = { zh = "x" }\nposts = ["police/clerk"]', "police"),
        ('[[people]]\nid = "x"\nname = { zh = "x" }\nposts = ["samr"]', "samr"),
        ('[[people]]\nid = "x"\nname = { zh = "x" }\nposts = [{ post = "samr/a", since = "soon" }]', "since"),
        ('[units.x]\nname = { zh = "x" }\nkind = "ministry"', "kind of the unit x"),
        (
            '[units.x]\nname = { zh = "x" }\nparent = "y"\n[units.y]\nname = { zh = "y" }\nparent = "x"',
            "x → y → x",
        ),
        ('[units.x]\nname = { zh = "x" }\nsuccessor = "samr"', "x can't be merged"),
        ('[[stand_ins]]\nperson = "wang"\nfor = "li"\nsince = 2026-01-01\nuntil = 2026-01-02', "li"),
        (
            '[[stand_ins]]\nperson = "wang"\nfor = "zhao"\nsince = 2026-01-02\nuntil = 2026-01-01',
            "end before it begins",
        ),
        ('[[interests]]\nperson = "wang"\nparty = "x"\nkind = "friend"', "interest of wang"),
        (
            '[[delegations]]\nid = "d"\ngrantor = "wang"\npost = "samr/leader"\nto = "window"\n'
            'items = ["*"]\npowers = ["*"]\nsince = 2026-01-01\nuntil = 2026-12-31',
            "wang can't delegate",
        ),
    ],
)
def test_a_mistake_in_the_file_is_refused_where_it_stands(more: str, named: str) -> None:
    with pytest.raises(Invalid) as refusal:
        county(more)
    assert refusal.value.code == "organisation.unreadable"
    assert named in str(refusal.value)
    assert str(refusal.value.expected)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"{}", b"[]", b"\xff", b"a = 1", COUNTY.encode() + b"[[people]]\n"]
)
def test_what_is_no_organisation_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        read_register(text)
    assert refusal.value.code == "organisation.unreadable"


# --- how it stands on a day


def test_a_post_is_held_from_its_first_day_to_the_end_of_its_last() -> None:
    register = county(
        '[[people]]\nid = "new"\nname = { zh = "新", en = "New" }\n'
        'posts = [{ post = "samr/reviewer", since = 2026-03-02, until = 2026-03-04 }]'
    )
    days = ["2026-03-01", "2026-03-02", "2026-03-04", "2026-03-05"]
    held = [ids(on(register, day).holders("samr", "reviewer")) for day in days]
    assert held == [["wang"], ["wang", "new"], ["wang", "new"], ["wang"]]
    assert on(register, "2026-03-05").people["new"].posts == ()
    assert "new" not in ids(on(register, "2026-03-05").members("samr"))


def test_the_duty_roster_gives_the_post_on_its_days_to_whoever_it_names() -> None:
    register = changed(
        county(),
        {
            "kind": "duty",
            "post": "county/duty",
            "person": "zhao",
            "since": "2026-03-01",
            "until": "2026-03-31",
        },
        {"kind": "duty", "post": "county/duty", "person": "hu", "since": "2026-04-01", "until": "2026-04-30"},
    )
    days = ["2026-02-28", "2026-03-31", "2026-04-01", "2026-05-01"]
    assert [ids(on(register, day).holders("county", "duty")) for day in days] == [[], ["zhao"], ["hu"], []]
    assert ("county", "duty") in on(register, "2026-03-31").people["zhao"].posts


def test_each_department_has_the_leader_whom_it_designated() -> None:
    register = county()
    assert ids(register.on(TODAY).holders("samr", "designated")) == ["zhao"]
    register = changed(register, {"kind": "designate", "unit": "samr", "person": "wang"})
    assert ids(register.on(TODAY).holders("samr", "designated")) == ["wang"]
    with pytest.raises(Invalid):
        register.changed({"kind": "designate", "unit": "samr", "person": "hu"}, TODAY)


def test_windows_and_sub_centres_belong_to_the_organ_above_and_villages_to_themselves() -> None:
    today = county().on(TODAY)
    organs = {unit: today.organ(unit) for unit in today.units}
    assert organs == {
        **{unit: unit for unit in today.units},
        "samr-window": "samr",
        "sub": "hall",
    }
    assert (today.superior("village"), today.superior("town"), today.superior("county")) == (
        "town",
        "county",
        "",
    )
    assert today.head_of("village") == ("village", "committee")
    assert today.head_of("town") == ("town", "leader")


def test_only_an_administrator_may_change_the_register() -> None:
    today = county().on(TODAY)
    assert [id for id in today.people if today.is_administrator(id)] == ["admin"]
    assert not today.is_administrator("nobody")


def test_a_certificate_is_valid_on_its_last_day_and_not_after() -> None:
    certificate = {"kind": "certificate", "person": "wang", "certificate_kind": "enforcement", "number": "7"}
    register = changed(county(), {**certificate, "expires": "2026-03-31"})
    last, after = on(register, "2026-03-31"), on(register, "2026-04-01")
    found = last.certificate_of("wang", "enforcement")
    assert found is not None
    assert found.number == "7"
    assert after.certificate_of("wang", "enforcement") is None
    assert last.certificate_of("wang", "driving") is None
    renewed = changed(register, {**certificate, "expires": "2029-03-31"})
    assert [one.expires for one in renewed.on(TODAY).people["wang"].certificates] == [date(2029, 3, 31)]


# --- mergers


def test_from_the_day_after_a_merger_everything_is_the_successors() -> None:
    register = changed(county(), MERGED)
    before, after = on(register, "2026-06-30"), on(register, "2026-07-01")
    assert (before.standing_unit("quality"), after.standing_unit("quality")) == ("quality", "samr")
    assert (before.stands("quality"), after.stands("quality")) == (True, False)
    assert (before.predecessors("samr"), after.predecessors("samr")) == ([], ["quality"])
    # what the old unit's people did goes on in the new one, and its new colleagues may do it too
    assert after.people["hu"].posts == (("samr", "tester"), ("samr", "leader"))
    assert ids(after.holders("quality", "leader")) == ids(after.holders("samr", "leader")) == ["zhao", "hu"]
    assert ids(after.holders("quality", "tester")) == ids(after.holders("samr", "tester")) == ["hu"]
    assert ("quality", "reviewer") in after.posts_of("wang")
    assert ids(after.members("quality")) == ids(after.members("samr")) == ["wang", "zhao", "hu"]
    assert after.unit_name("quality", "en") == "Quality"
    # who was designated for the old unit's meetings is not designated for the new one
    assert ids(after.holders("quality", "designated")) == ["zhao"]


def test_a_post_that_the_successor_does_not_have_falls_to_its_head() -> None:
    register = changed(
        county(), {"kind": "post.end", "person": "hu", "post": "quality/tester", "until": "2026-06-30"}
    )
    assert ids(on(register, "2026-07-01").holders("quality", "tester")) == []
    register = changed(register, MERGED)
    after = on(register, "2026-07-01")
    assert after.seat("quality", "tester") == ("samr", "leader")
    assert ids(after.holders("quality", "tester")) == ["zhao", "hu"]


def test_mergers_one_after_the_other_lead_to_the_last() -> None:
    register = changed(
        county(),
        {"kind": "unit.add", "code": "bureau", "name": {"zh": "局"}, "unit_kind": "department"},
        {"kind": "post.grant", "person": "mayor", "post": "bureau/leader"},
        MERGED,
        {"kind": "unit.merge", "unit": "samr", "into": "bureau", "until": "2026-09-30"},
    )
    assert on(register, "2026-09-30").standing_unit("quality") == "samr"
    after = on(register, "2026-10-01")
    assert after.standing_unit("quality") == "bureau"
    assert after.predecessors("bureau") == ["samr", "quality"]
    assert ids(after.holders("quality", "leader")) == ["zhao", "hu", "mayor"]
    assert after.superior("samr-window") == "bureau"


def test_a_unit_that_ended_without_successor_has_nobody() -> None:
    content = county().as_json()
    content["units"]["quality"]["until"] = "2026-06-30"
    after = on(county().changed({"kind": "import", "organisation": content}, TODAY), "2026-07-01")
    assert after.holders("quality", "leader") == after.members("quality") == []
    assert after.people["hu"].posts == ()
    assert not after.stands("quality")


@pytest.mark.parametrize(
    "merger",
    [
        {"unit": "samr", "into": "samr"},
        {"unit": "samr", "into": "samr-window"},
        {"unit": "town", "into": "village"},
    ],
)
def test_a_unit_is_not_merged_into_itself_or_a_part_of_itself(merger: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        county().changed({"kind": "unit.merge", **merger, "until": "2026-06-30"}, TODAY)
    assert refusal.value.code in ("organisation.cycle", "organisation.dates")


def test_a_successor_is_there_on_the_day_after() -> None:
    new = {"kind": "unit.add", "code": "new", "name": {"zh": "新", "en": "New"}, "unit_kind": "department"}
    for since, fits in (("2026-07-01", True), ("2026-07-02", False)):
        register = changed(county(), {**new, "since": since})
        content = register.as_json()
        content["units"]["quality"] |= {"until": "2026-06-30", "successor": "new"}
        for change in ({**MERGED, "into": "new"}, {"kind": "import", "organisation": content}):
            if fits:
                after = on(register.changed(change, TODAY), "2026-07-01")
                assert ids(after.holders("quality", "leader")) == ["hu"]
                continue
            with pytest.raises(Invalid) as refusal:
                register.changed(change, TODAY)
            assert refusal.value.code == "organisation.dates"


def test_a_part_may_be_merged_into_the_whole() -> None:
    register = changed(
        county(), {"kind": "unit.merge", "unit": "samr-window", "into": "samr", "until": "2026-06-30"}
    )
    after = on(register, "2026-07-01")
    assert (after.standing_unit("samr-window"), after.superior("samr-window")) == ("samr", "county")
    assert ids(after.holders("samr", "clerk")) == ["window"]


# --- changes


CHANGES: list[dict[str, Any]] = [
    {
        "kind": "unit.add",
        "code": "new",
        "name": {"zh": "新", "en": "New"},
        "unit_kind": "hall",
        "parent": "town",
    },
    MERGED,
    {"kind": "person.add", "id": "li", "name": {"zh": "李", "en": "Li"}, "email": "li@example.org"},
    {
        "kind": "post.grant",
        "person": "wang",
        "post": "town/clerk",
        "since": "2026-03-05",
        "until": "2026-03-09",
    },
    {"kind": "post.end", "person": "wang", "post": "samr/reviewer", "until": "2026-03-31"},
    {
        "kind": "rotate",
        "person": "wang",
        "post": "samr/reviewer",
        "to_post": "quality/tester",
        "on": "2026-04-01",
    },
    {"kind": "stand_in", "person": "wang", "for": "zhao", "since": "2026-03-05", "until": "2026-03-09"},
    {
        "kind": "delegate",
        "id": "d1",
        "grantor": "zhao",
        "post": "samr/leader",
        "to": "window",
        "items": ["*"],
        "powers": ["sign"],
        "since": "2026-03-05",
        "until": "2026-12-31",
    },
    {"kind": "duty", "post": "town/duty", "person": "mayor", "since": "2026-03-05", "until": "2026-03-09"},
    {
        "kind": "certificate",
        "person": "wang",
        "certificate_kind": "enforcement",
        "number": "1",
        "expires": "2027-01-01",
    },
    {"kind": "designate", "unit": "samr", "person": "wang"},
    {"kind": "interest", "person": "wang", "party": "张三", "interest": "spouse", "note": "夫妻"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["kind"])
def test_a_change_makes_a_new_register_that_reads_again_and_leaves_the_old_one_alone(
    change: dict[str, Any],
) -> None:
    register = county()
    before = register.as_json()
    after = register.changed(change, TODAY).as_json()
    assert after != before
    assert register.as_json() == before
    assert read_register(as_bytes(after)).as_json() == after


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["kind"])
def test_a_change_that_says_too_little_too_much_or_what_there_is_not_is_refused(
    change: dict[str, Any],
) -> None:
    register = county()
    optional = {"since", "until", "on", "parent", "email", "note", "kind"}
    wrong = [{**change, "whatever": 1}]
    wrong += [{key: change[key] for key in change if key != left_out} for left_out in set(change) - optional]
    wrong += [
        {**change, key: "nobody"} for key in ("unit", "person", "for", "grantor", "to") if key in change
    ]
    wrong += [{**change, key: "2026-02-30"} for key in ("since", "until", "on", "expires") if key in change]
    for one in wrong:
        with pytest.raises((Invalid, Unknown)) as refusal:
            register.changed(one, TODAY)
        assert str(refusal.value.expected), one
        assert str(refusal.value.remedy), one


def test_a_change_that_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(Invalid) as refusal:
        county().changed({"kind": "person.delete", "id": "wang"}, TODAY)
    assert "post.end" in str(refusal.value.expected)


def test_what_a_change_leaves_out_is_today() -> None:
    register = changed(county(), {"kind": "post.grant", "person": "wang", "post": "town/clerk"})
    assert ids(register.on(TODAY).holders("town", "clerk")) == ["wang"]
    assert register.on(TODAY - timedelta(days=1)).holders("town", "clerk") == []


def test_on_the_day_of_a_rotation_she_has_the_new_post_and_no_longer_the_old_one() -> None:
    rotation = {"kind": "rotate", "person": "wang", "post": "samr/reviewer", "to_post": "town/clerk"}
    register = changed(county(), {**rotation, "on": "2026-04-01"})
    assert on(register, "2026-03-31").people["wang"].posts == (("samr", "reviewer"),)
    assert on(register, "2026-04-01").people["wang"].posts == (("town", "clerk"),)


def test_a_post_of_a_merged_department_can_still_be_ended() -> None:
    register = changed(
        county(), MERGED, {"kind": "post.end", "person": "hu", "post": "samr/tester", "until": "2026-08-31"}
    )
    assert ("samr", "tester") in on(register, "2026-08-31").people["hu"].posts
    assert ("samr", "tester") not in on(register, "2026-09-01").people["hu"].posts


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "post.end", "person": "wang", "post": "samr/leader", "until": "2026-03-31"},
        {"kind": "post.grant", "person": "wang", "post": "samr/reviewer"},
        {"kind": "post.grant", "person": "wang", "post": "reviewer"},
        {"kind": "person.add", "id": "wang", "name": {"zh": "王", "en": "Wang"}},
        {"kind": "unit.add", "code": "samr", "name": {"zh": "王", "en": "Wang"}, "unit_kind": "window"},
        {"kind": "unit.add", "code": "new", "name": {"zh": "王", "en": "Wang"}, "unit_kind": "ministry"},
        {"kind": "unit.add", "code": "new", "name": {"zh": "王"}, "unit_kind": "hall", "parent": "nowhere"},
        {"kind": "stand_in", "person": "wang", "for": "wang", "until": "2026-03-31"},
        {"kind": "stand_in", "person": "wang", "for": "zhao", "since": "2026-03-31", "until": "2026-03-30"},
        {"kind": "revoke", "delegation": "d9"},
        {"kind": "interest", "person": "wang", "party": "张三", "interest": "friend"},
        {"kind": "import", "organisation": []},
        {"kind": "import", "organisation": {"units": 3}},
    ],
)
def test_a_change_that_can_not_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((Invalid, Unknown)):
        county().changed(change, TODAY)


def test_an_import_may_end_but_not_leave_out_what_is_on_record() -> None:
    register = changed(county(), CHANGES[7])
    content = register.as_json()
    for part, gone in (("units", "village"), ("people", "agent"), ("delegations", "d1")):
        less = json.loads(json.dumps(content))
        if part == "units":
            del less[part][gone]
        else:
            less[part] = [entry for entry in less[part] if entry["id"] != gone]
        with pytest.raises(Invalid) as refusal:
            register.changed({"kind": "import", "organisation": less}, TODAY)
        assert refusal.value.code == "organisation.gone"
        assert gone in str(refusal.value)
    content["people"][1]["posts"] = [{"post": "samr/reviewer", "until": "2026-03-31"}]
    after = register.changed({"kind": "import", "organisation": content}, TODAY)
    assert on(after, "2026-04-01").holders("samr", "reviewer") == []


def test_departments_merge_with_departments_and_not_with_the_hall() -> None:
    merger = {"kind": "unit.merge", "unit": "quality", "into": "town", "until": "2026-03-31"}
    with pytest.raises(Invalid) as refusal:
        county().changed(merger, TODAY)
    assert refusal.value.code == "organisation.kind"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "stand_in", "person": "wang", "for": "zhao", "since": "2026-03-01", "until": "2026-03-09"},
        {"kind": "delegate", "id": "d", "grantor": "zhao", "post": "samr/leader", "to": "wang",
         "items": ["*"], "powers": ["*"], "since": "2026-03-01", "until": "2026-03-09"},
    ],
)  # fmt: skip
def test_power_is_not_lent_for_days_gone_by(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        county().changed(change, TODAY)
    assert (refusal.value.code, "2026-03-02" in str(refusal.value.expected)) == (
        "organisation.backdated",
        True,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "unit.add", "code": " ", "name": {"zh": "x"}, "unit_kind": "department"},
        {"kind": "unit.add", "code": "new unit", "name": {"zh": "x"}, "unit_kind": "department"},
        {"kind": "unit.add", "code": "new", "name": {"zh": ""}, "unit_kind": "department"},
        {"kind": "person.add", "id": "a\nb", "name": {"zh": "x"}},
        {"kind": "certificate", "person": "wang", "certificate_kind": "enforcement", "number": " ",
         "expires": "2027-01-01"},
        {"kind": "interest", "person": "wang", "party": "", "interest": "kin"},
        {"kind": "delegate", "id": "d", "grantor": "zhao", "post": "samr/leader", "to": "wang", "items": [],
         "powers": ["*"], "until": "2026-03-09"},
    ],
)  # fmt: skip
def test_what_is_called_nothing_or_can_not_be_typed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        county().changed(change, TODAY)
    assert refusal.value.code == "organisation.word"


def test_the_same_stand_in_said_twice_is_on_record_once() -> None:
    stand_in = {"kind": "stand_in", "person": "wang", "for": "zhao", "until": "2026-03-09"}
    assert changed(county(), stand_in, stand_in).as_json() == changed(county(), stand_in).as_json()


def test_an_office_keeps_its_zone() -> None:
    content = {**county().as_json(), "zone": "Asia/Urumqi"}
    with pytest.raises(Invalid) as refusal:
        county().changed({"kind": "import", "organisation": content}, TODAY)
    assert refusal.value.code == "organisation.zone"


# --- delegations


def delegate(grantor: str, to: str, post: str = "samr/leader", **more: Any) -> dict[str, Any]:
    who = {"kind": "delegate", "id": f"{grantor}-{to}", "grantor": grantor, "post": post, "to": to}
    return {**who, "items": ["*"], "powers": ["*"], "since": "2026-03-02", "until": "2026-12-31", **more}


@pytest.mark.parametrize("to", ["wang", "window", "admin", "sub"])
def test_a_leader_delegates_within_her_department_to_its_window_and_to_the_centre(to: str) -> None:
    register = changed(county(), delegate("zhao", to))
    assert [entry.to for entry in register.on(TODAY).delegations] == [to]


@pytest.mark.parametrize("to", ["hu", "mayor", "agent", "zhao"])
def test_another_organ_is_not_entrusted_by_a_delegation(to: str) -> None:
    with pytest.raises(Invalid) as refusal:
        county().changed(delegate("zhao", to), TODAY)
    assert refusal.value.code == "organisation.delegation"
    assert "art. 24" in str(refusal.value.rule)


def test_after_the_merger_the_other_departments_people_are_colleagues() -> None:
    register = changed(county(), MERGED, delegate("zhao", "hu", since="2026-07-01"))
    assert [entry.to for entry in on(register, "2026-07-01").delegations] == ["hu"]


def test_what_was_delegated_can_not_be_delegated_on() -> None:
    register = changed(county(), delegate("zhao", "wang"))
    with pytest.raises(Invalid) as refusal:
        register.changed(delegate("wang", "window"), TODAY)
    assert "art. 24" in str(refusal.value.rule)
    assert "zhao-wang" in str(refusal.value.found)
    assert "zhao" in str(refusal.value.remedy)


def test_who_only_stands_in_can_not_delegate() -> None:
    stand_in = {
        "kind": "stand_in",
        "person": "wang",
        "for": "zhao",
        "since": "2026-03-02",
        "until": "2026-12-31",
    }
    with pytest.raises(Invalid) as refusal:
        changed(county(), stand_in, delegate("wang", "window"))
    assert refusal.value.code == "organisation.delegation"


def test_a_delegation_gives_nothing_before_its_first_day_after_its_last_or_once_revoked() -> None:
    register = changed(county(), delegate("zhao", "wang", since="2026-03-02", until="2026-03-31"))
    valid = [
        bool(on(register, day).delegations)
        for day in ("2026-03-01", "2026-03-02", "2026-03-31", "2026-04-01")
    ]
    assert valid == [False, True, True, False]
    revoked = changed(register, {"kind": "revoke", "delegation": "zhao-wang", "on": "2026-03-10"})
    valid = [bool(on(revoked, day).delegations) for day in ("2026-03-09", "2026-03-10")]
    assert valid == [True, False]
    with pytest.raises(Refusal):
        revoked.changed({"kind": "revoke", "delegation": "zhao-wang"}, TODAY)
    assert [entry.id for entry in on(revoked, "2026-04-01").all_delegations] == ["zhao-wang"]
