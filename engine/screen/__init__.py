"""What a person sees (floor 6): the plain data of the office as text for a terminal.

Each method of `Screen` takes exactly what `--json` prints for the same command and says it in words, in
one language, with all instants in the office's zone. Colour only on a terminal. Its methods stand in rooms
by what they are about:

- `base`: words and drawing;
- `clocks`: clocks, cards, calendars, accounts;
- `stories`: every event in words; `replays`: the same again, with tokens, clocks and variables;
- `reviews`: referrals, joint reviews, recusals, meetings, plans of many referrals;
- `cases`: a case, the inbox, what an act did;
- `registers`: the organisation;
- `problems`: what is wrong with an item, and the pages of codes;
- `offices`: items, letters, sweeps;
- `backtests`: recorded cases against a draft;
- `rehearsals`: an item on virtual time.
"""

from __future__ import annotations

from .backtests import Backtests
from .base import clean
from .logs import Logs
from .offices import Offices
from .rehearsals import Rehearsals
from .replays import Replays


class Screen(Rehearsals, Replays, Offices, Backtests, Logs):
    """A terminal in one language. `command` is how lianban was called, `user` who acts unless told."""


__all__ = ["Screen", "clean"]
