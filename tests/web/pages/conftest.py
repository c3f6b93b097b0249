"""The same small company as at the office's pages."""

from tests.web.office.conftest import database_url, office

__all__ = ["database_url", "office"]
