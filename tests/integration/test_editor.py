"""On a running ComfyUI: the chain editor in its ways of working, its routes, rewriting, and chains made of boxes."""

import contextlib
import json
import urllib.error
import urllib.request
import uuid

import pytest
from got.got_models.chain.grammar import plain_text, read_chain
from got.tests.integration.graphs import PROMPT, node, writing
from got.tests.wait import until
from got.tools.client import Client
from got.tools.server import ServerError

CHAIN = "A red circle (125,350),(375,600) (red) is left of a blue square (550,400),(800,650) (blue)."
MOVED = CHAIN.replace("(125,350),(375,600)", "(125,600),(375,850)")


def saved(plan: str, text: str, **more) -> str:
    return json.dumps({"version": 1, "plan": plan, "text": text, **more})


def editor(source: str = "chain", **inputs) -> dict:
    """The editor after a node that makes a chain, and its text output."""
    settings = {"pause": "off", "seconds": 0, "edits": "", **inputs}
    return {
        "editor": node("GoTChainEditor", chain=[source, 0], **settings),
        "shown": node("PreviewAny", source=["editor", 1]),
    }


def by_hand(text: str = CHAIN, prompt: str = PROMPT, **inputs) -> dict:
    return {"chain": node("GoTChainFromText", text=text, prompt=prompt)} | editor(**inputs)


def by_model(prompt: str, **inputs) -> dict:
    graph = writing(prompt, max_length=24)
    return {"loader": graph["loader"], "chain": graph["chain"]} | editor(**inputs)


@pytest.fixture
def client(server):
    """A client for which a run pauses: it sends the feature flag that web/ sends."""
    with Client(server.url, {"got_pause": True}) as connected:
        yield connected


def done(client, graph: dict):
    run = client.run(graph)
    assert run.status == "success", run.message
    return run


def plan_of(run) -> dict:
    return run.outputs["editor"]["got_plan"][0]


# ---------------------------------------------------------------------------------------------------------- two runs


def test_two_runs_ask_the_language_model_once(client):
    first = done(client, by_model("a red circle"))
    plan = plan_of(first)
    assert "chain" in first.seconds
    assert plan["ran"] == plan["text"] and not plan["stopped"]
    assert (plan["width"], plan["height"]) == (128, 128)
    text = plan["text"] + " A hat (1,2),(30,40) (gold)."
    again = done(client, by_model("a red circle", edits=saved(plan["text"], text)))
    assert "chain" not in again.seconds and "editor" in again.seconds
    assert plain_text(again.text("shown")) == text
    assert plan_of(again) == plan | {"ran": text}


def test_a_new_plan_replaces_the_edits(client):
    edits = saved(CHAIN, MOVED)
    assert plain_text(done(client, by_hand(edits=edits)).text("shown")) == MOVED
    other = CHAIN.replace("circle", "star")
    run = done(client, by_hand(other, edits=edits))
    assert plain_text(run.text("shown")) == other == plan_of(run)["text"] == plan_of(run)["ran"]


def test_the_plan_reaches_the_browser_from_the_cache(client):
    graph = by_hand(prompt="from the cache")
    first, again = done(client, graph), done(client, graph)
    assert "editor" not in again.seconds and plan_of(again) == plan_of(first)


def test_the_background_image_is_small(client):
    graph = by_hand(image=["image", 0]) | {"image": node("EmptyImage", width=2000, height=500, batch_size=1, color=255)}
    run = done(client, graph)
    [background] = run.outputs["editor"]["got_background"]
    assert background["type"] == "temp"
    assert client.image(background).size == (1024, 256)
    assert (plan_of(run)["width"], plan_of(run)["height"]) == (2000, 500)
    graph["chain"]["inputs"]["image"] = graph["editor"]["inputs"].pop("image")
    run = done(client, graph)
    assert client.image(run.outputs["editor"]["got_background"][0]).size == (1024, 256)


@pytest.mark.parametrize("text", ["a (1,2),(3,4), a hat (9,0),(5,9)", "a (1,2),(3,4) a (9,9),(99,9)"])
def test_a_malformed_text_is_refused_when_the_run_is_queued(client, text):
    with pytest.raises(ServerError, match="Box 2") as refused:
        client.submit(by_model("never written", edits=saved(CHAIN, text)))
    assert "cannot be drawn" in str(refused.value)


# -------------------------------------------------------------------------------------------------------------- stop


def test_stop_after_the_plan_runs_nothing_below_until_the_plan_is_accepted(client):
    graph = by_hand(prompt="stop", pause="stop after the plan")
    for _ in range(2):  # the second time from the cache
        run = done(client, graph)
        assert plan_of(run)["stopped"] and not run.outputs.get("shown")
    graph["editor"]["inputs"]["edits"] = saved(CHAIN, CHAIN)
    run = done(client, graph)
    assert not plan_of(run)["stopped"] and plain_text(run.text("shown")) == CHAIN


