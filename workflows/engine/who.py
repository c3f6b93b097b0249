"""Who may: roles and relations to the case, joined with `|`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows.engine.actor import ROLES, Actor


@dataclass(frozen=True, slots=True)
class Who:
    """A group of those who may: `allows(actor, case)` decides, `label` names them to people, `role` is the role that
    members of the group have (for tables and drawings)."""

    key: str
    label: str
    roles: frozenset[str]
    allows: Callable[[Actor, Any], bool]

    def __or__(self, other: Who) -> AnyOf:
        return AnyOf((self,)) | other

    @property
    def parts(self) -> tuple[Who, ...]:
        return (self,)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several groups; one of them is enough."""

    parts: tuple[Who, ...]

    def __or__(self, other: Who | AnyOf) -> AnyOf:
        return AnyOf(self.parts + other.parts)

    def allows(self, actor: Actor, case: Any) -> bool:
        return any(part.allows(actor, case) for part in self.parts)

    @property
    def key(self) -> str:
        return "|".join(part.key for part in self.parts)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset().union(*(part.roles for part in self.parts))


def role(name: str) -> Who:
    """Everybody with this role."""
    return Who(name, ROLES[name], frozenset({name}), lambda actor, case: name in actor.roles)


def relation(key: str, label: str, roles: set[str], test: Callable[[Actor, Any], bool]) -> Who:
    """Those who stand in a relation to the case."""
    return Who(key, label, frozenset(roles), test)


Member, Leader, Manager = role("member"), role("leader"), role("manager")
Reception, Consultant, SalesManager = role("reception"), role("consultant"), role("sales_manager")
Finance, Auditor, Admin = role("finance"), role("auditor"), role("admin")
Clock, Public = role("clock"), role("public")
