"""Hosts that a test makes for itself: network namespaces with an address each, on one switch, whose cables can be pulled out.

They share this machine's files and clock, and nothing of their network reaches out of it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

CLONE_NEWNET = 0x40000000
SWITCH = 9  # its last number, and that of those who come from outside


class NoNetwork(Exception):
    """This machine does not let us make hosts; says why."""


class Network:
    """Four hosts and a switch. `with` takes everything away again, processes first."""

    def __init__(self, hosts: int = 4) -> None:
        self.numbers, self.mark = range(1, hosts + 1), f"tk{os.getpid()}"
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Network:
        if missing := [tool for tool in ("ip", "nsenter", "setpriv") if shutil.which(tool) is None]:
            raise NoNetwork(f"there is no {missing[0]} (Debian: iproute2, util-linux)")
        try:
            self._lay()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise NoNetwork(error.stderr.strip().splitlines()[-1]) from None
        return self

    def _lay(self) -> None:
        self.ip("netns", "add", self.name(SWITCH))
        self.inside(SWITCH, "link", "add", "switch", "type", "bridge")
        self.inside(SWITCH, "addr", "add", f"{self.address(SWITCH)}/24", "dev", "switch")
        self.inside(SWITCH, "link", "set", "switch", "up")
        for number in self.numbers:
            self.ip("netns", "add", self.name(number))
            pair = ["link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns"]
            self.inside(SWITCH, *pair, self.name(number))
            self.inside(SWITCH, "link", "set", f"to{number}", "master", "switch", "up")
            self.inside(number, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                self.inside(number, "link", "set", device, "up")

    def __exit__(self, *_: Any) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for number in (*self.numbers, SWITCH):
            subprocess.run(["ip", "netns", "del", self.name(number)], capture_output=True, check=False)

    def name(self, number: int) -> str:
        return f"{self.mark}-{number}"

    def address(self, number: int) -> str:
        return f"10.77.0.{number}"

    def ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def inside(self, number: int, *words: str) -> None:
        self.ip("-n", self.name(number), *words)

    def cut(self, number: int) -> None:
        """Pull the cable of this host out: nothing arrives, and nobody is told."""
        self.inside(SWITCH, "link", "set", f"to{number}", "down")

    def mend(self, number: int) -> None:
        self.inside(SWITCH, "link", "set", f"to{number}", "up")

    def start(self, number: int, words: list[str], log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a process on this host."""
        there = ["nsenter", f"--net=/run/netns/{self.name(number)}", "--", *words]
        with log.open("ab") as out:
            process = subprocess.Popen(
                there, env={**os.environ, "PYTHONUNBUFFERED": "1", **env}, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    def thread(self, work: Callable[[], None]) -> Thread:
        """A thread of ours whose sockets are at the switch, as if it came from outside."""

        def run() -> None:
            with Path(f"/run/netns/{self.name(SWITCH)}").open() as space:
                if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            work()

        return Thread(target=run, daemon=True)
