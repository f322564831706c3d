"""Writing a file over an older one, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from studio.errors import InputError
from studio.graph.files import file_mode


class SheetNotWritten(InputError):
    """A contact sheet can't be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} can't be written: {error.strerror or error}.",
            hint="Is there room on the disk, and may you write to that folder?",
        )


def write_over(path: Path, data: bytes) -> Path:
    """Write a file; it is on the disk, whole, before it gets its name.

    Raises:
        SheetNotWritten: what was there before is untouched.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, file_mode(path))
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise SheetNotWritten(path, error) from None
    return path
