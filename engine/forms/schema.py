"""The form as its schema describes it: fields, titles, choices, and the validator that knows our rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from ..errors import NOTHING, Text, say, titled

if TYPE_CHECKING:  # jsonschema takes 0.15 s to import; only checking needs it
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

Schema = Mapping[str, Any]
Kind = Literal[
    "text", "integer", "number", "yes-no", "date", "date-time", "choice", "choices", "list", "records"
]
Where = tuple[str | int, ...]
"""A place in answers: names of fields, and indices (from 0) of entries."""

_MAX_REFERENCES = 16

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(_DATE.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class Choice(Struct, frozen=True):
    """One allowed answer and what it is called."""

    value: Any
    title: Text


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return bool(_DATE.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return bool(_DATE_TIME.fullmatch(value) and datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or bool(_EMAIL.fullmatch(value))


FORMATS = {"date": _is_date, "date-time": _is_date_time, "email": _is_email}
"""The formats that are checked."""


def validator(schema: Schema) -> Draft202012Validator:
    """A validator that takes blank required text for missing, counts decimals exactly, checks
    `FORMATS`, and never fetches a schema from anywhere."""
    return _checker(schema).rules


def fits(schema: Schema, answers: Any) -> bool:
    """Whether `answers` obey the whole form: just what its `validator` would say."""
    return _checker(schema).fit(answers)


Fit = Callable[[Any], bool]
"""Whether a value obeys a part of a form."""


class _Checker:
    """A form with its validator."""

    def __init__(self, schema: Schema) -> None:
        from referencing import Registry

        kind, formats = _rules()
        self.schema = schema
        self.rules: Draft202012Validator = kind(schema, registry=Registry(), format_checker=formats)

    @cached_property
    def fit(self) -> Fit:
        return fit_of(self.rules, self.schema)


_MOST_CHECKERS = 1000
_CHECKERS: dict[int, _Checker] = {}
"""By the id of their schema, which they hold, so that it is not given to another one meanwhile. Making one
costs more than using it on a small form."""


def _checker(schema: Schema) -> _Checker:
    kept = _CHECKERS.get(id(schema))
    if kept is None:
        if len(_CHECKERS) == _MOST_CHECKERS:
            _CHECKERS.clear()
        kept = _CHECKERS[id(schema)] = _Checker(schema)
    return kept


def fit_of(rules: Draft202012Validator, part: Any) -> Fit:
    """Whether a value obeys `part` of the form whose validator is `rules`, as a function: just what that
    would say.

    The validator makes a new one for each part that it comes to, and an error for each choice that was not
    made, which takes longer than the check itself. Only so can it tell what is wrong; but most answers are
    right.
    """
    if isinstance(part, bool):
        return lambda value: part
    found = [_fit(rules, part, word) for word in part if word in rules.VALIDATORS]  # not titles and notes
    return found[0] if len(found) == 1 else lambda value: all(fit(value) for fit in found)


_TYPES = {"string": str, "object": dict, "array": list}


def _fit(rules: Draft202012Validator, part: Mapping[str, Any], word: str) -> Fit:
    """The same for one keyword of the part."""
    asked, rule = part[word], rules.VALIDATORS[word]

    def told(value: Any) -> bool:
        return next(iter(rule(rules, asked, value, part) or ()), None) is None

    match word:
        case "const":
            return lambda value: bool(value == asked) if isinstance(value, str) else told(value)
        case "enum":
            return lambda value: value in asked if isinstance(value, str) else told(value)
        case "type" if isinstance(asked, str) and asked in _TYPES:
            kind = _TYPES[asked]
            return lambda value: isinstance(value, kind)
        case "required":
            return lambda value: not isinstance(value, dict) or not any(_blank(value, name) for name in asked)
        case "minLength":
            return lambda value: not isinstance(value, str) or len(value) >= asked
        case "maxLength":
            return lambda value: not isinstance(value, str) or len(value) <= asked
        case "properties":
            fields = [(name, fit_of(rules, field)) for name, field in asked.items()]
            return lambda value: (
                not isinstance(value, dict) or all(fit(value[name]) for name, fit in fields if name in value)
            )
        case "allOf":
            every = [fit_of(rules, one) for one in asked]
            return lambda value: all(fit(value) for fit in every)
        case "oneOf":
            some = [fit_of(rules, one) for one in asked]
            return lambda value: sum(fit(value) for fit in some) == 1
        case "if":
            holds = fit_of(rules, asked)
            then, otherwise = fit_of(rules, part.get("then", True)), fit_of(rules, part.get("else", True))
            return lambda value: then(value) if holds(value) else otherwise(value)
    return told


@cache
def _rules() -> tuple[Any, Any]:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend

    def missing(names: Iterable[str], group: Mapping[str, Any]) -> Iterator[ValidationError]:
        return (ValidationError(name) for name in names if _blank(group, name))  # read by `explain`

    def required(_: Any, names: Any, value: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(value, dict):
            yield from missing(names, value)

    def dependent(_: Any, needs: Any, value: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(value, dict):
            for key, names in needs.items():
                if not _blank(value, key):
                    yield from missing(names, value)

    def multiple_of(_: Any, step: Any, value: Any, __: Any) -> Iterator[ValidationError]:
        # 0.07 / 0.01 is not whole in binary; as they are written it is.
        if isinstance(value, int | float) and not isinstance(value, bool):
            quotient = Decimal(str(value)) / Decimal(str(step))
            if quotient != quotient.to_integral_value():
                yield ValidationError("")

    def pattern(_: Any, written: Any, value: Any, __: Any) -> Iterator[ValidationError]:
        # As in ECMA 262, which the draft asks for: \d is ASCII, and $ is not before a last line break.
        if isinstance(value, str) and (value.endswith("\n") or not re.search(written, value, re.ASCII)):
            yield ValidationError("")

    rules = {"dependentRequired": dependent, "multipleOf": multiple_of, "pattern": pattern}
    formats = FormatChecker(formats=())
    for name, fits in FORMATS.items():
        formats.checks(name)(fits)
    return extend(Draft202012Validator, {**rules, "required": required}), formats  # type: ignore[no-untyped-call]


def _blank(group: Mapping[str, Any], name: str) -> bool:
    value = group.get(name, "")
    return isinstance(value, str) and not value.strip()


def resolved(root: Schema, node: Any) -> Schema:
    """`node` with its `$ref` followed; what stands beside the `$ref` wins."""
    found: Schema = node if isinstance(node, Mapping) else {}
    for _ in range(_MAX_REFERENCES):
        if "$ref" not in found:
            break
        rest = {key: part for key, part in found.items() if key != "$ref"}
        found = {**(target(root, found["$ref"]) or {}), **rest}
    return found


def target(root: Schema, reference: Any) -> Schema | None:
    """What `#/$defs/NAME` refers to; None for any other reference."""
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return None
    found = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
    return found if isinstance(found, Mapping) else None


def shape(
    root: Schema, group: Schema, answers: Mapping[str, Any] | None
) -> tuple[dict[str, Schema], set[str]]:
    """The fields of `group` and the names of the required ones.

    With `answers`, those that the form asks for given these; with None, those of every branch.
    """
    fields, required = _gathered(root, group, answers)
    return {key: resolved(root, field) for key, field in fields.items() if field is not False}, required


def _gathered(root: Schema, group: Any, answers: Mapping[str, Any] | None) -> tuple[dict[str, Any], set[str]]:
    group = resolved(root, group)
    fields: dict[str, Any] = dict(group.get("properties", {}))
    required = set(group.get("required", ()))
    branches = list(group.get("allOf", ()))
    alternatives = [*group.get("anyOf", ()), *group.get("oneOf", ())]
    if answers is None:
        branches += [group[key] for key in ("then", "else") if key in group]
        branches += group.get("dependentSchemas", {}).values()
    else:
        if "if" in group:
            holds = fit_of(validator(root), group["if"])(answers)
            branches.append(group.get("then" if holds else "else", {}))
        branches += [part for key, part in group.get("dependentSchemas", {}).items() if key in answers]
        for key, needs in group.get("dependentRequired", {}).items():
            required.update(needs if key in answers else ())
    for index, branch in enumerate(branches + alternatives):
        more, needed = _gathered(root, branch, answers)
        if index < len(branches):  # which alternative will hold is not known while it is being answered
            required |= needed
        for name, field in more.items():
            own = fields.get(name, {})
            if isinstance(field, Mapping) and isinstance(own, Mapping):
                fields[name] = {**field, **own}
            elif field is False and answers is not None:
                fields[name] = False
    return fields, required


def field_at(root: Schema, where: Where) -> Schema:
    """The field at a path of answers; empty where the form has none."""
    node: Schema = root
    for part in where:
        if isinstance(part, int):
            node = resolved(root, resolved(root, node).get("items", {}))
        else:
            node = shape(root, node, None)[0].get(part, {})
    return node


def names(root: Schema, group: Schema | None = None, prefix: str = "") -> list[str]:
    """Every name that answers may have: groups opened up, of a list of groups the first entry too."""
    found = []
    for key, field in shape(root, root if group is None else group, None)[0].items():
        name = prefix + key
        if kind_of(root, field) == "records":
            found += [name, *names(root, resolved(root, field["items"]), f"{name}.1.")]
        else:
            inner = names(root, field, f"{name}.") if type_of(field) == "object" else []
            found += inner or [name]
    return found


def type_of(field: Schema) -> str | None:
    """The JSON type of `field`, apart from null; None if it names none."""
    kind = field.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), None)
    return kind or ("object" if "properties" in field else None)


def kind_of(root: Schema, field: Schema) -> Kind:
    """How `field` is asked for and read."""
    if choices_of(root, field):
        return "choice"
    match type_of(field):
        case "boolean":
            return "yes-no"
        case "integer":
            return "integer"
        case "number":
            return "number"
        case "array":
            items = resolved(root, field.get("items", {}))
            if type_of(items) == "object":
                return "records"
            return "choices" if choices_of(root, items) else "list"
    match field.get("format"):
        case "date":
            return "date"
        case "date-time":
            return "date-time"
    return "text"


def choices_of(root: Schema, field: Schema) -> tuple[Choice, ...]:
    """The answers that `field` allows, if it names them one by one."""
    options = [resolved(root, option) for option in field.get("oneOf", ())]
    if options and all("const" in option for option in options):
        return tuple(
            Choice(o["const"], titled(o.get("title") or str(o["const"]), o.get("x-title-en", "")))
            for o in options
        )
    return tuple(Choice(value, titled(str(value))) for value in field.get("enum", ()))


def field_title(name: str, field: Schema) -> Text:
    """What the form calls a field."""
    return titled(field.get("title") or name, field.get("x-title-en", ""))


def title_of(root: Schema, where: Where) -> Text:
    """The titles on the way to a place: `Shareholders › no. 1 › Name`."""
    titles: list[Text] = []
    for depth, part in enumerate(where, 1):
        if isinstance(part, int):
            titles.append(say("no. {number}", number=part + 1))
        else:
            titles.append(field_title(part, field_at(root, where[:depth])))
    return joined(" › ", titles) if titles else say("the answers")


def help_of(field: Schema) -> Text:
    """What `field` says to help the one who answers it."""
    if not field.keys() & {"description", "x-description-en"}:
        return NOTHING
    return titled(field.get("description", ""), field.get("x-description-en", ""))


def dotted(where: Where) -> str:
    """The name of a place, as people write it."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in where)


