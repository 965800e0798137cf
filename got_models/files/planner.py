"""A plain Qwen2.5-VL on disk, checked before anything is loaded. JSON and headers of safetensors only.

    a folder   as Hugging Face has it: config.json, model.safetensors or shards with an index, and tokenizer.json, or
               vocab.json and merges.txt
    a file     a single .safetensors with the vision tower, as ComfyUI's text encoders are

The reasoner in a GoT model's folder is checked in the same way.

Of config.json only the sizes are used, each within bounds and as the weights have them. A file has none: its sizes
follow from its tensors' shapes, and what shapes do not say is what Qwen2.5-VL-3B and 7B have in common.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .manifest import MANIFEST, FolderError, number_between
from .weights import INDEX, TensorInfo, published_key, read_header, weight_files

CONFIG, TOKENIZER, MERGES = "config.json", "tokenizer.json", ("vocab.json", "merges.txt")
KIND = "qwen2_5_vl"  # the model_type of Qwen2.5-VL in config.json
_MOST_BYTES = 1_000_000  # of config.json; the published one has 1,400
_LANGUAGE = {
    **{"hidden_size": (8, 16_384), "intermediate_size": (8, 65_536), "num_hidden_layers": (1, 128)},
    **{"num_attention_heads": (1, 128), "num_key_value_heads": (1, 128), "vocab_size": (1, 500_000)},
    "rms_norm_eps": (0.0, 0.1),
}
_VISION = {
    **{"depth": (1, 128), "hidden_size": (8, 16_384), "intermediate_size": (8, 65_536), "num_heads": (1, 128)},
    **{"out_hidden_size": (8, 16_384), "patch_size": (14, 14), "spatial_merge_size": (2, 2)},
    **{"temporal_patch_size": (2, 2), "window_size": (28, 896)},
}
_TOKENS = ("image_token_id", "video_token_id", "vision_start_token_id")  # for training; may be missing
_SECTIONS, _THETA, _HEAD, _WHOLE_BLOCKS = [16, 24, 24], 1_000_000.0, 128, [7, 15, 23, 31]  # of 3B and 7B
_TIED = 2048  # the hidden size of 3B, which has no output layer of its own
_DTYPES = ("BF16", "F16", "F32", "F8_E4M3")
_SCALES, _MARKS = (".scale_weight", ".weight_scale", ".weight_scale_2"), (".comfy_quant", "scaled_fp8")
_GET = "Get the whole folder of Qwen2.5-VL-3B-Instruct or Qwen2.5-VL-7B-Instruct, as safetensors, into models/LLM."


def is_listed(folder: Path) -> bool:
    """Whether a folder looks like a Qwen model that sees images, of any release. `read_planner` says if it can be used.

    The reasoner in a GoT model's folder does not count: GoT Loader loads it.
    """
    if (folder.parent / MANIFEST).is_file():
        return False
    try:
        return re.fullmatch(r"qwen\w*vl\w*", str(read_object(folder / CONFIG).get("model_type"))) is not None
    except FolderError:
        return False


def read_planner(path: Path) -> dict[str, Any]:
    """The config of a folder or file, or of a GoT model's reasoner, as `Qwen2_5_VLConfig.from_dict` takes it.

    FolderError or WeightsError says in a sentence what is missing or is another model.
    """
    if path.is_dir():
        config = _config_of_folder(path)
        _check_files(path)
    header = {published_key(name): info for file in weight_files(path) for name, info in read_header(file).items()}
    try:
        config = config if path.is_dir() else _config_of_shapes(header)
        _check_tensors(config, header)
        _check_sizes(config, header, path)
    except (KeyError, IndexError) as error:
        what = f"tensor {error}" if isinstance(error, KeyError) else "matrix where one belongs"
        raise FolderError(
            f"'{_name(path)}' has no {what}, so it is not a whole Qwen2.5-VL with its vision tower and lm_head. "
            f"Such files without them are text encoders for image models. {_remedy(path)}"
        ) from error
    config["vocab_size"] = header["model.embed_tokens.weight"].shape[0]  # may have spare rows
    return config


def _is_reasoner(path: Path) -> bool:
    """Whether a folder, or a file in it, is the reasoner of a GoT model."""
    return any((folder / MANIFEST).is_file() for folder in (path.parent, path.parent.parent))


def _remedy(path: Path) -> str:
    return "Convert the model again." if _is_reasoner(path) else _GET


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}" if _is_reasoner(path) else path.name


def read_object(path: Path) -> dict:
    """The JSON object in a file of at most a megabyte. FolderError for anything else."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES // 1000} kB")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FolderError(
            f"'{path.parent.name}/{path.name}' cannot be read: {error!s:.200}. {_remedy(path)}"
        ) from error
    if not isinstance(content, dict):
        raise FolderError(f"'{path.parent.name}/{path.name}' is not a JSON object. {_remedy(path)}")
    return content


