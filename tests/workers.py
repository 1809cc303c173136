"""Other processes that work in an office: started with what they need imported, told what to do."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from engine.errors import Refusal
from engine.office import Office

Act = tuple[str, str, str, dict[str, Any], datetime]
"""Who, case, task, answers, when."""


def do_all(url: str, acts: Sequence[Act], start: float) -> list[str]:
    """Wait for the instant `start`, then do the acts as fast as possible; what was refused."""
    refused = []
    with Office.open(url) as office:
        time.sleep(max(0.0, start - time.time()))
        for act in acts:
            try:
                office.do(*act)
            except Refusal as refusal:
                refused.append(f"{act}: {refusal} ({refusal.code})")
    return refused


def sweep(url: str, now: datetime, start: float) -> int:
    """Wait for the instant `start`, then sweep; how many timers fired."""
    with Office.open(url) as office:
        time.sleep(max(0.0, start - time.time()))
        return office.sweep(now).fired


def at_once(work: Callable[..., Any], argument_lists: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run `work` in as many processes at the same instant, which is its last argument; what each gives."""
    with multiprocessing.get_context("spawn").Pool(len(argument_lists)) as pool:
        pool.map(time.sleep, [0.05] * len(argument_lists))  # all are up
        start = time.time() + 0.2
        running = [pool.apply_async(work, (*arguments, start)) for arguments in argument_lists]
        return [result.get(timeout=60) for result in running]
