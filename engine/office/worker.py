"""The office's night watch: sweep and deliver, again and again, until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event

from ..delivery import Delivery
from ..errors import Refusal
from .facade import Office, Swept
from .post import Delivered, Translate


def work(
    office: Office,
    now: Callable[[], datetime],
    every: float,
    stop: Event,
    delivery: Delivery | None,
    translate: Translate,
    report: Callable[[Swept | None, Delivered, Refusal | None], None],
) -> None:
    """Sweep and deliver every so many seconds, by the instants that `now` gives, until `stop` is set; what it
    began is finished. Each round is told to `report`.

    A round that the database refuses is reported and tried again: a worker outlives a restart of the server.
    """
    while not stop.is_set():
        swept, delivered, trouble = None, Delivered(), None
        try:
            swept = office.sweep(now())
            if delivery is not None:
                delivered = office.deliver(delivery, now, translate)
        except Refusal as refusal:
            trouble = refusal
        report(swept, delivered, trouble)
        stop.wait(every)
