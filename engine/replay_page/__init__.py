"""A case to look back through, act by act, as one HTML file (floor 5): pure over its replay.

- `places`: where on the diagrams a case can be;
- `acts`: how the case stood after each act, and what that changed;
- `tracks`: the same over time, step by step and clock by clock;
- `page`: all of it as a page that needs no network and no other file.
"""

from __future__ import annotations

from .page import Proof, Tell, page

__all__ = ["Proof", "Tell", "page"]
