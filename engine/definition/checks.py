"""What `read_folder` checks once the files are there: the catalogue entry against its schema and
against the diagram, forms, and worked cases. Every check returns all that it finds."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from ..errors import NOTHING, Problem, Text, say
from ..expressions import Malformed, compile_expression, compile_script, compile_table
from ..flow.marking import element_of
from ..flow.net import HUMAN, Net, Node, Scope, triggers
from .model import DIAGRAM, ENGINE_VARIABLES, ITEM, is_example, read_toml
from .wording import fault, near, one_of, unknown

if TYPE_CHECKING:  # jsonschema takes long to import, and a running case needs none of this
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError


class Organisation(Protocol):
    """What is asked of an organisation here, as it stands on the day of publishing: its units by code, and
    who holds a post in a unit (the post `designated` is that of its leader for joint meetings)."""

    @property
    def day(self) -> date: ...

    @property
    def units(self) -> Mapping[str, Any]: ...

    def holders(self, unit: str, post: str) -> Sequence[Any]: ...


# --- data files against the schemas beside this module


def check_item(content: bytes | None) -> tuple[dict[str, Any], list[Problem]]:
    """The content of `item.toml` and what is wrong with it by itself; empty if it can't be read."""
    if content is None:
        return {}, []  # the missing file has been reported
    item, problems = _read(content, ITEM)
    if item is None:
        return {}, problems
    problems += _against(item, "item", ITEM)
    if not isinstance(item.get("lanes", {}), Mapping):
        del item["lanes"]  # said once; what is bound to nothing then is not said again
    return item, problems


def check_examples(item: Mapping[str, Any], net: Net | None, files: Mapping[str, bytes]) -> list[Problem]:
    """What is wrong with the worked cases, short of playing them."""
    problems: list[Problem] = []
    elements = {node_id for scope in net.scopes.values() for node_id in scope.nodes} if net else None
    documents = item.get("documents", {})
    for path in sorted(filter(is_example, files)):
        example, found = _read(files[path], path)
        problems += found
        if example is None:
            continue
        found = _against(example, "example", path)
        problems += found
        if found:
            continue
        if example["outcome"] not in item.get("outcomes", {}):
            problems.append(unknown("outcome", path, "outcome", example["outcome"], item.get("outcomes", {})))
        for number, step in enumerate(example["steps"], 1):
            place = f"steps.{number}"
            for verb in _ON_A_TASK & step.keys():
                if elements is not None and element_of(step[verb]) not in elements:
                    problems.append(unknown("step", path, f"{place}.{verb}", step[verb], elements))
            for task in step.get("expect_open", ()):
                if elements is not None and element_of(task) not in elements:
                    problems.append(unknown("step", path, f"{place}.expect_open", task, elements))
            for document in step.get("expect_documents", ()):
                if document not in documents:
                    problems.append(
                        unknown("document", path, f"{place}.expect_documents", document, documents)
                    )
    if not any(map(is_example, files)):
        problems.append(
            Problem(
                "example.none",
                "warning",
                "examples",
                None,
                say("the item has no worked case"),
                remedy=say("add one file to examples/ for each outcome; publishing plays them all"),
            )
        )
    return problems


_ON_A_TASK = frozenset({"do", "sign", "confirm", "give_back", "recuse", "challenge", "hand_over"})
"""What may be done with a task; a step of a worked case is one of these, or is on the case as a whole."""


def misshapen(example: dict[str, Any], file: str) -> list[Problem]:
    """What of a worked case, as plain JSON data, has not the shape of one."""
    return _against(example, "example", file)


