"""A client of a running ComfyUI: submit prompts in API format, follow them, fetch their outputs."""

import asyncio
import contextlib
import io
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp
import requests
from PIL import Image

from .server import ServerError

FINISHED = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}


class Event(NamedTuple):
    """A websocket message. when: seconds of time.monotonic()."""

    when: float
    kind: str
    data: dict


@dataclass
class Run:
    """A finished prompt. outputs, seconds: by node id. message: of the error, or empty."""

    status: str
    message: str = ""
    outputs: dict[str, dict] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def images(self, node: str) -> list[dict]:
        return self.outputs[node]["images"]

    def text(self, node: str) -> str:
        return self.outputs[node]["text"][0]


class Client:
    """One websocket connection and the HTTP requests of one client. Use it as a context: it is connected inside."""

    def __init__(self, url: str, features: dict | None = None):
        """features: what this client can do, sent when it connects, as browsers do. None: nothing, as most scripts."""
        self.url = url
        self.features = features
        self.notes: dict[str, str] = {}  # the last note on a node, by node id
        self.client_id = uuid.uuid4().hex
        self._events: list[Event] = []
        self._news = threading.Condition()
        self._gone = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Client":
        self._thread.start()
        self._event(0, timeout=20)  # the server greets with its status
        if self.features is not None:
            answers = (self._event(number, timeout=20) for number in itertools.count())
            next(event for event in answers if event.kind == "feature_flags")
        return self

    def __exit__(self, *error):
        self._closing.set()
        self._thread.join(5)

    # ---------------------------------------------------------------------------------------------------- prompts

    def submit(self, graph: dict, workflow: dict | None = None) -> str:
        """Queue a prompt and return its id. workflow: the graph as the browser saves it, for the image's metadata.

        ServerError with ComfyUI's message if a node or value is refused.
        """
        body = {"prompt": graph, "client_id": self.client_id}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        try:
            return self.post("/prompt", body)["prompt_id"]
        except requests.HTTPError as error:
            raise ServerError(refusal(error.response.json())) from None

    def run(self, graph: dict, workflow: dict | None = None, timeout: float = 300) -> Run:
        return self.wait(self.submit(graph, workflow), timeout)

    def wait(self, prompt: str, timeout: float = 300) -> Run:
        """Follow a prompt to its end: success, error or Stop. timeout: seconds without a message."""
        events = list(self.follow(prompt, timeout))
        last = events[-1]
        outputs = {event.data["node"]: event.data["output"] or {} for event in events if event.kind == "executed"}
        return Run(FINISHED[last.kind], failure(last), outputs, seconds_by_node(events))

    def follow(self, prompt: str, timeout: float = 300) -> Iterator[Event]:
        """Yield the events of one prompt when they come. The last one finishes it."""
        for number in itertools.count():
            event = self._event(number, timeout)
            if event.data.get("prompt_id") == prompt:
                yield event
                if is_end(event):
                    return

    def wait_for(self, prompt: str, kind: str, timeout: float = 120, **data) -> Event:
        """The first event of a prompt with this kind and data, e.g. kind="executing", node="2"."""
        for event in self.follow(prompt, timeout):
            if event.kind == kind and data.items() <= event.data.items():
                return event
        raise ServerError(f"The prompt ended with {event.kind} before {kind} {data}: {failure(event)}")

    # --------------------------------------------------------------------------------------------------- requests

    def interrupt(self):
        self._request("POST", "/interrupt", json={})

    def stop_all(self):
        """Stop the run that is under way, and drop those that wait."""
        self._request("POST", "/queue", json={"clear": True})
        self.interrupt()

    def free(self):
        """Unload every model and drop every cached output, as the menu's button does. Return when it is done.

        ComfyUI does it at the end of a run, or when it wakes without one. So a small run follows.
        """
        self._request("POST", "/free", json={"unload_models": True, "free_memory": True})
        number = {"class_type": "PrimitiveInt", "inputs": {"value": 0}}
        self.run({"1": number, "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}})

    def is_idle(self, timeout: float) -> bool:
        """Whether no run is under way or waits, at the latest after `timeout` seconds."""
        end = time.monotonic() + timeout
        while any(self.get("/queue").values()):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def get(self, path: str) -> dict:
        return self._request("GET", path).json()

    def post(self, path: str, body: dict) -> dict:
        return self._request("POST", path, json=body).json()

    def image(self, file: dict) -> Image.Image:
        """One of the images that a run's outputs list, with its metadata in `text`."""
        return Image.open(io.BytesIO(self._request("GET", "/view", params=file).content))

    def upload(self, path: Path) -> str:
        """Send an image to the input folder. Returns the name that LoadImage takes."""
        files = {"image": (path.name, path.read_bytes())}
        return self._request("POST", "/upload/image", data={"overwrite": "true"}, files=files).json()["name"]

    def _request(self, method: str, path: str, **more) -> requests.Response:
        answer = requests.request(method, self.url + path, timeout=60, **more)
        answer.raise_for_status()
        return answer

    # -------------------------------------------------------------------------------------------------- websocket

    def _event(self, number: int, timeout: float) -> Event:
        """The event with this number since the connection. ServerError if it does not come within `timeout` seconds."""
        with self._news:
            self._news.wait_for(lambda: len(self._events) > number or self._gone, timeout)
            if len(self._events) > number:
                return self._events[number]
            raise ServerError("ComfyUI is gone." if self._gone else f"ComfyUI sent nothing for {timeout:.0f} s.")

    def _listen(self):
        try:
            asyncio.run(self._receive())
        finally:
            with self._news:
                self._gone = True
                self._news.notify_all()

    async def _receive(self):
        url = f"{self.url.replace('http', 'ws', 1)}/ws?clientId={self.client_id}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
            if self.features is not None:
                await socket.send_json({"type": "feature_flags", "data": self.features})
            while not self._closing.is_set() and not socket.closed:
                with contextlib.suppress(asyncio.TimeoutError):
                    message = await socket.receive(timeout=0.2)
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self._record(json.loads(message.data))

    def _record(self, message: dict):
        if message["type"] == "got.note":
            self.notes[message["data"]["node"]] = message["data"]["text"]
        with self._news:
            self._events.append(Event(time.monotonic(), message["type"], message.get("data") or {}))
            self._news.notify_all()


def refusal(answer: dict) -> str:
    """ComfyUI's answer to a prompt that it refuses, as one message."""
    reasons = [
        f"{node['class_type']}: {error['message']} ({error['details']})" if error["details"] else error["message"]
        for node in (answer.get("node_errors") or {}).values()
        for error in node["errors"]
    ]
    error = answer["error"]
    return "; ".join(reasons) or (error if isinstance(error, str) else f"{error['message']} {error['details']}".strip())


def is_end(event: Event) -> bool:
    """Whether a prompt ends with this event. A blocked output is reported as an error, but the run continues."""
    return event.kind in FINISHED and event.data.get("exception_type") != "ExecutionBlocked"


def failure(event: Event) -> str:
    """The message of an ending event that is a failure; empty for success."""
    if event.kind == "execution_error":
        return f"{event.data['node_type']}: {event.data['exception_message'].strip()}"
    return "stopped" if event.kind == "execution_interrupted" else ""


def seconds_by_node(events: list[Event]) -> dict[str, float]:
    """How long each node ran: from its `executing` event to the next one, or to the end."""
    seconds: dict[str, float] = {}
    marks = [event for event in events if event.kind == "executing" or is_end(event)]
    for event, following in itertools.pairwise(marks):
        if node := event.data.get("node"):
            seconds[node] = seconds.get(node, 0) + following.when - event.when
    return seconds
