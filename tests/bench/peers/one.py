"""One peer at one row, in a process of its own: `python -m tests.bench.peers.one PEER transition|sweep URL NUMBER` says how
many a second; `... PEER work URL` is a worker process of its sweep."""

from __future__ import annotations

import sys
from importlib import import_module


def main(peer: str, row: str, url: str, *number: str) -> None:
    adapter = import_module(f"tests.bench.peers.by_{peer}")
    if row == "work":
        adapter.work(url)
    else:
        print(getattr(adapter, row)(url, int(*number)))


if __name__ == "__main__":
    main(*sys.argv[1:])
