"""A real PostgreSQL server for the tests marked `needs("postgres")`, thrown away afterwards."""

from __future__ import annotations

import glob
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class PostgresCluster:
    """A server of its own on a Unix socket. PostgreSQL refuses to run as root, so there it is
    the user that Debian's package makes.
    """

    def __init__(self) -> None:
        (self._binaries, *_) = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [""]
        self._user: dict[str, Any] = {"user": "postgres"} if os.getuid() == 0 else {}
        # Not in pytest's tmp_path, whose parents are closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix="robofeed-postgres-"))
        if self._user:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._data = self.folder / "data"
        self._numbers = itertools.count()
        self._run("initdb", "--no-sync", "--auth=trust", "--username=tester", "-D", self._data)
        self.start()

    def start(self) -> None:
        options = f"-c listen_addresses='' -c fsync=off -k {self.folder}"
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def url(self, schema: str = "", user: str = "tester", database: str = "postgres") -> str:
        query = f"host={self.folder}" + (f"&schema={schema}" if schema else "")
        return f"postgresql://{user}@/{database}?{query}"

    def fresh_url(self) -> str:
        """The URL of a schema that is yet to be made."""
        return self.url(f"run_{next(self._numbers)}")

    def allow_only_with_password(self, user: str) -> None:
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {user} scram-sha-256\n" + rules.read_text())
        self._run("pg_ctl", "-D", self._data, "reload")

    def remove(self) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder)

    def _run(self, tool: str, *arguments: object) -> None:
        subprocess.run(
            [shutil.which(tool) or f"{self._binaries}/{tool}", *map(str, arguments)],
            **self._user,
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    """A PostgreSQL server; its fresh_url() is a place for one ledger."""
    cluster = PostgresCluster()
    yield cluster
    cluster.remove()
