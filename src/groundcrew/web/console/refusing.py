"""What a form was refused for, as a page shows it: the status it is answered with, and one line."""

from __future__ import annotations

from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound

#: What a form can be refused for by a service.
Refusal = (Conflict, InputError, NotFound, NotAllowed)


def status_of(error: Exception) -> int:
    """The HTTP status of a refusal."""
    if isinstance(error, InputError):
        return 400
    return 404 if isinstance(error, NotFound) else 403 if isinstance(error, NotAllowed) else 409


def words_of(error: Exception) -> str:
    """A refusal as one line, without the name of a field that the form has its own words for."""
    return error.message if isinstance(error, InputError) else str(error)
