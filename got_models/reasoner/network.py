"""Qwen2.5-VL's networks as a reasoner uses them: pictures in, tokens in, over keys and values that are kept.

Every layer that holds weights is transformers' own module and is called as one, so weights that are quantized, patched
or fetched when they are needed work; what stands here is the wiring between them. That makes three things possible
which a call of the whole model is not made for: the cache has a fixed place (a step can be recorded and replayed), it
can be cut back (a guess can be taken back), and its rows can have different lengths (several chains in one step).

Source: Qwen2 and Qwen2.5-VL technical reports; the same numbers as transformers from 4.50 on, which a test holds.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

# cuDNN's attention, the default on an H100, makes a plan for every new shape, which takes longer than a token does. So
# what a token looks at grows by so many places at a time; those that are not filled yet are masked.
LOOK = 64

# B: sequences, L: new tokens, S: places in the cache, D: hidden size, H: heads, K: heads of keys and values, E: a head


def rounded_up(places: int) -> int:
    """The next multiple of LOOK."""
    return -(-places // LOOK) * LOOK


class KeyValues(NamedTuple):
    """What every layer keeps of B sequences: one tensor (B, K, S, E) of keys and one of values a layer."""

    keys: list[Tensor]
    values: list[Tensor]

    def seen(self, filled: int) -> int:
        """How many places to look at when `filled` of them are: some more, up to a multiple of LOOK, if there are."""
        return min(rounded_up(filled), self.keys[0].shape[2])

    def row(self, index: int) -> "KeyValues":
        """One of the sequences, in the same memory."""
        return KeyValues(*([part[index : index + 1] for part in parts] for parts in self))


class Language:
    """A `Qwen2_5_VLForConditionalGeneration` by its parts, which transformers 4.52 moved."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.layers = getattr(model.model, "language_model", model.model)
        self.tower = getattr(model.model, "visual", None) or model.visual
        self.merge = model.config.vision_config.spatial_merge_size  # patches to a picture token, each way
        config = self.layers.config
        self.heads, self.key_heads = config.num_attention_heads, config.num_key_value_heads
        self.groups = self.heads // self.key_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        rope = getattr(config, "rope_parameters", None) or config.rope_scaling
        self.sections = rope["mrope_section"]  # how many frequencies turn with time, height and width

    @property
    def head(self) -> nn.Module:
        """What makes logits of hidden states; a LoRA may have taken its place since."""
        return self.model.lm_head

    def see(self, patches: Tensor, grid: tuple[int, int, int], device: torch.device) -> Tensor:
        """Features (picture tokens, D) of one picture's patches; grid: how many of them in time, height and width."""
        sizes = torch.tensor([grid], device=device)
        features = self.tower(patches.to(device, self.layers.norm.weight.dtype), grid_thw=sizes)
        return getattr(features, "pooler_output", features)

    def embed(self, tokens: Tensor) -> Tensor:
        """Embeddings (B, L, D) of token ids (B, L)."""
        return self.layers.embed_tokens(tokens)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (..., vocabulary), float, of hidden states (..., D)."""
        return self.head(hidden).float()

    def empty(self, rows: int, places: int, like: Tensor) -> KeyValues:
        """Room for `rows` sequences of `places` tokens. Zeros, for what is masked must still be a number."""
        shape = (rows, self.key_heads, places, self.head_size)
        return KeyValues(*([like.new_zeros(shape) for _ in self.layers.layers] for _ in range(2)))

    def bytes_of_row(self, places: int, dtype: torch.dtype) -> int:
        """The memory that `empty` takes for one sequence."""
        return 2 * len(self.layers.layers) * self.key_heads * places * self.head_size * dtype.itemsize

    def read(self, embeddings: Tensor, positions: Tensor, places: Tensor, seen: int, cache: KeyValues) -> Tensor:
        """The last hidden states (B, L, D), after the final norm, of new tokens; their keys and values go into `cache`.

        embeddings: (B, L, D). positions: (3, B, L) of the multimodal RoPE. places: (B, L), where each token goes in the
        cache; it sees the places up to its own. seen: how many places to look at, more than the greatest of `places`.
        """
        rotation, mask, hidden = self._rotation(positions, embeddings.dtype), None, embeddings
        if seen > places.shape[1]:  # else all is new, and each token sees those before it
            later = torch.arange(seen, device=places.device) > places.unsqueeze(-1)  # (B, L, seen)
            later = later.repeat(1, self.groups, 1).unsqueeze(1)  # (B, 1, groups * L, seen)
            mask = torch.zeros_like(later, dtype=embeddings.dtype).masked_fill_(later, -torch.inf)
        for layer, keys, values in zip(self.layers.layers, *cache, strict=True):
            attended = self._attend(
                layer.self_attn, layer.input_layernorm(hidden), rotation, places, mask, keys, values
            )
            hidden = hidden + attended
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        return self.layers.norm(hidden)

    def _attend(
        self, part: Any, x: Tensor, rotation: tuple, places: Tensor, mask: Tensor | None, keys: Tensor, values: Tensor
    ) -> Tensor:
        """Attention of new tokens x (B, L, D) to the cache. The H / K queries of a key are rows of one matrix.

        mask: (B, 1, H / K * L, seen); None if all is new.
        """
        rows, length, _ = x.shape
        query, key, value = (
            projection(x).view(rows, length, -1, self.head_size).transpose(1, 2)  # (B, H or K, L, E)
            for projection in (part.q_proj, part.k_proj, part.v_proj)
        )
        index = places[:, None, :, None].expand_as(key)
        query, key = _turned(torch.cat([query, key], 1), rotation).split([self.heads, self.key_heads], 1)
        keys.scatter_(2, index, key)
        values.scatter_(2, index, value)
        seen = mask.shape[-1] if mask is not None else length
        keys, values = keys[:, :, :seen], values[:, :, :seen]
        if mask is None:
            keys, values = (kept.repeat_interleave(self.groups, 1) for kept in (keys, values))  # (B, H, L, E)
            out = scaled_dot_product_attention(query, keys, values, is_causal=True)
        else:
            query = query.reshape(rows, self.key_heads, -1, self.head_size)  # (B, K, groups * L, E)
            out = scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return part.o_proj(out.reshape(rows, self.heads, length, -1).transpose(1, 2).reshape(rows, length, -1))

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and sines (B, 1, L, E) by which queries and keys are turned; half of the sines are negated."""
        angles = positions.unsqueeze(-1).float() * self.layers.rotary_emb.inv_freq.float()  # (3, B, L, E / 2)
        parts = [part[axis] for axis, part in enumerate(angles.split(self.sections, -1))]
        angles = torch.cat([*parts, *parts], -1).unsqueeze(1)
        first, second = angles.sin().to(dtype).chunk(2, -1)
        return angles.cos().to(dtype), torch.cat([-first, second], -1)


def _turned(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Heads (B, H, L, E) turned by their positions: the first half of a head against the second."""
    cos, sin = rotation
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([second, first], -1) * sin


def mrope_positions(ids: list[int], image_pad: int, grids: list[tuple[int, int, int]], merge: int) -> Tensor:
    """Positions (3, 1, L) of Qwen2.5-VL's multimodal RoPE: time, height, width.

    Text counts on in all three; a picture of (t, h, w) patches, merged `merge` by `merge`, spans its grid from the next
    position on, and text goes on after the greatest one. Source: Qwen2.5-VL technical report, section 2.1.2.
    """
    parts, index, position, grids = [], 0, 0, list(grids)
    while index < len(ids):
        if ids[index] == image_pad:
            t, h, w = grids.pop(0)
            axes = [torch.zeros(t, dtype=torch.long), torch.arange(h // merge), torch.arange(w // merge)]
            part = torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(3, -1)
        else:
            stop = ids.index(image_pad, index) if image_pad in ids[index:] else len(ids)
            part = torch.arange(stop - index).expand(3, -1)
        parts.append(part + position)
        position = int(parts[-1].max()) + 1
        index += part.shape[1]
    return torch.cat(parts, 1).unsqueeze(1)
