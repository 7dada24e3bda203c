"""A PostgreSQL server of our own: from the system's package, as an unprivileged user, in a temporary folder.

Made when it is first asked for, one for each process of tests; it ends with us, however we end.
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.children import free_port
from tolmach.adapters.sql import open_records

SECONDS = 30.0
USER = "tolmach"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "10s",
    "log_min_messages": "warning",
    "deadlock_timeout": "200ms",
}


def binaries() -> Path:
    """Give the folder of the newest PostgreSQL there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise FileNotFoundError("no PostgreSQL in /usr/lib/postgresql: run scripts/install_peers.sh")
    return found[-1].parent


class PostgresServer:
    """Started at once. Texts sort by the rules of a language there, as in the databases people have."""

    def __init__(self, within: Path | None = None, **settings: str) -> None:
        memory = Path("/dev/shm")
        # Not below the folders of tests, into which no other user may look.
        folder = Path(tempfile.mkdtemp(prefix="tolmach-pg-", dir=within or (memory if memory.is_dir() else None)))
        self.folder, self.port = folder, free_port()
        self._bin = binaries()
        self._is_root = os.geteuid() == 0
        self._settings = _SETTINGS | settings
        if self._is_root:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            folder.chmod(0o755)
        options = ["--locale-provider=icu", "--icu-locale=uk", "--encoding=UTF8", "--auth=trust", "--no-sync"]
        self._run([str(self._bin / "initdb"), "-D", str(folder / "data"), "-U", USER, *options])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _as_user(self, *more: str) -> list[str]:
        if not self._is_root:
            return []
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *more, "--"]

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run([*self._as_user(), *command], capture_output=True, cwd="/", check=False)
        assert done.returncode == 0, done.stderr.decode()

    @property
    def socket(self) -> Path:
        return self.folder

    def url(self, database: str, port: int = 0) -> str:
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        settings = [f"-c{key}={value}" for key, value in self._settings.items()]
        command = [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user("--pdeathsig=SIGQUIT"), *command, "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        until = time.monotonic() + SECONDS
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self, how: str = "fast") -> None:
        """Stop it: "fast" cuts every connection, "immediate" is a crash."""
        if self._process is not None and self._process.poll() is None:
            self._run([str(self._bin / "pg_ctl"), "-D", str(self.folder / "data"), "-m", how, "-s", "stop"])
            self._process.wait(SECONDS)

    def remove(self) -> None:
        """Stop it, and leave nothing of it."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, words: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Say something as somebody else, outside any transaction."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(words.encode())
            return [] if cursor.description is None else cursor.fetchall()

    def has(self, database: str) -> bool:
        return bool(self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"))

    def make(self, database: str) -> str:
        """Give the URL of a database, made with empty tables where there is none."""
        if not self.has(database):
            if not self.has("of_today"):
                self.sql("CREATE DATABASE of_today")
                open_records(Path(), database=self.url("of_today")).close()
            self.sql(f'CREATE DATABASE "{database}" TEMPLATE of_today')
        return self.url(database)

    def make_empty(self, database: str) -> str:
        """Give the URL of a new database without any table."""
        self.sql(f'CREATE DATABASE "{database}"')
        return self.url(database)


@functools.cache
def the_server() -> PostgresServer:
    """Give the server of this process, which is faster than it is safe: no test cuts its power."""
    server = PostgresServer()
    atexit.register(server.remove)
    return server
