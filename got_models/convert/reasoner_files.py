"""The reasoner's files beside its weights: config in the published form, tokenizer, image processor.

The published form is flat: `hidden_size` at the top, `rope_scaling`, and so on. Every transformers since 4.49 reads it.
Older ones do not read the form that transformers 5 writes.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from ..files.planner import checked_config
from ..files.weights import WeightsError
from ..reasoner.prompt import NEW_TOKENS

MODEL_TYPE = "qwen2_5_vl"
CONFIG, GENERATION, TOKENIZER = "config.json", "generation_config.json", "tokenizer.json"
TOKENIZER_CONFIG, PREPROCESSOR = "tokenizer_config.json", "preprocessor_config.json"
_NOT_PUBLISHED = ("text_config", "model_type", "dtype", "torch_dtype", "layer_types", "rope_parameters", "rope_scaling")
_TOKEN_FIELDS = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. WeightsError if the file is missing or holds something else."""
    if not path.is_file():
        raise WeightsError(
            f"{path.parent} has no {path.name}. Give the complete folder that the model was downloaded to."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Get the file again.") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} cannot be read: it is not a JSON object. Get the file again.")
    return content


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a Qwen2.5-VL folder in the published form. WeightsError if it is another model's."""
    config = read_json(folder / CONFIG)
    if config.get("model_type") != MODEL_TYPE:
        raise WeightsError(
            f"{folder} holds a model of type '{config.get('model_type')}'; '{MODEL_TYPE}' is expected. "
            f"Give the folder of Qwen2.5-VL-3B-Instruct."
        )
    try:
        published = published_config(config)
        checked_config(published, published["vision_config"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{folder / CONFIG} does not describe a Qwen2.5-VL: {error!r:.200}. Get the file again."
        ) from error
    return published


def published_config(config: dict[str, Any]) -> dict[str, Any]:
    """A Qwen2.5-VL config in its flat form. A flat config stays as it is."""
    if "text_config" not in config:
        return config
    text, vision = config["text_config"], config["vision_config"]
    rope = text.get("rope_parameters") or text["rope_scaling"]
    return {
        **_without_new_names({**text, **config}),
        "model_type": MODEL_TYPE,
        "rope_theta": rope.get("rope_theta", text.get("rope_theta")),
        "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
        "vision_config": _without_new_names(vision),
    }


def _without_new_names(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _NOT_PUBLISHED and value is not None}


def reasoner_files(got: Path, mllm: Path, config: dict[str, Any], rows: int) -> dict[str, str]:
    """Name -> text of each file, from the checkpoint's folder `got`, else from the base model's `mllm`.

    rows: number of tokens in the embeddings. WeightsError if a file is missing or GoT's tokens exceed the rows.
    """
    source = got if (got / TOKENIZER).is_file() else mllm
    tokenizer = _tokenizer(source, rows)
    generation = read_json(mllm / GENERATION) if (mllm / GENERATION).is_file() else _generation(tokenizer)
    images = got if (got / PREPROCESSOR).is_file() else mllm
    contents = {
        CONFIG: config,
        GENERATION: generation,
        PREPROCESSOR: read_json(images / PREPROCESSOR),
        TOKENIZER_CONFIG: _tokenizer_config(source, mllm, tokenizer),
    }
    texts = {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in contents.items()}
    return {**texts, TOKENIZER: tokenizer.to_str()}


def _tokenizer(folder: Path, rows: int) -> Tokenizer:
    """The folder's tokenizer with GoT's tokens. Missing ones are added in the order of the training."""
    path = folder / TOKENIZER
    read_json(path)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise WeightsError(f"{path} is not a tokenizer: {error}. Get the file again.") from error
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in NEW_TOKENS])
    last = max(tokenizer.token_to_id(token) for token in NEW_TOKENS)
    if last >= rows:
        raise WeightsError(
            f"GoT's tokens do not fit: the last one has the number {last}, but the language model has rows for "
            f"{rows} tokens. The tokenizer in {folder} belongs to another model. Use the checkpoint's own."
        )
    return tokenizer


def _tokenizer_config(folder: Path, mllm: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    config = read_json(folder / TOKENIZER_CONFIG)
    if config.get("tokenizer_class") == "TokenizersBackend":  # transformers 5's name, unknown to older ones
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    added = tokenizer.get_added_tokens_decoder()
    config["added_tokens_decoder"] = {
        str(number): {name: getattr(token, name) for name in _TOKEN_FIELDS} for number, token in sorted(added.items())
    }
    config["chat_template"] = config.get("chat_template") or _chat_template(folder) or _chat_template(mllm)
    if not config["chat_template"]:
        raise WeightsError(f"{folder} has no chat template. Give the complete folder of Qwen2.5-VL-3B-Instruct.")
    return config


def _chat_template(folder: Path) -> str | None:
    """The chat template. The file that holds it depends on the release of transformers."""
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for name in ("chat_template.json", TOKENIZER_CONFIG):
        if (folder / name).is_file() and (template := read_json(folder / name).get("chat_template")):
            return template
    return None


def _generation(tokenizer: Tokenizer) -> dict[str, Any]:
    """Qwen2.5-VL-3B-Instruct's generation settings: greedy, with a repetition penalty."""
    stops = [tokenizer.token_to_id(token) for token in ("<|im_end|>", "<|endoftext|>")]
    return {"do_sample": False, "eos_token_id": stops, "repetition_penalty": 1.05}
