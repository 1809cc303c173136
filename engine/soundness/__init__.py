"""Whether a process is sound (floor 3): every case that begins can end, with nothing stuck, left over or done
twice, and every element has a case that comes to it.

`model` makes a net to explore of an item's net, `readings` finds the values that stand for all answers,
`explore` walks through all markings with the `step` that runs live cases, `findings` says what they mean.
docs/soundness.md has it in words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..errors import Problem
from ..flow.net import Net
from ..forms.schema import Schema
from .explore import explore
from .findings import Findings
from .model import Engine, make_model

__all__ = ["Engine", "check_soundness"]


def check_soundness(
    net: Net,
    sources: Mapping[str, str],
    forms: Mapping[str, Schema],
    engine: Mapping[str, Engine],
    outcomes: Collection[str],
) -> list[Problem]:
    """What is unsound in `net`, each with a shortest way to it.

    `sources` is the file of each process, `forms` what the steps ask, by name of the form; `engine` what
    the engine sets beside the answers of an element; `outcomes` the end events that end a case.
    """
    model = make_model(net, forms, engine)
    return Findings(model, explore(model, outcomes), sources, outcomes).all()
