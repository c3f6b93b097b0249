"""Every scenario of ours can be read on its page."""

from __future__ import annotations

from tests.web.office.conftest import Office
from workflows.scenario import OURS


def test_each_is_told_without_stumbling(office: Office) -> None:
    mei = office.seat("mei")
    names = sorted(path.stem for path in OURS.glob("*.yaml"))
    assert len(names) > 180
    assert [name for name in names if mei.get(f"/policies/scenarios/{name}").status != 200] == []
