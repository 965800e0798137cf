"""From a GoT model's folder, or a plain Qwen2.5-VL, to a reasoner, on the CPU.

Nothing in a folder is executed: safetensors and JSON only.

Weights are memory-mapped: a tensor that keeps its dtype is never copied, and takes memory when it is read.
transformers is imported when a reasoner is loaded, for its import takes seconds.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..files.fp8 import Fp8Linear, fixed, quantized_layers, scaled_layers
from ..files.manifest import (
    PROJECTORS,
    PUBLISHED_DEFAULTS,
    REASONER,
    FolderError,
    Manifest,
    number_between,
    read_manifest,
)
from ..files.planner import read_object, read_planner
from ..files.weights import WeightsError, load_tensors, published_key, stored_dtype
from .dialects import GotDialect, PlannerDialect
from .reasoner import Reasoner, ReasonerNetwork
from .tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import Qwen2_5_VLConfig, Qwen2VLImageProcessor

PREPROCESSOR = "preprocessor_config.json"
_STATISTICS, _COLORS = ("image_mean", "image_std"), (0.0, 10.0)  # of the colors of images in 0..1
_PATCHES = {"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}


def load_reasoner(
    folder: Path, dtype: torch.dtype, as_stored: bool = False, check: Callable[[], None] = lambda: None
) -> Reasoner:
    """The reasoner of a model folder, to run in `dtype`.

    as_stored: large weights, those of linear layers and embeddings, keep the dtype of the file. The caller must then
    cast them at run time. fp8 weights always keep theirs. check: called before each tensor that is read or cast; it may
    raise to stop.

    Raises FolderError or WeightsError, with the remedy, if a file is missing or is not what it should be.
    """
    from transformers import Qwen2_5_VLConfig

    manifest = read_manifest(folder)
    source = folder / REASONER
    content = read_planner(source)
    tokenizer = load_tokenizer(source, f"{folder.name}/{REASONER}", GotDialect.remedy)
    tensors, projectors = load_tensors(source, check), load_tensors(folder / PROJECTORS, check)
    config = Qwen2_5_VLConfig.from_dict(content)
    language_model = _language_model(config, tensors, quantized_layers(source), source)
    width = content["hidden_size"]
    linears = (_linear(projectors, name, width, folder) for name in ("context", "pooled"))
    network = ReasonerNetwork(language_model, *linears)
    cast(network, dtype, as_stored, check)
    return Reasoner(network.eval(), tokenizer, _image_processor(source), manifest)


def load_planner(
    path: Path,
    dtype: torch.dtype,
    as_stored: bool = False,
    check: Callable[[], None] = lambda: None,
    tokenizer_folder: Path | None = None,
) -> Reasoner:
    """A plain Qwen2.5-VL as a reasoner that only plans. path: a folder as Hugging Face has it, or a single file.

    tokenizer_folder: where the tokenizer's files are, if they are not in the model's folder. Otherwise as
    `load_reasoner`.
    """
    content, folder = read_planner(path), tokenizer_folder or path
    from transformers import Qwen2_5_VLConfig, Qwen2VLImageProcessor

    config = Qwen2_5_VLConfig.from_dict(content)
    tokenizer = load_tokenizer(folder, folder.name, PlannerDialect.remedy)
    try:
        tensors = load_tensors(path, check)
        language_model = _language_model(config, tensors, scaled_layers(tensors), path)
    except WeightsError as error:
        raise WeightsError(str(error).replace("Convert the model again.", PlannerDialect.remedy)) from error
    network = ReasonerNetwork(language_model)
    cast(network, dtype, as_stored, check)
    manifest = Manifest(path.name, image_tokens=0, reasoner_image_size=(0, 0), defaults=PUBLISHED_DEFAULTS)
    return Reasoner(network.eval(), tokenizer, Qwen2VLImageProcessor(), manifest, PlannerDialect())


def _image_processor(folder: Path) -> "Qwen2VLImageProcessor":
    """transformers' image processor with the mean and deviation of a folder's file, and Qwen2.5-VL's patches."""
    from transformers import Qwen2VLImageProcessor

    content = read_object(folder / PREPROCESSOR)
    try:
        mean, deviation = (
            [number_between(float(part), *_COLORS) for part in content[name][:4]] for name in _STATISTICS
        )
        patches = tuple(content.get(name, patch) for name, patch in _PATCHES.items())
        if len(mean) != 3 or len(deviation) != 3 or min(deviation) <= 0 or patches != tuple(_PATCHES.values()):
            raise ValueError(f"three numbers for each, deviations above 0, and {_PATCHES} are expected")
    except (KeyError, TypeError, ValueError) as error:
        raise FolderError(
            f"'{folder.parent.name}/{REASONER}/{PREPROCESSOR}' does not fit Qwen2.5-VL: {error!r:.200}. "
            f"Convert the model again."
        ) from error
    return Qwen2VLImageProcessor(image_mean=mean, image_std=deviation, **_PATCHES)


