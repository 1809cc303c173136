"""Whether answers fit a form, and every fault in the clerk's words."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..errors import NOTHING, Invalid, Text, say, titled
from .schema import (
    Choice,
    Schema,
    Where,
    choices_of,
    dotted,
    field_at,
    fits,
    help_of,
    joined,
    kind_of,
    names,
    resolved,
    shape,
    title_of,
    type_of,
    validator,
)

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_BYTES = 256 * 1024
"""Most bytes of JSON that the answers of one step may have."""

MAX_DEPTH = 16
"""Deepest nesting of groups and lists in answers."""

MAX_LISTED = 50
"""Most faults that one refusal lists."""

_PLAIN = json.JSONEncoder(ensure_ascii=False)
_MAX_TEXT_SHOWN = 60
_TOO_LARGE = 10**30

# Characters that nobody types on purpose: controls, halves of a surrogate pair (not writable as
# UTF-8), and those that turn the reading direction, with which a printed name can lie.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Fault(Struct, frozen=True):
    """One thing wrong with an answer."""

    name: str
    title: Text
    expected: Text
    found: Text
    remedy: Text = NOTHING


RULE = say("the form that was published with the item")


def check(schema: Schema, answers: Any) -> None:
    """Nothing, if `answers` fit the form; else `Invalid` (`form.invalid`) that lists every fault.

    Fields that the form does not have, or does not ask for with these answers, are refused unless
    the schema says otherwise (`additionalProperties`). A required text of blanks only is missing.
    """
    found = faults(schema, answers)
    if found:
        raise invalid(found)


def faults(schema: Schema, answers: Any) -> list[Fault]:
    """Everything in `answers` that does not fit the form."""
    unfit = unusable(answers)
    return [unfit] if unfit else list(_faults(schema, answers))


def unasked(schema: Schema, answers: Mapping[str, Any]) -> list[str]:
    """The fields among `answers` for which the form has no place, or none with these answers."""
    if schema.get("additionalProperties", False) is not False or "unevaluatedProperties" in schema:
        return []
    return list(_strangers(schema, answers))


def invalid(faults: list[Fault]) -> Invalid:
    """The refusal that says all of `faults` (at least one)."""
    distinct = list({(fault.name, str(fault.expected)): fault for fault in faults}.values())
    if len(distinct) == 1:
        (fault,) = distinct
        message = say("{title} does not fit the form", title=_named(fault))
        remedy = fault.remedy if fault.remedy.msgid else say("correct this answer; nothing was saved")
        return Invalid(
            "form.invalid", message, expected=fault.expected, found=fault.found, rule=RULE, remedy=remedy
        )
    lines = [_line(fault) for fault in distinct[:MAX_LISTED]]
    return Invalid(
        "form.invalid",
        say("{count} answers do not fit the form:\n{list}", count=len(distinct), list=joined("\n", lines)),
        rule=RULE,
        remedy=say("put all of them right and hand the answers in again; nothing was saved"),
    )


def _line(fault: Fault) -> Text:
    line = say(
        "· {title}: expected {expected}; found {found}",
        title=_named(fault),
        expected=fault.expected,
        found=fault.found,
    )
    return say("{line}; {remedy}", line=line, remedy=fault.remedy) if fault.remedy.msgid else line


def _named(fault: Fault) -> Text:
    if not fault.name or str(fault.title) == fault.name:
        return fault.title
    return say("{title} ({name})", title=fault.title, name=fault.name)


def _faults(schema: Schema, answers: dict[str, Any]) -> Iterator[Fault]:
    if not fits(schema, answers):
        for error in validator(schema).iter_errors(answers):
            yield from explain(schema, error)
    if not schema.keys() & {"additionalProperties", "unevaluatedProperties"}:
        for name in _strangers(schema, answers):
            yield _superfluous(schema, (name,), answers[name])


def _strangers(schema: Schema, answers: Mapping[str, Any]) -> Iterator[str]:
    asked, _ = shape(schema, schema, answers)
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", ())]
    for name in answers:
        if name not in asked and not any(pattern.search(name) for pattern in patterns):
            yield name


def _superfluous(schema: Schema, where: Where, value: Any) -> Fault:
    name = dotted(where)
    known = names(schema)
    if name in known:
        expected = say("no answer: with the other answers given, the form does not ask this")
        remedy = say("leave {name} out, or change the answer that it depends on", name=name)
    else:
        expected = say("a field of the form: {names}", names=", ".join(known))
        remedy = nearest(name, known)
    return Fault(name, title_of(schema, where), expected, shown(value), remedy)


def unusable(answers: Any) -> Fault | None:
    """Why `answers` can't be kept at all: not a JSON object, too deep, too large, not printable."""
    whole = say("the whole of the answers")
    if not isinstance(answers, dict):
        example = say("write {example}", example='{"field": "answer"}')
        return Fault("", whole, say("an object of fields and answers"), shown(answers), example)
    stack: list[tuple[Where, Any]] = [((), answers)]
    while stack:
        where, value = stack.pop()
        if len(where) > MAX_DEPTH:
            expected = say("groups and lists nested at most {depth} deep", depth=MAX_DEPTH)
            return Fault("", whole, expected, say("deeper nesting"))
        flaw = _flaw(value)
        if flaw:
            name = dotted(where)
            expected = say("text, a number, yes or no, or a list or group of them")
            remedy = say("type it again by hand; copied text may hold hidden characters")
            return Fault(name, titled(name) if name else whole, expected, flaw, remedy)
        if isinstance(value, dict):
            stack += [((*where, key), part) for key, part in value.items()]
        elif isinstance(value, list):
            stack += [((*where, index), part) for index, part in enumerate(value)]
    size = len(_PLAIN.encode(answers).encode())
    if size > MAX_BYTES:
        expected = say("at most {limit} KB of answers", limit=MAX_BYTES // 1024)
        remedy = say("shorten the texts; file long papers as materials of the case")
        return Fault("", whole, expected, say("{size} KB", size=-(-size // 1024)), remedy)
    return None


def _flaw(value: Any) -> Text | None:
    """Why `value` is no usable JSON, apart from what is inside it."""
    match value:
        case str():
            hidden = _INVISIBLE.search(value)
            return say("the hidden character U+{code}", code=f"{ord(hidden[0]):04X}") if hidden else None
        case None | bool() | list():
            return None
        case dict() if all(isinstance(key, str) for key in value):
            return next(filter(None, map(_flaw, value)), None)
        case int() | float() if abs(value) < _TOO_LARGE:  # false for NaN, too
            return None
        case int() | float():
            return say("a number without end, or too large")
    return say("a value of type {type}", type=type(value).__name__)


def explain(schema: Schema, error: ValidationError, above: Where = ()) -> Iterator[Fault]:
    """`error`, found below `above`, as faults; of alternatives (`anyOf`, `oneOf`), those of the one
    that fits best."""
    where: Where = (*above, *error.path)
    rule, value = str(error.validator), error.instance
    field = error.schema if isinstance(error.schema, Mapping) else {}
    choices = choices_of(schema, field)
    if rule in ("required", "dependentRequired"):
        where = (*where, error.message)
        name = dotted(where)
        expected = wanted(schema, field_at(schema, where))
        yield Fault(name, title_of(schema, where), expected, shown(None))
    elif rule in ("additionalProperties", "unevaluatedProperties") and isinstance(value, dict):
        known = shape(schema, field, None)[0]
        yield from (_superfluous(schema, (*where, key), value[key]) for key in value if key not in known)
    elif rule in ("anyOf", "oneOf") and error.context and not choices:
        branches: dict[Any, list[ValidationError]] = {}
        for part in error.context:
            branches.setdefault(part.schema_path[0], []).append(part)
        for part in min(branches.values(), key=len):
            yield from explain(schema, part, where)
    else:
        name = dotted(where)
        near = value if isinstance(value, str) else ""
        remedy = nearest(near, [str(choice.value) for choice in choices])
        blank = isinstance(value, str) and not value.strip()
        asked = None if blank else _asked_by(rule, error.validator_value, field)
        expected = asked or wanted(schema, field)
        yield Fault(name, title_of(schema, where), expected, shown(value), remedy)


def _asked_by(rule: str, limit: Any, field: Schema) -> Text | None:
    """What the keyword `rule` asks; None where the kind of the field says it best."""
    match rule:
        case "minLength":
            return say("at least {limit} characters", limit=limit)
        case "maxLength":
            return say("at most {limit} characters", limit=limit)
        case "minimum":
            return say("{limit} or more", limit=limit)
        case "maximum":
            return say("{limit} or less", limit=limit)
        case "exclusiveMinimum":
            return say("more than {limit}", limit=limit)
        case "exclusiveMaximum":
            return say("less than {limit}", limit=limit)
        case "multipleOf":
            return say("a multiple of {limit}", limit=limit)
        case "minItems":
            return say("at least {limit} entries", limit=limit)
        case "maxItems":
            return say("at most {limit} entries", limit=limit)
        case "uniqueItems":
            return say("entries that all differ")
        case "const":
            return say("{value}, and nothing else", value=shown(limit))
        case "pattern" if "description" in field:
            return help_of(field)
        case "pattern":
            return say("text of the form {pattern}", pattern=limit)
        case "None":  # the schema `false`
            return say("no answer: with the other answers given, the form does not ask this")
        case "type" | "enum" | "oneOf" | "format":
            return None
    return say("what the form's rule {rule} asks", rule=rule)


def wanted(schema: Schema, field: Schema) -> Text:
    """What kind of answer `field` takes."""
    match kind_of(schema, field):
        case "choice":
            return say("one of: {choices}", choices=_listed(choices_of(schema, field)))
        case "choices":
            items = resolved(schema, field["items"])
            return say("some of: {choices}", choices=_listed(choices_of(schema, items)))
        case "yes-no":
            return say("yes or no")
        case "integer":
            return say("a whole number")
        case "number":
            return say("a number")
        case "date":
            return say("a date written like 2026-03-02")
        case "date-time":
            return say("a date and time written like 2026-03-02T09:00:00+08:00")
        case "list" | "records":
            return say("a list of entries")
    if field.get("format") == "email":
        return say("an e-mail address")
    return say("a group of answers") if type_of(field) == "object" else say("text")


def _listed(choices: Iterable[Choice]) -> Text:
    def one(choice: Choice) -> Text:
        value = str(choice.value)
        return (
            choice.title
            if choice.title.params["zh"] == value
            else say("{title} ({name})", title=choice.title, name=value)
        )

    return joined(", ", [one(choice) for choice in choices])


def shown(value: Any) -> Text:
    """An answer as it was found, in short."""
    match value:
        case None | "":
            return say("nothing")
        case bool():
            return say("yes") if value else say("no")
        case str():
            short = value if len(value) <= _MAX_TEXT_SHOWN else value[:_MAX_TEXT_SHOWN] + "…"
            return say("“{text}”", text=short)
        case list():
            return say("a list of {count} entries", count=len(value))
        case dict():
            return say("a group of {count} answers", count=len(value))
    return say("the number {number}", number=value)


def nearest(name: str, known: Iterable[str], otherwise: Text = NOTHING) -> Text:
    """“Did you mean …?”, if one of `known` is close to `name`."""
    near = difflib.get_close_matches(name, list(known), 1)
    return say("did you mean {name}?", name=near[0]) if near else otherwise
