"""Runs coroutines in tests."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor


def result_of(coroutine):
    """What a coroutine returns, in a thread of its own: the browser of other tests has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def result_and_thread(coroutine) -> tuple:
    """The same, and the number of the event loop's thread."""

    async def both():
        return await coroutine, threading.get_ident()

    return result_of(both())
