"""The language model as peft saves it: which tensor of the plain model each key belongs to.

    ...q_proj.base_layer.weight                  the frozen weight of a module that has a LoRA
    ...q_proj.lora_A.default.weight, .lora_B...  its LoRA: weight + alpha / r * B @ A
    ...norm.original_module.weight               a trained module before training: not needed
    ...norm.modules_to_save.default.weight       the same module after training
    ...norm.weight                               a frozen module

The names of transformers 4.49 and of today are read, and so is a model without an adapter.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..files.weights import WeightsError, published_key
from .checkpoint import Checkpoint, listed
from .plan import Lora, Shapes, TensorPlan, check_shapes, refuse_missing, refuse_unknown

PEFT_PREFIX = "base_model.model."
EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
RELEASED_RANK, RELEASED_ALPHA = 32, 32  # of the published training config
ADAPTER_CONFIG = "adapter_config.json"

_LORA = re.compile(r"(.+)\.lora_(A|B)(?:\.([^.]+))?\.weight")
_SAVED = re.compile(r"(.+)\.modules_to_save\.([^.]+)\.(.+)")
_ORIGINAL = re.compile(r"(.+)\.original_module\.(.+)")


@dataclass
class Adapter:
    """The keys of a language model by their meaning. Tensors have their published names."""

    # tensor of the plain model -> key in the checkpoint
    frozen: dict[str, str] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    lora_a: dict[str, str] = field(default_factory=dict)
    lora_b: dict[str, str] = field(default_factory=dict)

    @property
    def trained(self) -> bool:
        return bool(self.saved or self.lora_a)

    @property
    def tensors(self) -> set[str]:
        """Every tensor of the plain model that has a key."""
        return {*self.frozen, *self.saved, *self.replaced, *self.lora_a, *self.lora_b}


def read_adapter(keys: Mapping[str, str]) -> Adapter:
    """The adapter in a language model's keys. keys: key without the component's prefix -> key in the checkpoint.

    WeightsError if two keys belong to one tensor, as with two adapters.
    """
    adapter = Adapter()
    for name, key in keys.items():
        table, tensor = _table_of(adapter, published_key(name.removeprefix(PEFT_PREFIX)))
        if tensor in table:
            raise WeightsError(
                f"The language model has two values for '{tensor}': '{table[tensor]}' and '{key}'. "
                f"Give a checkpoint with one adapter."
            )
        table[tensor] = key
    return adapter


def _table_of(adapter: Adapter, name: str) -> tuple[dict[str, str], str]:
    """The table that a key belongs to, and its tensor."""
    if match := _LORA.fullmatch(name):
        return adapter.lora_a if match[2] == "A" else adapter.lora_b, f"{match[1]}.weight"
    if match := _SAVED.fullmatch(name):
        return adapter.saved, f"{match[1]}.{match[3]}"
    if match := _ORIGINAL.fullmatch(name):
        return adapter.replaced, f"{match[1]}.{match[2]}"
    return adapter.frozen, name.replace(".base_layer.", ".")


@dataclass(frozen=True)
class LoraConfig:
    """What a merge needs of peft's configuration. Called with a LoRA's rank, it returns the LoRA's scale.

    rank: None if it is not given, or differs between layers. selective: not every layer of a target's name was trained.
    source: the file that it was read from; None for the published values.
    """

    rank: int | None = RELEASED_RANK
    alpha: float = RELEASED_ALPHA
    by_root: bool = False  # rsLoRA: divided by the square root of the rank
    selective: bool = False
    source: Path | None = None

    def __call__(self, rank: int) -> float:
        """alpha / rank. WeightsError for a rank that the configuration does not have."""
        if self.rank not in (None, rank):
            raise WeightsError(self._other_rank(rank))
        return self.alpha / (math.sqrt(rank) if self.by_root else rank)

    def _other_rank(self, rank: int) -> str:
        if self.source:
            return f"{self.source} says rank {self.rank}, but a LoRA has rank {rank}. Get both from one training."
        return (
            f"A LoRA of the language model has rank {rank}, but the published ones have rank {RELEASED_RANK}. "
            f"Its strength is unknown. Put the training's {ADAPTER_CONFIG} into the checkpoint's folder."
        )


def read_lora_config(folder: Path) -> LoraConfig:
    """adapter_config.json in a checkpoint's folder or one of its subfolders, else the published values.

    WeightsError for values without a meaning, for two files, and for options that a plain merge does not support.
    """
    found = [path for pattern in (ADAPTER_CONFIG, f"*/{ADAPTER_CONFIG}") for path in sorted(folder.glob(pattern))]
    if not found:
        return LoraConfig()
    if len(found) > 1:
        raise WeightsError(
            f"{folder} has several LoRA configurations: {listed([*map(str, found)])}. Keep the right one."
        )
    path = found[0]
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        rank, alpha = config.get("r"), config["lora_alpha"]
        if rank is not None and (type(rank) is not int or rank < 1):
            raise ValueError(f"r is {rank!r:.20}, not a number from 1")
        if type(alpha) not in (int, float) or not 0 < alpha < math.inf:
            raise ValueError(f"lora_alpha is {alpha!r:.20}, not a number above 0")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path} is not a LoRA's configuration: {error!r:.200}. Get the file again.") from error
    if other := [option for option in ("alpha_pattern", "use_dora", "fan_in_fan_out") if config.get(option)]:
        raise WeightsError(
            f"{path} has {listed(other)}, which this conversion cannot merge. Merge the adapter with peft first."
        )
    chosen = any(config.get(option) for option in ("exclude_modules", "layers_to_transform", "layers_pattern"))
    return LoraConfig(
        rank=None if config.get("rank_pattern") else rank,
        alpha=float(alpha),
        by_root=bool(config.get("use_rslora")),
        selective=chosen or isinstance(config.get("target_modules"), str),
        source=path,
    )


def plan_merge(
    adapter: Adapter, checkpoint: Checkpoint, base: Checkpoint, expected: Shapes, scaling: Callable[[int], float]
) -> list[TensorPlan]:
    """The plan of the plain model's tensors. Frozen ones that the checkpoint lacks come from the base model.

    WeightsError if a key is unknown, or if trained tensors are missing.
    """
    what = f"The language model in {checkpoint.folder}"
    _refuse_other_depth(what, adapter, base, expected)
    refuse_unknown(what, adapter.tensors, expected)
    _refuse_lost_training(what, adapter, expected)
    if not getattr(scaling, "selective", True):
        _refuse_lost_loras(what, adapter, expected)
    values = _values(adapter, checkpoint, base)
    refuse_missing(what, values, expected)
    loras = {
        name: Lora(checkpoint, key, adapter.lora_b[name], scaling(checkpoint.shapes[key][0]))
        for name, key in adapter.lora_a.items()
    }
    plans = [TensorPlan(name, *values[name], loras.get(name)) for name in expected]
    check_shapes(what, plans, expected)
    return plans


def embedding_rows(adapter: Adapter, checkpoint: Checkpoint, base: Checkpoint) -> int | None:
    """The number of tokens in the model's embeddings; None if it has none."""
    source, key = _values(adapter, checkpoint, base).get(EMBEDDINGS, (None, None))
    return source.shapes[key][0] if source else None


