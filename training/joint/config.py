"""What a training run does: one frozen dataclass, read from a JSON file. Knows no network and no data.

The files lie in training/configs. A key that is missing has the default below; one that is unknown or of the wrong
type is an error that names it.
"""

import difflib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from ...got_models.errors import GoTError

CONFIGS = Path(__file__).parent.parent / "configs"
# Source: the released training config. By suffix these are also the vision tower's MLPs.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SAVED = ("embed_tokens", "lm_head", "input_layernorm", "post_attention_layernorm")
KINDS = ("world", "rows", "omniedit-got", "lahr-got", "journeydb-got")
CHOICES = {
    "kind": KINDS,
    "units": ("grid", "pixels", "fractions"),
    "language": ("lora", "full"),
    "precision": ("auto", "bf16", "fp32"),
    "export_dtype": ("bf16", "fp16", "fp32"),
}


class ConfigError(GoTError):
    """A training configuration that cannot be used. The message names the file and the key."""


@dataclass(frozen=True)
class Source:
    """One part of the data.

    kind: "world" is the synthetic world; "rows" files in the row format of examples.py; the others published sets.
    files: a JSONL or Parquet file, or a pattern such as "data/*.parquet". pictures: the folder that their paths start
    from, by default that of the files. share: how often it is drawn, relative to the other sources. columns: names of
    fields -> names of the file's columns, where they differ from those of the kind. units: of the numbers in `coord`.
    """

    kind: str = "rows"
    files: str = ""
    pictures: str = ""
    share: float = 1.0
    columns: dict[str, str] = field(default_factory=dict)
    units: str = "grid"


@dataclass(frozen=True)
class Config:
    """A run. Numbers without a source are the published ones (arXiv 2503.10639 section 5.4 and the released config).

    start: a model folder, or "tiny" for the bundled GoT-Tiny; if it is empty, mllm and sdxl are the base folders.
    fresh: begin with random weights in that folder's shapes; the autoencoder stays as it is.
    language: "lora" or "full", how the language model is trained; the UNet and the projectors always are, as a whole.
    width, height: pixels of the pictures to be made. window: rows that are shuffled together.
    drop: share of each of: no boxes; no boxes and no chain; no condition. offset: of the noise, in its deviations.
    settle: draw late steps more often and weigh errors as training.tiny.unet does; without it the plain objective.
    batch: rows a step, of all processes together. micro_batch: rows that a process computes at a time.
    rate: the greatest learning rate; warmup: steps until it is reached, then a cosine. clip: of the gradient's norm.
    average: decay of the moving average of the weights, 0 for none. checkpointing: activations are computed twice,
    which saves memory. precision: "auto" is bf16 where the hardware has units for it.
    workers: processes that make the batches of each training process; 0: it makes them itself, between its steps.
    encode: pictures that the autoencoder takes at a time. report, save, sample: every so many steps, 0 for never.
    keep: how many checkpoints stay. samples: how many pictures are drawn.
    """

    start: str = ""
    mllm: str = ""
    sdxl: str = ""
    fresh: bool = False
    language: str = "lora"
    rank: int = 32
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = TARGETS
    saved: tuple[str, ...] = SAVED
    sources: tuple[Source, ...] = ()
    window: int = 512
    width: int = 1024
    height: int = 1024
    chain_weight: float = 1.0
    noise_weight: float = 1.0
    drop: float = 0.05
    offset: float = 0.1
    settle: bool = False
    steps: int = 60000
    batch: int = 128
    micro_batch: int = 4
    rate: float = 1e-4
    warmup: int = 500  # ours: the published length is not known
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    decay: float = 0.05
    clip: float = 1.0  # ours
    average: float = 0.9999  # ours
    checkpointing: bool = True
    workers: int = 2
    encode: int = 2
    precision: str = "auto"
    seed: int = 0
    report: int = 100
    save: int = 1000
    keep: int = 2
    sample: int = 1000
    samples: int = 4
    name: str = "GoT"
    export_dtype: str = "bf16"


