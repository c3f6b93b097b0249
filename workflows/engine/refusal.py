"""A refusal: which rule said no, what the values were, who could do it, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.words import Text, _

CODES = ("not_found", "not_allowed_from_state", "not_permitted", "invalid_data", "guard_failed", "conflict")


class Refused(Exception):
    """A step that may not be taken; nothing was written. `code` is one of `CODES`, in the order they are checked."""

    def __init__(
        self,
        code: str,
        reason: Text,
        *,
        rule: str = "",
        who: Sequence[str] = (),
        instead: str = "",
        errors: Mapping[str, str | Text] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {rule or reason.msgid}")
        self.code, self.reason, self.rule, self.instead = code, reason, rule, instead
        self.who = tuple(who)
        self.errors = dict(errors or {})
        self.values = dict(values or {})

    def detail(self, locale: str) -> str:
        """The whole refusal as one sentence or two, in the reader's language."""
        parts = [self.reason.say(locale)]
        if self.who:
            join = "、" if locale.startswith("zh") else ", "
            names = join.join(Text(w).say(locale) for w in self.who)
            parts.append(Text(_("It can be done by: %(who)s."), {"who": names}).say(locale))
        if self.instead:
            parts.append(Text(self.instead, self.values).say(locale))
        return ("" if locale.startswith("zh") else " ").join(parts)


def not_found(what: str) -> Refused:
    return Refused(
        "not_found",
        Text(_("There is no %(what)s that you may see under this code."), {"what": Text(what)}),
        instead=_("It may have moved to somebody else: look at your own list again."),
    )
