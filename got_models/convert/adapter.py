"""The language model as peft saves it: which tensor of the plain model each of its keys stands for.

    ...q_proj.base_layer.weight                  the frozen weight of a module that has a LoRA
    ...q_proj.lora_A.default.weight, .lora_B...  its LoRA: weight + alpha / r * B @ A
    ...norm.original_module.weight               what a trained module was before: not needed
    ...norm.modules_to_save.default.weight       what it became
    ...norm.weight                               a frozen module, as it is

Names of transformers 4.49 and of today are understood, and so is a model that is no adapter at all.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..files.weights import WeightsError, published_key
from .checkpoint import Checkpoint, some
from .plan import Lora, Shapes, TensorPlan, check_shapes, refuse_missing, refuse_unknown

PEFT_PREFIX = "base_model.model."
EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
RELEASED_ALPHA = 32  # of the published training config

_LORA = re.compile(r"(.+)\.lora_(A|B)(?:\.([^.]+))?\.weight")
_SAVED = re.compile(r"(.+)\.modules_to_save\.([^.]+)\.(.+)")
_ORIGINAL = re.compile(r"(.+)\.original_module\.(.+)")


@dataclass
class Adapter:
    """The keys of a language model by what they stand for. Tensors and modules have their published names."""

    frozen: dict[str, str] = field(default_factory=dict)  # tensor -> key
    saved: dict[str, str] = field(default_factory=dict)  # tensor -> key
    replaced: dict[str, str] = field(default_factory=dict)  # tensor -> key
    lora_a: dict[str, str] = field(default_factory=dict)  # weight it changes -> key
    lora_b: dict[str, str] = field(default_factory=dict)  # weight it changes -> key

    @property
    def trained(self) -> bool:
        return bool(self.saved or self.lora_a)

    @property
    def tensors(self) -> set[str]:
        """Every tensor of the plain model that a key stands for."""
        return {*self.frozen, *self.saved, *self.replaced, *self.lora_a, *self.lora_b}


def read_adapter(keys: Mapping[str, str]) -> Adapter:
    """Sort the keys of a language model. keys: key below the model's own prefix -> key in the checkpoint.

    Raises WeightsError if two keys stand for one tensor, as those of two adapters would.
    """
    adapter = Adapter()
    for name, key in keys.items():
        table, tensor = _place(adapter, published_key(name.removeprefix(PEFT_PREFIX)))
        if tensor in table:
            raise WeightsError(
                f"The language model has two values for '{tensor}': '{table[tensor]}' and '{key}'. "
                f"A checkpoint with one adapter is needed."
            )
        table[tensor] = key
    return adapter


def _place(adapter: Adapter, name: str) -> tuple[dict[str, str], str]:
    if match := _LORA.fullmatch(name):
        return adapter.lora_a if match[2] == "A" else adapter.lora_b, f"{match[1]}.weight"
    if match := _SAVED.fullmatch(name):
        return adapter.saved, f"{match[1]}.{match[3]}"
    if match := _ORIGINAL.fullmatch(name):
        return adapter.replaced, f"{match[1]}.{match[2]}"
    return adapter.frozen, name.replace(".base_layer.", ".")


def read_scaling(folder: Path) -> Callable[[int], float]:
    """How strongly a LoRA of rank r counts: by adapter_config.json if the folder has one, else as published.

    Raises WeightsError for what a plain merge would get wrong.
    """
    path = folder / "adapter_config.json"
    if not path.is_file():
        return lambda rank: RELEASED_ALPHA / rank
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        alpha, by_root = float(config["lora_alpha"]), bool(config.get("use_rslora"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} is not a LoRA's configuration: {error!r}. Get the file again.") from error
    if other := [option for option in ("alpha_pattern", "use_dora", "fan_in_fan_out") if config.get(option)]:
        raise WeightsError(f"{path} asks for {some(other)}, which this conversion cannot merge.")
    return lambda rank: alpha / (math.sqrt(rank) if by_root else rank)


def plan_merge(
    adapter: Adapter, checkpoint: Checkpoint, base: Checkpoint, expected: Shapes, scaling: Callable[[int], float]
) -> list[TensorPlan]:
    """The plain model's tensors: trained ones from the checkpoint, frozen ones from there or else from the base model.

    Raises WeightsError if a key is unknown, or if what was trained is not whole.
    """
    what = f"The language model in {checkpoint.folder}"
    refuse_unknown(what, adapter.tensors, expected)
    _refuse_lost_training(what, adapter, expected)
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
    """How many tokens the model has rows for; None if it has no embeddings."""
    source, key = _values(adapter, checkpoint, base).get(EMBEDDINGS, (None, None))
    return source.shapes[key][0] if source else None


def _values(adapter: Adapter, checkpoint: Checkpoint, base: Checkpoint) -> dict[str, tuple[Checkpoint, str]]:
    """Tensor -> where its value lies; the later tables count more. Only an adapter leaves some to the base model."""
    values = {published_key(key): (base, key) for key in base.shapes} if adapter.trained else {}
    values |= {name: (checkpoint, key) for table in (adapter.frozen, adapter.saved) for name, key in table.items()}
    if HEAD not in values and EMBEDDINGS in values and EMBEDDINGS not in adapter.saved:
        values[HEAD] = values[EMBEDDINGS]  # tied, as in the base model
    return values


def _refuse_lost_training(what: str, adapter: Adapter, expected: Shapes) -> None:
    """What was trained is there, in every layer: a base weight in its place would go unnoticed and spoil the result."""
    halves = adapter.lora_a.keys() ^ adapter.lora_b.keys()
    lost = [*halves, *(adapter.replaced.keys() - adapter.saved.keys())]
    for trained in (adapter.saved, adapter.lora_a):
        kinds = {_kind(name) for name in trained}
        lost += [name for name in expected if _kind(name) in kinds and name not in trained]
    if lost:
        raise WeightsError(
            f"{what} is not whole: the training of {len(lost)} tensors is missing: {some(sorted(lost))}."
        )


def _kind(name: str) -> str:
    """A tensor's name without the number of its layer."""
    return re.sub(r"\.(layers|blocks)\.\d+\.", r".\1.*.", name)
