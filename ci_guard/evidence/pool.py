"""Threads for what waits, which do not hold up somebody who interrupts the run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor


class Pool(ThreadPoolExecutor):
    """A pool whose context waits for its work to end, save when it is left by an interrupt."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """See `concurrent.futures.Executor`."""
        interrupted = kind is not None and not issubclass(kind, Exception)
        self.shutdown(wait=not interrupted, cancel_futures=interrupted)
