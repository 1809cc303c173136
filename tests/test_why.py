"""Why is it so? Back to the application, and every link can be checked against the record."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from clock_items import clock
from drawing import draw, process
from items import ANYTHING, DAY, HOUR, NOON, fields, make_item, organisation, play, publish
from review_items import AGREE, DISAGREE, county, refer, review_item, review_office
from terminal import lianban
from test_migration import ONE, OTHER, Desk, anew, under_another_name, walking
from walks import Walk, sketch, supervised

from engine import causes
from engine.case import Case, evolve
from engine.clock import read_instant
from engine.definition import builtin
from engine.errors import Unknown
from engine.events import CaseClosed, Record
from engine.expressions import compile_expression
from engine.flow.run.board import Asked, Wrote
from engine.flow.step import Glimpse, effects_of
from engine.office import Office, proofs
from engine.office.library import standing
from engine.office.migrations import Wish
from engine.verbs.frame import catalogue

ROOT = Path(__file__).parent.parent


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, organisation()) as opened:
        yield opened


@pytest.fixture(scope="module")
def startup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office with the shipped item of enterprise startup."""
    with Office.create_rehearsal(str(tmp_path_factory.mktemp("startup") / "lianban.db"), NOON) as opened:
        opened.publish(builtin().items()["enterprise-startup"], NOON)
        yield opened


def why(office: Office, case: str, what: str | None = None, **when: Any) -> dict[str, Any]:
    return office.why(case, what, NOON + 400 * DAY, **when)


def line(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The causes from what was asked about back to the last one, each because of the next."""
    by_number = {cause["n"]: cause for cause in told["causes"]}
    back = [told["causes"][0]]
    while back[-1]["because"]:
        back.append(by_number[back[-1]["because"][0]])
    return back


def of_kind(told: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [cause for cause in told["causes"] if cause["kind"] == kind]


def texts(told: Mapping[str, Any]) -> str:
    return "\n".join(str(cause["text"]) for cause in told["causes"])


def ways_taken(office: Office, history: list[Record]) -> dict[str, tuple[int, list[str]]]:
    """By visit, the fact through which it was left, and by which flows: from the steps themselves."""
    found: dict[str, tuple[int, list[str]]] = {}
    case: Case | None = None
    with office._store.reading() as reader:
        library = office._library
        named: Any = history[0].event
        definition = library.definition(reader, named.definition)
        for record in history:
            told: list[Glimpse] = []
            case = evolve(
                case,
                definition,
                record.case,
                read_instant(record.at),
                record.by,
                record.event,
                lambda digest: library.calendar(reader, digest),
                watch=told.extend,
            )
            for effect in effects_of(told):
                if effect.kind == "taken":
                    found.setdefault(effect.id, (record.seq, []))[1].append(effect.info["flow"])
    return found


def nested(values: list[dict[str, Any]]) -> dict[str, Any]:
    """The variables that a condition's values say there were."""
    data: dict[str, Any] = {}
    for one in values:
        *outer, last = one["name"].split(".")
        place = data
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = one["value"]
    return data


def check(office: Office, case: str) -> int:
    """What holds of every case: its chain ends where it began, each choice of a way is told as it was made,
    conditions come out of the values given for them as stated, and who is named stands on the record. How
    many ways were chosen."""
    history = office.history(case)
    zone = history[0].event.payload()["zone"]
    told = why(office, case)
    if isinstance(history[-1].event, CaseClosed):
        assert told["causes"][0]["event"] == history[-1].seq
        assert line(told)[-1]["kind"] == "opened"
    (opened,) = of_kind(told, "opened")
    assert opened["event"] == 1
    check_causes(told, history, zone)
    chosen = 0
    with office._store.reading() as reader:  # read once for all questions
        definition_of = partial(office._library.definition, reader)
        calendar_of = partial(office._library.calendar, reader)
        trace = causes.Trace(case, history, definition_of, calendar_of)
        people = office._library.organisation(reader, standing(reader), NOON)
    definition = trace.definition
    for visit, (seq, flows) in ways_taken(office, history).items():
        element = re.sub(r"[:#].*", "", visit.rpartition("/")[2])
        scopes = [scope for scope in definition.net.scopes.values() if element in scope.nodes]
        node = next(scope.nodes[element] for scope in scopes)
        if len(node.outgoing) < 2 or node.kind not in ("xor", "or", "and"):
            continue
        route = causes.why(trace, people, f"element:{visit}")
        check_causes(route, history, zone)
        first = route["causes"][0]
        assert (first["kind"], first["event"], first["flows"]) == ("route", seq, flows)
        facts = [cause for cause in route["causes"] if cause["n"] in first["facts"]]
        asked = {cause["of"]: cause["value"] for cause in facts if cause["kind"] == "condition"}
        conditional = {flow: scopes[0].flows[flow].condition for flow in node.outgoing}
        if node.kind == "xor":
            before = node.outgoing[: node.outgoing.index(flows[0])]
            if flows[0] == node.default:
                before = node.outgoing
            expected = {flow: False for flow in before if flow != node.default}
            if flows[0] != node.default and conditional[flows[0]]:
                expected[flows[0]] = True
            assert asked == expected
        elif node.kind == "or":
            assert [flow for flow, held in asked.items() if held] == [f for f in flows if f in asked]
        chosen += 1
    return chosen


def check_causes(told: Mapping[str, Any], history: list[Record], zone: str) -> None:
    laid_out = {entry["cause"] for entry in told["lines"] if not entry["again"]}
    assert laid_out == {cause["n"] for cause in told["causes"]}
    acts = list(accumulate((r.seq if r.event.fact else 0 for r in history), max))
    act = {cause["n"]: acts[cause["event"] - 1] for cause in told["causes"]}
    for cause in told["causes"]:
        assert all(act[n] <= act[cause["n"]] for n in cause["because"]), cause
        record = history[cause["event"] - 1]
        assert (cause["by"], cause["at"]) == (record.by, record.at)
        if "actor" in cause:
            assert cause["actor"] == record.by
        if cause["kind"] == "condition":
            expression = compile_expression(cause["expression"])
            if expression.names <= {one["name"].partition(".")[0] for one in cause["values"]}:
                found = expression.evaluate(nested(cause["values"]), read_instant(record.at), zone)
                assert found is cause["value"], cause["expression"]
        if cause["kind"] == "value" and cause["how"] in ("answers", "opening") and cause["field"]:
            data: Any = record.event.payload().get("data", {})
            for name in cause["field"].split("."):
                data = data.get(name) if isinstance(data, dict) else None
            deemed = record.event.type == "referral.deemed"
            assert deemed or data == cause["value"], cause["name"]


@pytest.mark.parametrize("item", sorted(builtin().items()))
def test_every_choice_in_every_worked_case_is_explained_by_values_that_lead_to_it(
    item: str, tmp_path: Path
) -> None:
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON) as shipped:
        shipped.publish(builtin().items()[item], NOON)
        chosen = sum(
            check(shipped, play(shipped, item, path.stem))
            for path in sorted((builtin().items()[item] / "examples").glob("*.toml"))
        )
        assert chosen > 5


@pytest.mark.parametrize("seed", [2, 5, 11])
def test_random_cases_are_explained_whatever_is_asked_about(seed: int, tmp_path: Path) -> None:
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, supervised()) as opened:
        item = opened.publish(sketch(tmp_path, seed, 0.3), NOON).item
        walk = Walk(opened, item, seed)
        for _ in walk.go(25):
            pass
        history = opened.history(walk.case)
        check(opened, walk.case)
        asked = random.Random(seed).sample(range(1, len(history) + 1), min(8, len(history)))
        for seq in asked:
            told = why(opened, walk.case, str(seq))
            check_causes(told, history, history[0].event.payload()["zone"])
            assert told["causes"][0]["event"] == seq


