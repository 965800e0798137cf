"""The graphs that are run: the example workflows, with a case's words, picture and seed in them.

Graphs are prompts in API format; every one has a PreviewAny that shows its chain and a SaveImage.
"""

from pathlib import Path
from typing import NamedTuple

from ..got_models.chain.grammar import EDIT, TEXT_TO_IMAGE
from ..got_models.files.manifest import Manifest, read_manifest
from ..tools.demo import example, fill, node_of

LOADER = "loader"  # the node that all graphs share when they are run as one


class Model(NamedTuple):
    """name: as GoT Loader lists it. steps: of the sampler; None for the model's own."""

    name: str
    manifest: Manifest
    steps: int | None

    @classmethod
    def of(cls, folder: Path, name: str, steps: int | None) -> "Model":
        """A model folder under the name by which the server knows it. FolderError if it is not one."""
        return cls(name, read_manifest(folder), steps)

    def settings(self, task: str, seed: int) -> dict:
        steps = self.steps or self.manifest.defaults[task].steps
        return {"model_name": self.name, "seed": seed, "steps": steps}


def planning(model: Model, prompt: str, seed: int) -> dict:
    """From a prompt to a picture, the plan written by the model."""
    return _filled("text_to_image", {**model.settings(TEXT_TO_IMAGE, seed), "prompt": prompt})


def drawing(model: Model, prompt: str, seed: int, chain: str, spatial: float | None = None) -> dict:
    """From a prompt and a given chain to a picture. spatial: a strength of the boxes other than the model's own."""
    graph = planning(model, prompt, seed)
    graph[node_of(graph, "ReasoningChain")] = {
        "class_type": "GoTChainFromText",
        "inputs": {"text": chain, "prompt": prompt},
    }
    if spatial is not None:
        usual = model.manifest.defaults[TEXT_TO_IMAGE]
        strengths = {"text": usual.text, "spatial": spatial, "reference": usual.reference}
        graph[node_of(graph, "GoTSampler")]["inputs"] |= {
            "strengths": "custom",
            **{f"strengths.{name}_strength": value for name, value in strengths.items()},
        }
    return graph


def editing(model: Model, image: str, instruction: str, seed: int) -> dict:
    """From a picture in the server's input folder and an instruction to the edited picture."""
    settings = {**model.settings(EDIT, seed), "image": image, "instruction": instruction}
    return _filled("edit_your_picture", settings)


def editing_again(model: Model, images: tuple[str, str], instructions: tuple[str, str], chain: str, seed: int) -> dict:
    """The second turn of an edit. images: the first turn's source and result; chain: the first turn's."""
    graph = editing(model, images[1], instructions[1], seed)
    graph["first source"] = {"class_type": "LoadImage", "inputs": {"image": images[0]}}
    graph["first chain"] = {
        "class_type": "GoTChainFromText",
        "inputs": {"text": chain, "prompt": instructions[0], "image": ["first source", 0]},
    }
    graph[node_of(graph, "EditChain")]["inputs"]["earlier"] = ["first chain", 0]
    return graph


def joined(graphs: dict[str, dict]) -> dict:
    """Several graphs as one that loads the model once. The nodes of each are named `name/id`."""
    whole = {}
    for name, graph in graphs.items():
        loader = node_of(graph, "GoTLoader")
        new = {key: LOADER if key == loader else f"{name}/{key}" for key in graph}
        for key, node in graph.items():
            inputs = {title: _rewired(value, new) for title, value in node["inputs"].items()}
            whole[new[key]] = {"class_type": node["class_type"], "inputs": inputs}
    return whole


def _rewired(value, new: dict[str, str]):
    return [new[value[0]], value[1]] if isinstance(value, list) else value


def _filled(kind: str, settings: dict) -> dict:
    """An example's graph with its inputs set, without the picture of the plan."""
    graph, _ = example(kind)
    del graph[node_of(graph, "GoTChainPreview")]
    return fill(graph, settings)
