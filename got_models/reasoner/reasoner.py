"""The reasoner: Qwen2.5-VL that writes chains, and reads them into the 64 hidden states that guide the UNet.

Works on tensors and tokens; knows nothing of ComfyUI, files or boxes in pixels. The network is transformers'
`Qwen2_5_VLForConditionalGeneration`, used through its parts (language.py), with positions worked out here, so that the
same numbers come from every transformers release since 4.50.

Source: arXiv 2503.10639 section 4.2 and the released inference code; positions: Qwen2.5-VL's multimodal RoPE.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import torch
from PIL import Image
from torch import Tensor, nn

from ..chain.grammar import Chain, ChainError, canonical_text, parse_regions, without_unfinished_box
from ..files.manifest import Manifest
from .cuda_graph import FastStep, PlainStep
from .generation import GUESSED, Draft, OnToken, Page, Sequence, TextSoFar, write_from_draft, write_together
from .network import KeyValues, Language, mrope_positions, rounded_up
from .prompt import Vocabulary, turns_of
from .sampling import Sampling, TokenChooser

# B: batch, L: tokens, T: image tokens (64), D: hidden size of the language model


class Semantics(NamedTuple):
    """What a chain means to one reasoner: hidden states (1, T, D) at the image tokens, and which reasoner that was."""

    hidden: Tensor
    reasoner: str


class Sight(NamedTuple):
    """What one reasoner saw of a picture: features (tokens, D), the grid of patches (1, h, w), and which it was."""

    features: Tensor
    grid: tuple[int, int, int]
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
    """A reasoner ready to use. `device` is where its network's inputs go; the network may be loaded there in part.

    recorded: whether the step that writes a token may be recorded and replayed, where a CUDA device holds all weights.
    """

    def __init__(self, network: ReasonerNetwork, tokenizer: Any, image_processor: Any, manifest: Manifest) -> None:
        self.network, self.image_processor, self.manifest = network, image_processor, manifest
        self.language = Language(network.language_model)
        self.vocabulary = Vocabulary(tokenizer, manifest.image_tokens)
        self.key = uuid4().hex
        self.device = torch.device("cpu")
        self.recorded = True

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
        `cut` if max_tokens came first; it carries what was seen of its source, and its semantics, read from the
        continued key-value cache, unless the text had to be mended. constrain: the chain is always well formed; without
        it, ChainError is raised for a box or color that cannot be drawn.
        """
        [written] = self.write_all([chain], [sampling], max_tokens, constrain, lambda _, *told: on_token(*told))
        if isinstance(written, ChainError):
            raise written
        return written

    def write_all(
        self,
        chains: list[Chain],
        samplings: list[Sampling],
        max_tokens: int = 1024,
        constrain: bool = True,
        on_token: Callable[[int, int, str], None] = lambda number, count, text: None,
        cache_memory: float = math.inf,
    ) -> list[Chain | ChainError]:
        """Write several chains together, of different prompts or seeds: the same ones as one by one, in less time.

        on_token is called with the number of the chain first. A chain that stands in the list twice is read once, a
        picture looked at once. A chain's draft is used if it is alone. In the place of a chain that cannot be drawn
        comes its ChainError. cache_memory: bytes that keys and values may take, unless those of one chain take more;
        the chains are written in groups that keep to it. Otherwise as `write`.
        """
        seen: dict[int, Sight] = {}
        looked = {id(chain): self._looked_at(chain, seen) for chain in chains}
        beginnings = {key: self._beginning(chain) for key, chain in looked.items()}

        def request(number: int) -> _Request:
            """Made as it is written: a chooser holds masks as long as the vocabulary on the device."""
            chain, choose = chains[number], TokenChooser(samplings[number], self.vocabulary, constrain)
            return _Request(looked[id(chain)], beginnings[id(chain)], choose, partial(on_token, number))

        longest = max(len(beginning.ids) for beginning in beginnings.values())
        places = rounded_up(longest + max_tokens + GUESSED + len(self.vocabulary.drawing))
        row = self.language.bytes_of_row(places, self.network.get_dtype())
        together = max(1, int(min(len(chains), cache_memory / row)))
        numbers = range(len(chains))
        groups = [numbers[start : start + together] for start in range(0, len(chains), together)]
        return [chain for group in groups for chain in self._write_group([*map(request, group)], places, max_tokens)]

    def semantics(self, chain: Chain) -> Semantics:
        """The hidden states of a chain: those it was written with, or else from one forward over its text."""
        if chain.semantics is not None and chain.semantics.reasoner == self.key:
            return chain.semantics
        beginning = self._beginning(self._looked_at(chain, {}), tuple(self.vocabulary.drawing))
        cache = self.language.empty(1, len(beginning.ids), like=beginning.embeddings)
        return self._semantics(Sequence(self.language, *beginning[2:], cache).read_beginning())

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

    def _write_group(self, requests: list["_Request"], places: int, max_tokens: int) -> list[Chain | ChainError]:
        """Write some chains at once, in a cache of `places` tokens for each."""
        cache = self.language.empty(len(requests), places, like=requests[0].beginning.embeddings)
        step = (FastStep if self._can_record() else PlainStep)(self.language, cache)
        pages, logits = self._opened(requests, cache)
        if len(pages) == 1 and requests[0].chain.draft:
            draft = Draft(self.vocabulary.chain(requests[0].chain.draft))
            write_from_draft(pages[0], logits, step, draft, self.vocabulary.stops, max_tokens)
        else:
            write_together(pages, logits, step, self.vocabulary.stops, max_tokens)
        return [self._finished(request.chain, page) for request, page in zip(requests, pages, strict=True)]

    def _opened(self, requests: list["_Request"], cache: KeyValues) -> tuple[list[Page], Tensor]:
        """A page a chain, read up to where it is to be written on; the logits of the first tokens."""
        pages, logits, read = [], [], {}
        for number, (chain, beginning, choose, on_token) in enumerate(requests):
            ids, begun, *inputs = beginning
            sequence, text = Sequence(self.language, *inputs, cache.row(number)), TextSoFar(self.vocabulary.tokenizer)
            if id(chain) in read:
                sequence.copy(pages[read[id(chain)]].sequence)
                logits.append(logits[read[id(chain)]])
            else:
                read[id(chain)] = number
                logits.append(self.language.logits(sequence.read_beginning()[:, -1]))
            pages.append(Page(sequence, ids, begun, choose, text, on_token))
        return pages, torch.cat(logits)

    def _finished(self, chain: Chain, page: Page) -> Chain | ChainError:
        """The chain on a page; what it means, if its text could be left as it was written."""
        raw = self.text_of(page.written)
        try:
            text = canonical_text(raw if page.stopped else without_unfinished_box(raw))
            regions = parse_regions(text)
        except ChainError as error:
            return error
        as_written = page.written == self.vocabulary.chain(text)
        semantics = self._semantics(page.finish(self.vocabulary.drawing)) if as_written else None
        return replace(chain, text=text, regions=regions, cut=not page.stopped, semantics=semantics, draft="")

    def _semantics(self, hidden: Tensor) -> Semantics:
        return Semantics(hidden[:, -self.manifest.image_tokens :].float().cpu(), self.key)

    def _can_record(self) -> bool:
        weights = self.network.language_model.parameters()
        return self.recorded and self.device.type == "cuda" and all(weight.device == self.device for weight in weights)

    def _beginning(self, chain: Chain, after: tuple[int, ...] = ()) -> "_Beginning":
        """What stands before the first token to be written, or, with the ids `after` it, the whole of a chain."""
        sights = [turn.sight for turn in turns_of(chain) if turn.sight]
        grids, merge = [sight.grid for sight in sights], self.language.merge
        prompt = self.vocabulary.prompt(chain, [t * h * w // merge**2 for t, h, w in grids])
        begun = self.vocabulary.chain(chain.text)
        ids = [*prompt, *begun, *after]
        tokens = torch.tensor([ids], device=self.device)
        embeddings = self.language.embed(tokens)  # (1, L, D)
        if sights:
            features = torch.cat([sight.features for sight in sights]).to(embeddings)
            embeddings = embeddings.masked_scatter((tokens == self.vocabulary.image_pad).unsqueeze(-1), features)
        return _Beginning(ids, begun, embeddings, mrope_positions(ids, self.vocabulary.image_pad, grids, merge))

    def _looked_at(self, chain: Chain, seen: dict[int, Sight]) -> Chain:
        """The chain with what this reasoner sees of its source and of the earlier turns', each looked at once.

        seen: what was seen just now of other chains' sources, by id; more is added.
        """
        earlier = self._looked_at(chain.earlier, seen) if chain.earlier else None
        if chain.source is None or (chain.sight is not None and chain.sight.reasoner == self.key):
            return replace(chain, earlier=earlier)
        if id(chain.source) not in seen:
            seen[id(chain.source)] = self._sight(chain.source)
        return replace(chain, earlier=earlier, sight=seen[id(chain.source)])

    def _sight(self, picture: Tensor) -> Sight:
        patches, grids = self.picture_inputs(picture)
        grid = tuple(grids[0].tolist())
        return Sight(self.language.see(patches, grid, self.device).cpu(), grid, self.key)

    def picture_inputs(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """See the function of that name."""
        return picture_inputs(picture, self.manifest.reasoner_image_size, self.image_processor)


def picture_inputs(picture: Tensor, size: tuple[int, int], image_processor: Any) -> tuple[Tensor, Tensor]:
    """A source picture (1, height, width, 3) in 0..1 as the vision tower's patches and its (1, 3) grid of them.

    size: width and height in pixels at which the language model sees it.
    """
    image = Image.fromarray((picture[0] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy())
    image = image.resize(size, Image.Resampling.BICUBIC)
    inputs = image_processor(images=[image], do_resize=False, return_tensors="pt")
    return inputs["pixel_values"], inputs["image_grid_thw"]


class _Beginning(NamedTuple):
    """ids, of which the last are the chain's own, `begun`; embeddings (1, L, D); positions (3, 1, L)."""

    ids: list[int]
    begun: list[int]
    embeddings: Tensor
    positions: Tensor


class _Request(NamedTuple):
    """A chain to be written, looked at: what stands before it, how its tokens are chosen, and who is told of them."""

    chain: Chain
    beginning: _Beginning
    choose: TokenChooser
    on_token: OnToken
