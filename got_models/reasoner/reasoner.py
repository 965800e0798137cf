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
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import torch
from torch import Tensor, nn

from ..chain.grammar import Chain, ChainError, canonical_text, parse_regions, without_unfinished_box
from ..chain.phrases import without_tags
from ..chain.request import Request
from ..files.manifest import Manifest
from ..guidance.images import bicubic
from .cuda_graph import FastStep, PlainStep
from .generation import GUESSED, Draft, OnToken, Page, Sequence, TextSoFar, write_from_draft, write_together
from .network import KeyValues, Language, mrope_positions, rounded_up
from .prompt import Vocabulary, turns_of
from .sampling import Sampling, TokenChooser

Turn = TypeVar("Turn", Request, Chain)

# B: batch, L: tokens, T: image tokens (64), D: hidden size of the language model


class Semantics(NamedTuple):
    """What a chain means to one reasoner: hidden states (1, T, D) at the image tokens, and which reasoner that was."""

    hidden: Tensor
    reasoner: str


class ImageFeatures(NamedTuple):
    """An image as one reasoner's vision tower encoded it: features (tokens, D), grid of patches (1, h, w), and which
    reasoner that was."""

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
        request: Request,
        sampling: Sampling,
        max_tokens: int = 1024,
        constrain: bool = True,
        on_token: Callable[[int, str], None] = lambda count, text: None,
    ) -> Chain:
        """Write the chain that is asked for.

        on_token is called with the number of tokens and the text so far; it may raise to stop. constrain: the chain is
        always well formed; without it, ChainError is raised for a box or color that cannot be drawn.
        The result is marked `cut` if max_tokens came first. It carries the image features of its source, and its
        semantics, unless its text had to be mended.
        """
        [written] = self.write_all([request], [sampling], max_tokens, constrain, lambda _, *told: on_token(*told))
        if isinstance(written, ChainError):
            raise written
        return written

    def write_all(
        self,
        requests: list[Request],
        samplings: list[Sampling],
        max_tokens: int = 1024,
        constrain: bool = True,
        on_token: Callable[[int, int, str], None] = lambda number, count, text: None,
        cache_memory: float = math.inf,
    ) -> list[Chain | ChainError]:
        """Write the chains of several requests together. They are the same as one by one, and take less time.

        on_token is called with the number of the request first. A request that is in the list twice is read once, an
        image encoded once. A lookup text is used if its request is alone. For a chain that cannot be drawn, its
        ChainError is returned. cache_memory: bytes that keys and values may take, unless those of one chain take more;
        the chains are written in groups that keep to it. Otherwise as `write`.
        """
        encoded: dict[Tensor, ImageFeatures] = {}
        turns = {request: self._with_image_features(request, encoded) for request in requests}
        beginnings = {request: self._beginning(turn) for request, turn in turns.items()}

        def start(number: int) -> _Writing:
            """Made as it is written: a chooser holds masks as long as the vocabulary on the device."""
            request, choose = requests[number], TokenChooser(samplings[number], self.vocabulary, constrain)
            return _Writing(turns[request], beginnings[request], choose, partial(on_token, number))

        longest = max(len(beginning.ids) for beginning in beginnings.values())
        places = rounded_up(longest + max_tokens + GUESSED + len(self.vocabulary.drawing))
        row = self.language.bytes_of_row(places, self.network.get_dtype())
        together = max(1, int(min(len(requests), cache_memory / row)))
        numbers = range(len(requests))
        groups = [numbers[first : first + together] for first in range(0, len(requests), together)]
        return [chain for group in groups for chain in self._write_group([*map(start, group)], places, max_tokens)]

    def semantics(self, chain: Chain) -> Semantics:
        """The hidden states of a chain: those it was written with, or else from one forward over its text."""
        if chain.semantics is not None and chain.semantics.reasoner == self.key:
            return chain.semantics
        beginning = self._beginning(self._with_image_features(chain, {}), tuple(self.vocabulary.drawing))
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

    def _write_group(self, writings: list["_Writing"], places: int, max_tokens: int) -> list[Chain | ChainError]:
        """Write some chains at once, in a cache of `places` tokens for each."""
        cache = self.language.empty(len(writings), places, like=writings[0].beginning.embeddings)
        step = (FastStep if self._can_record() else PlainStep)(self.language, cache)
        pages, logits = self._opened(writings, cache)
        if len(pages) == 1 and writings[0].request.lookup_text:
            draft = Draft(self.vocabulary.chain(writings[0].request.lookup_text))
            write_from_draft(pages[0], logits, step, draft, self.vocabulary.stops, max_tokens)
        else:
            write_together(pages, logits, step, self.vocabulary.stops, max_tokens)
        return [self._finished(writing.request, page) for writing, page in zip(writings, pages, strict=True)]

    def _opened(self, writings: list["_Writing"], cache: KeyValues) -> tuple[list[Page], Tensor]:
        """A page a chain, read up to where it is to be written on; the logits of the first tokens."""
        pages, logits, read = [], [], {}
        for number, (request, beginning, choose, on_token) in enumerate(writings):
            ids, begun, *inputs = beginning
            sequence, text = Sequence(self.language, *inputs, cache.row(number)), TextSoFar(self.vocabulary.tokenizer)
            if request in read:
                sequence.copy(pages[read[request]].sequence)
                logits.append(logits[read[request]])
            else:
                read[request] = number
                logits.append(self.language.logits(sequence.read_beginning()[:, -1]))
            pages.append(Page(sequence, ids, begun, choose, text, on_token))
        return pages, torch.cat(logits)

    def _finished(self, request: Request, page: Page) -> Chain | ChainError:
        """The chain on a page; what it means, if its text could be left as it was written."""
        raw = self.text_of(page.written)
        beginning = without_tags(request.text)
        if raw.startswith(beginning):  # the tags of locked phrases are no tokens
            raw = request.text + raw[len(beginning) :]
        try:
            text = canonical_text(raw if page.stopped else without_unfinished_box(raw))
            regions = parse_regions(text)
        except ChainError as error:
            return error
        as_written = page.written == self.vocabulary.chain(text)
        semantics = self._semantics(page.finish(self.vocabulary.drawing)) if as_written else None
        return Chain(
            *(request.task, request.prompt, text, regions, request.source),
            cut=not page.stopped,
            earlier=request.earlier,
            semantics=semantics,
            locked=tuple(range(len(parse_regions(request.text)))),
            image_features=request.image_features,
        )

    def _semantics(self, hidden: Tensor) -> Semantics:
        return Semantics(hidden[:, -self.manifest.image_tokens :].float().cpu(), self.key)

    def _can_record(self) -> bool:
        weights = self.network.language_model.parameters()
        return self.recorded and self.device.type == "cuda" and all(weight.device == self.device for weight in weights)

    def _beginning(self, turn: Request | Chain, after: tuple[int, ...] = ()) -> "_Beginning":
        """What comes before the first token to be written, or, with the ids `after` it, the whole of a chain."""
        images = [part.image_features for part in turns_of(turn) if part.image_features]
        grids, merge = [image.grid for image in images], self.language.merge
        prompt = self.vocabulary.prompt(turn, [t * h * w // merge**2 for t, h, w in grids])
        begun = self.vocabulary.chain(turn.text)
        ids = [*prompt, *begun, *after]
        tokens = torch.tensor([ids], device=self.device)
        embeddings = self.language.embed(tokens)  # (1, L, D)
        if images:
            features = torch.cat([image.features for image in images]).to(embeddings)
            embeddings = embeddings.masked_scatter((tokens == self.vocabulary.image_pad).unsqueeze(-1), features)
        return _Beginning(ids, begun, embeddings, mrope_positions(ids, self.vocabulary.image_pad, grids, merge))

    def _with_image_features(self, turn: Turn, encoded: dict[Tensor, ImageFeatures]) -> Turn:
        """The turn with this reasoner's features of its source and of the earlier turns' sources, each encoded once.

        encoded: the features of other turns' sources; more are added.
        """
        earlier = self._with_image_features(turn.earlier, encoded) if turn.earlier else None
        if turn.source is None or (turn.image_features is not None and turn.image_features.reasoner == self.key):
            return replace(turn, earlier=earlier)
        if turn.source not in encoded:
            encoded[turn.source] = self._encode_image(turn.source)
        return replace(turn, earlier=earlier, image_features=encoded[turn.source])

    def _encode_image(self, image: Tensor) -> ImageFeatures:
        patches, grids = self.picture_inputs(image)
        grid = tuple(grids[0].tolist())
        return ImageFeatures(self.language.see(patches, grid, self.device).cpu(), grid, self.key)

    def picture_inputs(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """See the function of that name."""
        return picture_inputs(picture, self.manifest.reasoner_image_size, self.image_processor)


def picture_inputs(picture: Tensor, size: tuple[int, int], image_processor: Any) -> tuple[Tensor, Tensor]:
    """A source picture (1, height, width, 3) in 0..1 as the vision tower's patches and its (1, 3) grid of them.

    size: width and height in pixels at which the language model sees it.
    """
    inputs = image_processor(images=[bicubic(picture, size)], do_resize=False, return_tensors="pt")
    return inputs["pixel_values"], inputs["image_grid_thw"]


class _Beginning(NamedTuple):
    """ids, of which the last are the chain's own, `begun`; embeddings (1, L, D); positions (3, 1, L)."""

    ids: list[int]
    begun: list[int]
    embeddings: Tensor
    positions: Tensor


class _Writing(NamedTuple):
    """A request about to be answered: what comes before the answer, how tokens are chosen, what is called for each."""

    request: Request
    beginning: _Beginning
    choose: TokenChooser
    on_token: OnToken
