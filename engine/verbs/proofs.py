"""Seals, receipts and extracts: proofs that leave the office."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ..errors import Text, say
from .frame import FINDINGS, Settings, catalogue, complain, deliver
from .streams import read_bytes, write_file
from .table import verb

if TYPE_CHECKING:
    from ..office.receipts import Proof


@verb(
    "seal/make",
    "lianban seal make --key seal_ed25519",
    say("Seal every history as it stands; once a day, after closing time."),
)
@click.option(
    "--key",
    metavar="FILE",
    help=say("Sign with this Ed25519 key (ssh-keygen -t ed25519), kept off this machine.").msgid,
)
def seal_make(settings: Settings, key: str | None) -> int:
    content = read_bytes(key) if key is not None else None
    with settings.office() as office:
        sealed = office.seal(settings.now(office.zone), content, _passphrase(), settings.who)
        broken = {case: refusal.as_dict(settings.translate) for case, refusal in sealed.broken.items()}
        data = {
            **sealed.seal._asdict(),
            "digest": sealed.seal.digest,
            "moved": sealed.moved,
            "broken": broken,
        }
        if not settings.json:
            complain(settings, broken.values())
        settings.show(data, lambda screen, data: screen.sealed(data), office.zone)
    return FINDINGS if broken else 0


def _passphrase() -> bytes | None:
    """What opens a key that is locked; never an option, which others on the machine could read."""
    given = os.environ.get("LIANBAN_KEY_PASSPHRASE")
    return given.encode() if given else None


@verb("seal/list", "lianban seal list", say("Every seal: when, over how much, its root, who signed."))
def seal_list(settings: Settings) -> None:
    with settings.office() as office:
        data = {"seals": [{**made._asdict(), "digest": made.digest} for made in office.seals()]}
        settings.show(data, lambda screen, data: screen.seals(data), office.zone)


@verb(
    "seal/export",
    "lianban seal export seals.json",
    say("A copy of all seals, to keep where nobody who can write the database can: for `verify --seals`."),
)
@click.argument("file", metavar="FILE")
def seal_export(settings: Settings, file: str) -> None:
    with settings.office() as office:
        content = office.seal_copy()
        write_file(file, content, public=True)
        data = {"file": file, "seals": len(office.seals()), "bytes": len(content)}
        text = say("{seals} seals written to {file}", seals=data["seals"], file=file)
        settings.show(data, lambda screen, _: screen.line(text), office.zone)


_to_option = click.option(
    "--to",
    "to",
    type=click.IntRange(min=1),
    metavar="N",
    help=say("Prove it under seal N; left out, the newest.").msgid,
)


@verb(
    "seal/prove",
    "lianban seal prove --from 1 --to 5 -o days.json",
    say("The proof that between two seals the log was only added to; the checker reads it."),
)
@click.option("--from", "older", type=click.IntRange(min=1), required=True, metavar="N")
@_to_option
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def seal_prove(settings: Settings, older: int, to: int | None, output: str | None) -> None:
    with settings.office() as office:
        made = office.prove_seals(older, to)
    named = f"seals-{made.first.number}-{made.last.number}.json"
    _hand_out(settings, made, output, named, say("the proof is in {file}"), public=True)


@verb(
    "receipt",
    "lianban receipt 42 -o receipt.json",
    say(
        "One file that proves CASE to somebody who has nothing of the office: its history, definitions,"
        " calendars, documents and seal. With --checker the program that checks it: one file of Python."
    ),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--checker", is_flag=True, help=say("The program that checks receipts and extracts.").msgid)
@_to_option
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def case_receipt(
    settings: Settings, case: str | None, checker: bool, to: int | None, output: str | None
) -> None:
    from ..office.receipts import checker as program

    if checker == (case is not None):
        raise click.UsageError(say("name a CASE, or write --checker").render(settings.translate))
    if case is None:
        data = {"case": None, "content": program().decode()}
        deliver(settings, data, output, "check.py", say("the checker is in {file}"), public=True)
        return
    with settings.office() as office:
        made = office.receipt(case, to)
    _hand_out(settings, made, output, f"receipt-{made.case}.json", say("the receipt is in {file}"))


@verb(
    "extract",
    "lianban extract 42 -o extract.html",
    say(
        "What the public may see of CASE, provable against its seal; everything else only as hashes. A page"
        " if FILE ends with .html, in Chinese unless --lang or LIANBAN_LANG says otherwise."
    ),
)
@click.argument("case", metavar="CASE")
@click.option(
    "--show", multiple=True, metavar="[SEQ:]PATH", help=say("Show this too: 7:/data/data/opinion.").msgid
)
@_to_option
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def case_extract(
    settings: Settings, case: str, show: tuple[str, ...], to: int | None, output: str | None
) -> None:
    lang = settings.public
    page = (lang, catalogue(lang).gettext) if output is not None and output.endswith(".html") else None
    with settings.office() as office:
        made = office.extract(case, to, show, page)
    _hand_out(settings, made, output, f"extract-{made.case}.json", say("the extract is in {file}"))


def _hand_out(
    settings: Settings,
    made: Proof,
    output: str | None,
    named: str,
    done: Text,
    *,
    public: bool = False,
) -> None:
    """Write a proof to a file or to standard output, and say what is not in it."""
    about = {key: value for key, value in made._asdict().items() if key not in ("content", "first", "last")}
    seals = {"seal": made.first.number, "newest": made.last.number, "digest": made.last.digest}
    data = {**about, **seals, "content": made.content.decode()}
    deliver(settings, data, output, named, done, public=public)
    if made.unsealed and not settings.json:
        left = say("{count} events of the case are not sealed yet: nothing proves them.", count=made.unsealed)
        click.echo(left.render(settings.translate), err=True)
