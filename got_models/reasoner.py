"""The reasoner: Qwen2.5-VL that writes chains, and reads them into the 64 hidden states that guide the UNet.

Works on tensors and tokens; knows nothing of ComfyUI, files or boxes in pixels. The network is transformers'
`Qwen2_5_VLForConditionalGeneration`, used through its parts (vision tower, language model, head) with positions worked
out here, so that the same numbers come from every transformers release since 4.50.

Source: arXiv 2503.10639 section 4.2 and the released inference code; positions: Qwen2.5-VL's multimodal RoPE.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import uuid4

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import DynamicCache

from .chain import Chain, canonical_text, parse_regions, without_unfinished_box
from .decoding import Sampling, TokenChooser
from .folder import Manifest
from .prompt import Vocabulary, pictures

# B: batch, L: tokens, T: image tokens (64), D: hidden size of the language model


class Semantics(NamedTuple):
    """What a chain means to one reasoner: hidden states (1, T, D) at the image tokens, and which reasoner that was."""

    hidden: Tensor
    reasoner: str


class ReasonerNetwork(nn.Module):
    """The networks of a reasoner as one module: the language model and the two projectors.

    context: Linear D -> the UNet's context width. pooled: Linear D -> the UNet's pooled width.
    """

    def __init__(self, language_model: nn.Module, context: nn.Linear, pooled: nn.Linear) -> None:
        super().__init__()
        self.language_model, self.context, self.pooled = language_model, context, pooled
        self.device = None  # set by whoever manages memory

    def get_dtype(self) -> torch.dtype:
        """What the network computes in; large weights may be stored in less."""
        return self.context.weight.dtype


class Reasoner:
    """A reasoner ready to use. `device` is where its network's inputs go; the network may be loaded there in part."""

    def __init__(self, network: ReasonerNetwork, tokenizer: Any, image_processor: Any, manifest: Manifest) -> None:
        self.network, self.image_processor, self.manifest = network, image_processor, manifest
        self.vocabulary = Vocabulary(tokenizer, manifest.image_tokens)
        self.key = uuid4().hex
        self.device = torch.device("cpu")

    def write(
        self,
        chain: Chain,
        sampling: Sampling,
        max_tokens: int = 1024,
        constrain: bool = True,
        on_token: Callable[[int, str], None] = lambda count, text: None,
    ) -> Chain:
        """Write a chain for a task, prompt and picture; `chain.text`, if any, is the beginning to go on from.

        on_token is called with the number of tokens and the text so far; it may raise to stop. The result is marked
        `cut` if max_tokens came first; it carries its semantics, read from the continued key-value cache, unless
        the text had to be mended. constrain: the chain is always well formed; without it,
        ChainError is raised for a box or colour that cannot be drawn.
        """
        state = _Reading(self, chain)
        written, cut = self._decode(
            state, chain, TokenChooser(sampling, self.vocabulary, constrain), max_tokens, on_token
        )
        raw = self.text_of(written)
        text = canonical_text(without_unfinished_box(raw) if cut else raw)
        as_written = written == self.vocabulary.chain(text)
        semantics = self._semantics(state.continue_with(self.vocabulary.drawing)) if as_written else None
        return replace(chain, text=text, regions=parse_regions(text), cut=cut, semantics=semantics)

    def semantics(self, chain: Chain) -> Semantics:
        """The hidden states of a chain: those it was written with, or else from one forward over its text."""
        if chain.semantics is not None and chain.semantics.reasoner == self.key:
            return chain.semantics
        state = _Reading(self, chain)
        return self._semantics(state.continue_with([*self.vocabulary.chain(chain.text), *self.vocabulary.drawing]))

    def conditions(self, semantics: Semantics) -> tuple[Tensor, Tensor, Tensor]:
        """context (1, T, C), null context (1, T, C) and pooled (1, P) for the UNet, in float32.

        context = context(H), null = context(0), pooled = mean over T of pooled(H)

        Runs where the projectors' weights are: they are small, and the language model need not be loaded for them.
        """
        network = self.network
        hidden = semantics.hidden.to(network.context.weight.device, network.context.weight.dtype)
        context, null = network.context(hidden), network.context(torch.zeros_like(hidden))
        return context.float(), null.float(), network.pooled(hidden).mean(1).float()

    def text_of(self, ids: list[int]) -> str:
        """The text of a chain's ids; a character still being written is left out."""
        text = self.vocabulary.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text.rstrip("\ufffd")

    def _decode(
        self,
        state: "_Reading",
        chain: Chain,
        choose: TokenChooser,
        max_tokens: int,
        on_token: Callable[[int, str], None],
    ) -> tuple[list[int], bool]:
        """The chain's ids, without the token that stopped it, and whether the limit did."""
        written = self.vocabulary.chain(chain.text)
        hidden = state.continue_with(written)
        for count in range(1, max_tokens + 1):
            logits = self.network.language_model.lm_head(hidden[:, -1]).float()  # (1, vocabulary)
            token = choose(torch.tensor([state.ids], device=logits.device), logits, written)
            if token in self.vocabulary.stops:
                return written, False
            written.append(token)
            on_token(count, self.text_of(written))
            hidden = state.continue_with([token])
        return written, True

    def _semantics(self, hidden: Tensor) -> Semantics:
        return Semantics(hidden[:, -self.manifest.image_tokens :].float().cpu(), self.key)

    def picture_inputs(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """A source picture (1, height, width, 3) in 0..1 as the vision tower's patches and its (1, 3) grid of them."""
        image = Image.fromarray((picture[0] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy())
        image = image.resize(self.manifest.reasoner_image_size, Image.Resampling.BICUBIC)
        inputs = self.image_processor(images=[image], do_resize=False, return_tensors="pt")
        return inputs["pixel_values"], inputs["image_grid_thw"]


class _Reading:
    """A sequence being read: its ids, positions and key-value cache. Lives as long as one call."""

    def __init__(self, reasoner: Reasoner, chain: Chain) -> None:
        self.reasoner = reasoner
        inputs = [reasoner.picture_inputs(picture) for picture in pictures(chain)]
        merge = reasoner.network.language_model.config.vision_config.spatial_merge_size
        self.grids = [tuple(grid[0].tolist()) for _, grid in inputs]
        lengths = [t * h * w // merge**2 for t, h, w in self.grids]
        prompt = reasoner.vocabulary.prompt(chain, lengths)
        self.ids, self.cache, self.pending = [], DynamicCache(), prompt
        self.positions = mrope_positions(prompt, reasoner.vocabulary.image_pad, self.grids, merge)
        self.patches = [patches for patches, _ in inputs]

    def continue_with(self, ids: list[int]) -> Tensor:
        """Read on; the last hidden states (1, L, D), after the final norm, of what is new."""
        fresh, self.pending = [*self.pending, *ids], []
        start = len(self.ids)
        self.ids += fresh
        missing = len(self.ids) - self.positions.shape[-1]
        tail = self.positions.max() + 1 + torch.arange(missing)
        self.positions = torch.cat([self.positions, tail.expand(3, 1, -1)], -1)  # (3, 1, L)
        return self._forward(fresh, self.positions[..., start:]) if fresh else torch.empty(1, 0, 0)

    def _forward(self, ids: list[int], positions: Tensor) -> Tensor:
        device, model = self.reasoner.device, self.reasoner.network.language_model
        tokens = torch.tensor([ids], device=device)
        embeddings = model.get_input_embeddings()(tokens)  # (1, L, D)
        if self.patches:
            features = torch.cat([_vision(model, *pair) for pair in self._pictures(device, embeddings.dtype)])
            mask = (tokens == self.reasoner.vocabulary.image_pad).unsqueeze(-1)
            embeddings = embeddings.masked_scatter(mask, features.to(embeddings.dtype))
            self.patches = []
        text_model = getattr(model.model, "language_model", model.model)  # transformers 4.52 moved it
        return text_model(
            inputs_embeds=embeddings, position_ids=positions.to(device), past_key_values=self.cache, use_cache=True
        ).last_hidden_state

    def _pictures(self, device: torch.device, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        grids = [torch.tensor([grid], device=device) for grid in self.grids]
        return [(patches.to(device, dtype), grid) for patches, grid in zip(self.patches, grids, strict=True)]


def _vision(model: nn.Module, patches: Tensor, grid: Tensor) -> Tensor:
    """Features (picture tokens, D) of one picture."""
    tower = getattr(model.model, "visual", None) or model.visual  # transformers 4.52 moved it
    features = tower(patches, grid_thw=grid)
    return getattr(features, "pooler_output", features)


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
