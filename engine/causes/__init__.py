"""Why it is so (floor 5): from a step, a route, an outcome or a due date back to the application.

In: a history, run again (`Trace`), and the name of something in the case. Out: its chain of causes as plain
data, each cause with the number of the event on which it rests, so that an auditor can check it (`why`).
Inside, every room takes an `Inquiry` with a key and gives the `Cause` of it (`links`):

- `trace`: all that happened in the case, by place, visit, variable and record;
- `asking`: what a question means;
- `walk`: asks the rooms for cause after cause, and lays them out;
- `ways`: from a visit back to what led there;
- `process`: outcomes, visits, events and routes;
- `values`: conditions, decisions, and where the values were written;
- `people`: steps, and by whose authority;
- `clocks`: due dates, pauses, extensions and timers;
- `review`: joint reviews and documents;
- `records`: any other record, in a line.
"""

from .trace import Trace
from .walk import why

__all__ = ["Trace", "why"]
