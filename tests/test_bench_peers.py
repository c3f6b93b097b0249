"""Our peers are compared fairly or not at all: whoever is not installed is left out, and whoever has no figure says why."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.bench import peers
from tests.bench.grounds import KINDS


def test_peers_that_are_not_installed_are_left_out_and_one_reads_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda module: None)
    assert peers.measure("sqlite", "sqlite:///nowhere.sqlite3") == {"transition": {}, "sweep": {}}
    said = capsys.readouterr().out
    assert "make bench-peers" in said
    assert all(peer in said for peer in peers.PEERS)


@pytest.mark.parametrize("peer", peers.PEERS)
def test_each_peer_does_a_row_or_says_why_not(peer: str) -> None:
    """Read, not imported: the packages need not be there."""
    adapter = Path(peers.__file__).with_name(f"by_{peer}.py").read_text()
    does = {each.name for each in ast.parse(adapter).body if isinstance(each, ast.FunctionDef)}
    for row in peers.ROWS:
        reasons = [peers.why_not(peer, row, kind) for kind in KINDS]
        assert (row in does) == (None in reasons), f"{row} by {peer}: {reasons}"
    about = {what for known, what in peers.WHY_NOT if known == peer}
    assert about <= {*peers.ROWS, *KINDS}
