"""How wide a text is and where it breaks, without a font at hand.

A Chinese character is as wide as it is high, so its part is exact in any font; Latin letters are taken from
a coarse table of widths that errs on the wide side.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LINE = 1.25
"""Height of a line, in font sizes."""

_NARROW = frozenset("iIljft.,:;'|!()[] `")
_BROAD = frozenset("mwMW@%&")
_NO_START = frozenset("，。、；：？！）》」』】〉”’…—·,.;:?!)]}%")
_NO_END = frozenset("（《「『【〈“‘([{")


def is_wide(sign: str) -> bool:
    """Whether the character takes a full square, as Chinese ones do."""
    return unicodedata.east_asian_width(sign) in "WF" or sign in "“”‘’…—·"


def measure(text: str, size: float) -> float:
    """The width of one line of `text` at this font size."""
    return size * sum(map(_share, text))


def _share(sign: str) -> float:
    if is_wide(sign):
        return 1.0
    if unicodedata.combining(sign):
        return 0.0
    if sign in _NARROW:
        return 0.33
    if sign in _BROAD:
        return 0.92
    return 0.7 if sign.isupper() else 0.57


def wrap(text: str, width: float, size: float) -> list[str]:
    """The lines of `text`, none wider than `width` unless one character is, about equally long.

    A Latin word stays whole if it fits in a line; Chinese breaks between any two characters, but no line
    begins with a closing mark or ends with an opening one.
    """
    lines: list[str] = []
    for paragraph in text.replace("\r\n", "\n").split("\n"):
        line = " ".join(paragraph.split())
        broken = _broken(line, width, size)
        widest = max((measure(piece.rstrip(), size) for piece in _pieces(line)), default=0.0)
        narrower = width - size
        while len(broken) > 1 and widest <= narrower:
            tighter = _broken(line, narrower, size)
            if len(tighter) > len(broken):
                break
            broken, narrower = tighter, narrower - size
        lines += broken
    return lines


def _broken(text: str, width: float, size: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if not line or measure((line + piece).rstrip(), size) <= width:
            line += piece
        else:
            lines.append(line)
            line = piece
        while measure(line.rstrip(), size) > width and len(line.rstrip()) > 1:
            fitting = _fitting(line, width, size)
            lines.append(line[:fitting])
            line = line[fitting:]
    lines.append(line)
    return [line.strip() for line in lines if line.strip()]


def _fitting(line: str, width: float, size: float) -> int:
    """How many characters of `line` fit into `width`; at least one."""
    taken = 1
    while taken < len(line) and measure(line[: taken + 1], size) <= width:
        taken += 1
    return taken


def _pieces(text: str) -> Iterator[str]:
    """What may not be broken: a Chinese character with the marks that cling to it, a word with its space."""
    piece = ""
    for sign in text:
        together = (
            sign in _NO_START
            or piece[-1:] in _NO_END
            or (not is_wide(sign) and piece and not is_wide(piece[-1]) and piece[-1] not in " " + "_-/")
            or sign == " "
        )
        if piece and not together:
            yield piece
            piece = ""
        piece += sign
    if piece:
        yield piece


def fit(
    text: str, width: float, height: float, sizes: tuple[float, ...] = (12, 11, 10)
) -> tuple[list[str], float]:
    """The lines of `text` and the largest of `sizes` at which they fill no more than the box; cut with an
    ellipsis where not even the smallest is small enough."""
    for size in sizes:
        lines = wrap(text, width, size)
        if len(lines) * size * LINE <= height:
            return lines, size
    size = sizes[-1]
    lines = wrap(text, width, size)[: max(1, int(height / (size * LINE)))]
    last = lines[-1]
    while last and measure(last + "…", size) > width:
        last = last[:-1]
    return [*lines[:-1], last.rstrip() + "…"], size
