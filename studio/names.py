"""Name patterns for output files: `{date}/{node}_{seed}`.

A pattern names a file relative to the output folder, without its ending. Fields stand in braces;
`/` parts folders. `pattern_fault` checks a pattern before a run, `expand` fills it in; whatever
is in the values, the result names something under the output folder that every system accepts.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from studio.errors import InputError
from studio.words import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

FIELDS = {
    "date": "day of the run, 2025-11-30; {date:%y%m%d} to choose its form",
    "time": "time of the run, 14-05-59; {time:%Hh%M} to choose its form",
    "counter": "next free number, 00001; {counter:3} to choose its digits",
    "graph": "title of the graph",
    "node": "id of the node",
    "seed": "seed of the run",
    "width": "pixels",
    "height": "pixels",
    "batch": "place in the batch",
    "key": "first 8 digits of the key of what is saved",
}
"""What may stand in braces, and its help."""

MAX_PART = 200
"""Most bytes (UTF-8) of one part: 255, the file systems' limit, less counter and ending."""

_FIELD = re.compile(r"\{([^{}]*)\}")
_COUNTER = re.compile(r"\{counter(?::([1-9]))?\}")
_FORBIDDEN = re.compile(r'[<>:"|?*\\]')
_DIRECTIVES = frozenset("YymdHMSjbBaApIfUW")
_DEFAULT_FORMS = {"date": "%Y-%m-%d", "time": "%H-%M-%S"}
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.I)
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_MAX_AFTER_COUNTER = 60
_MAX_DEPTH = 10


class BadPattern(InputError):
    """A name pattern that could not be used for a file."""

    def __init__(self, pattern: str, fault: str) -> None:
        super().__init__(f'The file name "{pattern}" can\'t be used: {fault}.')


class FieldUnknownHere(InputError):
    """A pattern names a field that has no value at this node."""

    def __init__(self, pattern: str, field: str, known: Mapping[str, object]) -> None:
        super().__init__(
            f'The file name "{pattern}" asks for {{{field}}}, which isn\'t known here.',
            hint=f"Known are {', '.join(f'{{{name}}}' for name in sorted(known))}.",
        )