# --- people


def test_who_acted_for_another_is_told_with_the_delegation(tmp_path: Path) -> None:
    office = review_office(tmp_path)
    case = refer(office)
    grant = {
        "kind": "delegate", "id": "g1", "grantor": "p1", "post": "d1/clerk", "to": "l1", "items": ["item"],
        "powers": ["review"], "since": "2026-03-02", "until": "2026-03-05",
    }  # fmt: skip
    office.change_organisation("p1", grant, NOON)
    office.do("l1", case, "a", AGREE, NOON + HOUR)
    told = why(office, case, "a")
    done = told["causes"][0]
    assert done["actor"]["for"] == "p1"
    assert "delegated by p1" in str(done["text"])
    received, granted = sorted(of_kind(told, "grant"), key=lambda grant: grant["event"])
    assert office.history(case)[received["event"] - 1].event.type == "referral.signed"
    assert (granted["delegation"], granted["for"], granted["since"], granted["until"]) == (
        "g1", "p1", "2026-03-02", "2026-03-05",
    )  # fmt: skip
    assert granted["n"] in done["facts"]
    assert "review for item" in str(granted["text"])


def test_a_recusal_that_was_decided_is_told_with_the_step_it_kept_still(startup: Office) -> None:
    case = play(startup, "enterprise-startup", "recusal")
    told = why(startup, case, "decide")
    step = told["causes"][0]
    facts = [cause for cause in told["causes"] if cause["n"] in step["facts"]]
    assert [fact["type"] for fact in facts] == ["recusal.declared", "recusal.decided"]
    assert [fact["actor"]["person"] for fact in facts] == ["zhao.guoqiang", "luo.yan"]
    assert step["actor"]["person"] == "luo.yan"
    assert "申请人是本人表弟" in str(facts[0]["text"])
    back = line(why(startup, case, "r1"))
    assert [cause.get("type", cause["kind"]) for cause in back[:2]] == [
        "recusal.decided",
        "recusal.declared",
    ]


# --- joint review


def test_silence_taken_for_consent_rests_on_policy_receipt_reminder_and_term(tmp_path: Path) -> None:
    office = review_office(tmp_path)
    case = refer(office)
    for person, task in (("p1", "a"), ("p2", "b"), ("p3", "c")):
        office.sign(person, case, task, NOON)
    office.do("p2", case, "b", AGREE, NOON + HOUR)
    office.do("p3", case, "c", AGREE, NOON + HOUR)
    office.sweep(NOON + 10 * DAY)
    told = why(office, case, "a")
    step = told["causes"][0]
    assert (step["state"], step["basis"]) == ("deemed", {"law": "并联审批办法", "article": "第九条"})
    facts = [cause for cause in told["causes"] if cause["n"] in step["facts"]]
    assert [fact["type"] for fact in facts][:3] == ["referral.signed", "clock.started", "clock.struck"]
    assert "reminder.raised" in [fact["type"] for fact in facts]
    assert all(fact["event"] < step["event"] for fact in facts)
    joint = why(office, case, "review")["causes"][0]
    assert (joint["kind"], joint["outcome"], joint["round"]) == ("joint", "grant", 1)
    assert {"kind": "value", "how": "beside"}.items() <= of_kind(why(office, case, "how"), "value")[0].items()


def test_a_refusal_by_veto_names_the_department_its_reason_and_the_rule(tmp_path: Path) -> None:
    office = review_office(tmp_path, rule="majority", more='veto = ["d2"]')
    case = refer(office)
    office.do("p2", case, "b", DISAGREE, NOON + HOUR)
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    office.do("p3", case, "c", AGREE, NOON + 2 * HOUR)
    told = why(office, case, "decide")
    route = line(told)[1]
    assert (route["kind"], route["element"]) == ("route", "how")
    (joint,) = of_kind(told, "joint")
    assert (joint["outcome"], joint["rule"], joint["veto"]) == ("refuse", "majority", ["d2"])
    assert "veto: d2" in str(joint["text"])
    facts = [cause for cause in told["causes"] if cause["n"] in joint["facts"]]
    certain = next(fact for fact in facts if fact.get("type") == "joint.certain")
    assert "Department 2" in str(certain["text"])
    no = next(fact for fact in facts if fact.get("task") == "b")
    assert (no["actor"]["person"], "不符合规划" in str(no["text"])) == ("p2", True)


def test_before_all_have_answered_a_joint_review_is_told_as_open(tmp_path: Path) -> None:
    office = review_office(tmp_path)
    case = refer(office)
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    joint = why(office, case, "review")["causes"][0]
    assert (joint["outcome"], len(joint["facts"])) == (None, 3)
    standing = why(office, case)
    assert standing["causes"][0]["kind"] == "standing"
    states = {cause["task"]: cause["state"] for cause in of_kind(standing, "step")}
    assert states == {"b": "open", "c": "open"}


# --- routes and values


ROUNDS = draw(
    "start s; user check; xor ok; user ask; user grant; end e",
    "s -> check; check -> ok; ok -> grant if complete; ok -> ask default; ask -> check; grant -> e",
)


def test_each_round_of_a_supplement_rests_on_the_answer_of_its_own_round(
    office: Office, tmp_path: Path
) -> None:
    publish(office, tmp_path, ROUNDS, forms={"check": fields(complete="boolean")})
    case = office.open_case("clerk", "item", {}, NOON).case
    for round, complete in enumerate((False, True)):
        office.do(
            "clerk", case, f"check#{round + 1}" if round else "check", {"complete": complete}, NOON + HOUR
        )
        if not complete:
            office.do("colleague", case, "ask", {}, NOON + HOUR)
    office.do("clerk", case, "grant", {}, NOON + 2 * HOUR)
    check(office, case)
    first, second = why(office, case, "ok"), why(office, case, "ok#2")
    assert [told["causes"][0]["id"] for told in (first, second)] == ["ok", "ok#2"]
    told = [cause["id"] for cause in line(second) if cause["kind"] == "route"]
    assert told == ["ok#2", "ok"]
    values = [(value["name"], value["value"], value["event"]) for value in of_kind(second, "value")]
    done = [r.seq for r in office.history(case) if r.event.payload().get("element") == "check"]
    completed = [seq for seq in done if office.history(case)[seq - 1].event.type == "task.completed"]
    assert values == [("complete", True, completed[1]), ("complete", False, completed[0])]


def test_a_way_that_was_never_taken_is_told_with_the_conditions_that_stood_against_it(
    office: Office, tmp_path: Path
) -> None:
    publish(office, tmp_path, ROUNDS, forms={"check": fields(complete="boolean")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "check", {"complete": False}, NOON)
    told = why(office, case, "grant")
    assert [cause["kind"] for cause in line(told)][:3] == ["never", "way", "route"]
    assert told["causes"][1]["taken"] is False
    assert [c["value"] for c in of_kind(told, "condition")] == [False]


def test_a_calculated_value_leads_through_script_and_table_to_the_form(tmp_path: Path) -> None:
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON) as shipped:
        shipped.publish(builtin().items()["senior-card"], NOON)
        told = why(shipped, play(shipped, "senior-card", "seventy"))
        (decision,) = of_kind(told, "decision")
        assert [(row["number"], row["outputs"]) for row in decision["rules"]] == [(3, ['"70+"'])]
        assert decision["value"] == "70+"
        assert decision["inputs"][0]["value"] >= 70
        born = next(cause for cause in told["causes"] if cause.get("name") == "birth_date")
        assert (born["how"], born["event"], born["n"] in decision["facts"]) == ("opening", 1, True)


