"""The graphs that are run: the example workflows with a case's words, image and seed.

Graphs are prompts in API format. Every one has a PreviewAny that shows its chain, and a SaveImage.
"""

from pathlib import Path
from typing import NamedTuple

from ..got_models.chain.grammar import EDIT, TEXT_TO_IMAGE
from ..got_models.files.manifest import Manifest, read_manifest
from ..tools.graphs import edit_of_a_file, example, fill, node, node_of, with_text, without

LOADER = "loader"  # the node that graphs share when they run as one


class Model(NamedTuple):
    """name: as GoT Loader lists it. steps: of the sampler; None for the model's own. folder: where it is."""

    name: str
    manifest: Manifest
    steps: int | None
    folder: Path

    @classmethod
    def of(cls, folder: Path, name: str, steps: int | None) -> "Model":
        """A model folder and its name on the server. FolderError if it is not a model folder."""
        return cls(name, read_manifest(folder), steps, folder)

    def settings(self, task: str, seed: int) -> dict:
        steps = self.steps or self.manifest.defaults[task].steps
        return {"model_name": self.name, "seed": seed, "steps": steps}


def planning(model: Model, prompt: str, seed: int) -> dict:
    """From a prompt to an image; the model writes the plan."""
    return fill(plain(example("text_to_image")), {**model.settings(TEXT_TO_IMAGE, seed), "prompt": prompt})


def drawing(model: Model, prompt: str, seed: int, chain: str, spatial: float | None = None) -> dict:
    """From a prompt and a given chain to an image. spatial: the strength of the boxes; None: the model's own."""
    graph = planning(model, prompt, seed)
    graph[node_of(graph, "ReasoningChain")] = node("GoTChainFromText", text=chain, prompt=prompt)
    if spatial is not None:
        usual = model.manifest.defaults[TEXT_TO_IMAGE]
        strengths = {"text": usual.text, "spatial": spatial, "reference": usual.reference}
        graph[node_of(graph, "GoTSampler")]["inputs"] |= {
            "strengths": "custom",
            **{f"strengths.{name}_strength": value for name, value in strengths.items()},
        }
    return graph


def editing(model: Model, image: str, instruction: str, seed: int) -> dict:
    """From an image in the server's input folder and an instruction to the edited image."""
    settings = {**model.settings(EDIT, seed), "image": image, "instruction": instruction}
    return fill(plain(edit_of_a_file()), settings)


def editing_again(model: Model, images: tuple[str, str], instructions: tuple[str, str], chain: str, seed: int) -> dict:
    """The second turn of an edit. images: the first turn's source and result; chain: the first turn's."""
    graph = editing(model, images[1], instructions[1], seed)
    graph["first source"] = node("LoadImage", image=images[0])
    graph["first chain"] = node("GoTChainFromText", text=chain, prompt=instructions[0], image=["first source", 0])
    graph[node_of(graph, "EditChain")]["inputs"]["earlier"] = ["first chain", 0]
    return graph


def joined(graphs: dict[str, dict]) -> dict:
    """Several graphs as one that loads the model once. The ids of its nodes are `name/id`."""
    whole = {}
    for name, graph in graphs.items():
        loader = node_of(graph, "GoTLoader")
        new = {key: LOADER if key == loader else f"{name}/{key}" for key in graph}
        for key, entry in graph.items():
            inputs = {title: _rewired(value, new) for title, value in entry["inputs"].items()}
            whole[new[key]] = node(entry["class_type"], **inputs)
    return whole


def _rewired(value, new: dict[str, str]):
    return [new[value[0]], value[1]] if isinstance(value, list) else value


def plain(graph: dict) -> dict:
    """An example's graph without what is for people's eyes, and with the plan's text."""
    return with_text(without(without(graph, "GoTChainPreview"), "GoTChainEditor"))