def check_form(content: bytes, path: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The form in a file, None if it can't be used, and what is wrong with it."""
    from ..forms import check_schema

    try:
        schema = json.loads(content)
    except ValueError as error:
        message = say("the file is not JSON: {error}", error=str(error))
        found = fault("file.unreadable", path, None, message, remedy=say("correct the file"))
        return None, [_placed(found, error, content)]
    problems = check_schema(schema, path)
    return None if any(problem.severity == "error" for problem in problems) else schema, problems


def _read(content: bytes, file: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        return read_toml(content), []
    except UnicodeDecodeError as error:
        message = say("the file is not written in UTF-8")
        found = say("the byte {byte}", byte=f"0x{content[error.start]:02X}")
        remedy = say("save it as UTF-8; editors call this the encoding of the file")
        problem = fault("file.unreadable", file, None, message, found=found, remedy=remedy)
        return None, [_placed(problem, error, content)]
    except ValueError as error:
        message = say("the file is not TOML: {error}", error=str(error))
        remedy = say("correct the line; text stands between double quotes, in UTF-8")
        return None, [_placed(fault("file.unreadable", file, None, message, remedy=remedy), error, content)]


def _placed(problem: Problem, error: ValueError, content: bytes) -> Problem:
    """`problem` with the place where the reader stopped, as `error` says it."""
    if isinstance(error, json.JSONDecodeError):
        return replace(problem, line=error.lineno, column=error.colno)
    if isinstance(error, UnicodeDecodeError):
        line = content.count(b"\n", 0, error.start) + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        return replace(problem, line=line, column=len(before.decode(errors="replace")) + 1)
    if at := re.search(r"\(at line (\d+), column (\d+)\)", str(error)):
        return replace(problem, line=int(at[1]), column=int(at[2]))
    return replace(problem, line=max(len(content.rstrip().split(b"\n")), 1))  # at the end of the document


@cache
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator, FormatChecker

    from ..clock import NotATime, parse_instant

    formats = FormatChecker(())

    @formats.checks("date")
    def is_date(value: object) -> bool:
        return not isinstance(value, str) or (_is_instant(value) and len(value) == len("2026-01-01"))

    @formats.checks("date-time")
    def is_instant(value: object) -> bool:
        # With its offset: which instant `09:00` is must not depend on where the example is played.
        return not isinstance(value, str) or (
            _is_instant(value) and bool(re.search(r"T.*(Z|[+-]\d\d:\d\d)$", value))
        )

    def _is_instant(value: str) -> bool:
        try:
            parse_instant(value)
        except NotATime:
            return False
        return True

    text = resources.files(__package__).joinpath(f"{schema}.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text), format_checker=formats)


def _against(content: dict[str, Any], schema: str, file: str) -> list[Problem]:
    problems: list[Problem] = []
    for error in sorted(_validator(schema).iter_errors(content), key=lambda error: error.json_path):
        # jsonschema finds a missing key once for each of them, with the list of all
        problems += [problem for problem in _explain(error, schema, file) if problem not in problems]
    return problems


def _explain(error: ValidationError, schema: str, file: str) -> Iterator[Problem]:
    """A finding of the schema in words: what is wrong with which key."""
    where = [str(part + 1) if isinstance(part, int) else part for part in error.path]
    rules: Any = error.schema
    limit: Any = error.validator_value
    value: Any = error.instance

    def problem(key: str | None, message: Text, expected: Text = NOTHING, remedy: Text = NOTHING) -> Problem:
        place = ".".join([*where, key] if key else where)
        return fault(f"{schema}.invalid", file, place or None, message, expected=expected, remedy=remedy)

    match error.validator:
        case "required":
            for key in limit:
                if key not in value:
                    remedy = say("add a line {key} = …", key=key)
                    yield problem(key, say("{key} is missing", key=key), _sample(rules, key), remedy)
        case "additionalProperties":
            known = list(rules.get("properties", {}))
            for key in value:
                if key not in known:
                    message = say("the key {key} is not known here", key=key)
                    yield problem(key, message, one_of(known), near(key, known))
        case "enum":
            message = say("{value} is not allowed here", value=_show(value))
            yield problem(None, message, one_of(limit), near(value, limit))
        case "type":
            message = say("{value} is not of the right kind", value=_show(value))
            wanted = "/".join(limit) if isinstance(limit, list) else limit
            yield problem(None, message, _KINDS.get(wanted, NOTHING))
        case "pattern" | "format":
            message = say("{value} is not written as it should be", value=_show(value))
            yield problem(None, message, say("for example {sample}", sample=rules.get("examples", [""])[0]))
        case "minItems":
            yield problem(None, say("the list is empty"), say("one entry or more"))
        case _:
            yield problem(
                None, say("{value} is not allowed here: {reason}", value=_show(value), reason=error.message)
            )


_KINDS = {
    "string": say("text between quotes"),
    "integer": say("a whole number"),
    "boolean": say("true or false"),
    "array": say("a list"),
    "object": say("a table of keys and values"),
    "integer/string": say("a whole number, or text between quotes"),
    "array/object": say("a list, or a table of keys and values"),
    "string/object": say("text between quotes, or a table of keys and values"),
}


def _sample(rules: Any, key: str) -> Text:
    samples = rules.get("properties", {}).get(key, {}).get("examples")
    return say("for example {sample}", sample=f'{key} = "{samples[0]}"') if samples else NOTHING


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


# --- the diagram against the catalogue entry


def check_net(
    item: Mapping[str, Any],
    net: Net,
    forms: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, str],
    organisation: Organisation | None,
) -> list[Problem]:
    """What in the diagrams has no counterpart in `item.toml`, and the other way round.

    `forms` are the usable forms by name, `sources` the file of each process.
    """
    found: list[Problem] = []

    def file_of(scope: Scope) -> str:
        return sources.get(scope.id.split("/")[0], DIAGRAM)

    for scope in net.scopes.values():
        for node in scope.nodes.values():
            found += _check_performer(scope, node, file_of(scope), scope.id == net.process)
            found += _check_documents(item, node, file_of(scope))
    found += _check_lanes(item, net, file_of)
    found += _check_units(item, organisation)
    found += _check_outcomes(item, net, file_of(net.scopes[net.process]))
    found += _check_variables(item, net, forms, file_of)
    return found


def _check_performer(scope: Scope, node: Node, file: str, outermost: bool) -> Iterator[Problem]:
    """Somebody must be responsible for what waits for a person or is entered by one."""
    entered = node.kind in ("catch", "boundary", "receive") or (node.kind == "start" and not outermost)
    entered = entered and any(event.kind == "message" for event in triggers(node))
    opening = outermost and node.id in scope.starts
    if node.lane is None and (node.kind in HUMAN or entered or opening):
        yield fault(
            "step.performer",
            file,
            node.id,
            say("nobody is responsible for {step}: it lies in no lane", step=node.name or node.id),
            expected=say("a lane that [lanes] binds to unit/post"),
            remedy=say("draw it into the lane of the department that does it"),
        )


def _check_lanes(item: Mapping[str, Any], net: Net, file_of: Callable[[Scope], str]) -> Iterator[Problem]:
    if "lanes" not in item:
        return  # check_item has said so
    bound = item["lanes"]
    drawn: set[str] = set()
    for scope in net.scopes.values():
        for node in scope.nodes.values():
            if node.lane is None or node.lane in drawn:
                continue
            drawn.add(node.lane)
            if node.lane not in bound:
                yield fault(
                    "lane.unbound",
                    file_of(scope),
                    node.lane,
                    say("lane “{lane}” is bound to no post", lane=node.lane),
                    expected=say('[lanes] in {item} with "{lane}" = "UNIT/POST"', item=ITEM, lane=node.lane),
                    remedy=near(node.lane, bound, say("add the line")),
                )
    for lane in bound:
        if lane not in drawn:
            yield Problem(
                "lane.unknown",
                "warning",
                ITEM,
                f"lanes.{lane}",
                say("the diagram has no lane “{lane}” with a step in it", lane=lane),
                remedy=near(lane, drawn, say("remove the line")),
            )


def _check_units(item: Mapping[str, Any], organisation: Organisation | None) -> Iterator[Problem]:
    if organisation is None:
        return
    named = {
        f"lanes.{lane}": str(binding).partition("/")[0] for lane, binding in item.get("lanes", {}).items()
    }
    if "lead" in item:
        named["lead"] = str(item["lead"])
    for place, unit in named.items():
        if unit not in organisation.units:
            yield unknown("unit", ITEM, place, unit, organisation.units)


def _check_documents(item: Mapping[str, Any], node: Node, file: str) -> Iterator[Problem]:
    known = item.get("documents", {})
    for document in node.properties.get("documents", "").split():
        if document not in known:
            yield unknown("document", file, node.id, document, known)


def _check_outcomes(item: Mapping[str, Any], net: Net, file: str) -> Iterator[Problem]:
    """Each way the process can end is an outcome of the case. An end that only a reminder reaches (a
    non-interrupting boundary event or event subprocess) ends no case."""
    outcomes = item.get("outcomes", {})
    scopes = _ending(net)
    ends = {node.id for scope in scopes for node in scope.nodes.values() if node.kind == "end"}
    for node in (node for scope in scopes for node in _main(scope)):
        if node.kind == "end" and node.id not in outcomes:
            yield fault(
                "outcome.missing",
                file,
                node.id,
                say("end event {end} stands for no outcome", end=node.id),
                expected=say("[outcomes.{end}] in {item} with name and kind", end=node.id, item=ITEM),
                remedy=near(node.id, outcomes, say("add it")),
            )
        elif node.kind != "end" and not node.outgoing and all(e.kind != "link" for e in triggers(node)):
            yield fault(
                "outcome.missing",
                file,
                node.id,
                say("the case would end after {step} without an outcome", step=node.name or node.id),
                expected=say("a sequence flow to an end event"),
                remedy=say("draw an end event and describe it under [outcomes] in {item}", item=ITEM),
            )
    for outcome in outcomes:
        if outcome not in ends:
            yield unknown("end", ITEM, f"outcomes.{outcome}", outcome, ends)


def case_ends(net: Net) -> list[Node]:
    """The end events of the process that are an outcome of the case."""
    return [node for node in _main(net.scopes[net.process]) if node.kind == "end"]


def _ending(net: Net) -> list[Scope]:
    """The scopes in which a case can end: the process, and event subprocesses that take its place."""
    process = net.scopes[net.process]
    starts = [(handler, net.start_of(handler)[1]) for handler in process.handlers]
    return [process, *(net.scopes[handler.body or ""] for handler, start in starts if start.interrupting)]


def _main(process: Scope) -> list[Node]:
    """The nodes that the token of the case itself can reach, in document order."""
    reached: set[str] = set()
    queue = list(process.starts)
    while queue:
        node_id = queue.pop()
        if node_id in reached:
            continue
        reached.add(node_id)
        queue += [process.flows[flow].target for flow in process.nodes[node_id].outgoing]
        queue += [event.id for event in process.boundaries.get(node_id, ()) if event.interrupting]
    return [node for node in process.nodes.values() if node.id in reached]


# --- variables


def _check_variables(
    item: Mapping[str, Any],
    net: Net,
    forms: Mapping[str, Mapping[str, Any]],
    file_of: Callable[[Scope], str],
) -> Iterator[Problem]:
    """Names in conditions that nothing defines: most often a typing error that would stop a case."""
    known = known_variables(item, net, forms)
    nodes = [(scope, node) for scope in net.scopes.values() for node in scope.nodes.values()]
    for scope, node in nodes:
        for element, source, names in needed(scope, node, net):
            for name in sorted(names - known):
                yield Problem(
                    "variable.unknown",
                    "warning",
                    file_of(scope),
                    element,
                    say("no form and no step defines {name}", name=name),
                    found=say("{source}", source=source),
                    remedy=near(name, known, say("correct the name, or add the field to a form")),
                )


def known_variables(item: Mapping[str, Any], net: Net, forms: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Every variable that a form, a step or the engine itself may set."""
    known = set(ENGINE_VARIABLES) | set(_results(item))
    for scope in net.scopes.values():
        for node in scope.nodes.values():
            known |= set(written(node, net, forms))
    return known


def _results(item: Mapping[str, Any]) -> Iterator[str]:
    """The variables that get the outcome of a joint review or a meeting."""
    for section in ("joint", "meetings"):
        entries = item.get(section)
        if isinstance(entries, Mapping):  # check_item has said so otherwise
            yield from (
                str(entry["result"])
                for entry in entries.values()
                if isinstance(entry, Mapping) and "result" in entry
            )


def written(node: Node, net: Net, forms: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The variables that `node` writes."""
    result = node.result or node.properties.get("result")
    if result is not None:
        yield result
    else:
        yield from forms.get(node.properties.get("form", ""), {}).get("properties", {})
    if node.loop is not None:
        yield from (name for name in (node.loop.item, node.loop.output, node.loop.output_item) if name)
    if node.script is not None:
        with contextlib.suppress(Malformed):  # flow.read has said so
            yield from compile_script(node.script).assigns
    yield from (name for name, _ in (*node.outputs, *node.inputs))
    for event in triggers(node):
        yield from (name for name in (event.code_to, event.message_to) if name)
    if node.decision is not None:
        yield from (
            str(output.get("name")) for output in net.tables.get(node.decision, {}).get("outputs", ())
        )


def sources_of(scope: Scope, node: Node) -> Iterator[tuple[str, str]]:
    """`(element, source)` of every expression at `node` and on the flows out of it."""
    sources = [(flow, scope.flows[flow].condition) for flow in node.outgoing]
    sources += [(node.id, node.properties.get(name)) for name in ("unit", "term")]
    if node.loop is not None:
        sources += [
            (node.id, text)
            for text in (node.loop.cardinality, node.loop.collection, node.loop.until, node.loop.condition)
        ]
    for event in triggers(node):
        if not re.match(r"[+-]?P?T?\d|R\d*/", event.text or ""):
            sources.append((node.id, event.text))
    sources += [(node.id, text) for text in (node.expression, *(source for _, source in node.outputs))]
    yield from ((element, source) for element, source in sources if source)


def needed(scope: Scope, node: Node, net: Net) -> Iterator[tuple[str, str, frozenset[str]]]:
    """`(element, source, names it reads)` of every expression, script and table at `node`."""
    for element, source in sources_of(scope, node):
        with contextlib.suppress(Malformed):  # flow.read has said so
            yield element, source, compile_expression(source).names
    with contextlib.suppress(Malformed):
        if node.script is not None:
            yield node.id, node.script, compile_script(node.script).names
        if node.decision is not None and node.decision in net.tables:
            yield node.id, node.decision, compile_table(net.tables[node.decision]).names
