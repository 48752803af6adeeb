"""Two clocks that agree on nothing but the length of a second, and the kernel as the one who ends a process in time.

A process that checks its deadline can be stopped between the check and the write, and write when it wakes up. So the deadline is also
given to the kernel: a POSIX timer on each clock that sends SIGKILL. It fires while the process is stopped or starved, a signal that
waits is delivered before the process executes one more instruction of its own, and the kernel then resets its connections.
"""

from __future__ import annotations

import ctypes
import signal
import time

from nautilus.runtime.lease import Deadline, Instant

PR_SET_PDEATHSIG = 1
TIMER_ABSTIME = 1


class GuardMissingError(Exception):
    """The kernel refused a timer, or this process would ignore its signal."""


class SystemClock:
    """The wall clock, and the clock since the start that goes on while the machine sleeps."""

    def now(self) -> Instant:
        """This moment."""
        return Instant(time.clock_gettime(time.CLOCK_REALTIME), time.clock_gettime(time.CLOCK_BOOTTIME))


class _Event(ctypes.Structure):
    """`struct sigevent`: value, signal, how to notify (0: by that signal), padded to 64 bytes."""

    _fields_ = (("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int), ("rest", ctypes.c_byte * 48))


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Time), ("value", _Time))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class KernelGuard:
    """Two timers of the kernel, one a clock, each with SIGKILL for this process. Not for process 1 of a container, which is immune."""

    def __init__(self) -> None:
        """Make both timers, disarmed. They belong to this process alone: a child inherits none.

        Raises:
            GuardMissingError: the kernel has no such timer.
        """
        self._libc = _libc()
        self._timers: dict[int, ctypes.c_void_p] = {}
        for clock in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME):
            event, timer = _Event(None, signal.SIGKILL, 0), ctypes.c_void_p()
            if self._libc.timer_create(clock, ctypes.byref(event), ctypes.byref(timer)):
                raise GuardMissingError(f"timer_create on clock {clock} failed with error {ctypes.get_errno()}")
            self._timers[clock] = timer

    def arm(self, deadline: Deadline) -> None:
        """End the process when either clock comes to the deadline, at once if one is past it.

        Raises:
            GuardMissingError: the kernel refused.
        """
        self._set(time.CLOCK_REALTIME, deadline.wall)
        self._set(time.CLOCK_BOOTTIME, deadline.boot)

    def disarm(self) -> None:
        """End nothing any more."""
        for clock in self._timers:
            self._set(clock, None)

    def _set(self, clock: int, moment: float | None) -> None:
        # A moment of zero would disarm the timer, and none is that early.
        seconds, rest = (0, 0.0) if moment is None else divmod(max(moment, 0.001), 1.0)
        value = _Timer(_Time(0, 0), _Time(int(seconds), int(rest * 1e9)))
        if self._libc.timer_settime(self._timers[clock], TIMER_ABSTIME, ctypes.byref(value), None):
            raise GuardMissingError(f"timer_settime on clock {clock} failed with error {ctypes.get_errno()}")


def die_with_parent() -> None:
    """End this process when its parent ends, however that happens.

    Raises:
        GuardMissingError: the kernel refused.
    """
    libc = _libc()
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise GuardMissingError(f"prctl failed with error {ctypes.get_errno()}")
