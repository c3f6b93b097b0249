"""The key of a company's own web form: it says for which project a form captures.

It is no secret (it stands in the form that everybody loads), only something that nobody can make up: a keyed digest of the
project's code. A new `TUOKE_SECRET_KEY` makes all old keys void.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.people import Project

PREFIX = "fk_"


def form_key(secret_key: str, project: str) -> str:
    """The form key of the project with this code."""
    digest = hmac.new(secret_key.encode(), f"tuoke/form/{project}".encode(), hashlib.sha256).digest()
    return PREFIX + base64.urlsafe_b64encode(digest[:18]).decode()


def project_of(session: Session, secret_key: str, key: str) -> str | None:
    """The code of the project whose form has this key."""
    for code in session.scalars(select(Project.code).order_by(Project.id)):
        if hmac.compare_digest(form_key(secret_key, code).encode(), key.encode()):
            return code
    return None
