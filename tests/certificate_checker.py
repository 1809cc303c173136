"""Recomputes the certificate of a clock or timer without the engine: `certificate_checker.py FILE...`.

It imports nothing of lianban and counts in another way (it tries every closing time in turn and asks how
many counted days lie behind it), so that an error of the engine is not repeated here. `check` gives the
faults found, as text; none means that the certificate follows from its own facts.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def term(text: str) -> tuple[int, str]:
    digits = "".join(c for c in text if c.isdigit())
    return int(digits), text[len(digits) :]


class Certificate:
    """The facts of a certificate, and what follows from them."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.zone = ZoneInfo(value["office"]["zone"])
        self.closing = time.fromisoformat(value["office"]["closing"])
        ledger, rule = value["ledger"], value["rule"]
        run = ledger["runs"][-1]
        self.start = instant(run["started"])
        self.pauses = [
            (instant(p["since"]), instant(p["until"]) if p["until"] else None) for p in run["pauses"]
        ]
        number, self.unit = term(rule["term"])
        self.total = number + sum(term(e["by"])[0] for e in run["extensions"])
        stopped = ledger["stopped"]
        self.now = min(instant(value["now"]), instant(stopped)) if stopped else instant(value["now"])
        self.days = {day["date"]: day for day in value["days"] + value["after"]}
        self.derivation = value["days"]

    def local_date(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def close(self, on: date) -> datetime:
        return datetime.combine(on, self.closing, self.zone)

    def works(self, on: date) -> bool:
        return bool(self.days[on.isoformat()]["works"])

    def excluded(self, on: date) -> bool:
        """Does a pause take this day out? The day it begins stays in, the day it ends goes out."""
        return any(
            self.local_date(since) < on and (until is None or on <= self.local_date(until))
            for since, until in self.pauses
        )

    def stands_still(self, at: datetime) -> bool:
        """Inside a pause, or where one pause meets the next."""
        inside = any(since < at and (until is None or at < until) for since, until in self.pauses)
        ends = any(since < at and until == at for since, until in self.pauses)
        begins = any(since == at and (until is None or until > at) for since, until in self.pauses)
        return inside or (ends and begins)

    def counts(self, on: date) -> bool:
        if on <= self.local_date(self.start) or self.excluded(on):
            return False
        return self.unit == "d" or self.works(on)

    def known_dates(self) -> list[date]:
        return sorted(date.fromisoformat(on) for on in self.days)

    def counted_dates(self) -> list[date]:
        """The first `total` days that count, as far as the certificate goes."""
        return [on for on in self.known_dates() if self.counts(on)][: self.total]

    def due(self) -> datetime | None:
        if self.unit == "h":
            return self.hour(self.total)
        counted = self.counted_dates()
        if len(counted) < self.total:
            return None
        for on in self.known_dates():
            if on >= counted[-1] and self.works(on) and not self.stands_still(self.close(on)):
                return self.close(on)
        return None

    def hour(self, n: int) -> datetime | None:
        """The first moment with `n` hours behind it: tried at every moment at which that can be."""
        points = [self.start, *(p for pause in self.pauses for p in pause if p is not None)]
        for base in sorted(points):
            left = n * HOUR - self.ran(base)
            if left >= timedelta(0) and self.ran(base + left) == n * HOUR:
                return base + left if left or n == 0 else self.earliest(base, n)
        return None

    def earliest(self, at: datetime, n: int) -> datetime:
        """`at` has `n` hours behind it: the earliest pause edge that has them too."""
        edges = [since for since, _ in self.pauses if since <= at and self.ran(since) == n * HOUR]
        return min(edges, default=at)

    def ran(self, at: datetime) -> timedelta:
        """For how long the clock ran up to `at`: the stretches between all edges, one by one."""
        edges = {self.start, at, *(p for pause in self.pauses for p in pause if p is not None)}
        inner = sorted(edge for edge in edges if self.start <= edge <= at)
        total = timedelta(0)
        for left, right in pairwise(inner):
            middle = left + (right - left) / 2
            if not any(since < middle and (until is None or middle < until) for since, until in self.pauses):
                total += right - left
        return total

    def used(self) -> int:
        if self.unit == "h":
            return min(self.ran(self.now) // HOUR, self.total)
        begun = {self.local_date(since) for since, _ in self.pauses if since <= self.now}
        return sum(self.close(on) <= self.now or on in begun for on in self.counted_dates())

    def over(self, due: datetime) -> int:
        if self.unit == "h":
            return (self.now - due) // HOUR
        days, on = 0, self.local_date(due) + DAY
        while self.close(on) <= self.now:
            days += self.unit == "d" or self.works(on)
            on += DAY
        return days

    def rung(self, rung: dict[str, Any], due: datetime | None) -> datetime | None:
        if "over" in rung:
            return due and self.beyond(due, rung["over"])
        left = max(rung.get("left", 0), self.total * rung.get("percent", 0) // 100)
        n = self.total - left
        if n <= 0:
            return self.start
        if self.unit == "h":
            return self.hour(n)
        counted = self.counted_dates()
        if len(counted) < n:
            return None
        close = self.close(counted[n - 1])
        if not self.stands_still(close):
            return close
        while close is not None and self.stands_still(close):
            ends = [
                until for since, until in self.pauses if since <= close and (until is None or until > close)
            ]
            close = None if None in ends else max(ends)
        return close

    def beyond(self, due: datetime, n: int) -> datetime:
        if self.unit == "h":
            return due + n * HOUR
        on = self.local_date(due)
        while n:
            on += DAY
            n -= self.unit == "d" or self.works(on)
        return self.close(on) if on > self.local_date(due) else due

    def provisional(self, due: datetime) -> bool:
        """Does a day of an unannounced year bear on the due date?"""
        if self.unit == "h":
            return False
        first = self.local_date(self.start) + DAY if self.unit == "wd" else self.counted_dates()[-1]
        last = self.local_date(due)
        between = [on for on in self.known_dates() if first <= on <= last]
        bearing = [on for on in between if on == last or not self.excluded(on)]
        return any(self.days[on.isoformat()]["status"] == "projected" for on in bearing)


def check(value: dict[str, Any]) -> list[str]:
    """All that is wrong with a certificate."""
    if value["format"] == "lianban.term/1":
        return term_faults(value)
    c = Certificate(value)
    return [*day_faults(c), *reading_faults(c)]


def term_faults(value: dict[str, Any]) -> list[str]:
    """A term is a clock to which nothing happens."""
    run = {"started": value["start"], "pauses": [], "extensions": []}
    c = Certificate(
        {
            **value,
            "rule": {"term": value["term"]},
            "ledger": {"runs": [run], "stopped": None},
            "now": value["start"],
            "after": [],
        }
    )
    due = c.due()
    assert due
    expected = {
        "due_at": due,
        "due": c.local_date(due).isoformat(),
        "provisional": c.provisional(due),
    }
    found = {**value, "due_at": instant(value["due_at"])}
    return [*day_faults(c), *differences(expected, found)]


def day_faults(c: Certificate) -> list[str]:
    faults = []
    dates = c.known_dates()
    if c.unit != "h" and (not dates or dates[0] != c.local_date(c.start)):
        faults.append("the days do not begin with the start")
    if any(later - earlier != DAY for earlier, later in pairwise(dates)):
        faults.append("a day is missing")
    weekend = c.value["calendar"]["weekend"]
    notices = c.value["calendar"]["notices"]
    for on, day in c.days.items():
        rests = date.fromisoformat(on).isoweekday() in weekend
        expected = {"weekday": True, "weekend": False, "off": False, "make-up": True}.get(
            day["kind"], day["works"]
        )
        if (
            day["works"] != expected
            or (day["kind"] == "weekday" and rests)
            or (day["kind"] == "weekend" and not rests)
        ):
            faults.append(f"{on} is not what its kind says")
        if day["kind"] == "local":
            if not day["source"] or not day["name"]:
                faults.append(f"{on} is local without a document or reason")
            continue
        notice = notices.get(day["source"])
        if day["source"] and notice is None:
            faults.append(f"{on} rests on a notice that is not cited")
        if day["status"] != (notice["status"] if notice else "projected"):
            faults.append(f"{on} has not the status of its notice")
        if notice and notice["status"] == "official" and not notice["sources"]:
            faults.append(f"{on} rests on a notice without a source")
        if day["source"] and abs(int(day["source"]) - int(on[:4])) > 1:
            faults.append(f"{on} rests on the notice for a distant year")
    n = 0
    counted = set(c.counted_dates())
    for row in c.derivation:
        on = date.fromisoformat(row["date"])
        if on in counted:
            n += 1
            expected_note: set[str] = {"counted"}
        elif on == c.local_date(c.start):
            expected_note = {"first"}
        else:
            expected_note = {"last", "paused" if c.excluded(on) else "skipped"}
        if row["note"] not in expected_note or row["n"] != (n if on in counted else None):
            faults.append(f"{row['date']} is noted as {row['note']} {row['n']}")
    return faults


def reading_faults(c: Certificate) -> list[str]:
    reading = c.value["reading"]
    due = c.due()
    used = c.used()
    rungs = [(rung["name"], c.rung(rung, due)) for rung in c.value["rule"]["ladder"]]
    expected = {
        "due_at": due,
        "due": c.local_date(due).isoformat() if due else None,
        "provisional": bool(due and c.provisional(due)),
        "total": c.total,
        "used": used,
        "left": c.total - used,
        "over": c.over(due) if due and due <= c.now else 0,
        "expired": bool(due and due <= c.now),
        "rungs": sorted((at.timestamp(), name) for name, at in rungs if at is not None),
    }
    found = {
        **{key: reading[key] for key in expected},
        "due_at": instant(reading["due_at"]) if reading["due_at"] else None,
        "rungs": sorted((instant(alarm["at"]).timestamp(), alarm["rung"]) for alarm in reading["rungs"]),
    }
    return differences(expected, found)


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return [
        f"{key}: {found[key]} instead of {expected[key]}" for key in expected if found[key] != expected[key]
    ]


def certificates(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Those in a file: one, or all that `lianban clock explain --json` prints."""
    return [clock["certificate"] for clock in value["clocks"]] if "clocks" in value else [value]


if __name__ == "__main__":
    faults = [
        f"{name}: {fault}"
        for name in sys.argv[1:]
        for certificate in certificates(json.loads(Path(name).read_bytes()))
        for fault in check(certificate)
    ]
    print("\n".join(faults) or "all certificates follow from their facts")
    sys.exit(1 if faults else 0)
