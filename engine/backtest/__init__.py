"""Recorded cases against a draft (floor 6): what would have come of the same facts.

The facts that people entered go, each at its own instant, through the real engine under the draft; what
follows from them, and what time does, it derives anew. Both courses are then compared. Nothing is made up:
where the draft asks for what nobody recorded, the case can't be answered, and that is said with the place.
"""

from .comparison import Result, broken, compare
from .play import Draft
from .tally import Tally

__all__ = ["Draft", "Result", "Tally", "broken", "compare"]
