"""The office (floor 6): one verb is one transaction. Every front end calls only this.

- `facade`: the verbs;
- `draft`: one act before it is written; `acts`: which clock it means, and whether it was done before;
- `desk`: what people look at; `proofs`: what proves a history; `receipts`: proofs that leave the office;
- `retracing`: one history act by act; `replaying`: all of them, in the processes of `pools`;
- `library`: what is found by digest or by number, and what is in force;
- `exporting`: histories for other tools; `filing`: the file of a case (imported where they are asked for);
- `publishing`: from a folder to a version in force;
- `calendars`: how a change of the calendar reaches open cases; `migrations`: how they go over to another
  version of their item;
- `conforming`: a log of another system on an item's diagram (imported by its own name);
- `drawings`: an item's picture and its service guide;
- `rehearsing`: an item on virtual time (imported by its own name: few commands need it);
- `post`: reminders and cards on their way to people;
- `worker`: sweep and deliver, again and again (imported by its own name: mail takes long to import).
"""

from typing import TYPE_CHECKING

from ..late import late
from .draft import Done
from .facade import Office, Swept

if TYPE_CHECKING:
    from .drawings import guide_of_folder, picture, picture_of_folder
    from .publishing import NotPublishable, check_folder, new_item

__getattr__ = late(
    __name__,
    {
        "drawings": "guide_of_folder picture picture_of_folder",
        "publishing": "NotPublishable check_folder new_item",
    },
)

__all__ = [
    "Done",
    "NotPublishable",
    "Office",
    "Swept",
    "check_folder",
    "guide_of_folder",
    "new_item",
    "picture",
    "picture_of_folder",
]
