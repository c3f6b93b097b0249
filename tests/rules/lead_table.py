"""The lead lifecycle as a table, typed from the written rules and from nothing else: nothing here may be imported from
the program. The tests compare the two, so that neither can drift alone."""

from __future__ import annotations

from dataclasses import dataclass

# event | from | to | who may | whose approval | data (* = required)
EVENTS = """
capture    | -                                                | captured    | member, leader, manager, reception, public | -                    | name*, phone*, channel*, consent*, demand, spot, campaign, note
screen     | captured                                         | screened    | promoter, team_leader, manager             | -                    | demand*, intent*, budget_fen, area_m2, note
visit      | screened                                         | visited     | reception                                  | -                    | party_size, note
decline    | visited                                          | visited     | offered, clock                             | -                    | reason*
appoint    | visited                                          | visited     | sales_manager                              | -                    | consultant*
accept     | visited                                          | assigned    | offered                                    | -                    | signature*, note
follow_up  | assigned, unconverted, reclaimed                 | same        | holder, manager                            | -                    | note*, next_at
reassign   | assigned                                         | assigned    | sales_manager                              | -                    | consultant*, reason*
lapse      | assigned                                         | unconverted | clock                                      | -                    | -
reclaim    | unconverted                                      | reclaimed   | manager                                    | sales_manager        | callback*, holder*
expire     | captured, screened, visited, assigned, unconverted | reclaimed | clock                                      | -                    | -
claim      | reclaimed                                        | reclaimed   | member, leader                             | -                    | -
release    | reclaimed                                        | reclaimed   | holder, manager                            | -                    | reason*
extend     | screened, visited, assigned, unconverted         | same        | holder, promoter                           | sales_manager        | days*, reason*
deal       | assigned, unconverted, reclaimed                 | closed      | holder                                     | sales_manager        | units*, contract_no*, amount_fen*
invalidate | captured, screened                               | closed      | promoter, leader, manager                  | -                    | reason*
invalidate | visited, assigned                                | closed      | offered, holder                            | sales_manager        | reason*
lose       | assigned, unconverted, reclaimed                 | closed      | holder                                     | team_leader, manager | reason*
expose     | captured, screened, visited, assigned, unconverted, reclaimed | closed | leader, manager, auditor             | sales_manager        | evidence*
"""

STATES = ("captured", "screened", "visited", "assigned", "unconverted", "reclaimed", "closed")

# The seven states, and where one of them has two faces both: a visitor with an open offer and one whom everybody has
# declined; a reclaimed lead in somebody's hands and one in the pool.
FACES = {
    "none": None,
    "captured": "captured",
    "screened": "screened",
    "visited": "visited",
    "visited, nobody left": "visited",
    "assigned": "assigned",
    "unconverted": "unconverted",
    "reclaimed": "reclaimed",
    "pool": "reclaimed",
    "closed": "closed",
}

# Every actor of the tests with what they are. `team_leader` leads the promoter's team.
ACTORS = {
    "promoter": {"member"},
    "other member": {"member"},
    "team leader": {"leader"},
    "other leader": {"leader"},
    "outreach holder": {"member"},
    "manager": {"manager"},
    "reception": {"reception"},
    "consultant": {"consultant"},
    "other consultant": {"consultant"},
    "sales manager": {"sales_manager"},
    "finance": {"finance"},
    "auditor": {"auditor"},
    "admin": {"admin"},
    "clock": {"clock"},
    "public": {"public"},
}

# How actors stand to the lead, by its face. The promoter and the leader of that team stand so in every state.
RELATIONS = {
    "visited": {"consultant": {"offered"}},
    "assigned": {"consultant": {"holder"}},
    "unconverted": {"consultant": {"holder"}},
    "reclaimed": {"outreach holder": {"holder"}},
}

# Who sees what. "Members see the leads they promote or hold, and the pool; leaders their team's; consultants those offered
# to or held by them; reception, manager, sales manager, finance and auditor all; admin nothing." The clock is the house.
SEES_ALL = {"promoter", "team leader", "manager", "reception", "sales manager", "finance", "auditor", "clock"}
SEES_ALSO = {
    "pool": {"other member", "other leader", "outreach holder"},
    "reclaimed": {"outreach holder"},
    "visited": {"consultant"},
    "assigned": {"consultant"},
    "unconverted": {"consultant"},
}

# What part of a state an event needs: claiming is from the pool only, releasing out of somebody's hands only.
ONLY_FACE = {"claim": "pool", "release": "reclaimed"}

# The clock may decline only an offer that stands.
EXCEPTIONS = {("visited, nobody left", "decline", "clock"): "guard_failed"}


@dataclass(frozen=True)
class Row:
    event: str
    sources: tuple[str, ...]
    target: str
    who: frozenset[str]
    approval: frozenset[str]
    required: frozenset[str]
    optional: frozenset[str]


def _listed(cell: str) -> list[str]:
    return [each.strip() for each in cell.split(",") if each.strip() not in ("", "-")]


def rows() -> list[Row]:
    found = []
    for line in EVENTS.strip().splitlines():
        event, sources, target, who, approval, data = (cell.strip() for cell in line.split("|"))
        required = frozenset(name.rstrip("*") for name in _listed(data) if name.endswith("*"))
        optional = frozenset(name for name in _listed(data) if not name.endswith("*"))
        found.append(
            Row(
                event,
                tuple(_listed(sources)),
                target,
                frozenset(_listed(who)),
                frozenset(_listed(approval)),
                required,
                optional,
            )
        )
    return found


def transitions() -> set[tuple[str, str | None, str]]:
    """Every (event, from, to)."""
    return {
        (row.event, source or None, source if row.target == "same" else row.target)
        for row in rows()
        for source in row.sources or ("",)
    }


def is_one_of(actor: str, face: str, who: frozenset[str]) -> bool:
    """Whether an actor is among those who may, by role or by how they stand to the lead."""
    standing = set(ACTORS[actor]) | RELATIONS.get(face, {}).get(actor, set())
    standing |= {"promoter"} if actor == "promoter" else set()
    standing |= {"team_leader"} if actor == "team leader" else set()
    return bool(standing & who)


def sees(actor: str, face: str) -> bool:
    return actor in SEES_ALL or actor in SEES_ALSO.get(face, set())


def outcome(face: str, event: str, actor: str) -> str:
    """What becomes of an event with right data: taken, approval, or the code of its refusal in the order of the rules."""
    state = FACES[face]
    if state is None and event == "capture":
        return "taken" if is_one_of(actor, face, rows()[0].who) else "not_permitted"
    if state is None or not sees(actor, face):
        return "not_found"
    row = next((r for r in ROWS if r.event == event and state in r.sources), None)
    if row is None or ONLY_FACE.get(event, face) != face:
        return "not_allowed_from_state"
    if not is_one_of(actor, face, row.who):
        return "not_permitted"
    return EXCEPTIONS.get((face, event, actor)) or ("approval" if row.approval else "taken")


ROWS = rows()
