"""Every history of the office run again, in other processes, with a report that a killed run goes on from."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from msgspec import Struct

from .. import audit
from ..errors import Diverged, Invalid, Text, say
from ..events import OFFICE, CaseOpened, broken_links, parse
from ..store import Reader, Store
from . import pools
from .library import Library

BATCH = 20
"""Most cases that a worker is given at a time, and that a killed run loses the results of."""

State = Literal["agrees", "diverged", "broken", "unreadable"]
"""Of a history: it is what replay gives; it says something else; its chain of hashes is broken; it, its
definition or its calendar can't be read as what it was."""

STATES: tuple[State, ...] = ("diverged", "broken", "unreadable")
"""What a finding is."""

_UNREADABLE = ("event.", "history.", "definition.", "calendar.", "replay.unreadable", "replay.start")


class Replayed(Struct, frozen=True):
    """What came of one history: how many `events` and `acts` of it agree, the `hash` of its last event, and
    `rows`, the digest of all that the database has of it. `unchanged`: it was not run again, since an earlier
    run found that the same bytes agree."""

    case: str
    state: State
    events: int
    acts: int
    hash: str
    rows: str
    unchanged: bool = False
    finding: Diverged | None = None

    def line(self) -> dict[str, Any]:
        """As the report has it, in English."""
        found = {} if self.finding is None else {"event": self.events + 1, "finding": self.finding.as_dict()}
        return {
            "case": self.case,
            "state": self.state,
            "events": self.events,
            "acts": self.acts,
            "hash": self.hash,
            "rows": self.rows,
            **found,
        }


