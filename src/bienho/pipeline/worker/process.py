"""The worker process: alone, beside the pages, until it is asked to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
from procrastinate import App as Queue
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.utils import utcnow

from bienho.database.failures import stopped
from bienho.pipeline.app import App
from bienho.pipeline.drop import Drops
from bienho.pipeline.worker.queue import QUEUE, TAKE_IN, Asking, presence, worker_queue
from bienho.pipeline.worker.tasks import Duties, bind

MOST_DEATHS = 3
"""How often a job may die with its process before it is failed; what is taken in has its own count (isolation)."""
LOOK_SECONDS = 2.0
FETCH_SECONDS = 0.25
"""A job that waits for the lock of one at work is asked for by nobody when that ends: it is found by looking."""
FOLLOW_EVERY = 5
SWITCH_SECONDS = 0.0005
"""Between the threads of this process. Taking in hands its work to libraries thousands of times a second; each time it
came back it waited up to ten times as long for a thread that was judging signatures."""
log = logging.getLogger(__name__)


def work(app: App, *, parent: int | None = None) -> None:
    """Do jobs until SIGINT or SIGTERM, or until the process `parent` is gone.

    A running job is let end (taking in stops after its batch). BusyError BUSY-WORKER when a worker is there already;
    StorageError STO-DATABASE-STOPPED when the database goes away: whoever started this starts it again.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    with presence(app.database) as connection, Asking(app.database) as asking:
        stopping = threading.Event()
        duties = Duties(app, asking, stopping.is_set, Drops(app))
        try:
            ended = asyncio.run(_run(duties, connection, stopping, parent))
        except (ConnectorException, psycopg.OperationalError):
            ended = False
        if not ended:
            raise stopped(app.database.place) from None


async def _run(duties: Duties, connection: psycopg.Connection, stopping: threading.Event, parent: int | None) -> bool:
    """True when it ended because it was asked to."""
    queue = worker_queue(duties.app.database)
    bind(queue, duties)
    async with queue.open_async():
        await _take_up(queue)
        await asyncio.to_thread(duties.make_up)
        worker = asyncio.create_task(
            queue.run_worker_async(
                queues=[QUEUE],
                concurrency=2,
                install_signal_handlers=False,
                delete_jobs="never",
                fetch_job_polling_interval=FETCH_SECONDS,
            )
        )

        def stop() -> None:
            stopping.set()
            worker.cancel()

        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError):
                loop.add_signal_handler(name, stop)
        watch = asyncio.create_task(_watch(duties, connection, parent, stop))
        try:
            await asyncio.wait({worker, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked = stopping.is_set()
            stop()
            watch.cancel()
            results = await asyncio.gather(worker, watch, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return asked


async def _take_up(queue: Queue) -> None:
    """Jobs that a dead worker had begun: again, but not for ever. No other worker can be at them, this one is alone."""
    manager = queue.job_manager
    for job in await manager.list_jobs_async(status=Status.DOING.value):
        if job.id is None:
            continue
        if job.task_name != TAKE_IN and job.attempts >= MOST_DEATHS:
            log.error("job %s: its process died %d times; it is given up", job.task_name, job.attempts + 1)
            await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=False)
        else:
            log.warning("job %s: its process died; again", job.task_name)
            await manager.retry_job_by_id_async(job.id, utcnow())


async def _watch(duties: Duties, connection: psycopg.Connection, parent: int | None, stop: Callable[[], None]) -> None:
    """Ask for what is behind, and stop when nobody is left to work for or the right to be the worker is lost."""
    turn = 0
    while True:
        if parent is not None and os.getppid() != parent:
            stop()
            return
        await asyncio.to_thread(connection.execute, "SELECT 1")
        if turn % FOLLOW_EVERY == 0:
            await asyncio.to_thread(duties.follow)
        turn += 1
        await asyncio.sleep(LOOK_SECONDS)
