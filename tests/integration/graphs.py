"""For the server tests: short graphs in API format, the images that a run made, Stop, and freeing the memory."""

import time

import numpy as np
from got.tools.graphs import node

CHAIN = (
    "A red circle <|box_start|>(125,350),(375,600)<|box_end|> (red) is left of "
    "a blue square <|box_start|>(550,400),(800,650)<|box_end|> (blue)."
)
PROMPT = "a red circle left of a blue square"


def drawing(chain: str = CHAIN, **sampling) -> dict:
    """From a chain to a saved image, in few steps. sampling: inputs of the sampler that differ."""
    return {
        "loader": node("GoTLoader", model_name="GoT-Tiny (bundled)"),
        "chain": node("GoTChainFromText", text=chain, prompt=PROMPT),
        "guidance": node(
            "SemanticSpatialGuidance", reasoner=["loader", 0], chain=["chain", 0], vae=["loader", 2], size="automatic"
        ),
        "sampler": node(
            "GoTSampler",
            **{
                "model": ["loader", 1],
                "guidance": ["guidance", 0],
                "seed": 0,
                "steps": 3,
                "sampler_name": "euler",
                "scheduler": "got",
                "strengths": "automatic",
                "denoise": 1.0,
                "batch_size": 1,
                **sampling,
            },
        ),
        "decode": node("VAEDecode", samples=["sampler", 0], vae=["loader", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="test"),
    }


def writing(prompt: str = PROMPT, max_length: int = 64, **sampling) -> dict:
    """A chain by the reasoner, shown as text. sampling: inputs of the sampling mode that differ."""
    settings = {"sampling_mode": "off", "sampling_mode.repetition_penalty": 1.05, **sampling}
    return {
        "loader": node("GoTLoader", model_name="GoT-Tiny (bundled)"),
        "chain": node(
            "ReasoningChain",
            reasoner=["loader", 0],
            prompt=prompt,
            max_length=max_length,
            constrain=True,
            **settings,
        ),
        "text": node("PreviewAny", source=["chain", 1]),
    }


def pixels(client, image: dict) -> np.ndarray:
    """An image that a run made, (height, width, 3) whole numbers in 0..255."""
    return np.asarray(client.image(image).convert("RGB")).astype(int)


def images(client, graph: dict, saved: str = "save") -> np.ndarray:
    """Run a graph and fetch its images, (n, height, width, 3)."""
    run = client.run(graph)
    assert run.status == "success", run.message
    return np.stack([pixels(client, image) for image in run.images(saved)])


def freed(client) -> dict[str, list[str]]:
    """Free the server's memory, and return the networks that it still holds after at most 30 s."""
    client.free()
    end = time.monotonic() + 30
    while True:
        held = client.get("/got_probe/memory")
        networks = {"loaded": held["loaded"], "alive": held["alive"]}
        if not any(networks.values()) or time.monotonic() > end:
            return networks
        time.sleep(0.2)


def assert_stops(client, prompt: str):
    """Stop ends a running prompt with less than a tenth of its work done."""
    client.interrupt()
    events = list(client.follow(prompt))
    done = [event.data["value"] / event.data["max"] for event in events if event.kind == "progress"]
    assert events[-1].kind == "execution_interrupted" and done[-1] < 0.1
