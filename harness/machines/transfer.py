"""Copies files and folders into and out of a machine, through a virtio port as tar streams.

The shell would take base64 on a command line; the port is binary and fast.  Each stream is read
to its last byte whatever goes wrong, so that the next one begins where it should.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import socket
import tarfile
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from harness.errors import MachineError
from harness.machines.base import Output
from harness.machines.shell import command

Execute = Callable[[str], Output]


class FilesPort:
    """The host's end of the port; *device* is its other end inside the machine."""

    def __init__(self, connection: socket.socket, device: str) -> None:
        self._connection = connection
        self._device = device
        self._turn = threading.RLock()

    def send(self, source: Path, target: str, execute: Execute) -> None:
        """Copy *source* to be *target* in the machine; a folder's content joins an existing one.

        Everything belongs to root there.  Raises `MachineError` when the machine cannot store it,
        `OSError` when the host cannot read it.
        """
        with self._turn, tempfile.TemporaryFile() as spool:
            _pack(source, PurePosixPath(target).name, spool)
            size = spool.tell()
            spool.seek(0)
            sender = threading.Thread(target=self._pour, args=(spool,), daemon=True)
            sender.start()
            parent = str(PurePosixPath(target).parent)
            # What tar leaves unread, when it fails, is read and thrown away.
            done = execute(
                command(
                    "mkdir -p %s; head -c %s <%s | { tar -C %s -xf - && cat >/dev/null"
                    " || { status=$?; cat >/dev/null; exit $status; }; }",
                    *(parent, size, self._device, parent),
                )
            )
            sender.join()
        if done.status != 0:
            raise MachineError(f"copying {source.name} to {target} in the machine: {done.stderr}")

    def fetch(self, source: str, target: Path, execute: Execute) -> None:
        """Copy *source* in the machine to be *target* on the host.

        Raises `MachineError` when there is no such file or folder, `OSError` when the host cannot
        store it.
        """
        mark = secrets.token_hex(16).encode()
        with self._turn, tempfile.TemporaryFile() as spool:
            receiver = threading.Thread(target=self._collect, args=(spool, mark), daemon=True)
            receiver.start()
            path = PurePosixPath(source)
            done = execute(
                command(
                    "exec 3>%s; status=0; tar -C %s -cf - %s >&3 || status=$?;"
                    " printf %%s %s >&3; exit $status",
                    *(self._device, path.parent, f"./{path.name}", mark.decode()),
                )
            )
            receiver.join()
            if done.status != 0:
                raise MachineError(f"copying {source} from the machine: {done.stderr.strip()}")
            spool.seek(-len(mark), io.SEEK_END)
            spool.truncate()
            spool.seek(0)
            _unpack(spool, path.name, target)

    def close(self) -> None:
        """Let go of the port; a copy under way fails."""
        with contextlib.suppress(OSError):  # not connected any more
            self._connection.shutdown(socket.SHUT_RDWR)
        with self._turn:
            self._connection.close()

    def _pour(self, spool: io.BufferedIOBase) -> None:
        try:
            while data := spool.read(1 << 18):
                self._connection.sendall(data)
        except OSError:
            return  # the machine is gone, which the command that reads reports

    def _collect(self, spool: io.BufferedIOBase, mark: bytes) -> None:
        end = b""
        while not end.endswith(mark):
            try:
                data = self._connection.recv(1 << 18)
            except OSError:
                return
            if not data:
                return  # the machine is gone, which the command that writes reports
            spool.write(data)
            end = (end + data)[-len(mark) :]


def _pack(source: Path, name: str, spool: io.BufferedRandom) -> None:
    def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(source, arcname=name, filter=owned_by_root)


def _unpack(spool: io.BufferedIOBase, name: str, target: Path) -> None:
    def under_target(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        inside = PurePosixPath(member.name).relative_to(name)
        renamed = member.replace(name=str(target.name / inside), deep=False)
        if member.islnk():
            inside = PurePosixPath(member.linkname).relative_to(name)
            renamed = renamed.replace(linkname=str(target.name / inside), deep=False)
        return tarfile.tar_filter(renamed, folder)

    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=spool, mode="r:") as archive:
        archive.extractall(target.parent, filter=under_target)
