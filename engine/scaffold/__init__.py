"""New items (floor 3): a folder that publishes as it is, for each kind of item, to begin with.

The kinds are data: `data/kinds/<kind>/` with `kind.toml` (what it is, who takes part, which files it has),
`diagram.sketch` and `item.toml`; what several kinds share is in `data/parts/` and `data/forms/`. A line of
theirs is text, but

    ${word}                  stands for a value; ${col+2} two columns further, ${day+2} two working days later
    #include NAME [WORD+N]   stands for the part of that name, in which `col` and `day` are WORD, moved by N
    #include NAME?           the same, if there is one
    #each WORD … #end        stands for the lines between, once for each unit (lane, step, outcome)
"""

from __future__ import annotations

import re
from pathlib import Path

from ..clock import Term
from ..errors import Invalid, Unknown, say
from ..organisation import Organisation
from .cast import Cast
from .kinds import Kind, Wish, kinds, terms
from .writer import Writer

__all__ = ["Kind", "Wish", "kinds", "make"]

_LONGEST = 100
"""Characters of an item's name: it stands in headings, and in what applicants write."""


def make(folder: Path, wish: Wish, organisation: Organisation) -> list[str]:
    """Write the item that `wish` describes into `folder`; the paths of its files, in order.

    The folder must not exist, or be empty. Raises `Invalid` or `Unknown` for what can't be, before
    anything is written: a term beyond the law (Administrative Licensing Law art. 42), a unit that the
    organisation does not have, a post of the item that nobody holds.
    """
    kind = _kind(wish.kind)
    _check(folder, wish, kind)
    cast = Cast(wish, kind, organisation)
    files = Writer(wish, kind, cast, organisation).files()
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise Invalid(
                "file.unwritable",
                say(
                    "{file} can't be written: {reason}", file=str(path), reason=error.strerror or repr(error)
                ),
                remedy=say("name a folder in a place where you may write"),
            ) from error
    return list(files)


def _kind(id: str) -> Kind:
    if id not in kinds():
        raise Unknown(
            "scaffold.kind",
            say("there is no kind of item called {kind}", kind=id),
            expected=say("one of {options}", options=", ".join(kinds())),
            remedy=say("see what each one is with `lianban item new --list`"),
        )
    return kinds()[id]


def _check(folder: Path, wish: Wish, kind: Kind) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Invalid(
            "scaffold.folder",
            say("{folder} is there already, and not empty", folder=str(folder)),
            expected=say("a folder that does not exist yet"),
            remedy=say("name another folder; nothing was written"),
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", wish.code):
        raise Invalid(
            "scaffold.code",
            say("{code} can't be the code of an item", code=wish.code or "''"),
            expected=say("small letters, digits and hyphens, such as {sample}", sample="food-licence"),
            remedy=say("name the folder so, or give --code"),
        )
    for text in (wish.name, wish.name_en, wish.law, wish.article):
        if re.search(r'["\\\x00-\x1f]', text):
            raise Invalid(
                "scaffold.text",
                say("{text} can't be written into the files", text=repr(text)),
                expected=say("one line without double quotes and backslashes"),
                remedy=say("leave them out; the files can be changed afterwards"),
            )
    if not wish.name.strip():
        raise Invalid(
            "scaffold.name",
            say("the item has no name"),
            remedy=say("give it with --name, as the guide has it"),
        )
    if len(wish.name) > _LONGEST or len(wish.name_en) > _LONGEST:
        raise Invalid(
            "scaffold.name",
            say("the item's name is longer than {most} characters", most=_LONGEST),
            remedy=say("give it with --name, as the guide has it"),
        )
    again = sorted({unit for unit in wish.units if wish.units.count(unit) > 1})
    if again or (wish.kind == "joint" and len(wish.units) == 1):
        raise Invalid(
            "scaffold.units",
            say("--units names {unit} more than once", unit=again[0])
            if again
            else say("a joint item needs more than one unit"),
            expected=say("two units or more, each once, the lead first"),
            rule=say("one authority leads the departments that decide together (art. 26)"),
            remedy=say("name one that `lianban org show` lists"),
        )
    days, promise = terms(wish, kind)
    if not 1 <= days <= kind.most:
        raise Invalid(
            "scaffold.days",
            say("the law gives this kind of item at most {most}", most=Term(kind.most, kind.unit).text()),
            expected=say("from 1 to {most}", most=kind.most),
            found=say("{days}", days=days),
            rule=kind.rule,
            remedy=say(
                "give fewer --days; a longer term of another law is put into item.toml, with that basis"
            ),
        )
    if not 1 <= promise <= days:
        raise Invalid(
            "scaffold.promise",
            say("the promise is not within the law's term"),
            expected=say("from 1 to {most}", most=days),
            found=say("{days}", days=promise),
            rule=say("a promise may only shorten the law's term"),
            remedy=say("give a shorter --promise, or more --days"),
        )
