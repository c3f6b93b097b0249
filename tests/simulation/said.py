"""What the simulations say at a step: everything a lead may be told, well-formed and not, and the order in which it moves on."""

from __future__ import annotations

from typing import Any

CONSULTANTS = ["c1", "c2", "c3", "c4"]
PHONES = ["13800000001", "+86 138-0000-0002", "13800000003", "138 0000 0004", "13800000005", "13800000006"]
STAFF_PHONE = "13800009999"
EVENTS = [
    "screen", "visit", "decline", "appoint", "accept", "follow_up", "reassign", "lapse", "reclaim", "expire", "claim", "release",
    "extend", "deal", "invalidate", "lose", "expose",
]  # fmt: skip
ONWARD = {
    "captured": ["screen"],
    "screened": ["visit", "visit", "visit", "extend"],
    "visited": ["accept", "accept", "accept", "decline", "decline", "appoint", "invalidate"],
    "assigned": ["extend", "deal", "lose", "reassign", "invalidate", "follow_up"],
    "unconverted": ["reclaim", "reclaim", "deal", "extend"],
    "reclaimed": ["claim", "release", "deal", "lose"],
}
DATA: dict[str, list[dict[str, Any]]] = {
    "screen": [
        {"demand": "三房", "intent": "A"},
        {"demand": "两房", "intent": "C", "budget_fen": 250_000_000},
    ],
    "visit": [{}, {"party_size": 3}],
    "decline": [{"reason": "在签约"}],
    "appoint": [{"consultant": name} for name in CONSULTANTS],
    "accept": [{"signature": "陈一"}],
    "follow_up": [{"note": "电话"}],
    "reassign": [{"consultant": name, "reason": "休假"} for name in CONSULTANTS],
    "reclaim": [{"callback": "仍有意向", "holder": name} for name in ("mei", "lin", "tao", "c4")],
    "release": [{"reason": "没有时间"}],
    "extend": [{"days": days, "reason": "等贷款"} for days in (1, 7, 30)],
    "deal": [{"units": 1, "contract_no": "HT-1", "amount_fen": 300_000_000}],
    "invalidate": [{"reason": "no_demand"}, {"reason": "unreachable"}],
    "lose": [{"reason": "买了别处"}],
    "expose": [{"evidence": "朋友冒充"}],
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "screen": [
        {"intent": "A"},
        {"demand": "  ", "intent": "A"},
        {"demand": "三房", "intent": "D"},
        {"demand": "三房", "intent": "A", "budget_fen": -1},
    ],
    "visit": [{"party_size": 0}, {"party_size": "two"}],
    "decline": [{}, {"reason": ""}],
    "appoint": [{}, {"consultant": "nobody"}, {"consultant": "mei"}],
    "accept": [{}, {"signature": " "}],
    "follow_up": [{}],
    "reassign": [
        {"consultant": "c1"},
        {"consultant": "nobody", "reason": "x"},
        {"consultant": "guo", "reason": "x"},
    ],
    "reclaim": [{"holder": "mei"}, {"callback": "x", "holder": "c1"}, {"callback": "x", "holder": "nobody"}],
    "release": [{}],
    "extend": [
        {"days": 0, "reason": "x"},
        {"days": 31, "reason": "x"},
        {"days": 5},
        {"days": True, "reason": "x"},
    ],
    "deal": [
        {"units": 0, "contract_no": "H", "amount_fen": 1},
        {"units": 1, "amount_fen": 1},
        {"units": 1, "contract_no": "H", "amount_fen": "1"},
    ],
    "invalidate": [{}, {"reason": "because"}],
    "lose": [{}],
    "expose": [{"evidence": ""}],
}
MINUTES = [
    0,
    1,
    14,
    15,
    16,
    60,
    119,
    24 * 60,
    25 * 60,
    3 * 1440,
    10 * 1440,
    10 * 1440 - 1,
    14 * 1440,
    31 * 1440,
]