def _values(adapter: Adapter, checkpoint: Checkpoint, base: Checkpoint) -> dict[str, tuple[Checkpoint, str]]:
    """Tensor -> its source and key. Trained values override frozen ones, and those the base model's."""
    values = {published_key(key): (base, key) for key in base.shapes} if adapter.trained else {}
    values |= {name: (checkpoint, key) for table in (adapter.frozen, adapter.saved) for name, key in table.items()}
    if HEAD not in values and EMBEDDINGS in values and EMBEDDINGS not in adapter.saved:
        values[HEAD] = values[EMBEDDINGS]  # tied, as in the base model
    return values


def _refuse_lost_training(what: str, adapter: Adapter, expected: Shapes) -> None:
    """Raise WeightsError if a trained tensor is missing in some layer. A base weight there would spoil the result."""
    halves = adapter.lora_a.keys() ^ adapter.lora_b.keys()
    lost = [*halves, *(adapter.replaced.keys() - adapter.saved.keys())]
    for trained in (adapter.saved, adapter.lora_a):
        kinds = {_kind(name) for name in trained}
        lost += [name for name in expected if _kind(name) in kinds and name not in trained]
    if lost:
        raise WeightsError(
            f"{what} is incomplete: the training of {len(lost)} tensors is missing: {listed(sorted(lost))}. "
            f"Get the whole checkpoint."
        )


def _refuse_lost_loras(what: str, adapter: Adapter, expected: Shapes) -> None:
    """Raise WeightsError unless every layer whose name has a LoRA has one, in both towers, as peft chooses layers."""
    targets = {_module(name) for name in adapter.lora_a}
    lost = [name for name in expected if name.endswith(".weight") and _module(name) in targets - {""}]
    if lost := [name for name in lost if name not in adapter.lora_a]:
        vision = all(name.startswith("visual.") for name in lost)
        raise WeightsError(
            f"{what} is incomplete: {len(lost)} layers {'of the vision tower ' if vision else ''}have no LoRA: "
            f"{listed(lost)}. GoT's training gave them one. Get the whole checkpoint. "
            f"For another training, put its {ADAPTER_CONFIG} into the checkpoint's folder."
        )


def _module(name: str) -> str:
    """The name by which peft chooses a weight's layer: q_proj for ...self_attn.q_proj.weight."""
    return name.split(".")[-2]


def _refuse_other_depth(what: str, adapter: Adapter, base: Checkpoint, expected: Shapes) -> None:
    """Raise WeightsError if the checkpoint has another number of layers than the base model's config."""
    for tower in ("model.layers", "visual.blocks"):
        found, wanted = _depth(adapter.tensors, tower), _depth(expected, tower)
        if found and found != wanted:
            raise WeightsError(
                f"{what} has {found} layers ({tower}), but the config in {base.folder} has {wanted}. "
                f"Give the base model that the checkpoint was trained from."
            )


def _depth(names: Iterable[str], tower: str) -> int:
    """The number of a tower's layers, by the greatest number in the names."""
    numbers = (re.match(rf"{re.escape(tower)}\.(\d+)\.", name) for name in names)
    return max((int(match[1]) + 1 for match in numbers if match), default=0)


def _kind(name: str) -> str:
    """A tensor's name without the number of its layer."""
    return re.sub(r"\.(layers|blocks)\.\d+\.", r".\1.*.", name)
