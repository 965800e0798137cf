"""The next token: the same that transformers' processors and torch.multinomial choose, for ties and every seed."""

import time

import pytest
import torch
from got.got_models.chain.colors import COLORS
from got.got_models.errors import GoTError
from got.got_models.reasoner.grammar_constraint import GrammarConstraint, is_box, may_become_box, may_become_color
from got.got_models.reasoner.prompt import NEW_TOKENS, Vocabulary
from got.got_models.reasoner.sampling import Sampling, TokenSampler
from got.tools.oracle.qwen import make_tokenizer
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

pytestmark = pytest.mark.transformers_oldest

ROWS = 400  # of the embeddings: more than there are tokens
VISUAL = ("<|image_pad|>", "<|video_pad|>", "<|vision_pad|>", "<|vision_end|>", *NEW_TOKENS[1:])
BEGUN = "A cup <|box_start|>(120,300),(480,760)<|box_end|> (red), at (7,8) "
SAMPLINGS = {
    "greedy": Sampling(),
    "greedy, no penalty": Sampling(repetition_penalty=1.0),
    "greedy, repetition wanted": Sampling(repetition_penalty=0.7),
    "sampled": Sampling(temperature=1.0, seed=3),
    "sampled with everything": Sampling(temperature=0.8, top_k=40, top_p=0.9, min_p=0.02, seed=4),
}


@pytest.fixture(scope="module")
def vocabulary():
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    return Vocabulary(tokenizer, 64)


class Plainly:
    """What is chosen by transformers' processors, one after the other over the whole vocabulary, and torch's draw."""

    def __init__(self, sampling, vocabulary, constrain):
        self.sampling, self.generator = sampling, torch.Generator().manual_seed(sampling.seed)
        self.constraint = GrammarConstraint(vocabulary) if constrain else None
        special = vocabulary.special
        self.suppressed = [special[token] for token in VISUAL]
        self.penalty = RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)
        self.warpers = LogitsProcessorList()
        if sampling.temperature not in (0, 1):
            self.warpers.append(TemperatureLogitsWarper(sampling.temperature))
        if sampling.top_k:
            self.warpers += [TopKLogitsWarper(sampling.top_k), TopPLogitsWarper(sampling.top_p)]
            self.warpers += [MinPLogitsWarper(sampling.min_p)]

    def __call__(self, ids, logits, written):
        scores = self.penalty(torch.tensor([ids]), logits.clone())
        scores[:, self.suppressed] = -torch.inf
        allowed = self.constraint.allowed(written) if self.constraint else None
        if allowed is not None:
            scores[:, [number for number in range(ROWS) if number not in allowed]] = -torch.inf
        elif self.constraint:
            scores[:, list(self.constraint.forbidden())] = -torch.inf
        if self.sampling.temperature == 0:
            return int(scores.argmax())
        probabilities = self.warpers(torch.tensor([ids]), scores).softmax(-1)
        return int(torch.multinomial(probabilities, 1, generator=self.generator))


def coarse(random):
    """Logits of which many are equal, as in bf16."""
    return torch.randn(1, ROWS, generator=random).mul(2).round()


def fine(random):
    return torch.randn(1, ROWS, generator=random) * 3


@pytest.mark.parametrize("logits_of", [coarse, fine])
@pytest.mark.parametrize("constrain", [True, False])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_same_tokens_are_chosen(vocabulary, sampling, constrain, logits_of):
    ours, expected = (kind(SAMPLINGS[sampling], vocabulary, constrain) for kind in (TokenSampler, Plainly))
    random, opened = torch.Generator().manual_seed(1), 0
    prompt, written = vocabulary.text_ids("a red cup"), vocabulary.chain_ids(BEGUN)
    for step in range(200):
        logits = logits_of(random)
        if step % 25 == 0:  # now and then a box, and a color after it
            logits[0, vocabulary.box_start] = 50
        if written[-1] == vocabulary.box_end:
            logits[0, vocabulary.text_ids("(")] = 50
        before = logits.clone()
        token = ours([*prompt, *written], logits, written)
        assert token == expected([*prompt, *written], logits, written)
        assert torch.equal(logits, before), "the next step may want them"
        written.append(token)
        opened += token == vocabulary.box_start
    assert opened >= 3


def test_the_noise_of_a_seed_is_its_own_however_many_are_drawn_at_once(vocabulary):
    def draw(samplers, steps=20):
        written, random = [[] for _ in samplers], torch.Generator().manual_seed(2)
        for _ in range(steps):
            logits = fine(random)
            for sample, ids in zip(samplers, written, strict=True):
                ids.append(sample(ids, logits, ids))
        return written

    def sampler(seed):
        return TokenSampler(Sampling(temperature=1.0, seed=seed), vocabulary, False)

    assert draw([sampler(seed) for seed in range(6)]) == [draw([sampler(seed)])[0] for seed in range(6)]


@pytest.mark.parametrize(
    "text", ["", "re", " light b", "lightblue)", "red), a cup", "reds", "red )", "x", "LightBlue) "]
)
def test_a_color_may_be_what_some_color_begins_with(text):
    word, closed, _ = text.partition(")")
    word = word.replace(" ", "").lower()
    assert may_become_color(text) == any(color == word or (color.startswith(word) and not closed) for color in COLORS)


@pytest.mark.parametrize(
    ("text", "may"),
    [("", True), ("(12", True), ("(0,998),(1,999)", True), ("(99,0),(9", True), ("(120,300),(48", True),
     ("(01", False), ("(999", False), ("(1000", False), ("(12 ", False), ("(12,3)(", False), ("(5,5),(0", False),
     ("(120,300),(12,", False), ("(120,300),(480,300)", False), ("(1,2),(3,4) ", False)],
)  # fmt: skip
def test_a_box_may_be_what_some_box_begins_with(text, may):
    assert may_become_box(text) is may
    assert is_box(text) is (may and text.endswith(")"))


@pytest.mark.parametrize("values", [
    {"temperature": float("nan")}, {"temperature": float("inf")}, {"temperature": -0.1}, {"top_p": 0},
    {"repetition_penalty": float("nan")}, {"repetition_penalty": 0}, {"top_p": float("nan")}, {"min_p": 2},
])  # fmt: skip
def test_values_that_no_token_can_be_chosen_by_are_refused(values):
    with pytest.raises(GoTError, match="out of range"):
        Sampling(**values)


def test_spaces_after_a_pair_of_numbers_do_not_slow_the_constraint(vocabulary):
    constraint = GrammarConstraint(vocabulary)
    constraint.bracket = "(1,2)" + " " * 20_000
    assert set(vocabulary.opening) <= set(constraint.forbidden())
    constraint.bracket += "x"
    start = time.process_time()
    assert constraint.forbidden() == (vocabulary.box_end,)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_model_that_computes_no_numbers_is_named(vocabulary, sampling):
    """Otherwise its chain would be `!!!!!!!!!!!!`, the token with the id 0."""
    logits = torch.full((1, ROWS), float("nan"))
    with pytest.raises(GoTError, match="The language model computes NaN instead of words"):
        TokenSampler(SAMPLINGS[sampling], vocabulary)([1], logits, [])
