"""What the readers of one declaration file share: where it lies, which guards are known, the complaints, the files it names."""

from __future__ import annotations

from pathlib import Path

from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.declaration_fields import Complaints, Fields, shown


class Reading:
    """What the reading of one file needs to know and leaves behind: `referenced` collects the files that its documents name."""

    def __init__(self, path: Path, shown_as: str, complaints: Complaints, known_guards: frozenset[str]) -> None:
        self.file, self.complaints, self.known_guards = shown_as, complaints, known_guards
        self.folder = path.resolve().parent
        self.shown_folder = Path(shown_as).parent
        self.referenced: set[Path] = set()

    def locate(self, fields: Fields, key: str, *, must_exist: bool = True) -> tuple[Path, str] | None:
        """The file named by `key`, relative to this one: as an absolute path and as shown in errors."""
        text = fields.text(key, required=True)
        return self.locate_text(fields, key, text, fields.line(key), must_exist=must_exist) if text else None

    def locate_text(self, fields: Fields, key: str, text: str, line: int, *, must_exist: bool = True) -> tuple[Path, str] | None:
        """As `locate`, for a path already taken."""
        try:
            path = (self.folder / text).resolve()
            exists = path.exists()
        except (OSError, ValueError, RuntimeError):
            fields.complain(key, f"{shown(text)} is not a usable path", line)
            return None
        if must_exist and not exists:
            fields.complain(key, f"{shown(text)} does not exist (paths are relative to this file)", line)
            return None
        self.referenced.add(path)
        return path, str(self.shown_folder / text)


def as_declaration_error(error: InputError) -> DeclarationError:
    if isinstance(error, DeclarationError):
        return error
    return DeclarationError(error.message, file=error.file, line=error.line, field=error.field)
