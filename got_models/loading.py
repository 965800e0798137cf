"""From a model folder to a reasoner, on the CPU. Nothing in the folder is executed: safetensors and JSON only."""

from pathlib import Path

import torch
from torch import nn
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessor,
)

from .folder import PROJECTORS, REASONER, FolderError, read_manifest
from .reasoner import Reasoner, ReasonerNetwork
from .weights import WeightsError, load_tensors


def load_reasoner(folder: Path, dtype: torch.dtype) -> Reasoner:
    """The reasoner of a model folder, its weights in `dtype`.

    Raises FolderError or WeightsError, with the remedy, if the folder is not whole or its files are not what they
    should be.
    """
    manifest = read_manifest(folder)
    source = folder / REASONER
    tensors, projectors = load_tensors(source), load_tensors(folder / PROJECTORS)
    try:
        config = Qwen2_5_VLConfig.from_pretrained(source, local_files_only=True)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(source, local_files_only=True)
        image_processor = Qwen2VLImageProcessor.from_pretrained(source, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise FolderError(
            f"'{folder.name}/{REASONER}' is not a Qwen2.5-VL folder as transformers writes it: {error}. "
            f"Convert the model again."
        ) from error
    language_model = _language_model(config, tensors, dtype, source)
    network = ReasonerNetwork(
        language_model, *(_linear(projectors, name, dtype, folder) for name in ("context", "pooled"))
    )
    return Reasoner(network.eval(), tokenizer, image_processor, manifest)


def _language_model(config: Qwen2_5_VLConfig, tensors: dict, dtype: torch.dtype, source: Path) -> nn.Module:
    """transformers' own class, filled. It renames published keys itself, in every release since 4.50."""
    model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        torch_dtype=dtype,
        attn_implementation="sdpa",
        output_loading_info=True,
    )
    wrong = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
    if wrong:
        raise WeightsError(
            f"The weights in {source} do not fit its config.json: {len(wrong)} of them are missing, unknown or of "
            f"another size, such as {wrong[0]}. Convert the model again."
        )
    return model


def _linear(tensors: dict, name: str, dtype: torch.dtype, folder: Path) -> nn.Linear:
    try:
        weight, bias = tensors[f"{name}.weight"].to(dtype), tensors[f"{name}.bias"].to(dtype)
    except KeyError as error:
        raise WeightsError(f"'{folder.name}/{PROJECTORS}' has no {error}. Convert the model again.") from error
    linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype)
    linear.weight, linear.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return linear
