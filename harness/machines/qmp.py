"""QEMU's machine protocol, for callers that are not asynchronous.

The `qemu.qmp` library is asyncio; its loop runs in a thread of its own here, so that several
threads can give commands and events are noticed while nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

from qemu.qmp import EventListener, Message, QMPClient, QMPError, Runstate

from harness.errors import MachineError

Event = Mapping[str, object]
T = TypeVar("T")


class Monitor:
    """A connection to one QEMU's monitor.

    *on_event* is called from the monitor's own thread with each event (a name and its data).
    """

    def __init__(self, connection: socket.socket, on_event: Callable[[str, Event], None]) -> None:
        self._on_event = on_event
        self._client = QMPClient()
        self._jobs = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qmp", daemon=True)
        self._thread.start()
        try:
            self._await(self._open(connection), 30, "connect")
        except MachineError:
            self._stop_loop()
            raise

    def command(self, name: str, /, timeout: float = 30, **arguments: object) -> object:
        """Run one QMP command and return what it answers.

        *timeout* is in seconds.  An underscore in the name of an argument stands for QMP's hyphen.
        Raises `MachineError` when QEMU refuses, is gone or does not answer.
        """
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        return self._await(self._client.execute(name, named or None), timeout, name)

    def job(self, name: str, /, timeout: float = 120, **arguments: object) -> None:
        """Run a QMP command that starts a background job, to the end of the job.

        Raises `MachineError` with the job's own words when it fails (QEMU, qapi/job.json).
        """
        self._jobs += 1
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        self._await(self._run_job(name, f"job{self._jobs}", named), timeout, name)

    def close(self) -> None:
        """Let go of the connection; QEMU itself is not touched."""
        if not self._loop.is_closed():
            # QEMU may be gone already, which is what the caller is after.
            with contextlib.suppress(MachineError):
                self._await(self._client.disconnect(), 5, "disconnect")
            self._stop_loop()

    async def _open(self, connection: socket.socket) -> None:
        listener = EventListener()
        self._client.register_listener(listener)
        await self._client.connect(connection)
        self._listening = asyncio.create_task(self._listen(listener))

    async def _listen(self, listener: EventListener) -> None:
        async for message in listener:
            data = message.get("data")
            self._on_event(str(message["event"]), data if isinstance(data, Mapping) else {})

    async def _run_job(self, name: str, job: str, arguments: dict[str, object]) -> None:
        with self._client.listener("JOB_STATUS_CHANGE") as changes:
            await self._client.execute(name, {"job-id": job, **arguments})
            while await self._unless_gone(changes.get()) != {"id": job, "status": "concluded"}:
                continue
        listed = await self._client.execute("query-jobs")
        await self._client.execute("job-dismiss", {"id": job})
        assert isinstance(listed, list)
        for entry in listed:
            if entry["id"] == job and "error" in entry:
                raise MachineError(f"QEMU's {name} failed: {entry['error']}")

    async def _unless_gone(self, change: Coroutine[object, object, Message]) -> object:
        """The data of the next event; an event that cannot come any more is an error."""
        event = asyncio.ensure_future(change)
        while not event.done():
            await asyncio.wait({event}, timeout=0.5)
            if not event.done() and self._client.runstate is not Runstate.RUNNING:
                event.cancel()
                raise EOFError("QEMU ended in the middle")
        return event.result()["data"]

    def _await(self, work: Coroutine[object, object, T], timeout: float, name: str) -> T:
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:  # the loop is closed
            work.close()
            raise MachineError(f"QEMU's monitor is closed ({name})") from error
        try:
            return future.result(timeout)
        except FutureTimeoutError as error:
            future.cancel()
            raise MachineError(f"QEMU did not finish {name} within {timeout:g} s") from error
        except (QMPError, OSError, EOFError) as error:
            raise MachineError(f"QEMU's monitor, {name}: {error}") from error

    def _stop_loop(self) -> None:
        self._await(_cancel_others(), 5, "clean up")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
