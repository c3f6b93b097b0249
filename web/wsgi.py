"""What the WSGI server runs."""

from web.app import create_app

app = create_app()
