"""Why it is so (floor 5): from a step, a route, an outcome or a due date back to the application.

A chain of causes is derived from the history alone, run again (`trace`); each cause carries the number of
the event on which it rests, so that an auditor can check it (`chain`).
"""

from .chain import why
from .trace import Trace

__all__ = ["Trace", "why"]