def joined(separator: str, texts: list[Text]) -> Text:
    """One text of several."""
    params = {f"t{index}": text for index, text in enumerate(texts)}
    return Text(separator.join(f"{{{key}}}" for key in params), dict(params))


PUBLIC = "x-public"
"""The keyword that lets everybody see what a field holds, once the case is published in extract."""


def is_public(form: Schema, where: Sequence[str]) -> bool:
    """Whether everybody may see the value at `where` (names of fields, numbers of entries from 0) in answers
    to `form`: if the form says so of the field, or of what it is a part of, and nowhere the contrary."""
    nodes: list[tuple[Schema, bool | None]] = [(form, _said(form, None))]
    for step in where:
        nodes = [
            (field, _said(field, said)) for node, said in nodes for field in _fields(form, node, step)
        ] or [({}, said) for _, said in nodes]
    said = {one for _, one in nodes}
    return True in said and False not in said


def _said(node: Schema, inherited: bool | None) -> bool | None:
    return node[PUBLIC] is True if PUBLIC in node else inherited


def _fields(form: Schema, node: Schema, step: str) -> Iterator[Schema]:
    """Everything that `node` says of its field (or entries) `step`, under whatever condition."""
    stack: list[Any] = [node]
    while stack:
        part = resolved(form, stack.pop())
        named = [part["properties"][step]] if step in part.get("properties", {}) else []
        named += [one for like, one in part.get("patternProperties", {}).items() if re.search(like, step)]
        first = part.get("prefixItems", [])
        if step.isdecimal():
            named += [first[int(step)]] if int(step) < len(first) else [part.get("items", {})]
        for one in named or [part.get("additionalProperties", {})]:
            if isinstance(one, Mapping) and one:
                yield resolved(form, one)
        stack += [part[key] for key in ("if", "then", "else", "not") if key in part]
        stack += [one for key in ("allOf", "anyOf", "oneOf") for one in part.get(key, ())]
        stack += part.get("dependentSchemas", {}).values()


def title_at(form: Schema, where: Sequence[str]) -> Text | None:
    """What the form calls the field at `where`, as in `is_public`; None where it does not say."""
    nodes: list[Schema] = [form]
    for step in where:
        nodes = [field for node in nodes for field in _fields(form, node, step)]
    return next((field_title("", node) for node in nodes if "title" in node), None)
