"""Qwen2.5-VL's forward pass over a preallocated KV cache.

Own wiring around transformers' layers. Needed for CUDA graphs, for rolling back rejected tokens, and for rows of
different length in one batch. Every layer with weights is called as a module, so quantized, patched and offloaded
weights work.

Source: Qwen2 and Qwen2.5-VL technical reports. A test compares the numbers with transformers from 4.50 on.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

# cuDNN's attention, the default on an H100, makes a plan for every new shape, which takes longer than a token does. So
# attention reads the cache in blocks of this many positions. Those that are not filled yet are masked.
BLOCK_SIZE = 64

# B: batch, L: new tokens, S: cache positions, D: hidden size, H: query heads, K: key-value heads, E: head size


def round_up_to_block(length: int) -> int:
    """The next multiple of BLOCK_SIZE."""
    return -(-length // BLOCK_SIZE) * BLOCK_SIZE


class KVCache(NamedTuple):
    """The keys and values of B sequences: of each, one tensor (B, K, S, E) per layer."""

    keys: list[Tensor]
    values: list[Tensor]

    @property
    def capacity(self) -> int:
        """S, the number of tokens that each row has memory for."""
        return self.keys[0].shape[2]

    @property
    def device(self) -> torch.device:
        return self.keys[0].device

    def kv_len(self, filled: int) -> int:
        """How many positions attention reads when `filled` of them are: whole blocks, at most the capacity."""
        return min(round_up_to_block(filled), self.capacity)

    def row(self, index: int) -> "KVCache":
        """One of the sequences, in the same memory."""
        return KVCache(*([part[index : index + 1] for part in parts] for parts in self))


class CachedQwenVL:
    """A `Qwen2_5_VLForConditionalGeneration` by its parts, which transformers 4.52 moved."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.text_model = getattr(model.model, "language_model", model.model)
        self.vision_tower = getattr(model.model, "visual", None) or model.visual
        self.merge_size = model.config.vision_config.spatial_merge_size  # patches to an image token, each way
        config = self.text_model.config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.groups = self.heads // self.kv_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        rope = getattr(config, "rope_parameters", None) or config.rope_scaling
        self.mrope_section = rope["mrope_section"]  # how many frequencies turn with time, height and width

    @property
    def lm_head(self) -> nn.Module:
        """The layer from hidden states to logits. It is looked up each time, for a LoRA may replace it."""
        return self.model.lm_head

    def encode_image(self, patches: Tensor, grid: tuple[int, int, int], device: torch.device) -> Tensor:
        """Features (image tokens, D) of one image's patches. grid: how many patches in time, height and width."""
        sizes = torch.tensor([grid], device=device)
        features = self.vision_tower(patches.to(device, self.text_model.norm.weight.dtype), grid_thw=sizes)
        return getattr(features, "pooler_output", features)

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings (B, L, D) of token ids (B, L)."""
        return self.text_model.embed_tokens(ids)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (..., vocabulary), float, of hidden states (..., D)."""
        return self.lm_head(hidden).float()

    def new_cache(self, rows: int, capacity: int, like: Tensor) -> KVCache:
        """A cache for `rows` sequences of up to `capacity` tokens, of the device and dtype of `like`.

        It is filled with zeros, for masked values must be finite.
        """
        shape = (rows, self.kv_heads, capacity, self.head_size)
        return KVCache(*([like.new_zeros(shape) for _ in self.text_model.layers] for _ in range(2)))

    def cache_bytes(self, capacity: int, dtype: torch.dtype) -> int:
        """The memory of one row of a `new_cache`."""
        return 2 * len(self.text_model.layers) * self.kv_heads * capacity * self.head_size * dtype.itemsize

    def forward(
        self, embeddings: Tensor, position_ids: Tensor, cache_positions: Tensor, kv_len: int, cache: KVCache
    ) -> Tensor:
        """The last hidden states (B, L, D) of new tokens, after the final norm. `cache` gets their keys and values.

        embeddings: (B, L, D). position_ids: (3, B, L) of the multimodal RoPE. cache_positions: (B, L), where each token
        goes in the cache; it attends to the positions up to its own. kv_len: how many positions attention reads, more
        than the greatest of `cache_positions`.
        """
        rotation, mask, hidden = self._rotation(position_ids, embeddings.dtype), None, embeddings
        if kv_len > cache_positions.shape[1]:  # else all tokens are new: the attention is causal and needs no mask
            later = torch.arange(kv_len, device=cache_positions.device) > cache_positions.unsqueeze(
                -1
            )  # (B, L, kv_len)
            later = later.repeat(1, self.groups, 1).unsqueeze(1)  # (B, 1, groups * L, kv_len)
            mask = torch.zeros_like(later, dtype=embeddings.dtype).masked_fill_(later, -torch.inf)
        for layer, keys, values in zip(self.text_model.layers, *cache, strict=True):
            attention = self._attention(
                layer.self_attn, layer.input_layernorm(hidden), rotation, cache_positions, mask, keys, values
            )
            hidden = hidden + attention
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        return self.text_model.norm(hidden)

    def _attention(
        self,
        layer: Any,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        cache_positions: Tensor,
        mask: Tensor | None,
        keys: Tensor,
        values: Tensor,
    ) -> Tensor:
        """Attention of new tokens x (B, L, D) to the cache. The H / K queries of a key are rows of one matrix.

        mask: (B, 1, H / K * L, kv_len); None if all tokens are new.
        """
        rows, length, _ = x.shape
        query, key, value = (
            projection(x).view(rows, length, -1, self.head_size).transpose(1, 2)  # (B, H or K, L, E)
            for projection in (layer.q_proj, layer.k_proj, layer.v_proj)
        )
        index = cache_positions[:, None, :, None].expand_as(key)
        query, key = _rotate(torch.cat([query, key], 1), rotation).split([self.heads, self.kv_heads], 1)
        keys.scatter_(2, index, key)
        values.scatter_(2, index, value)
        kv_len = mask.shape[-1] if mask is not None else length
        keys, values = keys[:, :, :kv_len], values[:, :, :kv_len]
        if mask is None:
            keys, values = (part.repeat_interleave(self.groups, 1) for part in (keys, values))  # (B, H, L, E)
            out = scaled_dot_product_attention(query, keys, values, is_causal=True)
        else:
            query = query.reshape(rows, self.kv_heads, -1, self.head_size)  # (B, K, groups * L, E)
            out = scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return layer.o_proj(out.reshape(rows, self.heads, length, -1).transpose(1, 2).reshape(rows, length, -1))

    def _rotation(self, position_ids: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and sines (B, 1, L, E) of the rotary embedding; the first half of the sines is negated."""
        angles = position_ids.unsqueeze(-1).float() * self.text_model.rotary_emb.inv_freq.float()  # (3, B, L, E / 2)
        parts = [part[axis] for axis, part in enumerate(angles.split(self.mrope_section, -1))]
        angles = torch.cat([*parts, *parts], -1).unsqueeze(1)
        first, second = angles.sin().to(dtype).chunk(2, -1)
        return angles.cos().to(dtype), torch.cat([-first, second], -1)


def _rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Heads (B, H, L, E) with the rotary embedding applied: the first half of a head is paired with the second."""
    cos, sin = rotation
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([second, first], -1) * sin


def mrope_position_ids(ids: list[int], image_pad: int, grids: list[tuple[int, int, int]], merge_size: int) -> Tensor:
    """Position ids (3, 1, L) of Qwen2.5-VL's multimodal RoPE: time, height, width.

    Text counts up in all three. An image of (t, h, w) patches, merged `merge_size` by `merge_size`, spans its grid from
    the next position on. The text after it continues after the greatest one.
    Source: Qwen2.5-VL technical report, section 2.1.2.
    """
    parts, index, position, grids = [], 0, 0, list(grids)
    while index < len(ids):
        if ids[index] == image_pad:
            t, h, w = grids.pop(0)
            axes = [torch.zeros(t, dtype=torch.long), torch.arange(h // merge_size), torch.arange(w // merge_size)]
            part = torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(3, -1)
        else:
            stop = ids.index(image_pad, index) if image_pad in ids[index:] else len(ids)
            part = torch.arange(stop - index).expand(3, -1)
        parts.append(part + position)
        position = int(parts[-1].max()) + 1
        index += part.shape[1]
    return torch.cat(parts, 1).unsqueeze(1)
