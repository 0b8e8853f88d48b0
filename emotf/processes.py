"""Spawned processes: each ends with the one that started it, even where that is killed."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def worker_pool(workers: int, processes: int = 0, tasks: int | None = None) -> ProcessPoolExecutor:
    """A pool of spawned processes that share the cores and end with this one.

    Args:
        workers: how many work at the same time on this machine, those of other pools included.
        processes: of this pool; 0 for all workers.
        tasks: after so many a process is replaced, for work that leaves memory behind; None: never.
    """
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes or workers, spawn, begin_worker, (workers,), max_tasks_per_child=tasks)


def begin_worker(workers: int) -> None:
    """What a spawned process does first."""
    share_cores(workers)
    watch_parent()


def watch_parent() -> None:
    """Lets this spawned process end when its parent does, however that ends; else it would work on unseen."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def share_cores(workers: int) -> None:
    """Lets TensorFlow, not yet imported, and OpenMP take this process's share of the cores."""
    share = str(max(1, (os.cpu_count() or 1) // workers))
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", share)
    os.environ.setdefault("OMP_NUM_THREADS", share)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
