"""Alternatives `{a|b|c}` and comments, both settled before anything else looks at a prompt.

The grammar is that of ComfyUI's front end: alternatives nest, a backslash keeps the next
character from meaning anything here, `//` comments run to the end of their line, `/* */` comments
to their end. Two things differ: the choice follows from a seed, and the `//` after a colon begins
no comment, so that web addresses stay whole. No torch; time and memory grow with the length of
the text alone, however deep it nests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from studio.diffusion.text.errors import BadPrompt

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = re.compile(r"\\.|[{|}]", re.S)
_ESCAPED = re.compile(r"\\(.)", re.S)

UNCLOSED = "Close it with }, or write \\{ for the character itself."


def settle(text: str, seed: int) -> str:
    """The prompt without comments, every choice made.

    A choice depends on the seed, on how many braces are opened before it in the text, and on how
    many alternatives there are; not on the platform, the version of Python or other choices. Two
    prompts with the same seed therefore choose alike, brace by brace.

    Args:
        text: with `{a|b|c}`, `\\{`, `\\|`, `\\}` and comments.
        seed: 0 to 2^64 - 1.

    Raises:
        BadPrompt: a { is never closed.
    """
    text = without_comments(text)
    if "{" not in text and "\\" not in text:
        return text
    groups = _groups(text)
    out: list[str] = []
    # Ranges still to be written, the next one last: a stack, for recursion would have a limit.
    todo = [(0, len(text))]
    while todo:
        start, end = todo.pop()
        found = _first_group(text, start, end)
        if found is None:
            out.append(_unescaped(text[start:end]))
            continue
        number, bounds = groups[found]
        out.append(_unescaped(text[start:found]))
        todo.append((bounds[-1] + 1, end))
        chosen = _choice(seed, number, len(bounds) - 1)
        todo.append((bounds[chosen] + 1, bounds[chosen + 1]))
    return "".join(out)


def has_alternatives(text: str) -> bool:
    """Whether the seed can matter."""
    return any(mark[0] == "{" for mark in _MARK.finditer(without_comments(text)))


def without_comments(text: str) -> str:
    """The text without `/* … */` and `// …`; a `//` after a colon stays, with what follows."""
    if "/" not in text:
        return text
    out: list[str] = []
    done, position = 0, 0
    closable = True
    while (position := text.find("/", position)) >= 0:
        following = text[position + 1 : position + 2]
        end = -1
        if following == "*" and closable:
            end = text.find("*/", position + 2)
            closable = end >= 0  # looked for once: what follows has no end either
            end += 2 if closable else 0
        elif following == "/" and text[max(position - 1, 0) : position] != ":":
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
        if end < 0:
            position += 2 if following == "/" else 1
            continue
        out.append(text[done:position])
        done = position = end
    out.append(text[done:])
    return "".join(out)


def _groups(text: str) -> dict[int, tuple[int, list[int]]]:
    """For every { its number in the text and its bounds: where it, its bars and its } stand."""
    groups: dict[int, tuple[int, list[int]]] = {}
    open_: list[list[int]] = []
    for mark in _MARK.finditer(text):
        match mark[0]:
            case "{":
                bounds = [mark.start()]
                groups[mark.start()] = (len(groups), bounds)
                open_.append(bounds)
            case "|" if open_:
                open_[-1].append(mark.start())
            case "}" if open_:
                open_.pop().append(mark.start())
    if open_:
        raise BadPrompt(text, open_[0][0], "this { is never closed", UNCLOSED)
    return groups


def _first_group(text: str, start: int, end: int) -> int | None:
    return next((m.start() for m in _marks(text, start, end) if m[0] == "{"), None)


def _marks(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    return _MARK.finditer(text, start, end)


def _choice(seed: int, number: int, count: int) -> int:
    """Which of `count` alternatives; a hash, for generators differ between versions."""
    from blake3 import blake3

    digest = blake3(f"{seed}:{number}".encode()).digest(length=8)
    return int.from_bytes(digest, "big") % count


def _unescaped(text: str) -> str:
    """`\\{`, `\\|` and `\\}` as the characters; other escapes stay, for the weights' syntax."""
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: found[1] if found[1] in "{|}" else found[0], text)