def read_config(name: str, settings: dict[str, Any] | None = None) -> Config:
    """The configuration of that name in training/configs, or in a JSON file. Raises ConfigError.

    settings: values of the command line, which count instead of the file's.
    """
    _built(Config, settings or {}, "The command line")
    path = Path(name) if name.endswith(".json") else CONFIGS / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.json")))
        raise ConfigError(
            f"There is no training configuration '{name}'. Give the path of a JSON file, or one of {known}."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}.") from error
    if isinstance(content, dict):
        content |= settings or {}
    return make_config(content, f"{path.name} with the command line" if settings else path.name)


def make_config(content: Any, where: str = "The configuration") -> Config:
    """A configuration from a JSON object. Raises ConfigError for a key that is unknown, ill-typed or out of range."""
    config = _built(Config, content, where)
    if not config.sources:
        raise ConfigError(f"{where} has no data: 'sources' is empty. Add one, or give --data FILE.")
    if not config.start and not (config.mllm and config.sdxl):
        raise ConfigError(f"{where} does not say where to begin: give 'start', or both 'mllm' and 'sdxl'.")
    at_least_one = ("steps", "batch", "micro_batch", "rank", "window", "encode", "keep")
    for key, least in (*((key, 1) for key in at_least_one), ("workers", 0)):
        if getattr(config, key) < least:
            raise ConfigError(f"{where}: '{key}' is {getattr(config, key)}; it must be at least {least}.")
    for key in ("width", "height"):
        if getattr(config, key) < 8 or getattr(config, key) % 8:  # pixels of a latent
            raise ConfigError(f"{where}: '{key}' is {getattr(config, key)}; it must be a multiple of 8.")
    shares = [source.share for source in config.sources]
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise ConfigError(f"{where}: the sources' 'share' is {shares}; none may be negative, nor all 0.")
    if not 0 <= config.drop <= 1 / 3:
        raise ConfigError(f"{where}: 'drop' is {config.drop}; each of the three shares must lie in 0..1/3.")
    return config


def changed(config: Config, settings: dict[str, Any], where: str = "--set") -> Config:
    """The configuration with other values for some keys. Raises ConfigError as `make_config` does."""
    return make_config({**as_json(config), **settings}, where)


def as_json(config: Config) -> dict[str, Any]:
    """The configuration as a JSON object. Inverse of `make_config`."""
    return json.loads(json.dumps(asdict(config)))


def _built(kind: type, content: Any, where: str) -> Any:
    if not isinstance(content, dict):
        raise ConfigError(f"{where} is not a JSON object but {_shown(content)}.")
    types = get_type_hints(kind)
    for key in content.keys() - types.keys():
        near = difflib.get_close_matches(key, types, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(f.name for f in fields(kind))}."
        raise ConfigError(f"{where} has an unknown key '{key}'. {hint}")
    return kind(**{key: _value(types[key], value, key, where) for key, value in content.items()})


def _value(kind: Any, value: Any, key: str, where: str) -> Any:
    """The value as its annotation asks for it: numbers, texts, tables of texts, lists of texts or of sources."""
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_value(get_args(kind)[0], item, key, f"{where}, item {n + 1}") for n, item in enumerate(value))
    if kind is Source:
        return _built(Source, value, f"{where} of '{key}'")
    if kind is float and type(value) is int:
        return float(value)
    plain = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    is_table = (
        get_origin(kind) is dict and isinstance(value, dict) and all(type(item) is str for item in value.values())
    )
    if not is_table and (kind not in plain or type(value) is not kind):
        asked = plain.get(kind, "a table of texts" if get_origin(kind) is dict else "a list")
        raise ConfigError(f"{where}: '{key}' is {_shown(value)}; {asked} is needed.")
    if key in CHOICES and value not in CHOICES[key]:
        raise ConfigError(f"{where}: '{key}' is {_shown(value)}; it must be one of {', '.join(CHOICES[key])}.")
    return value


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]
