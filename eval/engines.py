"""Who ranks the batches of a replay: this process, several, or Ray. What comes out is the same, in the same order."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from shopping_assistant.eval.protocol import ReplayError
from shopping_assistant.eval.threads import limited, loaded_with

ENGINES = ("processes", "ray")
# Threads of a worker. Another number would add up in another order, and the last bit of a score may decide a rank: with
# one, the ranks are the same for every number of workers, and the cores are used by that many workers.
THREADS = 1
# Batches given out for each worker: enough that none waits, few enough that results stay few.
AHEAD = 4


class Worker(Protocol):
    """Ranks batches; made once in each process, which is when models are opened.

    One that has a ``close`` is closed in the end where this process did its work; other processes just end.
    """

    def rank(self, batch: Any) -> list: ...


class Job(Protocol):
    """What a worker is made of: it travels to other processes and must be small."""

    def open(self) -> Worker: ...


def refuse_engine(engine: str, workers: int) -> None:
    """
    Raises:
        ReplayError: no such engine, no worker at all, or Ray is asked for and not installed.
    """
    if engine not in ENGINES:
        raise ReplayError(f"engine {engine!r}: expected one of {', '.join(ENGINES)}")
    if workers < 1:
        raise ReplayError(f"workers {workers}: expected at least 1")
    if engine == "ray":
        _ray()


def run(job: Job, batches: Iterable, engine: str = "processes", workers: int = 1) -> Iterator[list]:
    """What `Worker.rank` makes of each batch, in the order of the batches.

    Few results are held at a time. When a worker dies, those that the others have finished come before the error, and
    the batches in between are missing: a result has to say itself what it is of.

    Raises:
        ReplayError: a worker died.
        ShopError: whatever a worker raised.
    """
    refuse_engine(engine, workers)
    if engine == "ray":
        return _with_ray(job, batches, workers)
    return _alone(job, batches) if workers == 1 else _with_processes(job, batches, workers)


def _alone(job: Job, batches: Iterable) -> Iterator[list]:
    worker = None
    try:
        for batch in batches:
            with limited(THREADS):
                worker = worker or job.open()
                ranked = worker.rank(batch)
            yield ranked
    finally:
        if hasattr(worker, "close"):
            worker.close()


def _in_order(batches: Iterable, submit: Callable, result: Callable, most: int) -> Iterator[list]:
    under_way: deque = deque()
    for batch in batches:
        under_way.append(submit(batch))
        if len(under_way) >= most:
            yield result(under_way.popleft())
    while under_way:
        yield result(under_way.popleft())


def _with_processes(job: Job, batches: Iterable, workers: int) -> Iterator[list]:
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    given: deque[Future] = deque()
    # Started anew, not forked: a fork of a process whose libraries have threads can hang.
    with loaded_with(THREADS):
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (job,))

        def submit(batch: Any) -> Future:
            given.append(pool.submit(_rank, batch))
            return given[-1]

        def result(future: Future) -> list:
            ranked = future.result()
            given.popleft()
            return ranked

        try:
            yield from _in_order(batches, submit, result, AHEAD * workers)
        except BrokenProcessPool as error:
            for future in given:
                if future.done() and not future.cancelled() and future.exception() is None:
                    yield future.result()
            raise _died(workers) from error
        finally:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:  # whoever still ranks does it for nobody
                process.terminate()


def _died(workers: int) -> ReplayError:
    return ReplayError(
        f"one of the {workers} workers ended without a word, most likely for want of memory or because it was killed; "
        "with --out what was finished is kept: run the same command again, with fewer --workers if memory is short"
    )


_here: dict[str, Any] = {}  # in a worker's process: its job, and the worker once it was needed


def _begin(job: Job) -> None:
    import multiprocessing

    # Ctrl-C is the parent's to answer; without a parent, even one that was killed, nobody waits for this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _here["job"] = job


def _rank(batch: Any) -> list:
    with limited(THREADS):
        # Not before the first batch: what is raised at a process's start would reach nobody.
        if "worker" not in _here:
            _here["worker"] = _here["job"].open()
        return _here["worker"].rank(batch)


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Workers inherit this environment; Ray's own hint on accelerators is of no use here.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise ReplayError(
            "engine ray: Ray is not installed; install it with `pip install 'shopping_assistant[ray]'`, or use "
            "--engine processes"
        ) from error
    return ray


class _OnRay:
    """A worker as a Ray actor."""

    def __init__(self, job: Job):
        _here.clear()
        _here["job"] = job

    def rank(self, batch: Any) -> list:
        return _rank(batch)


def _with_ray(job: Job, batches: Iterable, workers: int) -> Iterator[list]:
    """On the cluster that ``RAY_ADDRESS`` names, else on this machine alone."""
    ray = _ray()
    from ray.exceptions import RayActorError, RayTaskError

    started = not ray.is_initialized()
    if started:
        _start(ray, workers)
    actor = ray.remote(num_cpus=THREADS)(_OnRay)  # Ray gives it as many threads as processors
    actors = [actor.remote(job) for _ in range(workers)]
    turns = iter(range(1 << 62))
    given: deque = deque()

    def submit(batch: Any) -> Any:
        given.append(actors[next(turns) % workers].rank.remote(batch))
        return given[-1]

    def result(reference: Any) -> list:
        ranked = ray.get(reference)
        given.popleft()
        return ranked

    try:
        yield from _in_order(batches, submit, result, AHEAD * workers)
    except RayTaskError as error:
        raise error.cause from None
    except RayActorError as error:
        finished, _ = ray.wait(list(given), num_returns=len(given), timeout=0) if given else ([], [])
        for reference in finished:
            try:
                ranked = ray.get(reference)
            except (RayActorError, RayTaskError):
                continue
            yield ranked
        raise _died(workers) from error
    finally:
        for one in actors:
            ray.kill(one)
        if started:
            ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    with loaded_with(THREADS):
        ray.init(
            address="local", num_cpus=workers, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet
        )  # fmt: skip
