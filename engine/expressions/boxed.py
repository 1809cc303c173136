"""Boxed expressions (DMN 1.3 §7.3, §10.2.1; of 1.4 conditionals, filters and loops): boxes within boxes.

A box is a text of FEEL, or a record:

- `{"context": [[name, box], …], "result": box}`: each row sees those before it. Without a result the value is
  the record of the rows.
- `{"function": [parameter, …], "body": box}`, as a row only: the rows after it call it by the row's name.
- `{"record": [[name, box], …]}`: a row of a relation, whose cells do not see each other.
- `{"list": [box, …]}` · `{"call": name, "with": [[parameter, box], …]}` · `{"table": …}`, as in `tables`
- `{"if": box, "then": box, "else": box}` · `{"filter": box, "match": box}`
- `{"for": name, "in": box, "return": box}`, and with `"some"` or `"every"`: `"satisfies"`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..errors import Text, say
from . import runtime
from .dialects import MAX_NESTING
from .faults import Failed, Malformed
from .feel import Declared, Env, compile_feel, values
from .runtime import Run

Drawn = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """A checked box. `names` are the variables that it reads. `evaluate` raises `Failed` and nothing else."""

    evaluate: Callable[[Env], Any]
    names: frozenset[str]


class _Table(Protocol):
    names: frozenset[str]

    def decided_in(self, env: Env) -> Any: ...


Build = Callable[[Mapping[str, Any], Declared], _Table]
"""How a table in a box is compiled."""


def compile_box(drawn: Drawn, declared: Declared, build: Build, depth: int = 0) -> Box:
    """Check and compile a box. Raises `Malformed`, which names the row and the place in its text."""
    if depth > MAX_NESTING:
        raise Malformed("expression.malformed", say("too many boxes within boxes"))
    if isinstance(drawn, str):
        return _text(drawn, declared)

    def part(key: str, known: Declared = declared) -> Box:
        return inner(drawn[key], say("“{text}”", text=key), known)

    def inner(box: Drawn, place: Text, known: Declared = declared) -> Box:
        return _at(place, compile_box, box, known, build, depth + 1)  # type: ignore[no-any-return]

    match next(iter(drawn)):
        case "context":
            return _context(drawn, declared, inner)
        case "record":
            return _record([(name, inner(box, _row(name))) for name, box in drawn["record"]])
        case "list":
            return _list([inner(box, say("row {row}", row=i)) for i, box in enumerate(drawn["list"], 1)])
        case "call":
            given = [(name, inner(box, say("“{text}”", text=name))) for name, box in drawn["with"]]
            return _call(drawn["call"], given, declared)
        case "if":
            return _choice(part("if"), part("then"), part("else"))
        case "filter":
            return _filter(part("filter"), part("match"))
        case "for" | "some" | "every" as kind:
            result = part("return" if kind == "for" else "satisfies")
            return (_loop if kind == "for" else _quantified)(kind, drawn[kind], part("in"), result)
        case "table":
            table = build(drawn["table"], declared)
            return Box(table.decided_in, table.names)
    raise Malformed("expression.malformed", say("a function can only be a row of a boxed context"))


def shown(drawn: Drawn) -> str:
    """The box in one line, for people to read."""
    if isinstance(drawn, str):
        return drawn.strip()
    first = next(iter(drawn))
    match first:
        case "context" | "record":
            rows = ", ".join(f"{name}: {shown(box)}" for name, box in drawn[first])
            return f"{{{rows}}}" + (f" → {shown(drawn['result'])}" if "result" in drawn else "")
        case "list":
            return "[" + ", ".join(map(shown, drawn["list"])) + "]"
        case "call":
            given = ", ".join(f"{name}: {shown(box)}" for name, box in drawn["with"])
            return f"{drawn['call']}({given})"
        case "filter":
            return f"({shown(drawn['filter'])})[{shown(drawn['match'])}]"
        case "function":
            return f"({', '.join(drawn['function'])}) → {shown(drawn['body'])}"
        case "table":
            rules = (
                " · ".join(r["tests"]) + " → " + " · ".join(r["outputs"]) for r in drawn["table"]["rules"]
            )
            return "(" + "; ".join(rules) + ")"
    return " ".join(f"{key} {shown(box)}" for key, box in drawn.items())


def _text(text: str, declared: Declared) -> Box:
    try:
        feel = compile_feel(text, declared)
    except Malformed as error:
        what = say("“{text}”: {what}", text=text.strip(), what=error.message)
        raise Malformed(error.code, what) from error
    return Box(feel.evaluate, feel.names)


def _row(name: str) -> Text:
    return say("row “{name}”", name=name)


def _at(place: Text, do: Callable[..., Any], *args: Any) -> Any:
    """What `do` gives; its faults name the place."""
    try:
        return do(*args)
    except (Malformed, Failed) as error:
        what = say("{place}: {what}", place=place, what=error.message)
        if isinstance(error, Failed):
            raise Failed(error.code, what) from error
        placed = Malformed(error.code, what)
        placed.table = error.table
        raise placed from error


def _context(drawn: Mapping[str, Any], declared: Declared, inner: Callable[..., Box]) -> Box:
    rows: list[tuple[str, tuple[str, ...] | None, Box]] = []
    read: set[str] = set()
    before: set[str] = set()
    for name, box in drawn["context"]:
        parameters = None
        if isinstance(box, Mapping) and "function" in box:
            parameters, box = tuple(box["function"]), box["body"]
        made = inner(box, _row(name), declared)
        read |= made.names - before - set(parameters or ())
        rows.append((name, parameters, made))
        if parameters is None:
            before.add(name)
        else:
            declared = replace(declared, functions=(*declared.functions, (name, parameters)))
    result = inner(drawn["result"], say("its result"), declared) if "result" in drawn else None
    read |= set() if result is None else result.names - before

    def evaluate(env: Env) -> Any:
        found: dict[str, Any] = {}
        for name, parameters, box in rows:
            if parameters is None:
                found[name] = _at(_row(name), box.evaluate, env)
                env = env.inside({name: found[name]})
            else:
                env = replace(env, functions={**env.functions, name: _closure(name, box, env)})
        return found if result is None else _at(say("its result"), result.evaluate, env)

    return Box(evaluate, frozenset(read))


def _closure(name: str, body: Box, env: Env) -> Callable[[Run, Mapping[str, Any]], Any]:
    """A function of a context: it sees its parameters, and the rows before it."""
    return lambda run, given: _at(_row(name), body.evaluate, replace(env.inside(given), run=run))


def _record(rows: list[tuple[str, Box]]) -> Box:
    return Box(
        lambda env: {name: _at(_row(name), box.evaluate, env) for name, box in rows},
        frozenset().union(*(box.names for _, box in rows)),
    )


def _list(boxes: list[Box]) -> Box:
    return Box(
        lambda env: values.spent([box.evaluate(env) for box in boxes], env.run),
        frozenset().union(*(box.names for box in boxes)),
    )


def _call(name: str, given: list[tuple[str, Box]], declared: Declared) -> Box:
    places = [f"value_{place}" for place in range(1, len(given) + 1)]
    pairs = ", ".join(f"{name}: {place}" for (name, _), place in zip(given, places, strict=True))
    call = _text(f"{name}({pairs})", declared)

    def evaluate(env: Env) -> Any:
        made = [box.evaluate(env) for _, box in given]
        return call.evaluate(env.inside(dict(zip(places, made, strict=True))))

    return Box(evaluate, (call.names - set(places)).union(*(box.names for _, box in given)))


def _choice(test: Box, yes: Box, no: Box) -> Box:
    return Box(
        lambda env: (yes if values.condition(test.evaluate(env)) else no).evaluate(env),
        test.names | yes.names | no.names,
    )


def _items(found: Any, run: Run) -> Iterator[Any]:
    yield from runtime.each(run, found if isinstance(found, list) else [] if found is None else [found])


def _filter(source: Box, match: Box) -> Box:
    """The items that match; their keys are in sight, and the item as `item`."""

    def evaluate(env: Env) -> Any:
        found = []
        for item in _items(source.evaluate(env), env.run):
            keys = item if isinstance(item, dict) else {}
            if values.condition(match.evaluate(env.inside({**keys, "item": item}))):
                found.append(item)
        return found

    return Box(evaluate, source.names)  # what `match` reads may be keys of the items


def _loop(_: str, name: str, source: Box, result: Box) -> Box:
    looks_back = "partial" in result.names

    def evaluate(env: Env) -> Any:
        found: list[Any] = []
        for item in _items(source.evaluate(env), env.run):
            so_far = {"partial": values.spent(found.copy(), env.run)} if looks_back else {}
            found.append(result.evaluate(env.inside({name: item, **so_far})))
        return found

    return Box(evaluate, source.names | result.names - {name, "partial"})


def _quantified(kind: str, name: str, source: Box, test: Box) -> Box:
    decisive = kind == "some"

    def evaluate(env: Env) -> bool | None:
        found: bool | None = not decisive
        for item in _items(source.evaluate(env), env.run):
            holds = values.condition(test.evaluate(env.inside({name: item})))
            if holds is decisive:
                return decisive
            found = None if holds is None else found
        return found

    return Box(evaluate, source.names | test.names - {name})
