"""Walking every path of an item, by the code that runs live cases (floor 6).

`explore` looks for ways that no example takes yet, and proposes examples that take them. Its rooms:

- `map`: how far it is from each element to what is wanted;
- `answers`: what the forms could be answered with so that every condition goes each way;
- `walk`: the search itself.
"""

from __future__ import annotations

from .walk import MOST_ACTS, Exploration, Found, Unreached, explore

__all__ = ["MOST_ACTS", "Exploration", "Found", "Unreached", "explore"]
