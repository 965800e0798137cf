"""The configuration of a training run: a frozen pydantic model, read from a JSON file. Knows no network and no data.

The bundled files are in training/configs. A missing key takes the default below. An unknown key, a wrong type or a
value out of range is a ConfigError that names the key.
"""

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...got_models.errors import GoTError

CONFIGS = Path(__file__).parent.parent / "configs"
# Source: the released training config. By suffix these are also the vision tower's MLPs.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SAVED = ("embed_tokens", "lm_head", "input_layernorm", "post_attention_layernorm")
RENAMED = {  # old keys -> today's
    "rate": "learning_rate",
    "decay": "weight_decay",
    "clip": "max_grad_norm",
    "warmup": "warmup_steps",
    "epsilon": "adam_epsilon",
    "beta1": "adam_beta1",
    "beta2": "adam_beta2",
    "average": "ema_decay",
    "drop": "cond_dropout",
    "offset": "noise_offset",
    "settle": "min_snr_weighting",
    "rank": "lora_rank",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "targets": "target_modules",
    "saved": "modules_to_save",
    "checkpointing": "gradient_checkpointing",
    "encode": "vae_batch",
    "window": "shuffle_buffer",
    "pictures": "images",
}

Count = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=8, multiple_of=8)]


class ConfigError(GoTError):
    """A training configuration that cannot be used. The message names the file and the key."""


