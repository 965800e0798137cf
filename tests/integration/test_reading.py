"""POST /got/plan on a real server: what it reads, and what it refuses."""

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

TEXT = "a red cup (120,400),(380,760) on a table"


def ask(client, body: bytes, query: dict | None = None, **headers) -> tuple[int, dict]:
    """The status and the answer."""
    url = f"{client.url}/api/got/plan?{urllib.parse.urlencode(query or {})}"
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_a_plan_is_read(client):
    status, read = ask(client, TEXT.encode())
    assert status == 200 and read["text"].startswith(TEXT[:30]) and read["form"] == "text"
    pixels = b'[{"bbox_2d": [128, 144, 1280, 360], "label": "a cup"}]'
    status, refused = ask(client, pixels)
    assert status == 200 and refused["settings"] == ["width", "height"]
    status, read = ask(client, pixels, {"width": 1280, "height": 720})
    assert status == 200 and "(100,200),(999,500)" in read["text"]


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        (b"a" * 1_000_001, {}, 413),
        (b"\xff\xfe", {}, 400),
        (TEXT.encode(), {"width": "wide"}, 400),
        (TEXT.encode(), {"height": 99_999}, 400),
        (b"[" * 100_000, {}, 200),
        (b"", {}, 200),
    ],
)
def test_bad_input_is_refused_or_answered(client, body, query, status):
    assert ask(client, body, query)[0] == status


def test_pages_of_other_sites_may_not_ask(client):
    assert ask(client, TEXT.encode(), Origin="http://elsewhere.example")[0] == 403
    assert ask(client, TEXT.encode(), **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert ask(client, TEXT.encode(), Origin=client.url)[0] == 200