def fields_of(pattern: str) -> frozenset[str]:
    """The names in braces, without date, time and counter, which are always known."""
    names = {inside.partition(":")[0] for inside in _FIELD.findall(pattern)}
    return frozenset(names - {"date", "time", "counter"})


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a pattern, for a sentence; None where nothing is.

    Accepted patterns expand, with any values, to a name under the output folder.
    """
    if not pattern.strip():
        return "it is empty"
    if _is_control(pattern):
        return "it contains a control character"
    if "\\" in pattern:
        return r"it contains a \ (write / between folders)"
    if pattern.startswith(("/", "~")) or re.match(r"[A-Za-z]:", pattern):
        return "it must be relative to the output folder"
    for inside in _FIELD.findall(pattern):
        fault = _field_fault(inside)
        if fault:
            return fault
    if re.search(r"[{}]", _FIELD.sub("", pattern)):
        return "a brace { or } has no partner"
    parts = _FIELD.sub(lambda m: m[0].replace("/", "\0"), pattern).split("/")
    for part in parts:
        fault = _part_fault(part)
        if fault:
            return fault
    if len(parts) > _MAX_DEPTH:
        return f"it is more than {_MAX_DEPTH} folders deep"
    counters = pattern.count("{counter")
    if counters > 1:
        return "it names {counter} twice"
    if counters and "{counter" not in parts[-1]:
        return "{counter} can't number a folder, only the file"
    if parts[-1].lower().endswith(_ENDINGS):
        return f"leave out {parts[-1][parts[-1].rindex('.') :]}, the ending is added"
    return None


def expand(pattern: str, fields: Mapping[str, object], now: datetime) -> str:
    """Fill in a pattern, all but its counter, which only the folder can tell.

    Args:
        pattern: see the module.
        fields: values for `FIELDS` other than date, time and counter. What a file name can't
            hold is replaced by `_`, so a value never adds a part; `key` is cut to 8 digits.
        now: for date and time.

    Returns:
        A name relative to the output folder with exactly one `{counter}` or `{counter:N}` in
        its last part; `_{counter}` is appended where the pattern has none.

    Raises:
        BadPattern: `pattern_fault` finds one.
        FieldUnknownHere: the pattern names a field that `fields` doesn't have.
    """
    fault = pattern_fault(pattern)
    if fault:
        raise BadPattern(pattern, fault)

    def fill(match: re.Match[str]) -> str:
        name, _, form = match[1].partition(":")
        if name in _DEFAULT_FORMS:
            return _clean(now.strftime(form or _DEFAULT_FORMS[name]))
        if name not in fields:
            raise FieldUnknownHere(pattern, name, fields)
        value = str(fields[name])
        return _clean(value[:8] if name == "key" else value)

    joint = "" if _COUNTER.search(pattern) else "_"
    if joint:
        pattern += "{counter}"
    *folders, name = pattern.split("/")
    before, after = _COUNTER.split(name)[::2]
    token = name[len(before) : len(name) - len(after)]
    parts = [_safe_part(_FIELD.sub(fill, folder), MAX_PART) for folder in folders]
    tail = _cut(_FIELD.sub(fill, after), _MAX_AFTER_COUNTER).rstrip(" .")
    room = MAX_PART - len(tail.encode()) - len(joint)
    head = _cut(_FIELD.sub(fill, before), room) + joint
    # "CON.00001" is still the console, and {counter:1} makes a port of "COM".
    if _RESERVED.fullmatch(head) or head.lower() in ("com", "lpt"):
        head = f"_{head}"
    return "/".join([*parts, f"{head}{token}{tail}"])


def split_counter(name: str) -> tuple[str, int, str]:
    """The last part of an expanded name: text before the counter, its digits, text after."""
    before, digits, after = _COUNTER.split(name)
    return before, int(digits or 5), after


def _field_fault(inside: str) -> str | None:
    name, colon, form = inside.partition(":")
    if name not in FIELDS:
        return f"there is no field {{{name}}}.{nearest(name, FIELDS)} Known are {', '.join(FIELDS)}"
    if not colon:
        return None
    if name == "counter":
        good = re.fullmatch("[1-9]", form)
        return None if good else "{counter:N} takes a number of digits, 1 to 9"
    if name not in _DEFAULT_FORMS:
        return f"{{{name}}} takes nothing after a colon"
    directives = re.findall(r"%(.?)", form)
    bad = [d for d in directives if d not in _DIRECTIVES]
    if bad or not directives:
        return f"{{{inside}}} is no form of {name} (use {_DEFAULT_FORMS[name]} or the like)"
    if "/" in form:
        return f"a / can't stand inside {{{name}:...}}; write {{{name}:%Y}}/{{{name}:%m}}"
    if _FORBIDDEN.search(form):
        return f'{{{inside}}} contains one of < > : " | ? *'
    return None


def _part_fault(part: str) -> str | None:
    """A fault of one part between slashes."""
    literal = _FIELD.sub("", part)
    if not part.strip():
        return "a part of it is empty (a / too many)"
    if part in (".", ".."):
        return f'"{part}" is not allowed as a folder'
    if found := _FORBIDDEN.search(literal):
        return f"it contains {found[0]}, which some systems forbid"
    if part.endswith((".", " ")):
        return "a part of it ends in a dot or a space, which Windows forbids"
    if part == literal and _RESERVED.fullmatch(part):
        return f'"{part}" is a device name on Windows'
    if len(literal.encode()) > MAX_PART:
        return f"a part of it is longer than {MAX_PART} bytes"
    return None


def _safe_part(part: str, limit: int) -> str:
    """A folder name that no values can turn into something else than a name."""
    part = _cut(part, limit).rstrip(" .") or "_"
    return f"_{part}" if _RESERVED.fullmatch(part) else part


def _clean(value: str) -> str:
    """A value without what a file name can't hold."""
    value = _FORBIDDEN.sub("_", value)
    value = "".join("_" if c in "/{}" or _is_control(c) else c for c in value)
    return _cut(value.strip(" ."), 120) or "_"


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, never half a character."""
    return text.encode()[:limit].decode(errors="ignore")


def _is_control(text: str) -> bool:
    """Whether it has control characters, line ends or lone surrogates."""
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)