# ------------------------------------------------------------------------------------------------------------- pause


def paused(client, **inputs) -> tuple[str, dict]:
    """Queue a graph that pauses; its prompt, and the pause message for the browser."""
    prompt = client.submit(by_hand(prompt=str(uuid.uuid4()), pause="wait for me", **inputs))
    found = until(lambda: [one for one in client.get("/got/pause")["pauses"] if one["prompt"] == prompt], seconds=60)
    return prompt, found[0]


def answer(client, prompt: str, body, path: str = "editor", **headers) -> tuple[int, dict]:
    """POST to the route that resumes a run; the status and the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"{client.url}/api/got/pause/{prompt}/{path}", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        content = error.read()
        return error.code, json.loads(content) if content else {}


def messages(client, kind: str, prompt: str) -> list[dict]:
    """The messages of a kind about a prompt that the browser got."""
    return [event.data for event in client._events if event.kind == kind and event.data["prompt"] == prompt]


def test_a_paused_run_resumes_with_what_it_is_sent(client):
    prompt, message = paused(client)
    shown = [message[key] for key in ("node", "text", "seconds", "background")]
    assert shown == ["editor", CHAIN, None, []]
    assert answer(client, prompt, {"text": MOVED, "regions": [{"locked": True}, {}]}) == (200, {})
    run = client.wait(prompt)
    assert plain_text(run.text("shown")) == MOVED == plan_of(run)["ran"] and plan_of(run)["text"] == CHAIN
    assert messages(client, "got.pause", prompt) == [message]
    assert messages(client, "got.pause.end", prompt) == [{"prompt": prompt, "node": "editor"}]
    assert client.get("/got/pause") == {"pauses": []}
    assert answer(client, prompt, {"text": MOVED})[0] == 404


def test_a_second_tab_may_answer_when_the_first_is_gone(client, server):
    with Client(server.url, client.features) as first:
        prompt, _ = paused(first)
    assert answer(client, prompt, {"text": CHAIN})[0] == 200
    entry = until(lambda: client.get(f"/history/{prompt}").get(prompt), seconds=20)
    assert entry["status"]["status_str"] == "success"


def test_stop_ends_the_pause(client):
    prompt, _ = paused(client)  # without a limit: nothing else ends it
    client.interrupt()
    assert client.wait(prompt).status == "interrupted"
    assert len(messages(client, "got.pause.end", prompt)) == 1
    assert client.get("/got/pause") == {"pauses": []}
    done(client, by_hand(prompt="after a stop"))


def test_a_time_limit_resumes_with_the_plan(client):
    prompt, message = paused(client, seconds=1)
    assert 0 <= message["seconds"] <= 1
    assert plain_text(client.wait(prompt).text("shown")) == CHAIN
    assert len(messages(client, "got.pause.end", prompt)) == 1


def test_a_plan_that_was_changed_does_not_pause(client):
    run = done(client, by_hand(prompt="changed", pause="wait for me", edits=saved(CHAIN, MOVED)))
    assert plain_text(run.text("shown")) == MOVED


@pytest.mark.parametrize("features", [None, {}, {"supports_preview_metadata": True}, {"got_pause": "yes"}, [1]])
def test_without_a_browser_it_runs_straight_through(server, features):
    """A script has a websocket too, and may send feature flags of its own."""
    with Client(server.url, features) as script:

        def runs_through():
            prompt = script.submit(by_hand(prompt=str(uuid.uuid4()), pause="wait for me", seconds=1))
            assert plain_text(script.wait(prompt).text("shown")) == CHAIN
            return not messages(script, "got.pause", prompt)

        until(runs_through, seconds=20)  # sockets of tests before may still be closing


def test_the_routes_refuse_what_is_not_meant_for_them(client):
    prompt, _ = paused(client)
    with contextlib.ExitStack() as stack:
        stack.callback(client.interrupt)
        text = {"text": CHAIN}
        assert answer(client, prompt, text, Origin="http://elsewhere.example")[0] == 403
        assert answer(client, prompt, text, **{"Sec-Fetch-Site": "same-site"})[0] == 403
        assert answer(client, prompt, text, "other")[0] == 404
        assert answer(client, "other", text)[0] == 404
        assert answer(client, prompt, {"text": "a" * 300_000})[0] == 413
        for body in (b"", b"{", b"\xff", b"[]", b'{"text": 1}', b'{"text": "", "regions": [1]}'):
            assert answer(client, prompt, body)[0] == 400, body
        status, reply = answer(client, prompt, {"text": "a (1,2),(3,4), b (9,0),(5,9)"})
        assert status == 400 and "Box 2" in reply["error"]
        assert answer(client, prompt, text, Origin=client.url)[0] == 200
        stack.pop_all()
    assert client.wait(prompt).status == "success"


# ------------------------------------------------------------------------------------------------ live, and rewriting


def test_the_chain_is_sent_while_it_is_written(client):
    prompt = client.submit(by_model("a chain to be watched"))
    run = client.wait(prompt)
    texts = written(client)
    assert {(data["prompt"], data["node"]) for data in texts} == {(prompt, "chain")}
    assert len(texts) > 1 and texts[-1]["text"] == plan_of(run)["text"]


def written(client) -> list[dict]:
    """The messages to the browser about a chain that is being written."""
    return [event.data for event in client._events if event.kind == "got.chain"]


def test_only_the_browser_that_queued_gets_what_is_written(client, server):
    """Another one gets no message about the end of the run, and would show the unfinished chain for good."""
    with Client(server.url, client.features) as other:
        client.wait(client.submit(by_model("a chain for one browser")))
        assert written(client)
        done(other, by_hand(prompt="something to hear of"))
        assert not written(other)


def test_stop_leaves_what_was_written_in_the_browser(client):
    graph = by_model("a chain to be stopped")
    graph["chain"]["inputs"] |= {"max_length": 8192, "sampling_mode": "on", "sampling_mode.seed": 3}
    graph["chain"]["inputs"] |= {"sampling_mode.temperature": 2.0, "sampling_mode.top_k": 0}
    graph["chain"]["inputs"] |= {"sampling_mode.top_p": 1.0, "sampling_mode.min_p": 0.0}
    prompt = client.submit(graph)
    client.wait_for(prompt, "progress", node="chain")
    client.interrupt()
    assert client.wait(prompt).status == "interrupted"
    assert written(client)[-1]["text"]


def test_locked_regions_stay_when_the_model_writes_again(client):
    graph = by_hand(edits=saved(CHAIN, MOVED, regions=[{"locked": True}, {}]))
    again = writing("a red circle above a green star", max_length=40)
    again["chain"]["inputs"]["earlier"] = ["editor", 0]
    run = done(client, graph | {"loader": again["loader"], "again": again["chain"]} | {
        "text": node("PreviewAny", source=["again", 1])})  # fmt: skip
    rewritten = read_chain(run.text("text"))
    assert plain_text(rewritten.text).startswith("A red circle (125,600),(375,850) (red)")
    assert rewritten.regions[0] == read_chain(MOVED).regions[0]


@pytest.mark.parametrize("locked", [True, False])
def test_a_wish_writes_a_plan_again_and_what_is_locked_stays(client, locked):
    graph = by_hand(edits=saved(CHAIN, MOVED, regions=[{"locked": locked}, {}]))
    again = writing(PROMPT, max_length=60)
    again["chain"]["inputs"] |= {"earlier": ["editor", 0], "wish": "make the square green"}
    inputs = {"prompt": "", "task": "edit", "language": "en", "form": "text", "regions": 0, "width": 512, "height": 512}
    request = node("GoTPlanRequest", **inputs, earlier=["editor", 0], wish="make the square green")
    shown = {"text": node("PreviewAny", source=["again", 1]), "asked": node("PreviewAny", source=["request", 0])}
    run = done(client, graph | shown | {"loader": again["loader"], "again": again["chain"], "request": request})
    rewritten = read_chain(run.text("text"))
    assert rewritten.regions and (not locked or rewritten.regions[0] == read_chain(MOVED).regions[0])
    assert f"The plan so far:\n{MOVED}" in run.text("asked") and "make the square green" in run.text("asked")
    assert ("word for word" in run.text("asked")) == locked


def test_writing_again_without_a_lock_is_explained(client):
    again = writing("a red circle")
    again["chain"]["inputs"]["earlier"] = ["editor", 0]
    run = client.run(by_hand() | {"loader": again["loader"], "again": again["chain"]} | {
        "text": node("PreviewAny", source=["again", 1])})  # fmt: skip
    assert run.status == "error" and "Lock at least one region in its GoT Chain Editor" in run.message


# -------------------------------------------------------------------------------------------------------- from boxes


def test_boxes_and_labels_lead_back_to_the_chain(client):
    boxes = node("GoTChainToBoxes", chain=["chain", 0], width=1000, height=1000)
    back = node("GoTChainFromBoxes", bboxes=["boxes", 0], labels=["boxes", 1], prompt=PROMPT, width=1000, height=1000)
    graph = {"chain": node("GoTChainFromText", text=CHAIN, prompt=PROMPT), "boxes": boxes, "back": back}
    text = done(client, graph | {"text": node("PreviewAny", source=["back", 1])}).text("text")
    found = [(region.phrase.lower(), region.box, region.color) for region in read_chain(text).regions]
    assert found == [(region.phrase.lower(), region.box, region.color) for region in read_chain(CHAIN).regions]


def test_the_editors_boxes_are_those_that_were_edited(client):
    graph = by_hand(edits=saved(CHAIN, MOVED)) | {"boxes": node("PreviewAny", source=["editor", 2])}
    assert '"y": 614' in done(client, graph).text("boxes")
