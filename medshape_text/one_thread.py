"""One BLAS thread, so that sums are rounded the same way however many cores a machine has."""

from __future__ import annotations

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def one_thread() -> threadpool_limits:
    """A context in which linear algebra runs in one thread.

    With more threads OpenBLAS splits its sums differently: the last bits of a singular vector, and after
    enough shapes some published byte, would depend on the machine. Workers share the cores anyway.
    """
    return threadpool_limits(limits=1, user_api="blas")
