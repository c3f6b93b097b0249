"""The same small company as at the office's pages."""

from tests.web.office.conftest import office

__all__ = ["office"]
