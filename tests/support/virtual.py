"""An event loop whose time jumps: a run takes no longer than its work, and follows from its seed alone."""

from __future__ import annotations

import asyncio
import selectors
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from support.world import START, Clock


class Deadlock(Exception):
    """Nothing is left to happen, and the run is not over."""


class _Inline(ThreadPoolExecutor):
    """Runs at once, in the caller's thread: no scheduler of the machine takes part."""

    def submit(self, function, /, *arguments, **named):
        done = Future()
        try:
            done.set_result(function(*arguments, **named))
        except BaseException as error:
            done.set_exception(error)
        return done


class _Selector(selectors.DefaultSelector):
    """Looks once, and lets time pass at once instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout=None):
        found = super().select(0)
        if found:
            return found
        if timeout is None:
            raise Deadlock
        self.loop.now += max(timeout, 0)
        return found


class _Task(asyncio.Task):
    """A task whose place in a set follows from when it was made, and not from where it lies in memory."""

    number = 0

    def __hash__(self):
        return self.number


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time begins at 0, and is only what was waited for. `dress` may wrap the work of a task before it begins."""

    def __init__(self):
        self.dress = lambda work, _context: work
        self.now = 0.0
        self.made = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self.set_default_executor(_Inline())
        self.set_task_factory(self._task)

    def _task(self, _loop, work, context=None):
        task = _Task.__new__(_Task)
        self.made += 1
        task.number = self.made
        context = copy_context() if context is None else context
        task.__init__(self.dress(work, context), loop=self, context=context)
        return task

    def time(self):
        return self.now


class VirtualClock(Clock):
    """A world's clock that shows the time of the loop."""

    def __call__(self):
        return START + int(asyncio.get_running_loop().time() * 1000)


def run(main):
    """Runs the coroutine `main` to its end in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
