"""Other processes to work in: on this machine, or wherever a Dask scheduler has workers. The only importer of
Dask.

Both are given as the executors of `concurrent.futures`, so whoever works in them need not know which it is.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from ..errors import Invalid, Refusal, say

PATIENCE = 10
"""Seconds in which a scheduler must answer, and then have a worker."""

Result = TypeVar("Result")


class Pool(NamedTuple):
    """Where to submit work, how much of it can be under way at once, and what says that a worker failed."""

    executor: Executor
    slots: int
    failures: tuple[type[Exception], ...]


@contextmanager
def local(workers: int | None) -> Iterator[Pool]:
    """So many processes of this machine; None for as many as it has processors."""
    slots = workers or os.cpu_count() or 1
    # Spawned: a forked process would share the connections that this one has open.
    spawn = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(slots, mp_context=spawn, initializer=_begin)
    try:
        yield Pool(executor, slots, (BrokenExecutor,))
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C to the process that gives the work, and end with it, however it ends: it holds the one end
    of the queue that this process waits at, and so does this process itself, which would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def remote(address: str, *, file: str | None) -> Iterator[Pool]:
    """The workers of the Dask scheduler at `address`. `file` is the database if that is a file, which workers
    of other machines can't open. Raises `Invalid`."""
    try:
        from distributed import Client, Security
        from distributed.comm import connect, get_address_host
        from distributed.utils import get_ip
    except ImportError as error:
        raise Invalid(
            "replay.no_dask",
            say("Dask is not installed"),
            expected=say("the package distributed"),
            found=say("{error}", error=str(error)),
            remedy=say("pip install 'lianban[dask]', here and on the workers; or leave --scheduler away"),
        ) from error

    async def answers() -> None:
        told = await connect(address, timeout=PATIENCE, **Security().get_connection_args("client"))
        await told.close()

    try:
        asyncio.run(answers())  # first: a client that reaches nobody can't be closed without a complaint
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise Invalid(
            "replay.no_scheduler",
            say("no Dask scheduler answers at {address}", address=address),
            expected=say("an address such as tcp://10.0.0.5:8786"),
            found=say("{error}", error=str(error)),
            remedy=say("start one with `dask scheduler`, or leave --scheduler away"),
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise Invalid(
                "replay.no_workers",
                say("the Dask scheduler at {address} has no workers", address=address),
                remedy=say("start some with `dask worker {address}`", address=address),
            ) from error
        threads = client.nthreads()
        here = {get_ip(), "127.0.0.1", "::1", "localhost"}
        away = sorted({get_address_host(worker) for worker in threads} - here)
        if file is not None and away:
            raise Invalid(
                "replay.file_is_here",
                say("the workers on {hosts} can't open the file {file}", hosts=", ".join(away), file=file),
                expected=say("a database on a server: --db postgresql://…"),
                found=say("{file}", file=file),
                remedy=say("use workers of this machine, or leave --scheduler away"),
            )
        yield Pool(client.get_executor(pure=False), sum(threads.values()), (Exception,))


def outcome(pool: Pool, done: Future[Result]) -> Result:
    """What the work gave. Raises the `Refusal` that it raised, and `Invalid` where its process is gone or has
    no lianban of this version."""
    try:
        return done.result()
    except Refusal:
        raise
    except pool.failures as error:
        died = isinstance(error, BrokenExecutor)
        raise Invalid(
            "replay.worker_failed",
            say("a worker process died") if died else say("a worker could not do it"),
            expected=say("workers with this version of lianban, and with memory enough"),
            found=say("{error}", error=repr(error)),
            remedy=say("set that right, and run it again with the same --resume FILE to go on"),
        ) from error
