"""Errors in what we override of Qt end in a message, and not in a crash.

Up to Python 3.11 an error that C code raised (`int("x")`, a list's index, a division by zero) is
no object yet when it leaves a function. PySide 6.11 reads its `args` all the same where the
override was called from below another one, and the process dies. An `except` on its way makes an
object of it, so every override of our classes is put into one.
"""

from __future__ import annotations

import functools
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from shiboken6 import Shiboken

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    """From now on, for every class made of one of Qt's. Safe to call twice."""
    if sys.version_info < (3, 12):
        hook: Any = classmethod(_made)
        Shiboken.Object.__init_subclass__ = hook  # type: ignore[method-assign]


def _made(cls: type) -> None:
    super(Shiboken.Object, cls).__init_subclass__()  # type: ignore[misc]
    bases = [base for base in cls.__mro__[1:] if base.__module__.startswith("PySide6.")]
    for name, value in list(vars(cls).items()):
        if not isinstance(value, FunctionType) or name.startswith("__"):
            continue
        # Slots are left alone: how many arguments a signal gives them is read off their code.
        if any(name in vars(base) for base in bases) and name not in _slots(bases[0]):
            setattr(cls, name, _whole(value))


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except BaseException:  # that it passes through here is what counts
            raise

    return call


@functools.cache
def _slots(base: type) -> frozenset[str]:
    """Names of a Qt class's slots and signals."""
    meta = getattr(base, "staticMetaObject", None)
    if meta is None:
        return frozenset()
    methods = (meta.method(index) for index in range(meta.methodCount()))
    return frozenset(bytes(method.name().data()).decode() for method in methods)
