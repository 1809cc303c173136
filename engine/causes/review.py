"""Why of joint reviews and papers: what a round came to, with each department's answer, and what was issued.

In: an `Inquiry` and a round of a review, or the record of a document. Out: causes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Text, say
from ..events import JointCertain, JointDecided, ReferralSent
from ..words import OUTCOMES
from . import ways
from .links import Cause, Inquiry, Key, named

LICENSING_LAW = "中华人民共和国行政许可法"


def joint(inquiry: Inquiry, id: str, round: int, seq: int) -> Cause:
    """What a round of a joint review had come to by the end of the act of record `seq`."""
    trace = inquiry.trace
    act = trace.act_of[seq]
    within = trace.records_of(act)
    so_far = [
        record
        for record in trace.records[: within[-1].seq]
        if isinstance(record.event, JointDecided | JointCertain | ReferralSent)
        and (record.event.joint, record.event.round) == (id, round)
    ]
    certain = next((r for r in so_far if isinstance(r.event, JointCertain)), None)
    tasks = [trace.named(r, "task") for r in so_far if isinstance(r.event, ReferralSent)]
    review = trace.act_of[so_far[-1].seq].definition.joints[id]
    facts: list[Key] = [("event", certain.seq)] if certain is not None else []
    facts += [("step", task) for task in tasks if trace.is_step(task)]
    because = ways.came_to_step(trace, tasks[0]) if tasks else []
    told: dict[str, Any] = {"joint": named(review.name, id), "round": round, "rule": _rule(review)}
    more: dict[str, Any] = {"joint": id, "round": round, "rule": review.kind, "veto": list(review.veto)}
    basis = _joint_handling(trace.act_of[so_far[-1].seq].definition.item)
    if basis is not None:
        told["rule"] = say("{text}; by {law} {article}", text=told["rule"], **basis)
        more["basis"] = basis
    for record in so_far:
        if isinstance(record.event, JointDecided) and record.seq >= within[0].seq:
            outcome = record.event.outcome
            text = say(
                "joint review “{joint}”, round {round}, came to {outcome} ({rule})",
                outcome=OUTCOMES.get(outcome, outcome),
                **told,
            )
            return Cause("joint", text, record.seq, facts, because, more | {"outcome": outcome})
    text = say("joint review “{joint}”, round {round}, was still open ({rule})", **told)
    return Cause("joint", text, act.fact.seq, facts, because, more | {"outcome": None})


def _joint_handling(item: Mapping[str, Any]) -> dict[str, str] | None:
    """The basis among those of an item that lets several departments decide together (Administrative
    Licensing Law art. 26); None where it names none, or is not handled so."""
    if item["handling_mode"] != "joint":
        return None
    return next(
        (
            {"law": basis["law"], "article": basis["article"]}
            for basis in item.get("bases", ())
            if basis["law"] == LICENSING_LAW and basis["article"].startswith("第二十六条")
        ),
        None,
    )


def _rule(review: Any) -> Text:
    kind = {
        "all": say("rule: all"),
        "lead": say("rule: the lead authority decides"),
        "majority": say("rule: a majority"),
        "quorum": say("rule: a quorum"),
    }[review.kind]
    return say("{rule}; veto: {units}", rule=kind, units=", ".join(review.veto)) if review.veto else kind


def document(inquiry: Inquiry, seq: int) -> Cause:
    """A document was issued: by the step or element that issues it."""
    trace = inquiry.trace
    record, act = trace.record(seq), trace.act_of[seq]
    event: Any = record.event
    id = trace.named(record, "element")
    if trace.is_step(id):
        because: list[Key] = [("step", id)]
    elif trace.completed.get(id):
        place = trace.completed[id][-1]
        node = trace.node_at(place)
        because = [("end", id)] if node.kind == "end" else ways.done(trace, id, node, place)
    else:
        because = ways.of_fact(trace, act)
    return Cause(
        "document",
        say(
            "document “{document}” {number} was issued at {element}",
            document=named(act.definition.document(event.document)["name"], event.document),
            number=event.number,
            element=id,
        ),
        seq,
        because=because,
        more={"document": event.document, "number": event.number, "element": id},
    )
