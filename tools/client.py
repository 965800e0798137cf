"""A client of a running ComfyUI: submit prompts in API format, follow them, fetch what they made."""

import asyncio
import contextlib
import itertools
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp

from .server import ServerError

FINISHED = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}


class Event(NamedTuple):
    """A websocket message. when: seconds of time.monotonic()."""

    when: float
    kind: str
    data: dict


@dataclass
class Run:
    """A finished prompt. outputs and seconds are by node id; message is the error's, or empty."""

    status: str
    message: str = ""
    outputs: dict[str, dict] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def images(self, node: str) -> list[dict]:
        return self.outputs[node]["images"]

    def text(self, node: str) -> str:
        return self.outputs[node]["text"][0]


class Client:
    """One websocket connection and the HTTP requests that go with it. A context: connected inside."""

    def __init__(self, url: str, features: dict | None = None):
        """features: what this client names when it connects, as browsers do; None: nothing, as most scripts."""
        self.url = url
        self.features = features
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
        """Queue a prompt and return its id. workflow: the graph as the browser saves it, for the picture's metadata.

        ServerError with ComfyUI's own words if a node or value is refused.
        """
        body = {"prompt": graph, "client_id": self.client_id}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        try:
            return self._json("/prompt", body)["prompt_id"]
        except urllib.error.HTTPError as error:
            raise ServerError(refusal(json.loads(error.read()))) from None

    def run(self, graph: dict, workflow: dict | None = None, timeout: float = 300) -> Run:
        return self.wait(self.submit(graph, workflow), timeout)

    def wait(self, prompt: str, timeout: float = 300) -> Run:
        """Follow a prompt to its end, whatever that is. timeout: seconds without a message."""
        events = list(self.follow(prompt, timeout))
        last = events[-1]
        outputs = {event.data["node"]: event.data["output"] or {} for event in events if event.kind == "executed"}
        return Run(FINISHED[last.kind], failure(last), outputs, seconds_by_node(events))

    def follow(self, prompt: str, timeout: float = 300) -> Iterator[Event]:
        """The events of one prompt as they come, ending with the one that finishes it."""
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
        self._request("/interrupt", {})

    def free(self):
        """Unload every model and forget every cached output, as the menu's button does."""
        self._request("/free", {"unload_models": True, "free_memory": True})

    def get(self, path: str) -> dict:
        return self._json(path)

    def post(self, path: str, body: dict) -> dict:
        return self._json(path, body)

    def picture(self, image: dict) -> bytes:
        """The file of an image that a run's outputs list."""
        return self._request("/view?" + urllib.parse.urlencode(image))

    def upload(self, path: Path) -> str:
        """Send a picture to the input folder; returns the name that LoadImage takes."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="overwrite"\r\n\r\ntrue\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n\r\n'
        )
        body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return json.loads(self._request("/upload/image", body, headers))["name"]

    def _json(self, path: str, body: dict | None = None) -> dict:
        return json.loads(self._request(path, body))

    def _request(self, path: str, body: dict | bytes | None = None, headers: dict | None = None) -> bytes:
        if isinstance(body, dict):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers or {})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    # -------------------------------------------------------------------------------------------------- websocket

    def _event(self, number: int, timeout: float) -> Event:
        """Event by its number since the connection, waiting for it at most `timeout` seconds."""
        with self._news:
            self._news.wait_for(lambda: len(self._events) > number or self._gone, timeout)
            if len(self._events) > number:
                return self._events[number]
            raise ServerError("ComfyUI is gone." if self._gone else f"ComfyUI said nothing for {timeout:.0f} s.")

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
        with self._news:
            self._events.append(Event(time.monotonic(), message["type"], message.get("data") or {}))
            self._news.notify_all()


def refusal(answer: dict) -> str:
    """ComfyUI's answer to a prompt that it does not take, as one message."""
    reasons = [
        f"{node['class_type']}: {error['message']} ({error['details']})" if error["details"] else error["message"]
        for node in (answer.get("node_errors") or {}).values()
        for error in node["errors"]
    ]
    error = answer["error"]
    return "; ".join(reasons) or (error if isinstance(error, str) else f"{error['message']} {error['details']}".strip())


def is_end(event: Event) -> bool:
    """Whether a prompt ends with this event. A blocked output is told like an error, and the run goes on."""
    return event.kind in FINISHED and event.data.get("exception_type") != "ExecutionBlocked"


def failure(event: Event) -> str:
    """What an ending event says of the failure; empty for success."""
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
