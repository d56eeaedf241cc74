"""Google: Drive, Docs and Sheets over one world."""

from unlit.twins.services.google.twin import twin

__all__ = ["twin"]
