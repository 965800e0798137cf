"""A model on disk: one folder with `got.json`, the reasoner as a transformers folder, and three safetensors files.

    got.json                the model's name, sizes, and default settings for each task
    reasoner/               Qwen2.5-VL as transformers writes it, safetensors, with its tokenizer and image processor
    projectors.safetensors  context.{weight,bias} and pooled.{weight,bias}: hidden states -> the UNet's conditions
    unet.safetensors        the 12-channel UNet, diffusers' key names
    vae.safetensors         the autoencoder, diffusers' key names

No tensors, no ComfyUI.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..chain.grammar import EDIT, TEXT_TO_IMAGE
from ..errors import GoTError

FORMAT = 1
MANIFEST = "got.json"
REASONER, PROJECTORS, UNET, VAE = "reasoner", "projectors.safetensors", "unet.safetensors", "vae.safetensors"
PATCH = 28  # pixels of an image token of Qwen2.5-VL, each way
TINY = Path(__file__).parent.parent / "tiny"  # the bundled GoT-Tiny


class FolderError(GoTError):
    """A folder is not a GoT model, or is incomplete."""


@dataclass(frozen=True)
class Defaults:
    """A task's default settings. text, spatial, reference: guidance strengths. width, height: pixels."""

    text: float
    spatial: float
    reference: float
    steps: int
    width: int
    height: int


# Source: arXiv 2503.10639 section 5 and the released inference code.
PUBLISHED_DEFAULTS = {
    TEXT_TO_IMAGE: Defaults(text=7.5, spatial=4.0, reference=1.0, steps=50, width=1024, height=1024),
    EDIT: Defaults(text=4.0, spatial=3.0, reference=1.5, steps=50, width=1024, height=1024),
}


@dataclass(frozen=True)
class World:
    """What a small model knows. things: such as "circles and stars". words: those of its training, between spaces."""

    things: str
    words: str

    def unknown(self, prompt: str) -> list[str]:
        """The words of a prompt that the model has never met, in their order, each once, in small letters."""
        known = set(self.words.split())
        found = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", prompt.lower().replace("\u2019", "'"))
        return [word for word in dict.fromkeys(found) if word not in known]


@dataclass(frozen=True)
class Manifest:
    """The contents of got.json.

    image_tokens: number of `<|im_gen_NNNN|>` tokens, whose hidden states guide the UNet (64 in all published models). 0
    for a plain language model, which only plans and has no got.json.
    reasoner_image_size: (width, height) in pixels to which a source image is resized for the language model.
    world: of a model that knows few words; None for all others.
    """

    name: str
    image_tokens: int
    reasoner_image_size: tuple[int, int]
    defaults: dict[str, Defaults]
    world: World | None = None


def published_manifest(name: str) -> Manifest:
    """The manifest of a model with the published sizes and strengths."""
    return Manifest(name, image_tokens=64, reasoner_image_size=(448, 448), defaults=PUBLISHED_DEFAULTS)


def read_manifest(folder: Path) -> Manifest:
    """Read got.json and check that the folder is complete. FolderError names what is missing or wrong."""
    missing = [
        name for name in (MANIFEST, f"{REASONER}/config.json", PROJECTORS, UNET, VAE) if not (folder / name).is_file()
    ]
    if missing:
        raise FolderError(
            f"'{folder.name}' is not a complete GoT model: it has no {', no '.join(missing)}. "
            f"Make one from the released checkpoint with `python dev.py convert`, and put its folder into models/got."
        )
    try:
        return _manifest(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise FolderError(
            f"'{folder.name}/{MANIFEST}' cannot be read: {error!r:.200}. Convert the model again."
        ) from error


def write_manifest(folder: Path, manifest: Manifest, sources: Mapping[str, str] | None = None) -> None:
    """Write got.json. Inverse of `read_manifest`. sources: SHA-256 of the files it was made of; kept, but not read."""
    content = {name: value for name, value in asdict(manifest).items() if value is not None}
    content = {"format": FORMAT, **content} | ({"sources": {**sources}} if sources else {})
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _manifest(content: dict) -> Manifest:
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']}, this pack reads {FORMAT}; update the pack")
    width, height = (number_between(side, *_SIDE) for side in content["reasoner_image_size"])
    if width % PATCH or height % PATCH:
        raise ValueError(f"its reasoner_image_size {width}x{height} is not in multiples of {PATCH}")
    defaults = {task: Defaults(**content["defaults"][task]) for task in (TEXT_TO_IMAGE, EDIT)}
    for values in defaults.values():
        for name, value in vars(values).items():
            number_between(value, *_RANGES[name])
    tokens, world = number_between(content["image_tokens"], 1, 64), content.get("world")
    if world is not None:
        world = World(things=_text(world["things"]), words=_text(world["words"]))
    return Manifest(str(content["name"]), tokens, (width, height), defaults, world)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is not a text")
    return value


_STRENGTH, _SIDE = (0.0, 100.0), (8, 8192)
_RANGES = {"text": _STRENGTH, "spatial": _STRENGTH, "reference": _STRENGTH, "steps": (1, 1000)}
_RANGES |= {"width": _SIDE, "height": _SIDE}


def number_between(value: Any, least: float, most: float) -> float:
    """The value. ValueError unless it is a number from `least` to `most`, and an integer if those are."""
    if type(value) in (int, type(least)) and least <= value <= most:
        return value
    raise ValueError(f"{value!r:.40} is not a number from {least} to {most}")
