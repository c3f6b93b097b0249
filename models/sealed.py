"""Personal data at rest: sealed columns (AES-256-GCM), a keyed blind index to find a phone without storing it, and keyed
prints of the pieces of names (`names`), too short to stand for one name.

A sealed value is `key id (1) ‖ nonce (12) ‖ ciphertext`, bound to its table and column, so that a value copied to
another place does not open. The key comes from the settings (`TUOKE_DATA_KEY`) and never enters the database; of the
key only a fingerprint is kept there, so that a process with the wrong key stops before it writes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.types import TypeDecorator

KEY_ID = b"\x01"


class Sealer:
    """Seals, opens and blindly indexes with keys derived from the installation's data key."""

    def __init__(self, data_key: bytes) -> None:
        self._cipher = AESGCM(self._derive(data_key, b"columns"))
        self._pepper = self._derive(data_key, b"blind index")
        self._names = self._derive(data_key, b"names")
        self.fingerprint = self._derive(data_key, b"fingerprint").hex()[:16]

    @staticmethod
    def _derive(key: bytes, use: bytes) -> bytes:
        return hmac.new(key, b"tuoke/" + use, hashlib.sha256).digest()

    def seal(self, text: str, place: str) -> bytes:
        nonce = os.urandom(12)
        return KEY_ID + nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, value: bytes, place: str) -> str:
        """The text; raises `ValueError` when the value was sealed with another key or for another place."""
        try:
            return self._cipher.decrypt(value[1:13], value[13:], place.encode()).decode()
        except InvalidTag as error:
            raise ValueError(
                f"a sealed value in {place} does not open: wrong TUOKE_DATA_KEY or altered data"
            ) from error

    def blind(self, kind: str, text: str) -> str:
        """A keyed digest by which equal texts are found and no text is read back."""
        return hmac.new(self._pepper, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()

    def short(self, piece: str) -> int:
        """A keyed print of 12 bits of a piece of a name; many pieces share one, by intent."""
        return int.from_bytes(hmac.new(self._names, piece.encode(), hashlib.sha256).digest()[:2]) >> 4


class _InUse:
    sealer: Sealer | None = None


def use(data_key: bytes) -> Sealer:
    """Take this key into use for the whole process (done once, where the engine is made)."""
    _InUse.sealer = Sealer(data_key)
    return _InUse.sealer


@contextmanager
def using(data_key: bytes) -> Iterator[Sealer]:
    """Another key for the length of a rehearsal; the one in use before comes back."""
    before = _InUse.sealer
    try:
        yield use(data_key)
    finally:
        _InUse.sealer = before


def sealer() -> Sealer:
    if _InUse.sealer is None:
        raise RuntimeError("no data key in use: open the database through models.database.engine()")
    return _InUse.sealer


class Sealed(TypeDecorator[str]):
    """A text column that is encrypted at rest. `place` is its table.column."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Any) -> bytes | None:
        return None if value is None else sealer().seal(value, self.place)

    def process_result_value(self, value: bytes | None, dialect: Any) -> str | None:
        return None if value is None else sealer().open(value, self.place)


class JsonText(str):
    """A value that is JSON text already."""

    __slots__ = ()


class SealedJson(TypeDecorator[Any]):
    """A JSON column that is encrypted at rest."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: Any, dialect: Any) -> bytes | None:
        if value is None:
            return None
        written = value if isinstance(value, JsonText) else json.dumps(value, ensure_ascii=False)
        return sealer().seal(written, self.place)

    def process_result_value(self, value: bytes | None, dialect: Any) -> Any:
        return None if value is None else json.loads(sealer().open(value, self.place))
