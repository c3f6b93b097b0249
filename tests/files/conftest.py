"""Files are made of books that have been kept."""

from tests.money.books import books_at, postgres_books, sqlite_books

__all__ = ["books_at", "postgres_books", "sqlite_books"]