def _config_of_folder(folder: Path) -> dict[str, Any]:
    content = read_object(folder / CONFIG)
    kind, quantized = content.get("model_type"), content.get("quantization_config")
    if kind != KIND:
        raise FolderError(
            f"'{_name(folder)}' is a model of type '{kind!s:.40}', but Qwen2.5-VL is needed. {_remedy(folder)}"
        )
    if quantized:
        method = quantized.get("quant_method") if isinstance(quantized, dict) else quantized
        raise FolderError(
            f"'{_name(folder)}' is quantized by '{method!s:.40}', which is not read here. Use a model in bfloat16 that "
            f"is not quantized: Qwen2.5-VL-3B-Instruct takes 7.5 GB. {_remedy(folder)}"
        )
    try:
        return checked_config({**content, **(content.get("text_config") or {})}, content["vision_config"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FolderError(
            f"'{_name(folder)}/{CONFIG}' does not describe a Qwen2.5-VL: {error!r:.200}. {_remedy(folder)}"
        ) from error


def checked_config(language: Mapping[str, Any], vision: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that are used, each within its bounds. ValueError, KeyError or TypeError for anything else."""
    config: dict[str, Any] = {name: number_between(language[name], *_LANGUAGE[name]) for name in _LANGUAGE}
    eyes: dict[str, Any] = {name: number_between(vision[name], *_VISION[name]) for name in _VISION}
    eyes["fullatt_block_indexes"] = [number_between(index, 0, 127) for index in vision["fullatt_block_indexes"][:128]]
    rope = language.get("rope_scaling") or language["rope_parameters"]
    sections = [number_between(part, 1, 512) for part in rope["mrope_section"][:4]]
    theta = language.get("rope_theta") or rope["rope_theta"]
    width, heads = config["hidden_size"], config["num_attention_heads"]
    if width != 2 * sum(sections) * heads or len(sections) != 3 or heads % config["num_key_value_heads"]:
        raise ValueError("its heads and its hidden_size do not fit")
    if eyes["hidden_size"] % (4 * eyes["num_heads"]) or eyes["out_hidden_size"] != width:
        raise ValueError("its vision_config does not fit")
    tokens = {name: number_between(language[name], 0, 500_000) for name in _TOKENS if language.get(name) is not None}
    return config | {
        **tokens,
        "model_type": KIND,
        "rope_scaling": {"type": "mrope", "mrope_section": sections},
        "rope_theta": number_between(theta, 1.0, 1e9),
        "tie_word_embeddings": bool(language.get("tie_word_embeddings")),
        **{"bos_token_id": None, "eos_token_id": None},  # not used: tokens are looked up by name
        "vision_config": eyes,
    }


def _check_files(folder: Path) -> None:
    """FolderError names the first file that is missing, beside config.json."""
    if not (folder / TOKENIZER).is_file() and not all((folder / name).is_file() for name in MERGES):
        raise FolderError(f"'{_name(folder)}' has no {TOKENIZER}. {_remedy(folder)}")
    missing = [file.name for file in weight_files(folder) if not file.is_file()]
    if not missing:
        return
    if not (folder / INDEX).is_file() and [*folder.glob("*.bin"), *folder.glob("*.gguf"), *folder.glob("*.pt")]:
        raise FolderError(f"'{_name(folder)}' has its weights in another format than safetensors. {_remedy(folder)}")
    raise FolderError(
        f"'{_name(folder)}' has no {', no '.join(missing[:3])}: its download is not complete. {_remedy(folder)}"
    )


def _config_of_shapes(header: Mapping[str, TensorInfo]) -> dict[str, Any]:
    """The config of a single file. KeyError names a tensor that a whole Qwen2.5-VL has and the file lacks."""
    language, vision = _sizes(header)
    rows, cached = language.pop("query_rows"), language.pop("key_rows")
    language |= {
        **{"num_attention_heads": rows // _HEAD, "num_key_value_heads": cached // _HEAD},
        **{"rms_norm_eps": 1e-6, "rope_theta": _THETA, "rope_scaling": {"mrope_section": _SECTIONS}},
        "vocab_size": header["model.embed_tokens.weight"].shape[0],
        "tie_word_embeddings": language["hidden_size"] == _TIED and "lm_head.weight" not in header,
    }
    vision |= {
        **{"num_heads": 16, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112},
        "fullatt_block_indexes": _WHOLE_BLOCKS,
    }
    try:
        return checked_config(language, vision)
    except ValueError as error:
        raise FolderError(f"The tensors are not of the sizes of a Qwen2.5-VL: {error!s:.200}. {_GET}") from error


def _sizes(header: Mapping[str, TensorInfo]) -> tuple[dict[str, int], dict[str, int]]:
    """The sizes of the language model and of the vision tower that the shapes say, by config.json's names.

    query_rows, key_rows: of the attention's matrices, heads times head size. KeyError as from `_config_of_shapes`.
    """

    def rows(name: str) -> int:
        return header[name].shape[0]

    def count(prefix: str) -> int:
        found = (re.match(rf"{re.escape(prefix)}(\d{{1,3}})\.", name) for name in header)
        return 1 + max((int(match[1]) for match in found if match), default=0)

    first = "model.layers.0."
    language = {
        "hidden_size": header["model.embed_tokens.weight"].shape[-1],
        "num_hidden_layers": count("model.layers."),
        "intermediate_size": rows(f"{first}mlp.gate_proj.weight"),
        **{"query_rows": rows(f"{first}self_attn.q_proj.weight"), "key_rows": rows(f"{first}self_attn.k_proj.weight")},
    }
    vision = {
        "depth": count("visual.blocks."),
        "hidden_size": rows("visual.patch_embed.proj.weight"),
        "intermediate_size": rows("visual.blocks.0.mlp.gate_proj.weight"),
        "out_hidden_size": rows("visual.merger.mlp.2.weight"),
    }
    return language, vision


def _check_sizes(config: Mapping[str, Any], header: Mapping[str, TensorInfo], path: Path) -> None:
    """FolderError unless the config has the sizes of the weights. A network of other sizes could be far too large."""
    language, vision = _sizes(header)
    head = config["hidden_size"] // config["num_attention_heads"]
    rows = {"query_rows": config["num_attention_heads"] * head, "key_rows": config["num_key_value_heads"] * head}
    for said, found in ((config | rows, language), (config["vision_config"], vision)):
        for name, size in found.items():
            if said[name] != size:
                raise FolderError(
                    f"'{_name(path)}/{CONFIG}' does not match the weights: {name} is {said[name]}, but the weights "
                    f"have {size}. {_remedy(path)}"
                )


def _check_tensors(config: Mapping[str, Any], header: Mapping[str, TensorInfo]) -> None:
    """KeyError names a tensor that is missing. FolderError if the weights are quantized in a way that is not read."""
    last, block = config["num_hidden_layers"] - 1, config["vision_config"]["depth"] - 1
    names = ["model.embed_tokens.weight", "model.norm.weight", f"model.layers.{last}.self_attn.q_proj.weight"]
    names += ["visual.patch_embed.proj.weight", f"visual.blocks.{block}.attn.qkv.weight", "visual.merger.mlp.2.weight"]
    for name in [*names, *([] if config["tie_word_embeddings"] else ["lm_head.weight"])]:
        if not header[name].shape:
            raise KeyError(name)
    for name, info in header.items():
        one_scale = not name.endswith(_SCALES) or math.prod(info.shape) == 1
        if not one_scale or (info.dtype not in _DTYPES and not name.endswith(_MARKS)):
            raise FolderError(
                f"The weights are quantized in a way that is not read here ('{name[:80]}' of type {info.dtype}). Get "
                f"them in bfloat16, or in ComfyUI's fp8 with one scale for each layer."
            )
