"""The prepared databases."""

from tests.unit.services.prepared import prepared

__all__ = ["prepared"]
