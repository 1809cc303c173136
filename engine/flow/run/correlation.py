"""Whose a message is (§8.4.2): among the processes that wait for its name, the one that its key fits."""

from __future__ import annotations

from typing import Any

from ..marking import Wait
from ..net import Key, Property
from .board import Board, Fault


def takes(board: Board, wait: Wait, mail: dict[str, Any]) -> bool:
    """Whether the message is for the one who waits; if it is the first of a conversation, it sets the key.
    One that begins a process belongs to it whatever it carries."""
    frame_id, key = _conversation(board, wait.frame_id)
    if key is None or not key.carried_by(mail["name"]):
        return True
    frame = board.frames[frame_id]
    begins = wait.node.kind == "start" and wait.visit["wait"] != "armed"
    carried = [_carried(board, part, mail) for part in key.properties]
    subscribed = all(part.data is not None for part in key.properties)
    if None in carried:
        return begins
    if subscribed:
        return begins or all(
            _same(value, _own(board, frame_id, part))
            for value, part in zip(carried, key.properties, strict=True)
        )
    if "key" in frame:
        return all(_same(value, known) for value, known in zip(carried, frame["key"], strict=True))
    frame["key"] = carried
    return True


def _conversation(board: Board, frame_id: str) -> tuple[str, Key | None]:
    """The process that a frame is in (the nearest one that has a key), and its key."""
    while True:
        frame = board.frames[frame_id]
        key = None if "only" in frame else board.scope(frame_id).key
        if key is not None or "up" not in frame:
            return frame_id, key
        frame_id = frame["up"]


def _carried(board: Board, part: Property, mail: dict[str, Any]) -> Any:
    """What the message says for this part of the key; None if it says nothing."""
    from ...expressions import Failed, compile_expression

    try:
        return compile_expression(part.paths[mail["name"]]).evaluate(mail["data"], *board.at)
    except Failed:
        return None


def _own(board: Board, frame_id: str, part: Property) -> Any:
    """What the process's variables say for this part of the key at this moment; None if nothing."""
    try:
        return board.evaluate(frame_id, part.data or "", part.id)
    except Fault:
        return None


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
