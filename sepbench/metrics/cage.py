"""A function that may crash, hang or eat all memory, in a process of its own that stays for the next call.

The process starts with the first call and serves all others of its caller's process; one that died is replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from sepbench.executors import Crew, Limits, Outcome

__all__ = ["Cage"]

_LOOK_UP_S = 0.05


class Cage:
    """A function in a cage.

    Parameters
    ----------
    function : callable
        Of one argument that can be pickled, at the top level of a module.
    limits : Limits
        Of its process.
    """

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        self._crew = Crew(function, 1, limits)
        # a process dies with the thread that started it: so there is one that stays, whoever calls
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cage")
        self._lock = threading.Lock()

    def __call__(self, argument: Any) -> Any:
        """Call the function.

        Raises
        ------
        WorkerCrashedError
            If its process died, or was killed since it took too long (`WorkerHungError`).
        Exception
            What the function raised.
        """
        with self._lock:
            waiting = self._thread.submit(self._outcome, argument)
            try:
                outcome = waiting.result()
            except BaseException:  # Ctrl-C: what the process is at must not come out as the answer to the next call
                while wait([waiting], timeout=_LOOK_UP_S).not_done:
                    self._crew.kill()
                raise
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    def _outcome(self, argument: Any) -> Outcome:
        self._crew.submit(0, argument)
        (outcome,) = self._crew.outcomes()
        return outcome