class Strict(BaseModel):
    """No unknown keys, no conversion of types but of whole numbers to floats."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(Strict):
    """One part of the data."""

    # "world": the synthetic world. "rows": files in the format of examples.py. The others are published sets.
    kind: Literal["world", "rows", "omniedit-got", "lahr-got", "journeydb-got"] = "rows"
    files: str = ""  # a JSONL or Parquet file, or a pattern such as "data/*.parquet"
    images: str = ""  # the folder that image paths start from; empty: the folder of the files
    share: float = 1.0  # how often a row is drawn from here, relative to the other sources
    columns: dict[str, str] = {}  # field -> the file's column, where it is not the usual one of `kind`
    units: Literal["grid", "pixels", "fractions"] = "grid"  # of the numbers in `coord`


class Config(Strict):
    """A run. Defaults are the published values unless a comment says "ours".

    Sources: arXiv 2503.10639 section 5.4 and the released training config.
    """

    # The model to start from
    start: str = ""  # a model folder, or "tiny" for the bundled GoT-Tiny; empty: made of `mllm` and `sdxl`
    mllm: str = ""  # the folder of Qwen2.5-VL-3B-Instruct
    sdxl: str = ""  # the folder of stable-diffusion-xl-base-1.0
    fresh: bool = False  # random weights in the shapes of `start`; the autoencoder keeps its own

    # What is trained. The UNet and the projectors always are, as a whole
    language: Literal["lora", "full"] = "lora"  # how the language model is trained
    lora_rank: Count = 32
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    target_modules: tuple[str, ...] = TARGETS  # get a LoRA, by suffix
    modules_to_save: tuple[str, ...] = SAVED  # trained as a whole

    # Data
    sources: tuple[Source, ...] = ()
    shuffle_buffer: Count = 512  # rows that are shuffled together
    workers: Annotated[int, Field(ge=0)] = 2  # processes that make the batches of each training process; 0: none
    width: Pixels = 1024  # of the images to be made
    height: Pixels = 1024

    # Objective
    chain_weight: float = 1.0  # of the cross-entropy on the chain
    noise_weight: float = 1.0  # of the UNet's squared error
    cond_dropout: Annotated[float, Field(ge=0, le=1 / 3)] = 0.05  # share of each: no boxes; no boxes, no chain; nothing
    noise_offset: float = 0.1  # standard deviation of the noise's offset per channel
    min_snr_weighting: bool = False  # draw late timesteps more often and weight errors by schedule.min_snr_weights

    # Optimizer
    steps: Count = 60000
    batch: Count = 128  # rows a step, of all processes together
    micro_batch: Count = 4  # rows that a process computes at a time
    learning_rate: float = 1e-4  # the peak: linear warm-up to it, then a cosine
    warmup_steps: int = 500  # ours: the published length is not known
    adam_beta1: float = 0.9
    adam_beta2: float = 0.98
    adam_epsilon: float = 1e-6
    weight_decay: float = 0.05
    max_grad_norm: float = 1.0  # ours
    ema_decay: float = 0.9999  # ours; of the moving average of the weights, 0: no average

    # Hardware
    precision: Literal["auto", "bf16", "fp32"] = "auto"  # auto: bf16 where the hardware has units for it
    gradient_checkpointing: bool = True  # compute activations twice, which saves memory
    vae_batch: Count = 2  # images that the autoencoder encodes at a time
    seed: int = 0

    # Output. Intervals are in steps, 0: never
    report: int = 100  # loss.png and rows.json
    save: int = 1000  # a checkpoint
    keep: Count = 2  # checkpoints that stay
    sample: int = 1000  # sample images
    samples: int = 4  # rows that are sampled
    name: str = "GoT"  # of the exported model
    export_dtype: Literal["bf16", "fp16", "fp32"] = "bf16"


def read_config(name: str, settings: dict[str, Any] | None = None) -> Config:
    """The configuration `name` of training/configs, or of a JSON file. settings: values that replace the file's.

    Raises ConfigError.
    """
    _checked(settings or {}, "The command line")
    path = Path(name) if name.endswith(".json") else CONFIGS / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.json")))
        raise ConfigError(f"There is no training configuration '{name}'. Give a JSON file, or one of {known}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}. Correct the file.") from error
    if isinstance(content, dict):
        content |= settings or {}
    return make_config(content, f"{path.name} with the command line" if settings else path.name)


def make_config(content: Any, where: str = "The configuration") -> Config:
    """A configuration from a JSON object. Raises ConfigError for a key that is unknown, ill-typed or out of range."""
    config = _checked(content, where)
    if not config.sources:
        raise ConfigError(f"{where} has no data: 'sources' is empty. Add one, or give --data FILE.")
    if not config.start and not (config.mllm and config.sdxl):
        raise ConfigError(f"{where} names no model to start from. Give 'start', or both 'mllm' and 'sdxl'.")
    shares = [source.share for source in config.sources]
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise ConfigError(f"{where}: 'share' of the sources is {shares}. None may be negative, and not all may be 0.")
    return config


def changed(config: Config, settings: dict[str, Any], where: str = "--set") -> Config:
    """The configuration with other values for some keys. Raises ConfigError as `make_config` does."""
    return make_config({**as_json(config), **settings}, where)


def as_json(config: Config) -> dict[str, Any]:
    """The configuration as a JSON object. Inverse of `make_config`."""
    return config.model_dump(mode="json")


def _checked(content: Any, where: str) -> Config:
    """The Config that `content` holds, as JSON. Raises ConfigError with the first thing that is wrong."""
    try:
        return Config.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise ConfigError(_message(error.errors()[0], where)) from error


def _message(error: dict, where: str) -> str:
    """What pydantic found, as a sentence: the key, its value, what is expected."""
    found = json.dumps(error["input"], default=str)[:60]
    if not error["loc"]:
        return f"{where} is not a JSON object but {found}."
    key = ".".join(map(str, error["loc"]))
    if error["type"] != "extra_forbidden":
        return f"{where}: '{key}' is {found}. {error['msg']}."
    last = error["loc"][-1]
    known = Source.model_fields if error["loc"][0] == "sources" else Config.model_fields
    near = difflib.get_close_matches(last, known, n=1)
    if RENAMED.get(last) in known:
        return f"{where} has the old key '{key}'. It is now '{RENAMED[last]}'."
    hint = f"Did you mean '{near[0]}'?" if near else f"Known keys are {', '.join(known)}."
    return f"{where} has an unknown key '{key}'. {hint}"