def replay_all(
    store: Store,
    item: str | None,
    workers: int | None,
    scheduler: str | None,
    report: Path | None,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Run every history again, those of one `item` if it is named, in `workers` processes of this machine
    (None: one for each processor) or by the workers of the Dask `scheduler`: `{cases, replayed, unchanged,
    acts, events, workers, report, diverged, broken, unreadable, findings}`. `progress` is told how many cases
    were added to those that are done, and of how many.

    In the file `report` each result is a line as soon as it is there. What an earlier run, killed or not,
    found to agree is not run again while its bytes in the database are the same. Raises `Invalid` for a file
    that is something else, and where workers fail.
    """
    with store.reading() as reader:
        cases = [case for case in reader.streams() if case != OFFICE]
        genesis = [stored for _, _, stored in reader.records(OFFICE)[:1]]
    known = Report(report, genesis[0] if genesis else "")
    tally = Tally(report)
    pool: AbstractContextManager[pools.Pool] = (
        pools.local(workers) if scheduler is None else pools.remote(scheduler, file=store.file)
    )
    with known, pool as at_work:
        tally.workers = at_work.slots
        size = max(1, min(BATCH, math.ceil(len(cases) / (4 * at_work.slots))))
        work = partial(replay_batch, store.address, secrets.token_hex(8), item)
        batches = (cases[at : at + size] for at in range(0, len(cases), size))
        running: dict[Future[list[Replayed]], int] = {}
        while True:
            for batch in islice(batches, 2 * at_work.slots - len(running)):
                given = [(case, known.agreed.get(case, "")) for case in batch]
                running[at_work.executor.submit(work, given)] = len(batch)
            if not running:
                break
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                results = pools.outcome(at_work, done)
                known.add(results)
                tally.add(results)
                progress(running.pop(done), len(cases))
    return tally.as_data()


# --- in a worker


def replay_batch(url: str, run: str, item: str | None, cases: Sequence[tuple[str, str]]) -> list[Replayed]:
    """Run these histories again, each given with the digest of what is known to agree ("": nothing). `run`
    names the run: what a worker keeps from one is not taken for what another would find."""
    store, library = _opened(url, run)
    with store.reading() as reader:
        found = (replay_one(reader, library, item, case, agreed) for case, agreed in cases)
        return [one for one in found if one is not None]


@lru_cache(maxsize=1)
def _opened(url: str, run: str) -> tuple[Store, Library]:
    return Store.open(url), Library()


def replay_one(
    reader: Reader, library: Library, item: str | None, case: str, agreed: str = ""
) -> Replayed | None:
    """What comes of one history; None for one of another item."""
    rows = reader.records(case)
    if item is not None and not _may_be(item, case, rows):
        return None
    events = acts = 0
    state: State = "agrees"
    finding: Diverged | None = None
    told = _digest(rows)
    if told == agreed:
        return Replayed(case, state, len(rows), 0, rows[-1][2], told, unchanged=True)
    try:
        for broken in broken_links(case, rows):
            raise broken
        history = [parse(case, seq, body) for seq, body, _ in rows]
        definition_of, calendar_of = partial(library.definition, reader), partial(library.calendar, reader)
        for record, _ in audit.replay(case, history, definition_of, calendar_of):
            events = record.seq
            acts += record.event.fact
    except Diverged as diverged:
        finding = diverged
        state = "diverged"
        if diverged.code.startswith("chain."):
            state = "broken"
        elif diverged.code.startswith(_UNREADABLE):
            state = "unreadable"
    return Replayed(case, state, events, acts, rows[-1][2], told, finding=finding)


def _may_be(item: str, case: str, rows: audit.Rows) -> bool:
    """Whether the case is of the item by its own first event; also if that can't be read."""
    try:
        opened = parse(case, *rows[0][:2]).event
    except Diverged:
        return True
    return not isinstance(opened, CaseOpened) or opened.item == item


def _digest(rows: audit.Rows) -> str:
    """Of all that the database has of a history, whether or not its own hashes are right."""
    whole = hashlib.sha256()
    for seq, body, stored in rows:
        whole.update(f"{seq} {stored} {len(body)}\n".encode())
        whole.update(body)
    return whole.hexdigest()


# --- what is put together


class Tally:
    """The results of a run, counted."""

    def __init__(self, report: Path | None) -> None:
        self.workers = 0
        self.report = report
        self.counts = {"cases": 0, "replayed": 0, "unchanged": 0, "acts": 0, "events": 0}
        self.found: list[Replayed] = []

    def add(self, results: Iterable[Replayed]) -> None:
        """Count these too."""
        for one in results:
            self.counts["cases"] += 1
            self.counts["unchanged" if one.unchanged else "replayed"] += 1
            if not one.unchanged:
                self.counts["acts"] += one.acts
                self.counts["events"] += one.events
            if one.finding is not None:
                self.found.append(one)

    def as_data(self) -> dict[str, Any]:
        """As `replay_all`; the findings in the order of their cases."""
        found = sorted(self.found, key=lambda one: one.case)
        lists: dict[str, Any] = {state: [one.case for one in found if one.state == state] for state in STATES}
        return {
            **self.counts,
            "workers": self.workers,
            "report": str(self.report) if self.report is not None else None,
            **lists,
            "findings": [
                {"case": one.case, "state": one.state, "event": one.events + 1, **_texts(one.finding)}
                for one in found
                if one.finding is not None
            ],
        }


def _texts(finding: Diverged) -> dict[str, str | Text]:
    texts = {name: getattr(finding, name) for name in ("message", "expected", "found", "rule", "remedy")}
    return {"code": finding.code, **texts}


class Report:
    """The file with a line of JSON for each result, after one that names the office and this version of
    lianban. It is a context manager; without a file nothing is kept."""

    def __init__(self, path: Path | None, office: str) -> None:
        self.agreed: dict[str, str] = {}
        """Cases that agree, with the digest of what was read."""
        self._path = path
        self._header = {"report": "replay", "office": office, "lianban": version("lianban")}
        self._stream: IO[bytes] | None = None
        self._whole = 0
        if path is not None and path.exists():
            self._read(path)

    def __enter__(self) -> Report:
        if self._path is not None:
            try:
                self._stream = self._path.open("ab")
                self._stream.truncate(self._whole)  # a killed run may have left half a line
                self._write([self._header])
            except OSError as error:
                raise _unusable(self._path, say("{error}", error=error.strerror or repr(error))) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def add(self, results: Iterable[Replayed]) -> None:
        """Put these on the disk; those that stand there already are left away."""
        self._write([one.line() for one in results if not one.unchanged])

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        if self._stream is not None and lines:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            self._stream.write(text.encode())
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def _read(self, path: Path) -> None:
        ours = False
        try:
            for line in _whole_lines(path):
                self._whole += len(line)
                said = json.loads(line)
                if "report" in said:
                    if said["office"] != self._header["office"]:
                        raise _unusable(path, say("the report of another office"))
                    ours = said == self._header
                    if not ours:
                        self.agreed.clear()  # another version of lianban has no say in what this one gives
                elif said["state"] == "agrees" and ours:
                    self.agreed[said["case"]] = said["rows"]
                else:
                    self.agreed.pop(said["case"], None)
        except OSError as error:
            raise _unusable(path, say("{error}", error=error.strerror or repr(error))) from error
        except (ValueError, TypeError, KeyError) as error:
            raise _unusable(path, say("{error}", error=repr(error))) from error


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                yield line


def _unusable(path: Path, found: Text) -> Invalid:
    return Invalid(
        "replay.report",
        say("{file} can't be gone on with", file=str(path)),
        expected=say("a report on this office by `lianban replay --all --resume`, or no such file yet"),
        found=found,
        remedy=say("name another file with --resume"),
    )