def _language_model(
    config: "Qwen2_5_VLConfig", tensors: dict[str, Tensor], fp8: Iterable[str], source: Path
) -> nn.Module:
    """transformers' own class with the weights of the files, in their dtype. fp8: the layers with an fp8 matrix."""
    layers = _take_layers(tensors, fp8, source)
    for name, (weight, _) in layers.items():  # a view of one number: no memory of that size is used
        tensors[f"{name}.weight"] = torch.zeros((), dtype=torch.bfloat16).expand(weight.shape)
    model = _with_weights(config, tensors, source)
    paths = {published_key(path): path for path, _ in model.named_modules()}
    for name, (weight, scale) in layers.items():
        path = paths[published_key(name)]
        parent, _, attribute = path.rpartition(".")
        bias = model.get_submodule(path).bias
        setattr(model.get_submodule(parent), attribute, Fp8Linear(weight, scale, bias))
    return model


def _take_layers(tensors: dict[str, Tensor], names: Iterable[str], source: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Take the fp8 layers out of the tensors: name of a layer -> its weight and scale."""
    try:
        return {name: (tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.weight_scale")) for name in names}
    except KeyError as error:
        raise WeightsError(f"{source} is incomplete: it has no {error}. Convert the model again.") from error


def _with_weights(config: "Qwen2_5_VLConfig", tensors: dict[str, Tensor], source: Path) -> nn.Module:
    """transformers' class with these tensors. Every release since 4.50 renames published keys itself."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    try:
        model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            torch_dtype=stored_dtype(tensors.values()),
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except Exception as error:  # the files may be a stranger's, and the library raises any kind
        raise WeightsError(
            f"The weights in {source} and its config.json do not make a language model: {error!s:.300}. "
            f"Convert the model again."
        ) from error
    wrong = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
    if wrong:
        raise WeightsError(
            f"The weights in {source} do not match its config.json: {len(wrong)} of them are missing, unknown or of "
            f"another size, such as {wrong[0]}. Convert the model again."
        )
    return model


def _linear(tensors: dict[str, Tensor], name: str, width: int, folder: Path) -> nn.Linear:
    """A projector from hidden states of `width` numbers. WeightsError if it is missing or of another shape."""
    try:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    except KeyError as error:
        raise WeightsError(f"'{folder.name}/{PROJECTORS}' has no {error}. Convert the model again.") from error
    if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1]:
        raise WeightsError(
            f"'{folder.name}/{PROJECTORS}' does not fit the reasoner: {name} has a weight of shape "
            f"{tuple(weight.shape)} and a bias of shape {tuple(bias.shape)}. Expected are a matrix of {width} columns, "
            f"and a bias with one number for each row. Convert the model again."
        )
    linear = nn.Linear(width, len(weight), device="meta")
    linear.weight, linear.bias = fixed(weight), fixed(bias)
    return linear


def cast(network: ReasonerNetwork, dtype: torch.dtype, as_stored: bool, check: Callable[[], None]) -> None:
    """Cast the parameters to `dtype`, one after the other. A parameter that has it already is not copied.

    The small projectors are always cast, for they run outside the language model.
    """
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if name == "bias" or not _keeps_dtype(module, network, as_stored):
                check()
                setattr(module, name, fixed(parameter.to(dtype)))


def _keeps_dtype(module: nn.Module, network: ReasonerNetwork, as_stored: bool) -> bool:
    large = isinstance(module, (nn.Linear, nn.Embedding)) and module not in (network.context, network.pooled)
    return isinstance(module, Fp8Linear) or (as_stored and large)
