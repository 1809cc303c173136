"""What `read_folder` checks of names that lead nowhere, beside what each section's own checks say: documents
that nothing issues, posts that nobody holds, messages that nobody sends or nobody waits for, data paths of
correlation. All of these are warnings: an item may be drawn before its office is staffed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import NOTHING, Problem, Text, say
from ..expressions import Malformed, compile_expression
from ..flow.net import HUMAN, Node, Scope, triggers
from .checks import known_variables
from .drawn import Drawn, fields_of, process_of
from .model import ITEM
from .wording import near, one_of


def check_references(drawn: Drawn) -> list[Problem]:
    """What leads nowhere."""
    return [
        *_check_documents(drawn),
        *_check_posts(drawn),
        *_check_messages(drawn),
        *_check_correlation(drawn),
    ]


def _warning(
    code: str,
    file: str,
    element: str,
    message: Text,
    *,
    expected: Text = NOTHING,
    found: Text = NOTHING,
    remedy: Text = NOTHING,
) -> Problem:
    return Problem(code, "warning", file, element, message, expected, found, remedy)


# --- documents


def _check_documents(drawn: Drawn) -> Iterator[Problem]:
    issued = {
        document
        for scope in drawn.net.scopes.values()
        for node in scope.nodes.values()
        for document in node.properties.get("documents", "").split()
    }
    for clock in drawn.clocks.values():
        issued |= {clock.pause_notice or "", clock.extension_notice or ""}
    for entry in drawn.entries("joint").values():
        issued.add(entry.get("silence", {}).get("document", ""))
    whole = len(drawn.clocks) == len(drawn.clock_entries)
    whole = whole and not any(place[0] == "joint" for place in drawn.faulty)
    for document in drawn.documents if whole else ():
        if document not in issued:
            yield _warning(
                "document.unused",
                ITEM,
                f"documents.{document}",
                say("nothing issues {document}", document=document),
                expected=say("a step with the property documents, or a clock or policy that names it"),
                remedy=say("name it where it is issued, or remove it"),
            )


# --- posts


def _check_posts(drawn: Drawn) -> Iterator[Problem]:
    """Somebody holds, on the day of publishing, each post that has something to do."""
    if drawn.organisation is None:
        return
    posts: dict[str, str] = {}
    for scope in drawn.net.scopes.values():
        for node in scope.nodes.values():
            if (
                _waits_for_a_person(drawn, scope, node)
                and "unit" not in node.properties
                and node.lane is not None
            ):
                bound = drawn.item.get("lanes", {}).get(node.lane)
                if isinstance(bound, str):
                    posts.setdefault(f"lanes.{node.lane}", bound)
    for id, clock in drawn.clocks.items():
        if clock.rule.extension is not None:
            posts[f"clocks.{id}.extension.approver"] = clock.rule.extension.approver
    notice = drawn.section("notice")
    if notice is not None:
        posts["notice.approver"] = notice["approver"]
    for place, post in posts.items():
        unit, _, name = post.partition("/")
        if unit in drawn.organisation.units and not drawn.organisation.holders(unit, name):
            yield _warning(
                "post.vacant",
                ITEM,
                place,
                say("nobody holds the post {post}", post=post),
                expected=say("somebody who can do it on the day of publishing"),
                remedy=say("have the administrator fill the post, or name another one"),
            )


def _waits_for_a_person(drawn: Drawn, scope: Scope, node: Node) -> bool:
    entered = any(event.kind == "message" for event in triggers(node))
    opening = scope.id == drawn.net.process and node.id in scope.starts
    return node.kind in HUMAN or opening or (node.kind in ("catch", "boundary", "receive") and entered)


# --- messages


def _check_messages(drawn: Drawn) -> Iterator[Problem]:
    """A message comes from an event of the item, or from who holds the post of its lane."""
    thrown: dict[str, tuple[Scope, Node]] = {}
    caught: dict[str, list[tuple[Scope, Node]]] = {}
    for scope in drawn.net.scopes.values():
        for node in scope.nodes.values():
            for event in triggers(node):
                if event.kind == "message" and event.name is not None:
                    if node.kind in ("throw", "send", "end"):
                        thrown.setdefault(event.name, (scope, node))
                    else:
                        caught.setdefault(event.name, []).append((scope, node))
    for name, (scope, node) in thrown.items():
        if name not in caught:
            yield _warning(
                "message.unheard",
                drawn.file(scope),
                node.id,
                say("nothing waits for the message {name}", name=name),
                expected=one_of(sorted(caught)) if caught else say("an event that takes it"),
                remedy=near(name, caught, say("draw the event that takes it, or remove this one")),
            )
    if drawn.organisation is None:
        return
    for name, waiting in caught.items():
        for scope, node in waiting if name not in thrown else ():
            post = str(drawn.item.get("lanes", {}).get(node.lane, ""))
            unit, _, held = post.partition("/")
            if post and "unit" not in node.properties and not drawn.organisation.holders(unit, held):
                yield _warning(
                    "message.nobody",
                    drawn.file(scope),
                    node.id,
                    say(
                        "nobody sends the message {name}: no event throws it, and nobody holds {post}",
                        name=name,
                        post=post,
                    ),
                    expected=say(
                        "a throw event or send task for it, or somebody in {post} who enters it", post=post
                    ),
                    remedy=say("fill the post, or draw the event into the lane of who learns of it"),
                )


def _check_correlation(drawn: Drawn) -> Iterator[Problem]:
    """The paths of a correlation key lead to variables, or to what a message brings."""
    variables = known_variables(drawn.item, drawn.net, drawn.forms)
    for scope in drawn.net.scopes.values():
        for part in scope.key.properties if scope.key is not None else ():
            sources = [(part.data, variables)] if part.data is not None else []
            for message, path in part.paths.items():
                fields = _brought(drawn, scope, message)
                if fields is not None:
                    sources.append((path, variables | fields))
            for source, known in sources:
                with contextlib.suppress(Malformed):  # flow.read has said so
                    for name in sorted(compile_expression(source).names - known):
                        yield _warning(
                            "variable.unknown",
                            drawn.file(scope),
                            part.id,
                            say("no form and no step defines {name}", name=name),
                            found=say("{source}", source=source),
                            remedy=near(name, known, say("correct the name, or add the field to a form")),
                        )


def _brought(drawn: Drawn, scope: Scope, message: str) -> set[str] | None:
    """What the forms of the events that take `message` ask; None where one of them takes anything."""
    found: set[str] = set()
    for other in drawn.net.scopes.values():
        for node in other.nodes.values() if process_of(other) == process_of(scope) else ():
            if any(event.kind == "message" and event.name == message for event in triggers(node)):
                form = drawn.form(node)
                if form is None or form.get("additionalProperties", True) is not False:
                    return None
                found |= set(fields_of(form))
    return found
