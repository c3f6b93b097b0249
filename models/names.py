"""Finding customers by name without storing names: keyed prints of the pieces of a name.

A name is folded (NFKC, lower case) and cut into words. Of a word in letters with capitals the first two and the first four are
kept, of any other (Chinese above all) the first sign and every pair of neighbours: so `王`, `文杰` and `王文杰` find 王文杰, and
`wen` and `wangwenjie` find Wang Wenjie. Each piece becomes a print under a key of its own, cut down to 12 bits.

Why so short: the pieces of names are few and their frequency is public, so whoever steals the table without the key could count
prints and guess which one is 文杰. With 4096 prints for all the pieces there are, every print stands for many pieces, and but for
the commonest family names and forms of address each count is mostly that of others. The price is that a print finds leads
that were not sought (one in a few hundred): names must be opened and compared, with `fits`, before anything is shown.
There is no print of the whole name: its pairs find it, and it would be the rarest and most telling.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from sqlalchemy import Engine, ForeignKey, SmallInteger, column, exists, select, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key
from models.sealed import Sealed, sealer

HEADS = (2, 4)
BATCH = 500


class NamePrint(Base):
    """A piece of a lead's name, as a print. The rows follow `Lead.name`, and go when it is changed, erased or deleted."""

    __tablename__ = "name_print"
    __table_args__ = {"sqlite_with_rowid": False}

    # Read from the newest lead of a print on: the order of the key is the order of the list.
    print: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    lead_id: Mapped[int] = mapped_column(
        Key, ForeignKey("lead.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )


def prints(name: str | None) -> set[int]:
    """The prints of all pieces of a name; none where there is no name."""
    return {sealer().short(piece) for piece in _pieces(name or "")}


def sought(text: str) -> set[int]:
    """The prints that every name must have in which this is found; empty where the text is too short to be looked for:
    one needs two letters, or one sign of another script."""
    return {sealer().short(piece) for word in words(text) for piece in _needed(word)}


def fits(text: str, name: str | None) -> bool:
    """Whether each word that is sought stands in the name: at the head of a word in letters, anywhere in one of signs, and a
    single sign at its beginning."""
    have = list(_kept(name or ""))
    asked = words(text)
    return bool(asked) and all(any(_stands(word, each) for each in have) for word in asked)


def words(text: str) -> list[str]:
    """The words of a text, folded: runs of letters, and runs of signs of scripts without capitals, across spaces."""
    found: list[str] = []
    apart = False
    for sign in unicodedata.normalize("NFKC", text).casefold():
        if not sign.isalnum():
            apart = True
            continue
        lettered = _lettered(sign)
        if found and _lettered(found[-1][-1]) == lettered and not (apart and lettered):
            found[-1] += sign
        else:
            found.append(sign)
        apart = False
    return found


def _lettered(sign: str) -> bool:
    """Whether it is a digit or a letter of a script with capitals, in which words are long and pairs tell little."""
    return sign.isdecimal() or sign.upper() != sign


def _kept(name: str) -> Iterator[str]:
    """The words of a name, and all of it as one word, for those who leave out the space."""
    found = words(name)
    yield from found
    if len(found) > 1 and all(_lettered(word[0]) for word in found):
        yield "".join(found)


def _pairs(word: str) -> Iterator[str]:
    return (word[i : i + 2] for i in range(len(word) - 1))


def _pieces(name: str) -> Iterator[str]:
    for word in _kept(name):
        if _lettered(word[0]):
            yield from (word[:n] for n in HEADS if len(word) >= n)
        else:
            yield from (word[0], *_pairs(word))


def _needed(word: str) -> list[str]:
    if _lettered(word[0]):
        return [word[:n] for n in HEADS if len(word) >= n][-1:]
    return list(_pairs(word)) or [word]


def _stands(word: str, name: str) -> bool:
    anywhere = not _lettered(word[0]) and len(word) > 1
    return word in name if anywhere else name.startswith(word)


def complete(opened: Engine) -> int:
    """Give their prints to the leads that have none: those captured by processes of the code before prints, which went on
    while the table was laid. How many got some. In batches, so that nobody waits for long."""
    lead = table("lead", column("id"), column("name", Sealed("lead.name")))
    without = (
        select(lead.c.id, lead.c.name)
        .where(lead.c.name.is_not(None), ~exists().where(NamePrint.lead_id == lead.c.id))
        .order_by(lead.c.id)
        .limit(BATCH)
    )
    insert = (postgresql if opened.dialect.name == "postgresql" else sqlite).insert
    last, completed = 0, 0
    while True:
        with opened.begin() as connection:
            found = connection.execute(without.where(lead.c.id > last).with_for_update()).all()
            if not found:
                return completed
            last = found[-1].id
            of_each = {row.id: sorted(prints(row.name)) for row in found}
            if rows := [
                {"print": each, "lead_id": lead_id} for lead_id, those in of_each.items() for each in those
            ]:
                connection.execute(insert(NamePrint).on_conflict_do_nothing(), rows)
            completed += sum(1 for those in of_each.values() if those)