def test_values_are_followed_through_scripts_subprocesses_and_instances(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw(
        "start s; sub inner { start i; user ask; script fee due = pages * 5; end j | i -> ask -> fee -> j };"
        "user each each one of people into opinions from opinion; xor dear; user pay; end e; end free",
        "s -> inner; inner -> each; each -> dear; dear -> pay if due > 10 and 'yes' in opinions; "
        "dear -> free default; pay -> e",
    )
    publish(
        office, tmp_path, diagram,
        forms={"s": ANYTHING, "ask": fields(pages="integer"), "each": fields(opinion="string")},
    )  # fmt: skip
    case = office.open_case("clerk", "item", {"people": ["x", "y"]}, NOON).case
    office.do("clerk", case, "inner/ask", {"pages": 3}, NOON + HOUR)
    office.do("clerk", case, "each:1", {"opinion": "yes"}, NOON + HOUR)
    office.do("colleague", case, "each:2", {"opinion": "no"}, NOON + HOUR)
    told = why(office, case, "pay")
    values = {cause["name"]: cause for cause in of_kind(told, "value")}
    assert (values["due"]["value"], values["due"]["how"]) == (15, "made")
    assert (values["pages"]["value"], values["pages"]["how"]) == (3, "answers")
    assert values["opinions"]["how"] == "gathered"
    (instances,) = of_kind(told, "instances")
    steps = {cause["task"]: cause["actor"]["person"] for cause in of_kind(told, "step") if "actor" in cause}
    assert steps == {"each:1": "clerk", "each:2": "colleague", "inner/ask": "clerk"}
    assert len(instances["facts"]) == 2
    assert line(told)[-1]["kind"] == "opened"
    check(office, case)


def test_what_failed_and_was_put_right_is_told_with_the_expression_and_who_did_it(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw("start s; user a; script c fee = 20 / copies; user b; end e", "s -> a -> c -> b -> e")
    publish(office, tmp_path, diagram, forms={"s": ANYTHING, "a": ANYTHING})
    case = office.open_case("clerk", "item", {"copies": 0}, NOON).case
    office.do("colleague", case, "a", {}, NOON)
    failed = why(office, case)
    assert failed["causes"][1]["kind"] == "incident"
    assert "division by zero" in texts(failed)
    office.retry("clerk", case, "c", {"copies": 4}, "份数录错", NOON + HOUR)
    told = why(office, case, "b")
    (incident,) = of_kind(told, "incident")
    facts = [cause for cause in told["causes"] if cause["n"] in incident["facts"]]
    retried = next(fact for fact in facts if fact.get("type") == "incident.retried")
    assert ("份数录错" in str(retried["text"]), retried["actor"]["person"]) == (True, "clerk")
    copies = [c for c in of_kind(told, "value") if c["name"] == "copies"]
    assert [(c["value"], c["how"]) for c in copies] == [(0, "opening"), (4, "retried")]
    assert line(told)[-1]["kind"] == "opened"


def test_what_failed_twice_is_not_told_by_what_came_later(office: Office, tmp_path: Path) -> None:
    diagram = draw(
        "start s; user a; boundary late a after P3D; script c fee = 20 / copies; user b; end e; end f",
        "s -> a -> c -> b -> e; late -> f",
    )
    unit = {"a": {"unit": "department"}}
    publish(office, tmp_path, diagram, forms={"s": ANYTHING, "a": ANYTHING}, properties=unit)
    case = office.open_case("clerk", "item", {"copies": 0}, NOON).case
    office.retry("clerk", case, "a", {"department": "hall"}, "补录", NOON + HOUR)
    office.do("clerk", case, "a", {}, NOON + HOUR)
    for hours, copies in ((2, 0), (3, 4)):
        office.retry("clerk", case, "c", {"copies": copies}, "份数录错", NOON + hours * HOUR)
    history = office.history(case)
    raised = [record.seq for record in history if record.event.type == "incident.raised"]
    armed = [record.seq for record in history if record.event.type == "timer.armed"]
    assert (len(raised), len(armed)) == (3, 2)
    told = {seq: line(why(office, case, str(seq))) for seq in (*raised, *armed)}
    assert all(cause["event"] <= seq for seq, causes in told.items() for cause in causes)
    assert [told[seq][1]["kind"] for seq in (*raised, *armed)] == [
        "incident", "step", "incident", "opened", "timer",
    ]  # fmt: skip
    everything(office, case)


def test_a_signal_of_another_case_is_told_with_the_event_that_sent_it(office: Office, tmp_path: Path) -> None:
    sender = draw("start s; user a; throw storm signal storm; end e", "s -> a -> storm -> e")
    waiter = draw("start s; catch alarm signal storm; user shelter; end e", "s -> alarm -> shelter -> e")
    publish(office, tmp_path, sender, code="sender")
    publish(office, tmp_path, waiter, code="waiter")
    waiting = office.open_case("clerk", "waiter", {}, NOON).case
    sending = office.open_case("clerk", "sender", {}, NOON).case
    office.do("clerk", sending, "a", {}, NOON + HOUR)
    event = line(why(office, waiting, "shelter"))[1]
    sent = next(record.seq for record in office.history(sending) if record.event.type == "signal.sent")
    assert event["signal"] == {"case": sending, "seq": sent}


def test_a_case_that_went_over_to_another_version_is_told_in_its_words(tmp_path: Path) -> None:
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, organisation()) as office:
        for version, name in enumerate(("a", "x")):
            drawn = draw(
                f"start s; user {name}; user b; xor g; end e; end f",
                f"s -> {name}; {name} -> b; b -> g; g -> e if ok; g -> f default",
            )
            form = {name: fields(ok="boolean")}
            office.publish(make_item(tmp_path / str(version), drawn, forms=form), NOON)
            if not version:
                case = office.open_case("clerk", "item", {}, NOON).case
                office.do("clerk", case, "a", {"ok": True}, NOON)
        wish = Wish("item", cases=(case,), reason="改版", names={"a": "x"})
        office.migrate("clerk", wish, lambda: NOON + HOUR)
        office.do("clerk", case, "b", {}, NOON + 2 * HOUR)
        told = why(office, case)
        assert [cause.get("task", cause["kind"]) for cause in line(told)] == [
            "outcome", "end", "route", "b", "x", "opened",
        ]  # fmt: skip
        migrated = next(c for c in told["causes"] if c.get("type") == "case.migrated")
        assert (migrated["n"] in told["causes"][0]["facts"], "改版" in str(migrated["text"])) == (True, True)
        (value,) = of_kind(told, "value")
        assert (value["value"], value["actor"]["person"]) == (True, "clerk")
        assert office.history(case)[value["event"] - 1].event.type == "task.completed"


# --- cases that went over to another version


@pytest.fixture
def desk(office: Office, tmp_path: Path) -> Desk:
    return Desk(tmp_path, office.database, office)


def everything(office: Office, case: str) -> dict[str, dict[str, Any] | None]:
    """What is told of every event, and of all that a record or any version of the diagram names; None for
    what the case does not have. Of steps, the chain must end where the case began."""
    history = office.history(case)
    told: dict[str, dict[str, Any] | None] = {}
    with office._store.reading() as reader:
        definition_of = partial(office._library.definition, reader)
        trace = causes.Trace(case, history, definition_of, partial(office._library.calendar, reader))
        people = office._library.organisation(reader, standing(reader), NOON)
        names = ["outcome", *(str(record.seq) for record in history), *trace.entered, *trace.fired]
        names += [*trace.about, *trace.case.deadlines, *trace.definition.clocks, *trace.definition.joints]
        for record in history:
            names += [str(value) for key, value in record.event.payload().items() if key in NAMED and value]
        for digest in {act.definition.digest for act in trace.act_of.values()}:
            for scope in definition_of(digest).net.scopes.values():
                names += [*scope.nodes, *scope.flows]
        for what in dict.fromkeys(names):
            for asked in (what, *(f"{kind}:{what}" for kind in ("step", "timer", "clock", "element"))):
                try:
                    told[asked] = causes.why(trace, people, asked)
                except Unknown:
                    told[asked] = None
    for answer in filter(None, told.values()):
        check_causes(answer, history, history[0].event.payload()["zone"])
        if answer["causes"][0]["kind"] == "step":
            assert line(answer)[-1]["kind"] == "opened", answer["what"]
    return told


NAMED = ("task", "timer", "clock", "incident", "element", "document", "number", "joint", "recusal", "was")


def outline(told: Mapping[str, Any] | None) -> Any:
    """The kinds of the causes, as they are laid out, but for migrations themselves."""
    if told is None:
        return None
    kinds = {cause["n"]: cause.get("type", cause["kind"]) for cause in told["causes"]}
    lines = [(kinds[one["cause"]], one["depth"], one["role"], one["again"]) for one in told["lines"]]
    return [one for one in lines if one[0] != "case.migrated"]


@pytest.mark.parametrize("seed", [2104, 2110, 2112])
def test_with_other_names_a_case_is_explained_by_the_same_causes(seed: int, tmp_path: Path) -> None:
    told = []
    for name, place in (("stays", None), ("goes", 3 + seed % 5)):
        (tmp_path / name).mkdir()
        with walking(tmp_path / name, seed, place) as (office, case):
            told.append(everything(office, case))
    stays, goes = told
    named = [what for what in stays if not what.rpartition(":")[2].isdigit()]
    assert {what: outline(stays[what]) for what in named} == {
        what: outline(goes.get(anew(what))) for what in named
    }
    assert any(stays[what] for what in named if what.startswith("timer:"))


def test_a_timer_that_was_set_before_it_was_called_otherwise_is_told_under_its_last_name(desk: Desk) -> None:
    timed = "start s; user {}; reminder {} {} after P1D; boundary {} {} after P9D; user late; end e; end n"
    flows = "s -> {} -> e; {} -> n; {} -> late -> e"
    desk.publish(draw(timed.format("a", "r", "a", "t", "a"), flows.format("a", "r", "t")))
    case = desk.open()
    desk.office.sweep(NOON + 2 * DAY)
    desk.publish(draw(timed.format("x", "q", "x", "u", "x"), flows.format("x", "q", "u")))
    wish = Wish("item", names={"a": "x", "r": "q", "t": "u"}, reason="改版")
    assert desk.office.migrate("clerk", wish, lambda: NOON + 3 * DAY)["counts"] == {"migrated": 1}
    fired = why(desk.office, case, "q")
    assert fired["causes"][0]["kind"] == "event"
    (timer,) = of_kind(fired, "timer")
    assert (timer["timer"], timer["armed"]) == ("x!q", False)
    assert desk.office.history(case)[timer["event"] - 1].event.type == "timer.armed"
    everything(desk.office, case)
    desk.office.sweep(NOON + 10 * DAY)
    told = why(desk.office, case, "late")
    (timer,) = of_kind(told, "timer")
    assert (timer["timer"], timer["armed"], line(told)[-1]["kind"]) == ("x!u", False, "opened")
    everything(desk.office, case)
    back = desk.office.migrate("clerk", Wish("item", undo="m1", reason="撤回"), lambda: NOON + 11 * DAY)
    assert back["counts"] == {"migrated": 1}
    told = why(desk.office, case, "late")
    (timer,) = of_kind(told, "timer")
    assert timer["timer"] == "a!t"
    everything(desk.office, case)


def test_a_flow_is_told_by_where_it_leads_whatever_it_was_called_in_another_version(desk: Desk) -> None:
    both = "start s; and f; user a; user b; and j; end e"
    desk.publish(draw(both, "s -> f; f -> a -> j; f -> b -> j; j -> e"))
    case = desk.open("a")
    desk.publish(draw(f"{both}; user x", "s -> f; f -> b -> x -> j; f -> a -> j; j -> e"))
    desk.migrate()

    def taken() -> dict[str, bool]:
        told = {flow: why(desk.office, case, flow)["causes"][0] for flow in ("f2", "f3", "f4", "f5", "f6")}
        return {flow: cause["taken"] for flow, cause in told.items()}

    assert taken() == {"f2": True, "f3": False, "f4": False, "f5": True, "f6": True}
    everything(desk.office, case)
    for step in ("b", "x"):
        desk.office.do("clerk", case, step, {}, NOON + HOUR)
    assert taken() == {"f2": True, "f3": True, "f4": True, "f5": True, "f6": True}
    joined = why(desk.office, case, "j")["causes"][0]
    assert (joined["kind"], len(joined["because"])) == ("joined", 2)
    told = why(desk.office, case)
    assert {cause["task"] for cause in of_kind(told, "step")} == {"a", "b", "x"}
    everything(desk.office, case)


def test_what_waited_at_a_join_is_told_however_its_way_is_called_now(desk: Desk) -> None:
    both = "start s; and f; user a; user b; and j; user c; end e"
    desk.publish(draw(both, "s -> f; f -> a -> j; f -> b -> j; j -> c -> e"))
    case = desk.open("a")
    desk.publish(draw(both, "s -> f; f -> b -> j; f -> a -> j; j -> c -> e"))
    desk.migrate()
    desk.office.do("clerk", case, "b", {}, NOON + HOUR)
    assert {cause["task"] for cause in of_kind(why(desk.office, case), "step")} == {"a", "b", "c"}
    everything(desk.office, case)


def test_silence_is_told_under_the_name_that_its_step_came_to_have(tmp_path: Path) -> None:
    office = review_office(tmp_path / "1", database=str(tmp_path / "office.db"))
    case = refer(office)
    for person, task in (("p1", "a"), ("p2", "b"), ("p3", "c")):
        office.sign(person, case, task, NOON)
    office.do("p2", case, "b", AGREE, NOON + HOUR)
    office.sweep(NOON + 4 * DAY)
    office.publish(under_another_name(review_item(tmp_path / "2")), NOON + 4 * DAY)
    wish = Wish("item", names={"a": "ask"}, reason="改版")
    assert office.migrate("admin", wish, lambda: NOON + 4 * DAY)["counts"] == {"migrated": 1}
    told = why(office, case, "ask")
    step = told["causes"][0]
    assert (step["state"], step["task"]) == ("deemed", "ask")
    facts = [cause for cause in told["causes"] if cause["n"] in step["facts"]]
    assert [fact["type"] for fact in facts][:3] == ["referral.signed", "clock.started", "clock.struck"]
    joint = why(office, case, "review")
    assert {cause["task"] for cause in of_kind(joint, "step")} == {"ask", "b", "c"}
    everything(office, case)


def test_two_steps_that_took_each_others_names_keep_what_is_theirs(desk: Desk) -> None:
    twice = "start s; and f; user {}; user {}; and j; end e"
    clocks = clock("term", "3wd", "", each=["a", "b"], tier="step").replace("starts = []\n", "")
    desk.publish(
        draw(twice.format("a", "b"), "s -> f; f -> a -> j; f -> b -> j; j -> e"),
        lanes={"a": "d1", "b": "d2"}, clocks=clocks,
    )  # fmt: skip
    case = desk.open()
    desk.office.do("p1", case, "a", {}, NOON + HOUR)
    desk.publish(
        draw(twice.format("b", "a"), "s -> f; f -> b -> j; f -> a -> j; j -> e"),
        lanes={"b": "d1", "a": "d2"}, clocks=clocks,
    )  # fmt: skip
    assert desk.migrate(names={"a": "b", "b": "a"})["counts"] == {"migrated": 1}
    states = {name: why(desk.office, case, name)["causes"][0] for name in ("step:a", "step:b")}
    assert {name: cause["state"] for name, cause in states.items()} == {"step:a": "open", "step:b": "done"}
    facts = {}
    for name in ("term@a", "term@b"):
        told = why(desk.office, case, name)
        named = [cause for cause in told["causes"] if cause["n"] in told["causes"][0]["facts"]]
        facts[name] = [cause["type"] for cause in named if cause["kind"] == "record"]
    assert facts == {"term@a": ["clock.started"], "term@b": ["clock.started", "clock.stopped"]}
    everything(desk.office, case)


def test_what_failed_and_ran_many_times_before_it_was_called_otherwise_is_told(desk: Desk) -> None:
    drawn = (
        "start s; user {0} each one of many into outs from one; script {1} fee = 20 / copies; user b; "
        "xor {2}; end e; end f"
    )
    flows = "s -> {0} -> {1} -> b -> {2}; {2} -> e if fee > 1; {2} -> f default"

    def version(*names: str) -> None:
        diagram = draw(drawn.format(*names), flows.format(*names))
        desk.publish(diagram, forms={"s": ANYTHING}, documents={names[0]: "note"})

    version("a", "c", "g")
    case = desk.open("a:1", "a:2", many=[1, 2], copies=0)
    version("x", "y", "h")
    renaming = {"a": "x", "c": "y", "g": "h"}
    assert desk.migrate(names=renaming)["counts"] == {"migrated": 1}
    (incident,) = of_kind(why(desk.office, case), "incident")
    assert (incident["task"], incident["element"]) == ("y", "y")
    everything(desk.office, case)
    desk.office.retry("clerk", case, "y", {"copies": 4}, "份数录错", NOON + HOUR)
    version("a", "c", "g")
    assert desk.migrate(names={new: old for old, new in renaming.items()})["counts"] == {"migrated": 1}
    desk.office.do("clerk", case, "b", {}, NOON + HOUR)
    told = why(desk.office, case)
    assert line(told)[-1]["kind"] == "opened"
    (work,) = of_kind(told, "work")
    calculated = [cause.get("value") for cause in told["causes"] if cause["n"] in work["facts"]]
    assert (work["id"], {"fee": 5} in calculated) == ("c", True)
    assert {cause["task"] for cause in of_kind(told, "step")} == {"a:1", "a:2", "b"}
    papers = [r.event.payload()["number"] for r in desk.office.history(case) if "number" in r.event.payload()]
    tasks = [line(why(desk.office, case, number))[1] for number in papers]
    assert [cause.get("task") for cause in tasks] == ["a:1", "a:2"]
    everything(desk.office, case)


def test_a_migration_that_was_taken_back_leaves_the_first_names(desk: Desk) -> None:
    desk.publish(ONE, documents={"a": "paper"})
    case = desk.open("a")
    desk.publish(OTHER, documents={"x": "paper"})
    assert desk.migrate(names={"a": "x"})["counts"] == {"migrated": 1}
    assert line(why(desk.office, case, "paper"))[1]["task"] == "x"
    assert desk.migrate(undo="m1")["counts"] == {"migrated": 1}
    assert line(why(desk.office, case, "paper"))[1]["task"] == "a"
    with pytest.raises(Unknown):
        why(desk.office, case, "x")
    everything(desk.office, case)


# --- looking on


def test_who_looks_on_is_told_all_that_a_step_did_in_order(office: Office, tmp_path: Path) -> None:
    publish(office, tmp_path, ROUNDS, forms={"check": fields(complete="boolean")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "check", {"complete": True}, NOON)
    told: list[list[Glimpse]] = []
    with office._store.reading() as reader:
        for _ in proofs.replay(reader, office._library, case, told.append):
            pass
    opened, done = told  # once for each of the two facts
    assert [(one.kind, one.id) for one in effects_of(done)] == [
        ("completed", "check"), ("taken", "check"), ("entered", "ok"), ("completed", "ok"), ("taken", "ok"),
        ("entered", "grant"), ("opened", "grant"),
    ]  # fmt: skip
    (wrote,) = [one for one in done if isinstance(one, Wrote)]
    (asked,) = [one for one in done if isinstance(one, Asked)]
    assert (wrote.name, wrote.value, asked.source, asked.value) == ("complete", True, "complete", True)
    assert done.index(wrote) < done.index(asked)
    assert effects_of(opened)[-1].id == "check"


# --- time


def test_a_timer_that_ran_out_is_told_with_its_term_and_what_it_waited_beside(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw(
        "start s; user wait; boundary late wait after P3D; user chase; end e; end f",
        "s -> wait; wait -> e; late -> chase; chase -> f",
    )
    publish(office, tmp_path, diagram)
    case = office.open_case("clerk", "item", {}, NOON).case
    office.sweep(NOON + 4 * DAY)
    told = why(office, case, "chase")
    fired = line(told)[1]
    record = office.history(case)[fired["event"] - 1]
    assert (fired["kind"], record.event.type, record.at[:10]) == ("event", "timer.fired", "2026-03-05")
    (timer,) = of_kind(told, "timer")
    assert (timer["timer"], timer["armed"], timer["due"]) == ("wait!late", False, record.at)
    assert "P3D" in str(timer["text"])
    gone = why(office, case, "wait")["causes"][0]
    assert (gone["state"], line(told)[-1]["kind"]) == ("cancelled", "opened")


def test_a_due_date_is_told_with_its_article_start_and_extension(startup: Office) -> None:
    case = play(startup, "enterprise-startup", "extension")
    told = why(startup, case, "decision")
    clock = told["causes"][0]
    assert (clock["kind"], clock["basis"]["article"], clock["term"]) == ("clock", "第十九条", "3wd")
    facts = [cause for cause in told["causes"] if cause["n"] in clock["facts"]]
    assert [fact.get("type", fact["kind"]) for fact in facts] == [
        "clock.started", "extension.granted", "clock.extended", "clock.stopped", "days",
    ]  # fmt: skip
    assert facts[1]["actor"]["person"] == "zhao.guoqiang"
    assert facts[2]["basis"]["article"] == "第十九条"
    assert "lianban clock explain" in str(facts[4]["text"])
    assert line(told)[1]["task"] == "accept"
    asked = why(startup, case, str(facts[3]["event"]))
    assert asked["causes"][0]["type"] == "clock.stopped"
    assert line(asked)[1]["task"] == "decide"


# --- asking


def test_it_is_told_as_it_stood_at_an_earlier_instant(office: Office, tmp_path: Path) -> None:
    publish(office, tmp_path, draw("start s; user a; user b; end e", "s -> a -> b -> e"))
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "a", {}, NOON + DAY)
    office.do("clerk", case, "b", {}, NOON + 2 * DAY)
    assert why(office, case)["causes"][0]["kind"] == "outcome"
    told = why(office, case, as_of=NOON + HOUR)
    assert [(c.get("task"), c["kind"]) for c in line(told)] == [
        (None, "standing"), ("a", "step"), (None, "opened"),
    ]  # fmt: skip
    with pytest.raises(Unknown):
        why(office, case, "99")


def test_a_document_is_asked_for_by_its_number_and_what_there_is_not_is_refused(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw("start s; user a; user b; end e", "s -> a -> b -> e")
    publish(office, tmp_path, diagram, documents={"a": "paper"})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "a", {}, NOON)
    (document,) = office.show(case)["documents"]
    told = why(office, case, document["number"])
    assert [cause.get("task", cause["kind"]) for cause in line(told)] == ["document", "a", "opened"]
    assert line(why(office, case, "paper")) == line(told)
    with pytest.raises(Unknown) as refused:
        why(office, case, "papre")
    assert "paper" in str(refused.value.expected)


def test_a_joint_review_is_told_with_the_article_on_which_the_item_is_handled_jointly(
    startup: Office, tmp_path: Path
) -> None:
    case = play(startup, "enterprise-startup", "refusal")
    (joint,) = of_kind(why(startup, case, "joint:review"), "joint")
    assert joint["basis"] == {"law": "中华人民共和国行政许可法", "article": "第二十六条第二款"}
    assert "中华人民共和国行政许可法 第二十六条第二款" in str(joint["text"])
    plain = review_office(tmp_path)  # an item that names no such basis
    (bare,) = of_kind(why(plain, refer(plain), "joint:review"), "joint")
    assert "basis" not in bare and "(rule: all)" in str(bare["text"])


def test_what_could_have_been_asked_about_is_listed_once_and_with_its_kind_where_that_matters(
    startup: Office,
) -> None:
    case = play(startup, "enterprise-startup", "refusal")

    def listed(what: str) -> list[str]:
        with pytest.raises(Unknown) as refused:
            why(startup, case, what)
        near = str(refused.value.expected).rpartition(": ")[2].removesuffix(" …")
        return near.split(", ")

    for what in ("decison", "accep", "psb_revieww", "nothing like it"):
        assert len(listed(what)) == len(set(listed(what)))
        assert all(why(startup, case, one)["causes"] for one in listed(what))
    assert {"clock:decision", "document:decision"} <= set(listed("decison"))
    assert "psb_review" in listed("psb_revieww")


def test_a_card_is_told_by_the_clock_that_came_to_its_colour(startup: Office) -> None:
    start = read_instant("2026-03-02T01:00:00.000000Z")
    case = play(startup, "enterprise-startup", "silence")
    cards = [r.event for r in startup.history(case) if r.event.type == "card.raised"]
    told = why(startup, case, cards[0].card)
    assert start < read_instant(told["causes"][0]["at"])
    card = told["causes"][0]
    assert (card["kind"], card["card"], card["clock"]) == ("card", cards[0].card, cards[0].clock)
    assert line(told)[1]["type"] == "clock.struck"
    assert [c["clock"] for c in of_kind(told, "clock")] == [cards[0].clock]


def test_one_is_not_told_as_many(office: Office, tmp_path: Path) -> None:
    diagram = draw("start s; user a each one of many; end e", "s -> a -> e")
    publish(office, tmp_path, diagram, forms={"s": ANYTHING, "a": ANYTHING})
    case = office.open_case("clerk", "item", {"many": [1]}, NOON).case
    assert str(why(office, case)["causes"][0]["text"]) == "the case is open; it waits at one place"
    office.do("clerk", case, "a:1", {}, NOON)
    assert "was done once" in texts(why(office, case))
    many = office.open_case("clerk", "item", {"many": [1, 2]}, NOON).case
    assert str(why(office, many)["causes"][0]["text"]).endswith("waits at 2 places")
    for step in ("a:1", "a:2"):
        office.do("clerk", many, step, {}, NOON)
    assert "was done 2 times" in texts(why(office, many))


def test_posts_and_what_failed_are_told_in_the_readers_language(startup: Office, tmp_path: Path) -> None:
    case = play(startup, "enterprise-startup", "refusal")
    chinese = texts_in_chinese(why(startup, case))
    assert "samr/leader" not in chinese and "市场监管局负责人" in chinese
    assert "zhao.guoqiang" not in chinese and "(samr/leader)" in texts(why(startup, case))
    with Office.create_rehearsal(str(tmp_path / "fails.db"), NOON, organisation()) as office:
        diagram = draw("start s; user a; script c fee = 20 / copies; end e", "s -> a -> c -> e")
        publish(office, tmp_path, diagram, forms={"s": ANYTHING, "a": ANYTHING})
        failing = office.open_case("clerk", "item", {"copies": 0}, NOON).case
        office.do("clerk", failing, "a", {}, NOON)
        told = why(office, failing)
    assert "division by zero" in texts(told) and "division by zero" not in texts_in_chinese(told)


def texts_in_chinese(told: Mapping[str, Any]) -> str:
    translate = catalogue("zh").gettext
    return "\n".join(cause["text"].render(translate) for cause in told["causes"])


def test_the_command_tells_it_within_eighty_columns_in_both_languages(startup: Office) -> None:
    case = play(startup, "enterprise-startup", "refusal")
    folder = Path(startup.database).parent
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    told = lianban(folder, "why", case, "--json").json
    keys = {key for cause in told["causes"] for key in cause} | set(told) | set(told["lines"][0])
    assert keys <= documented
    english = lianban(folder, "why", case, "--lang", "en").out
    chinese = lianban(folder, "why", case, "--lang", "zh").out
    assert 'decision.decision = "refuse": “Decision” of step decide, entered by Zhao' in english
    assert "赵国强" in chinese
    assert all(len(row) <= 80 for row in english.splitlines())
    assert english.splitlines()[-1].startswith("← the case was opened by Chen Jing")


def test_a_stand_in_is_told_without_a_delegation(tmp_path: Path) -> None:
    away = '[[stand_ins]]\nperson = "q1"\nfor = "l1"\nsince = 2026-03-01\nuntil = 2026-03-31\n'
    office = review_office(tmp_path, people=county(more=away), more='confirm = "leader"')
    case = refer(office)
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    office.confirm("q1", case, "a", NOON + HOUR)
    told = why(office, case, "a")
    assert "standing in for l1" in str(told["causes"][0]["text"])
    (grant,) = of_kind(told, "grant")
    assert (grant["delegation"], grant["for"]) == (None, "l1")
    entered = next(c for c in told["causes"] if c.get("type") == "answer.entered")
    assert entered["actor"]["person"] == "p1"


# --- where values came from, and what events were


def told_of(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What is told of the one value of this name, with `facts` as causes."""
    (value,) = [cause for cause in of_kind(told, "value") if cause["name"] == name]
    return {**value, "facts": [cause for cause in told["causes"] if cause["n"] in value["facts"]]}


def with_data(diagram: bytes, element: str, inner: str) -> bytes:
    """The diagram with the data objects `amount` and `total`, and associations in an element."""
    objects = "".join(
        f'<dataObject id="{name}_object"/>'
        f'<dataObjectReference id="{name}_data" name="{name}" dataObjectRef="{name}_object"/>'
        for name in ("amount", "total")
    )
    text = diagram.decode().replace('isExecutable="true">', f'isExecutable="true">{objects}', 1)
    return re.sub(rf'(<\w+ id="{element}"[^>]*>)', rf"\1{inner}", text).encode()


COPIED = (
    '<ioSpecification><dataInput id="in" name="pages"/></ioSpecification>'
    "<dataInputAssociation><sourceRef>amount_data</sourceRef><targetRef>in</targetRef></dataInputAssociation>"
)
CALCULATED = (
    '<ioSpecification><dataInput id="in" name="pages"/></ioSpecification><dataInputAssociation>'
    "<targetRef>in</targetRef><assignment><from>amount * 2</from><to>in</to></assignment>"
    "</dataInputAssociation>"
)
PAY = "xor g; user pay; end e; end f"
IF_DEAR = "g -> pay if fee > 10; g -> f default; pay -> e"


@pytest.mark.parametrize("kind", ["script", "call"])
def test_what_an_activity_was_given_is_told_by_where_that_was_written(
    kind: str, office: Office, tmp_path: Path
) -> None:
    work = {"script": "script work fee = pages * 5", "call": "call work q"}[kind]
    inner = process("q", "start i; script c fee = pages * 5; user look; end j", "i -> c -> look -> j")
    drawn = draw(f"start s; user a; {work}; {PAY}", f"s -> a -> work -> g; {IF_DEAR}", inner)
    for code, association in (("copied", COPIED), ("calculated", CALCULATED)):
        diagram = with_data(drawn, "work", association)
        publish(office, tmp_path / code, diagram, code=code, forms={"a": fields(amount="integer")})
        case = office.open_case("clerk", code, {}, NOON).case
        office.do("colleague", case, "a", {"amount": 3}, NOON + HOUR)
        if kind == "call":
            office.do("clerk", case, "work/look", {}, NOON + HOUR)
        told = why(office, case, "pay")
        pages = told_of(told, "pages")
        if code == "copied":
            assert (pages["value"], pages["how"], pages["actor"]["person"]) == (3, "answers", "colleague")
            assert [fact["task"] for fact in pages["facts"]] == ["a"]
        else:
            assert (pages["value"], pages["how"]) == (6, "given")
            assert [fact["expression"] for fact in pages["facts"]] == ["amount * 2"]
            assert told_of(told, "amount")["actor"]["person"] == "colleague"
        everything(office, case)


def test_what_one_of_several_was_given_is_told_with_the_list_it_was_taken_from(
    office: Office, tmp_path: Path
) -> None:
    box = (
        "sub box each n of numbers { start i; script c due = n * 5; xor g; user pay; end j; end k | "
        "i -> c -> g; g -> pay if due > 10; g -> k default; pay -> j }"
    )
    publish(office, tmp_path, draw(f"start s; {box}; end e", "s -> box -> e"), forms={"s": ANYTHING})
    case = office.open_case("clerk", "item", {"numbers": [1, 4]}, NOON).case
    told = why(office, case, "box:2/pay")
    n = told_of(told, "n")
    assert (n["value"], [fact["expression"] for fact in n["facts"]]) == (4, ["numbers"])
    assert (told_of(told, "numbers")["how"], told_of(told, "numbers")["event"]) == ("opening", 1)
    everything(office, case)


def test_what_the_rounds_of_a_loop_passed_on_is_told_by_the_round_that_wrote_it(
    office: Office, tmp_path: Path
) -> None:
    inside = "start i; user a; script c fee = pages * 5; end j | i -> a -> c -> j"
    box = f"sub box while fee < 10 most 5 {{ {inside} }}"
    diagram = draw(f"start s; {box}; {PAY}", f"s -> box -> g; {IF_DEAR}")
    publish(office, tmp_path, diagram, forms={"a": fields(pages="integer")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "box:1/a", {"pages": 1}, NOON + HOUR)
    office.do("colleague", case, "box:2/a", {"pages": 4}, NOON + HOUR)
    told = why(office, case, "pay")
    fee = told_of(told, "fee")
    assert (fee["value"], fee["how"], [fact["id"] for fact in fee["facts"]]) == (20, "made", ["box:2/c"])
    pages = {
        cause["value"]: cause["actor"]["person"]
        for cause in of_kind(told, "value")
        if cause["name"] == "pages"
    }
    assert pages == {1: "clerk", 4: "colleague"}
    everything(office, case)


def test_an_output_of_a_step_is_told_by_the_answer_that_it_was_made_of(
    office: Office, tmp_path: Path
) -> None:
    association = (
        '<ioSpecification><dataOutput id="out" name="result"/></ioSpecification><dataOutputAssociation>'
        "<sourceRef>out</sourceRef><targetRef>total_data</targetRef></dataOutputAssociation>"
    )
    drawn = draw(f"start s; user a; {PAY}", "s -> a -> g; g -> pay if total > 10; g -> f default; pay -> e")
    publish(office, tmp_path, with_data(drawn, "a", association), forms={"a": fields(result="integer")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("colleague", case, "a", {"result": 30}, NOON + HOUR)
    told = why(office, case, "pay")
    total = told_of(told, "total")
    assert (total["value"], total["how"]) == (30, "output")
    assert [fact["expression"] for fact in total["facts"]] == ["result"]
    assert told_of(told, "result")["actor"]["person"] == "colleague"
    everything(office, case)


def test_what_was_caught_is_told_by_what_was_thrown(office: Office, tmp_path: Path) -> None:
    inside = "start i; user a; xor k; end o; end x error late"
    box = f"sub box {{ {inside} | i -> a -> k; k -> x if days > 3; k -> o default }}"
    drawn = draw(
        f"start s; {box}; boundary b box error; {PAY}",
        "s -> box -> e; b -> g; g -> pay if code == 'late'; g -> f default; pay -> e",
    )
    diagram = drawn.replace(
        b"<errorEventDefinition/>", b'<errorEventDefinition camunda:errorCodeVariable="code"/>'
    )
    publish(office, tmp_path, diagram, forms={"a": fields(days="integer")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "box/a", {"days": 5}, NOON + HOUR)
    told = why(office, case, "pay")
    code = told_of(told, "code")
    assert (code["value"], code["how"], [fact["id"] for fact in code["facts"]]) == ("late", "caught", ["b"])
    (event,) = of_kind(told, "event")
    assert [cause["id"] for cause in told["causes"] if cause["n"] in event["facts"]] == ["box/x"]
    assert told_of(told, "days")["value"] == 5
    everything(office, case)


MESSAGES = {
    "catch": ("catch m message note; {pay}", "s -> a -> m -> g; {dear}", "pay"),
    "receive": ("receive m note; {pay}", "s -> a -> m -> g; {dear}", "pay"),
    "race": (
        "race r; catch m message note; catch n message other; {pay}",
        "s -> a -> r; r -> m -> g; r -> n -> e; {dear}",
        "pay",
    ),
    "edge": ("user b; boundary m b message note; {pay}", "s -> a -> b -> e; m -> g; {dear}", "pay"),
    "instead": (
        "sub box {{ start i; user b; end o; handler on {{ start m message note; {pay} | m -> g; {dear} }} | "
        "i -> b -> o }}; end z",
        "s -> a -> box -> z",
        "box/on/pay",
    ),
    "beside": (
        "sub box {{ start i; user b; end o; handler on {{ aside m message note; {pay} | m -> g; {dear} }} | "
        "i -> b -> o }}; end z",
        "s -> a -> box -> z",
        "box/on#2/pay",
    ),
}


@pytest.mark.parametrize("where", MESSAGES)
def test_what_a_message_brought_is_told_by_its_record(where: str, office: Office, tmp_path: Path) -> None:
    elements, flows, step = MESSAGES[where]
    diagram = draw(
        "start s; user a; " + elements.format(pay=PAY, dear=IF_DEAR), flows.format(pay=PAY, dear=IF_DEAR)
    )
    publish(office, tmp_path, diagram, forms={"m": fields(fee="integer")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("clerk", case, "a", {}, NOON + HOUR)
    if where == "beside":
        office.do("clerk", case, "m", {"fee": 11}, NOON + HOUR)
    office.do("colleague", case, "m", {"fee": 50}, NOON + HOUR)
    told = why(office, case, step)
    fee = told_of(told, "fee")
    came = [r.seq for r in office.history(case) if r.event.type == "message.received"][-1]
    assert (fee["value"], fee["how"], fee["event"], fee["actor"]["person"]) == (
        50,
        "answers",
        came,
        "colleague",
    )
    assert [(fact["type"], fact["event"]) for fact in fee["facts"]] == [("message.received", came)]
    assert "brought by the message" in str(fee["text"])
    back = line(told)
    assert [(cause["kind"], cause["event"]) for cause in back[2:3]] == [("event", came)]
    assert [cause.get("task", cause["kind"]) for cause in back[3:]] == ["a", "opened"]
    everything(office, case)


CONDITIONS = {
    "race": (
        "user m; race r; catch c when days > 3; catch t after P9D; user pay; end e",
        "s -> m -> r; r -> c -> pay -> e; r -> t -> e",
        "m",
        "pay",
    ),
    "edge": (
        "user m; user w; boundary c w when days > 3; user pay; end e",
        "s -> m -> w -> e; c -> pay -> e",
        "m",
        "pay",
    ),
    "instead": (
        "sub box { start i; user m; user w; end o; handler on { start c when days > 3; user pay | c -> pay }"
        " | i -> m -> w -> o }; end e",
        "s -> box -> e",
        "box/m",
        "box/on/pay",
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", CONDITIONS)
def test_an_event_whose_condition_became_true_is_told_with_the_answer_that_made_it_so(
    where: str, office: Office, tmp_path: Path
) -> None:
    elements, flows, step, then = CONDITIONS[where]
    publish(office, tmp_path, draw(f"start s; {elements}", flows), forms={"m": fields(days="integer")})
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("colleague", case, step, {"days": 5}, NOON + HOUR)
    told = why(office, case, then)
    event = line(told)[1]
    assert (event["kind"], event["element"]) == ("event", "c")
    (condition,) = [cause for cause in told["causes"] if cause["n"] in event["facts"]]
    assert (condition["expression"], condition["value"], condition["of"]) == ("days > 3", True, "c")
    days = told_of(told, "days")
    assert (days["value"], days["actor"]["person"], days["facts"][0]["task"]) == (5, "colleague", step)
    everything(office, case)


BESIDES = {
    "timer": ("start m after P1D", "user b", "i -> b -> o", "timer"),
    "escalation": (
        "aside m escalate late",
        "user b; throw x escalate late; user y",
        "i -> b -> x -> y -> o",
        "reached",
    ),
    "error": ("start m error", "user b; script x fee = 20 / copies", "i -> b -> x -> o", "fault"),
}


@pytest.mark.parametrize("trigger", BESIDES)
def test_what_an_event_subprocess_did_is_told_back_through_what_set_it_off(
    trigger: str, office: Office, tmp_path: Path
) -> None:
    start, elements, flows, fact = BESIDES[trigger]
    box = f"sub box {{ start i; {elements}; end o; handler on {{ {start}; user pay | m -> pay }} | {flows} }}"
    publish(
        office, tmp_path, draw(f"start s; user a; {box}; end e", "s -> a -> box -> e"), forms={"s": ANYTHING}
    )
    case = office.open_case("clerk", "item", {"copies": 0}, NOON).case
    office.do("clerk", case, "a", {}, NOON + HOUR)
    if trigger != "timer":
        office.do("clerk", case, "box/b", {}, NOON + HOUR)
    office.sweep(NOON + 2 * DAY)
    told = why(office, case, "box/on/pay")
    assert [cause.get("task", cause["kind"]) for cause in line(told)] == [
        "box/on/pay",
        "event",
        "a",
        "opened",
    ]
    (event,) = of_kind(told, "event")
    assert [cause["kind"] for cause in told["causes"] if cause["n"] in event["facts"]] == [fact]
    assert [cause["kind"] for cause in line(why(office, case, "on"))] == [
        "reached",
        "event",
        "step",
        "opened",
    ]
    everything(office, case)


def test_what_undoes_something_is_told_back_through_the_event_that_wanted_it_undone(
    office: Office, tmp_path: Path
) -> None:
    handler = "handler on { start m compensate; user pay | m -> pay }"
    box = f"sub box {{ start i; user w; end o; {handler} | i -> w -> o }}"
    diagrams = {
        "handler": draw(f"start s; {box}; user z; throw x compensate; end e", "s -> box -> z -> x -> e"),
        "edge": draw(
            "start s; user w; boundary b w compensate pay; undo user pay; user z; throw x compensate; end e",
            "s -> w -> z -> x -> e",
        ),
    }
    chains = {
        "handler": ["box^/on/pay", "box^/on/m", "x", "z", "box", "box/w", "opened"],
        "edge": ["pay", "x", "z", "w", "opened"],
    }
    for code, chain in chains.items():
        publish(office, tmp_path / code, diagrams[code], code=code)
        case = office.open_case("clerk", code, {}, NOON).case
        for done in (chain[-2], "z"):
            office.do("clerk", case, done, {}, NOON + HOUR)
        back = line(why(office, case, chain[0]))
        assert [cause.get("task", cause.get("id", cause["kind"])) for cause in back] == chain
        everything(office, case)


RATE = (
    '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="n">'
    '<decision id="rate" name="rate"><decisionTable id="t">'
    '<input id="x"><inputExpression id="xe" typeRef="number">'
    "<text>pages + copies</text></inputExpression><inputValues><text>[0..10]</text></inputValues></input>"
    '<output id="y" name="rate" typeRef="number"/>'
    '<rule id="r"><inputEntry id="ri"><text>&lt;= 10</text></inputEntry>'
    '<outputEntry id="ro"><text>2</text></outputEntry></rule></decisionTable></decision></definitions>'
)


def test_a_decision_table_that_failed_is_told_with_what_it_was_asked(office: Office, tmp_path: Path) -> None:
    diagram = draw("start s; user a; rule c; user pay; end e", "s -> a -> c -> pay -> e").replace(
        b'<businessRuleTask id="c"',
        b'<businessRuleTask camunda:decisionRef="rate" camunda:resultVariable="rate" id="c"',
    )
    folder = make_item(tmp_path, diagram, forms={"a": ANYTHING})
    (folder / "rate.dmn").write_text(RATE, encoding="utf-8")
    office.publish(folder, NOON)
    case = office.open_case("clerk", "item", {}, NOON).case
    office.do("colleague", case, "a", {"pages": 20, "copies": 1}, NOON + HOUR)
    told = why(office, case)
    (incident,) = of_kind(told, "incident")
    (fault,) = [cause for cause in told["causes"] if cause["n"] in incident["facts"]]
    assert (fault["kind"], fault["of"], fault["expression"]) == ("fault", "c", "rate")
    assert "21 is not among its values (copies = 1, pages = 20)" in str(fault["text"])
    assert {cause["name"]: cause["actor"]["person"] for cause in of_kind(told, "value")} == {
        "pages": "colleague",
        "copies": "colleague",
    }
    everything(office, case)
    office.retry("clerk", case, "c", {"pages": 4}, "页数录错", NOON + 2 * HOUR)
    told = why(office, case, "pay")
    (decision,) = of_kind(told, "decision")
    assert (decision["value"], decision["inputs"]) == (2, [{"expression": "pages + copies", "value": 5}])
    everything(office, case)
