"""Other processes that work in an office: started with what they need imported, told what to do."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

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


def sweep_reporting(url: str, now: datetime, start: float) -> tuple[int, list[str]]:
    """Wait for the instant `start`, then sweep; how often something fired, and what was refused."""
    with Office.open(url) as office:
        time.sleep(max(0.0, start - time.time()))
        swept = office.sweep(now)
        return swept.fired, [f"{case}: {refusal}" for case, refusal in swept.refused.items()]


def at_once(work: Callable[..., Any], argument_lists: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run `work` in as many processes at the same instant, which is its last argument; what each gives."""
    with multiprocessing.get_context("spawn").Pool(len(argument_lists)) as pool:
        pool.map(time.sleep, [0.05] * len(argument_lists))  # all are up
        start = time.time() + 0.2
        running = [pool.apply_async(work, (*arguments, start)) for arguments in argument_lists]
        return [result.get(timeout=60) for result in running]


# --- workers that are killed


class Nursery:
    """A process that has imported everything and makes workers in an instant, each to be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def start(self, mode: str, seed: int, now: datetime, cases: Sequence[str] = ()) -> Worker:
        """A worker that works from the instant `now` on until it is killed. `mode` is `work`, on new
        cases after these, `open`, which only opens cases, or `watch`, which sweeps at `now` and delivers
        to the folder that stands in the place of the cases; it confirms nothing."""
        self.tell("start", mode, str(seed), now.isoformat(), *cases)
        confirmed: list[tuple[str, int]] = []
        while (words := self.hear())[0] != "started":
            confirmed.append((words[1], int(words[2])))  # of another worker
        return Worker(self, int(words[1]), confirmed)

    def tell(self, *words: str) -> None:
        assert self.process.stdin is not None
        print(*words, file=self.process.stdin, flush=True)

    def hear(self) -> list[str]:
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, "the nursery died"
        return words


class Worker:
    """A worker at work."""

    def __init__(self, nursery: Nursery, pid: int, confirmed: list[tuple[str, int]]) -> None:
        self.nursery = nursery
        self.pid = pid
        self.confirmed = confirmed

    def await_act(self) -> None:
        """Wait until an act is confirmed, of this worker or another."""
        words = self.nursery.hear()
        self.confirmed.append((words[1], int(words[2])))

    def kill(self) -> list[tuple[str, int]]:
        """Kill it where it stands. What it, or another worker, had confirmed by then: case and seq."""
        os.kill(self.pid, signal.SIGKILL)
        self.nursery.tell("bury", str(self.pid))
        while (words := self.nursery.hear())[0] != "buried":
            self.confirmed.append((words[1], int(words[2])))
        assert words[1:] == [str(self.pid), str(int(signal.SIGKILL))]
        return self.confirmed


@contextmanager
def nursery(url: str, item: str) -> Iterator[Nursery]:
    """Workers in the office at `url`, on cases of `item`."""
    command = [sys.executable, __file__, url, item]
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Nursery(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # upon which it ends
            process.wait(timeout=20)


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # whole, whoever else writes


def _nurse(url: str, item: str) -> None:
    Office.open(url).close()  # so that all is imported
    from engine import delivery, documents, examples  # noqa: F401
    from engine.office import post, worker  # noqa: F401

    for line in sys.stdin:
        command, *words = line.split()
        if command == "start":
            pid = os.fork()
            if not pid and words[0] == "watch":
                _watch(url, *words[2:])
            if not pid:
                _work(url, item, *words)
            _say("started", pid)
        else:
            _, status = os.waitpid(int(words[0]), 0)
            _say("buried", words[0], os.WTERMSIG(status))


def _work(url: str, item: str, mode: str, seed: str, start: str, *cases: str) -> NoReturn:
    """Act after act, each said aloud once it is confirmed. Never returns."""
    chance = random.Random(int(seed))
    now = datetime.fromisoformat(start)
    office = Office.open(url)
    left = list(cases)
    todo: list[str] = []
    case = ""
    while True:
        now += timedelta(minutes=chance.choice([0, 1, 20, 50]))
        try:
            if mode == "open" or not todo:
                if left:
                    case = left.pop()
                    steps = office.show(case)["steps"]
                    todo = [line["task"] for line in steps if line["state"] == "open"]
                    continue
                done = office.open_case("clerk", item, {}, now)
                case = done.case
            else:
                again = {"again": chance.random() < 0.3} if todo[0].startswith("c") else {}
                done = office.do("clerk", case, chance.choice(todo), again, now)
        except Refusal as refusal:
            if refusal.kind == "diverged":
                os._exit(1)
            todo = []
            continue
        todo = done.open
        if done.events:
            _say("ok", case, done.events[-1].seq)


def _watch(url: str, at: str, folder: str) -> NoReturn:
    """The office's night watch at one instant, until it is killed."""
    from engine.delivery import delivery_at
    from engine.office.worker import work

    now = datetime.fromisoformat(at)
    with Office.open(url) as office:
        delivery = delivery_at(folder)
        work(office, lambda: now, 0.001, threading.Event(), delivery, str, lambda *_: None)
    os._exit(1)


if __name__ == "__main__":
    _nurse(*sys.argv[1:])
