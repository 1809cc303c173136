"""What a form asks, and how what a person types becomes an answer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from ..clock import OFFICE_ZONE, parse_instant
from ..errors import NOTHING, Invalid, Text, say
from .check import Fault, explain, invalid, nearest, shown, unusable, wanted
from .schema import (
    Choice,
    Kind,
    Schema,
    Where,
    choices_of,
    field_title,
    help_of,
    kind_of,
    names,
    resolved,
    shape,
    title_of,
    type_of,
    validator,
)

_YES = ("yes", "y", "true", "是")
_NO = ("no", "n", "false", "否")


class Question(Struct, frozen=True):
    """What to ask for one field. `items` are the questions of one entry when the kind is `records`."""

    name: str
    title: Text
    kind: Kind
    required: bool
    choices: tuple[Choice, ...] = ()
    default: Any = None
    help: Text = NOTHING
    items: tuple[Question, ...] = ()


def questions(schema: Schema, answers: Mapping[str, Any] | None = None) -> list[Question]:
    """What the form still asks, given `answers` so far: the fields without an answer, in its order.

    Later questions may depend on answers: ask the first one not asked yet, `place` the answer, call
    again. Groups are opened up (`applicant.name`); a list of groups is one question of kind
    `records`, whose entries are asked by its `items` until the person has no more.
    """
    return list(_questions(schema, schema, answers or {}, "", True))


def _questions(
    root: Schema, group: Schema, answers: Mapping[str, Any], prefix: str, needed: bool
) -> Iterator[Question]:
    fields, required = shape(root, group, answers)
    for key, field in fields.items():
        must = needed and key in required
        if type_of(field) == "object":
            part = answers.get(key)
            part = part if isinstance(part, dict) else {}
            yield from _questions(root, field, part, f"{prefix}{key}.", must or bool(part))
        elif key not in answers:
            kind = kind_of(root, field)
            items = resolved(root, field.get("items", {}))
            yield Question(
                prefix + key,
                field_title(key, field),
                kind,
                must,
                choices_of(root, items if kind == "choices" else field),
                field.get("default"),
                help_of(field),
                tuple(_questions(root, items, {}, "", True)) if kind == "records" else (),
            )


def read_field(schema: Schema, name: str, text: str, zone: str = OFFICE_ZONE) -> Any:
    """The JSON value of what a person typed for the field `name`.

    Numbers may have thousands commas; yes and no are also 是 and 否; dates may be `2026年3月2日` or
    `2026/3/2`; a date and time without an offset is in `zone`; a choice goes by its value or by its
    title in either language; entries of a list stand between commas (of a list of texts, between
    ASCII commas or on lines of their own); lists and groups may also be JSON. Raises `Invalid`:
    `form.unknown_field`, or `form.invalid` for what can't be read or the field itself forbids.
    """
    where, field = _find(schema, name)
    try:
        value = _read(schema, field, text.strip(), zone)
    except (ValueError, RecursionError):
        remedy = nearest(text, [str(choice.value) for choice in choices_of(schema, field)])
        fault = Fault(name, title_of(schema, where), wanted(schema, field), shown(text), remedy)
        raise invalid([fault]) from None
    unfit = unusable({name: value})
    errors = [] if unfit else validator(schema).evolve(schema=field).iter_errors(value)
    faults = [unfit] if unfit else [fault for error in errors for fault in explain(schema, error, where)]
    if faults:
        raise invalid(faults)
    return value


def place(answers: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """New answers: `answers` with `value` under the dotted `name`; groups and entries are made as needed.

    Raises `Invalid` (`form.misplaced`) when an entry before it is missing, or a part has a plain answer.
    """
    placed: dict[str, Any] = _placed(dict(answers), name.split("."), value, name)
    return placed


def _placed(inside: Any, parts: list[str], value: Any, name: str) -> Any:
    if not parts:
        return value
    head, *rest = parts
    if inside is None:
        inside = [] if head.isdecimal() else {}
    if isinstance(inside, dict):
        return {**inside, head: _placed(inside.get(head), rest, value, name)}
    index = int(head) - 1 if head.isdecimal() else -1
    if not isinstance(inside, list) or not 0 <= index <= len(inside):
        raise Invalid(
            "form.misplaced",
            say("there is no place for {name} in the answers", name=name),
            expected=say("a part of a group, or the next entry of a list, counted from 1"),
            found=shown(inside),
            remedy=say("give the entries of a list in their order: 1, 2, 3"),
        )
    entry = inside[index] if index < len(inside) else None
    return [*inside[:index], _placed(entry, rest, value, name), *inside[index + 1 :]]


def _find(schema: Schema, name: str) -> tuple[Where, Schema]:
    where: Where = ()
    field = schema
    for part in name.split("."):
        if type_of(field) == "array" and re.fullmatch("[1-9][0-9]{0,5}", part):
            where, field = (*where, int(part) - 1), resolved(schema, field.get("items", {}))
            continue
        fields, _ = shape(schema, field, None)
        if part not in fields:
            known = names(schema)
            raise Invalid(
                "form.unknown_field",
                say("the form has no field {name}", name=name),
                expected=say("a field of the form: {names}", names=", ".join(known)),
                found=shown(name),
                remedy=nearest(name, known),
            )
        where, field = (*where, part), fields[part]
    return where, field


def _read(root: Schema, field: Schema, text: str, zone: str) -> Any:
    """The value of `text`; ValueError when it is none that fits the kind of `field`."""
    if not text and isinstance(field.get("type"), list) and "null" in field["type"]:
        return None
    kind = kind_of(root, field)
    match kind:
        case "choice":
            return _chosen(choices_of(root, field), text)
        case "yes-no":
            if text.casefold() not in (*_YES, *_NO):
                raise ValueError(text)
            return text.casefold() in _YES
        case "integer":
            return int(_digits(text))
        case "number":
            digits = _digits(text)
            return float(digits) if "." in digits else int(digits)
        case "date":
            return _date(text).isoformat()
        case "date-time":
            return parse_instant(text, zone).astimezone(ZoneInfo(zone)).isoformat()
        case "list" | "choices" if not text.startswith("["):
            items = resolved(root, field.get("items", {}))
            # A Chinese comma may well stand inside a text.
            marks = "[,\n]" if kind_of(root, items) == "text" else "[,，、\n]"
            parts = (part.strip() for part in re.split(marks, text))
            return [_read(root, items, part, zone) for part in parts if part]
    if kind in ("list", "choices", "records") or type_of(field) == "object":
        return json.loads(text)
    return text


def _digits(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)  # full-width digits of a Chinese keyboard
    if re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text):
        text = text.replace(",", "")
    if not re.fullmatch(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", text):
        raise ValueError(text)
    return text


def _date(text: str) -> date:
    text = unicodedata.normalize("NFKC", text)
    found = re.fullmatch(r"([0-9]{4})(?:年|[-/.])([0-9]{1,2})(?:月|[-/.])([0-9]{1,2})日?", text)
    if not found:
        raise ValueError(text)
    year, month, day = map(int, found.groups())
    return date(year, month, day)


def _chosen(choices: tuple[Choice, ...], text: str) -> Any:
    plain = text.casefold()
    for choice in choices:
        if plain == str(choice.value).casefold():
            return choice.value
    for choice in choices:
        if plain in (str(title).casefold() for title in choice.title.params.values()):
            return choice.value
    raise ValueError(text)
