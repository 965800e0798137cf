"""The answer to a paused run: reading a long one leaves the server free to answer others."""

import asyncio
import json
import time
from types import SimpleNamespace

import pytest
from got.got_models.chain.edits import Edits
from got.got_models.comfy import pause
from got.tests.coroutines import result_of

KEY = ("prompt", "node")


class Content:
    async def iter_any(self):
        yield json.dumps({"text": "a cup (1,2),(3,4)"}).encode()


@pytest.fixture
def request_of(monkeypatch):
    monkeypatch.setitem(pause._pauses, KEY, pause._Pause({}, None))
    info = dict(zip(("prompt", "node"), KEY, strict=True))
    return SimpleNamespace(headers={}, match_info=info, content=Content())


def slow(saved):
    time.sleep(0.3)
    return Edits("", saved["text"], ())


def test_a_long_answer_does_not_block_the_server(request_of, monkeypatch):
    monkeypatch.setattr(pause, "read_answer", slow)

    async def answered():
        task, ticks = asyncio.create_task(pause._resume(request_of)), 0
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return (await task).status, ticks

    status, ticks = result_of(answered())
    assert status == 200 and pause._pauses[KEY].answer.text == "a cup (1,2),(3,4)"
    assert ticks > 5, "the event loop stood still"


def test_of_two_answers_at_once_the_first_is_taken(request_of, monkeypatch):
    monkeypatch.setattr(pause, "read_answer", slow)

    async def both():
        return await asyncio.gather(pause._resume(request_of), pause._resume(request_of))

    assert sorted(answer.status for answer in result_of(both())) == [200, 404]
