"""The office as a machine: its database, time that passes, what goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Invalid, Refusal, say
from .frame import PARTLY, Settings, Wrong, complain, progress_count, report_refusal
from .streams import read_bytes
from .table import verb

if TYPE_CHECKING:
    from ..delivery import Delivery
    from ..office import Swept
    from ..office.post import Delivered


_deliver_option = click.option(
    "--deliver",
    "address",
    metavar="ADDRESS",
    help=say("Let reminders and cards go out: a folder, or smtp://HOST?from=ADDRESS.").msgid,
)


def _delivery(address: str | None) -> Delivery | None:
    if address is None:
        return None
    from ..delivery import delivery_at

    return delivery_at(address)


def _show_round(settings: Settings, swept: Swept | None, delivered: Delivered | None) -> int:
    """What a sweep and the delivery after it did; the exit code."""
    refusals = swept.refused if swept else {}
    refused = {case: refusal.as_dict(settings.translate) for case, refusal in refusals.items()}
    data = {
        "cases": swept.cases if swept else [],
        "fired": swept.fired if swept else 0,
        "refused": refused,
        "sent": delivered.sent if delivered else [],
        "failed": delivered.failed if delivered else {},
    }
    if not settings.json:
        complain(settings, refused.values())
    settings.show(data, lambda screen, data: screen.swept(data))
    return PARTLY if refused or data["failed"] else 0


@verb(
    "sweep",
    "lianban sweep",
    say(
        "Let time pass: every timer and clock that is due acts, in every case. Twice, late or in parallel "
        "does no harm."
    ),
)
@_deliver_option
def sweep(settings: Settings, address: str | None) -> int:
    delivery = _delivery(address)
    with settings.office() as office, progress_count(settings) as progress:
        swept = office.sweep(settings.now(office.zone), progress)
        delivered = None
        if delivery is not None:
            delivered = office.deliver(delivery, lambda: settings.now(office.zone), settings.translate)
    return _show_round(settings, swept, delivered)


@verb(
    "worker",
    "lianban worker --every 60 --deliver /var/spool/lianban",
    say("Sweep again and again, and deliver; SIGTERM or Ctrl-C ends it after the round it is in."),
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=60,
    metavar="SECONDS",
    help=say("Seconds between two rounds (60).").msgid,
)
@click.option("--once", is_flag=True, help=say("One round only.").msgid)
@_deliver_option
def worker(settings: Settings, every: int, once: bool, address: str | None) -> int:
    import signal
    from threading import Event

    from ..office.worker import work

    if settings.instant is not None and not once:
        raise Wrong(say("a worker lives in the present; --now goes with --once only"))
    stop = Event()
    codes: list[int] = []
    troubles: list[Refusal] = []

    def end(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # whoever asks again does not want to wait

    def tell(swept: Swept | None, delivered: Delivered, trouble: Refusal | None) -> None:
        if trouble is not None:
            troubles.append(trouble)
            if not once:
                report_refusal(settings, trouble.as_dict(settings.translate))
        elif once or settings.json or swept != Swept([], 0, {}) or delivered != Delivered():
            codes.append(_show_round(settings, swept, delivered))
        if once:
            stop.set()

    delivery = _delivery(address)
    with settings.office() as office:
        from ..office import Swept
        from ..office.post import Delivered

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        work(office, lambda: settings.now(office.zone), every, stop, delivery, settings.translate, tell)
    if once and troubles:
        raise troubles[0]
    return max(codes, default=0) if once else 0


@verb("outbox", "lianban outbox --pending", say("Reminders and cards on their way, and what failed."))
@click.option("--pending", is_flag=True, help=say("Only those that still wait.").msgid)
def outbox(settings: Settings, pending: bool) -> None:
    with settings.office() as office:
        data = {"messages": office.outbox(pending=pending)}
        settings.show(data, lambda screen, data: screen.outbox(data), office.zone)


@verb(
    "init",
    "lianban init --rehearsal",
    say("Set up an office: its database, the shipped organisation and items."),
)
@click.option(
    "--rehearsal", is_flag=True, help=say("For demos, training and tests; marked as such for ever.").msgid
)
@click.option(
    "--organisation",
    metavar="FILE",
    help=say("Units, posts and people (TOML) instead of the shipped ones.").msgid,
)
def init(settings: Settings, rehearsal: bool, organisation: str | None) -> None:
    if not rehearsal:
        raise Invalid(
            "office.working",
            say("this version sets up rehearsal offices only"),
            expected=say("lianban init --rehearsal"),
            remedy=say("add --rehearsal; offices in which every act is signed come later"),
        )
    from ..definition import builtin
    from ..office import Office

    text = read_bytes(organisation) if organisation is not None else None
    now = settings.now()
    with Office.create_rehearsal(settings.db, now, text, builtin().items().values()) as office:
        data = {
            "database": office.database,
            "rehearsal": True,
            "zone": office.zone,
            "items": office.items(settings.now(office.zone)),
        }
        settings.show(data, lambda screen, data: screen.office(data), office.zone)


@verb(
    "db/upgrade",
    "lianban db upgrade",
    say("Bring the database to this version's schema. Make a backup first."),
)
def upgrade(settings: Settings) -> None:
    from ..office import Office

    upgraded = Office.upgrade(settings.db)
    text = say("the database is upgraded") if upgraded else say("the database fits already; nothing was done")
    settings.show({"upgraded": upgraded}, lambda screen, _: screen.line(text))


@verb("db/check", "lianban db check", say("Whether the database can be used by this version."))
def check_database(settings: Settings) -> None:
    with settings.office() as office:
        data = {"database": office.database, "rehearsal": office.rehearsal, "zone": office.zone}
        text = say("{database} can be used", database=office.database)
        settings.show(data, lambda screen, _: screen.line(text))


@verb(
    "db/rebuild",
    "lianban db rebuild",
    say("Derive every status, open step and timer again from the histories alone."),
)
def rebuild(settings: Settings) -> None:
    with settings.office() as office:
        cases = office.rebuild()
        text = say("{count} cases derived again from their histories", count=cases)
        settings.show({"cases": cases}, lambda screen, _: screen.line(text))
