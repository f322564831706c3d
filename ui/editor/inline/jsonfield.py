"""A structured value, written as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from studio import strictjson
from ui.editor.inline.text import TextField
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param


class JsonField(TextField):
    """Text that must be JSON; it is taken whole, by Ctrl+Enter or when the focus goes."""

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(param, parent, scale=scale)
        self.edit.setFont(self.scaled_font(fonts.mono()))
        self._pause.timeout.disconnect()

    def show_value(self, value: Any) -> None:
        self.value = value
        self.set_trouble("")
        text = self._text(value)
        if text != self.edit.text():
            self._showing = True
            self.edit.show_text(text)
            self._showing = False
        self._shown = self.edit.text()
        none = self.param is not None and self.param.nullable
        self.edit.setPlaceholderText("none" if none else "")
        self._grow()

    def read(self) -> Any:
        text = self.edit.text().strip()
        if not text and self.param is not None and self.param.nullable:
            return None
        try:
            return strictjson.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"This isn't JSON (line {error.lineno}).") from None
        except ValueError as error:
            words = str(error)
            raise ValueError(f"{words[0].upper()}{words[1:]}.") from None

    def dirty(self) -> bool:
        return self.edit.text() != self._shown

    def _text(self, value: Any) -> str:
        if value is None and self.param is not None:
            return ""
        return json.dumps(value, ensure_ascii=False, indent=1 if _nested(value) else None)


def _nested(value: Any) -> bool:
    return isinstance(value, (dict, list)) and len(json.dumps(value)) > 24
