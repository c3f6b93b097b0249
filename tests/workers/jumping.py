"""`tuoke` on a host whose clock can be set: `python -m tests.workers.jumping clock`. The file in SET_CLOCK says by how many
seconds it is wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workers import ground
from workers.command import main

FILE = Path(os.environ["SET_CLOCK"])


def set_now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(FILE.read_text()))


if __name__ == "__main__":
    ground.real_now = set_now
    main(prog_name="tuoke")
