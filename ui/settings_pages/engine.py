"""What the engine runs on, and how much it may keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox

from studio.settings import DTYPES, Settings, fault_of, parse_size
from studio.words import size
from ui.settings_pages.form import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtWidgets import QWidget

    from ui.settings_pages.form import Row

DEVICES = ("auto", "cpu", "cuda", "cuda:1", "mps")
_DEFAULTS = Settings()
MOST_THREADS = 1024


class EnginePage(Page):
    """Device, precision, threads and budgets.

    Args:
        given: `settings.toml` as it stands.
        parent: Qt's.
    """

    icon = "cpu"

    def __init__(self, given: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__("Engine", "The engine starts anew when these change.", parent)
        self._given = given
        self.device = QComboBox(self)
        self.device.setEditable(True)
        self.device.addItems(DEVICES)
        self.device.setCurrentText(str(given.get("device", _DEFAULTS.device)))
        self.dtype = QComboBox(self)
        self.dtype.addItems(DTYPES)
        self.dtype.setCurrentText(str(given.get("dtype", _DEFAULTS.dtype)))
        self.threads = QSpinBox(self)
        self.threads.setRange(0, MOST_THREADS)
        self.threads.setSpecialValueText("automatic")
        # The style sheet's padding stays outside the line that a spin box is made of.
        self.threads.lineEdit().setTextMargins(6, 0, 0, 0)
        threads = given.get("threads")
        self.threads.setValue(threads if type(threads) is int else 0)
        self.memory = self._size("memory_budget")
        self.cache = self._size("cache_budget")
        self._rows: dict[str, Row] = {
            "device": self.add_row(
                "Device", self.device, "auto takes a GPU where there is one: cuda, cuda:1, mps."
            ),
            "dtype": self.add_row(
                "Precision", self.dtype, "auto takes the fastest that the device does well."
            ),
            "threads": self.add_row(
                "Threads", self.threads, "For work on the CPU; automatic takes every core."
            ),
            "memory_budget": self.add_row(
                "Results kept in memory", self.memory,
                "What a run made is not made again while it is kept here.",
            ),
            "cache_budget": self.add_row(
                "Results kept on disk", self.cache,
                "The least recently used go first. Pictures in the output folder don't count.",
            ),
        }  # fmt: skip
        self.rows.addStretch()
        self.device.currentTextChanged.connect(self._check)
        self.memory.textChanged.connect(self._check)
        self.cache.textChanged.connect(self._check)

    def changes(self) -> dict[str, Any]:
        """Keys of `settings.toml` that differ from what it says, with their values; None removes
        one."""
        now: dict[str, Any] = {
            "device": self.device.currentText().strip(),
            "dtype": self.dtype.currentText(),
            "threads": self.threads.value() or None,
            "memory_budget": self.memory.text().strip() or None,
            "cache_budget": self.cache.text().strip() or None,
        }
        return {
            key: value
            for key, value in now.items()
            if not _same(key, value, self._given.get(key))
        }

    def fault(self) -> str:
        faults = [self._rows[key].check(check) for key, check in self._checks().items()]
        return next((fault for fault in faults if fault), "")

    def _check(self) -> None:
        self.fault()

    def _checks(self) -> dict[str, Callable[[], str]]:
        return {
            "device": lambda: fault_of("device", self.device.currentText().strip()),
            "memory_budget": lambda: _size_fault(self.memory),
            "cache_budget": lambda: _size_fault(self.cache),
        }

    def _size(self, key: str) -> QLineEdit:
        field = QLineEdit(self)
        given = self._given.get(key)
        field.setText("" if given is None else _shown(given))
        field.setPlaceholderText(_shown(getattr(_DEFAULTS, key)))
        return field


def _shown(given: object) -> str:
    if type(given) is not int:
        return str(given)
    for unit, power in (("GiB", 2**30), ("MiB", 2**20), ("GB", 10**9), ("MB", 10**6)):
        if given and given % power == 0:
            return f"{given // power} {unit}"
    return str(given)


def _same(key: str, value: object, given: object) -> bool:
    if value == given or (given is None and value == getattr(_DEFAULTS, key)):
        return True
    if key.endswith("_budget") and isinstance(value, str) and type(given) is int:
        return parse_size(value) == given
    return False


def _size_fault(field: QLineEdit) -> str:
    text = field.text().strip()
    fault = fault_of("cache_budget", text) if text else ""
    if text and not fault:
        field.setToolTip(size(parse_size(text)))
    return fault
