"""The reasoner against plain transformers: the same ids, the same chain, the same 64 hidden states.

Runs with the newest transformers and, by `python dev.py test`, with the oldest that ComfyUI accepts.
"""

import weakref
from dataclasses import replace

import pytest
import torch
from got.got_models.chain.colors import COLORS
from got.got_models.chain.edits import rewriting
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, ChainError, read_chain
from got.got_models.chain.request import Request
from got.got_models.files.manifest import published_manifest
from got.got_models.reasoner.dialects import PROMPTS
from got.got_models.reasoner.network import mrope_position_ids
from got.got_models.reasoner.prompt import NEW_TOKENS, checked_prompt
from got.got_models.reasoner.reasoner import Reasoner, ReasonerNetwork
from got.got_models.reasoner.sampling import Sampling, TokenSampler
from got.tools.oracle.qwen import Sizes, write_mllm_folder
from torch import nn
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessor

pytestmark = pytest.mark.transformers_oldest

CAPTION = "a red circle left of a blue square"
BOX = "<|box_start|>(10,20),(300,400)<|box_end|>"


@pytest.fixture(scope="module")
def reasoner(tmp_path_factory):
    """A random reasoner that tends to write, not to stop at once."""
    folder = tmp_path_factory.mktemp("reasoner") / "mllm"
    torch.manual_seed(0)
    with torch.no_grad():
        write_mllm_folder(folder, Sizes(), torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, torch_dtype=torch.float32, attn_implementation="sdpa"
    ).eval()
    network = ReasonerNetwork(model, nn.Linear(64, 48), nn.Linear(64, 80))
    manifest = replace(published_manifest("random"), reasoner_image_size=(84, 56))
    with torch.inference_mode():
        yield Reasoner(network, tokenizer, Qwen2VLImageProcessor.from_pretrained(folder), manifest)


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def source_image(seed=0):
    return torch.rand(1, 40, 60, 3, generator=torch.Generator().manual_seed(seed))


def text_request(prompt=CAPTION):
    return Request(TEXT_TO_IMAGE, prompt)


def edit_request(instruction="make it blue"):
    return Request(EDIT, instruction, source_image())


def chain_of(request, text):
    """A chain with this text, as an answer to the request."""
    return read_chain(text, request.task, request.prompt, request.source, earlier=request.earlier)


REQUESTS = {"text": text_request, "edit": edit_request}


def inputs_of(reasoner, request, answer=""):
    """What transformers' own tokenizer, template and image processor make of a request."""
    tokenizer = reasoner.vocabulary.tokenizer
    content = [{"type": "text", "text": PROMPTS[request.task].format(request.prompt)}]
    inputs = {}
    if request.source is not None:
        content.insert(0, {"type": "image"})
        patches, grid = reasoner.image_inputs(request.source)
        inputs = {"pixel_values": patches, "image_grid_thw": grid}
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    if inputs:
        text = text.replace("<|image_pad|>", "<|image_pad|>" * int(inputs["image_grid_thw"].prod() // 4))
    inputs["input_ids"] = tokenizer(text + answer, add_special_tokens=False, return_tensors="pt").input_ids
    return inputs


def with_token_types(reasoner, inputs):
    """transformers 5 asks for the type of each token; the oldest does not know the argument."""
    hf = reasoner.network.language_model
    if hasattr(hf.model, "language_model"):
        types = (inputs["input_ids"] == reasoner.vocabulary.image_pad).int()
        return {**inputs, "mm_token_type_ids": types}
    return inputs


def hidden_by_transformers(reasoner, chain):
    """The last 64 of the hidden states of one plain forward over prompt, chain and image tokens."""
    answer = chain.text + "".join(["<|im_gen_start|>", *NEW_TOKENS[2:]])
    inputs = with_token_types(reasoner, inputs_of(reasoner, chain, answer))
    output = reasoner.network.language_model(**inputs, output_hidden_states=True)
    return output.hidden_states[-1][:, -64:]


@pytest.mark.parametrize("task", REQUESTS)
def test_the_prompt_is_what_the_chat_template_makes(reasoner, task):
    request = REQUESTS[task]()
    expected = inputs_of(reasoner, request)["input_ids"][0].tolist()
    pads = expected.count(reasoner.vocabulary.image_pad)
    assert reasoner.vocabulary.prompt_ids(request, [pads] if pads else []) == expected


@pytest.mark.parametrize("task", REQUESTS)
@pytest.mark.parametrize("penalty", [1.0, 1.05])
def test_the_same_tokens_as_generate(reasoner, task, penalty):
    request = REQUESTS[task]()
    inputs = with_token_types(reasoner, inputs_of(reasoner, request))
    never = [[number] for number in _unwritten(reasoner)]
    model = reasoner.network.language_model
    settings = {"do_sample": False, "repetition_penalty": penalty, "max_new_tokens": 24, "bad_words_ids": never}
    output = model.generate(**inputs, **settings, eos_token_id=sorted(reasoner.vocabulary.stops))
    expected = [
        token for token in output[0, inputs["input_ids"].shape[1] :].tolist() if token not in reasoner.vocabulary.stops
    ]
    seen = []
    reasoner.write(request, Sampling(repetition_penalty=penalty), 24, False, lambda count, text: seen.append(text))
    assert seen and seen[-1] == reasoner.vocabulary.decode(expected)


def _unwritten(reasoner):
    """The ids that the released code cannot read back: those of images."""
    visual = ("<|image_pad|>", "<|video_pad|>", "<|vision_pad|>", "<|vision_end|>", *NEW_TOKENS[1:])
    return sorted(reasoner.vocabulary.special[token] for token in visual)


@pytest.mark.parametrize("task", REQUESTS)
def test_hidden_states_equal_one_plain_forward(reasoner, task):
    chain = chain_of(REQUESTS[task](), f"A circle {BOX} (red) and 猫.")
    expected = hidden_by_transformers(reasoner, chain)
    torch.testing.assert_close(reasoner.semantics(chain).hidden, expected, atol=1e-4, rtol=0)


@pytest.fixture
def written(reasoner, monkeypatch):
    """Writes a sensible chain with the random network: it runs for every token, but the tokens are given."""

    def write(request, text=f"A circle {BOX} (red) and 猫."):
        script = iter([*reasoner.vocabulary.chain_ids(text), reasoner.vocabulary.image_start])
        sampler = "got.got_models.reasoner.reasoner.TokenSampler"
        monkeypatch.setattr(sampler, lambda *settings: lambda ids, logits, written: next(script))
        return reasoner.write(request, Sampling())

    return write


@pytest.mark.parametrize("task", REQUESTS)
def test_hidden_states_of_the_continued_cache_equal_one_forward(reasoner, written, task):
    chain = written(REQUESTS[task]())
    fresh = reasoner.semantics(replace(chain, semantics=None))
    torch.testing.assert_close(chain.semantics.hidden, fresh.hidden, atol=1e-4, rtol=0)


def test_a_special_token_that_the_model_writes_is_kept_and_read_as_such(reasoner, monkeypatch):
    """Greedy decoding may choose any token but those of images, as in the released code."""
    wanted = iter(
        [
            *reasoner.vocabulary.text_ids("A cup"),
            *(reasoner.vocabulary.special[token] for token in ("<|im_start|>", "<|quad_end|>")),
        ]
    )

    def logits(hidden):
        scores = torch.zeros(*hidden.shape[:-1], Sizes().vocabulary)
        scores[..., next(wanted, reasoner.vocabulary.image_start)] = 9.0
        return scores

    monkeypatch.setattr(reasoner.qwen, "logits", logits)
    chain = reasoner.write(text_request(), Sampling())
    assert chain.text == "A cup<|im_start|><|quad_end|>"
    expected = hidden_by_transformers(reasoner, chain)
    torch.testing.assert_close(chain.semantics.hidden, expected, atol=1e-4, rtol=0)


def test_a_chain_that_was_corrected_is_read_again(written):
    assert written(text_request(), f"A circle {BOX}.").semantics is None


def test_an_edited_chain_is_read_again(reasoner, written):
    chain = written(text_request())
    edited = chain.edited("a red circle (1,2),(3,4)")
    assert not torch.allclose(reasoner.semantics(edited).hidden, chain.semantics.hidden)


def test_semantics_of_another_reasoner_are_not_used(reasoner, written):
    chain = replace(written(text_request()), text="something else")
    foreign = replace(chain, semantics=chain.semantics._replace(reasoner="another"))
    assert not torch.allclose(reasoner.semantics(foreign).hidden, chain.semantics.hidden)


def test_a_second_turn_sees_the_first(reasoner):
    first = chain_of(edit_request(), f"The circle {BOX} (red).")
    alone = chain_of(replace(edit_request("now make it green"), source=source_image(1)), "done")
    after = replace(alone, earlier=first)
    assert not torch.allclose(reasoner.semantics(after).hidden, reasoner.semantics(alone).hidden)


def test_sampling_follows_the_seed_and_leaves_the_global_random_state(reasoner):
    before = torch.get_rng_state()
    texts = [reasoner.write(text_request(), Sampling(temperature=1.5, seed=seed), 12).text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert torch.equal(before, torch.get_rng_state())


def test_the_token_limit_marks_the_chain_as_cut(reasoner):
    assert reasoner.write(text_request(), Sampling(), 3).cut


def test_a_stop_from_outside_ends_the_writing_at_that_token(reasoner):
    class Stopped(Exception):
        pass

    counts = []

    def stop_at_two(count, text):
        counts.append(count)
        if count == 2:
            raise Stopped

    with pytest.raises(Stopped):
        reasoner.write(text_request(), Sampling(), 50, on_token=stop_at_two)
    assert counts == [1, 2]


def test_a_given_beginning_is_kept(reasoner):
    begun = replace(text_request(), text=f"A circle {BOX} (red)")
    assert reasoner.write(begun, Sampling(), 6).text.startswith(begun.text)


def test_a_locked_phrase_that_needs_tags_stays_whole(reasoner):
    earlier = read_chain(f"[A cup with a lid] {BOX} (red).", locked=(0,))
    chain = reasoner.write(rewriting(earlier, CAPTION), Sampling(), 8)
    assert chain.regions[0].phrase == "A cup with a lid"
    assert reasoner.vocabulary.chain_ids(chain.text) == reasoner.vocabulary.chain_ids(
        chain.text.replace("<|obj_start|>", "")
    )


def test_a_locked_region_guides_as_before(reasoner):
    earlier = read_chain(f"A circle {BOX} (red). A cup (1,2),(30,40) (blue) is here.", locked=(1,))
    first, second = earlier.regions
    regions = (first._replace(off=True), second._replace(strength=0.5))
    chain = reasoner.write(rewriting(replace(earlier, regions=regions), CAPTION), Sampling(), 8)
    assert chain.regions[0].phrase == "A cup" and chain.regions[0].strength == 0.5
    assert not any(region.off for region in chain.regions)


def test_a_wish_is_read_with_the_prompt_and_what_is_locked_stays(reasoner):
    earlier = read_chain(f"A circle {BOX} (red). A cup (1,2),(30,40) (blue) is here.", locked=(1,))
    request = rewriting(earlier, "a circle and a cup", "make the circle bigger")
    chain = reasoner.write(request, Sampling(), 8)
    alone = reasoner.write(
        replace(request, prompt="a circle and a cup. make the circle bigger", wish=""), Sampling(), 8
    )
    assert chain.text == alone.text and chain.prompt == "a circle and a cup. make the circle bigger"
    assert chain.text.startswith("A cup <|box_start|>(1,2),(30,40)<|box_end|> (blue) is here.") and chain.locked == (0,)


@pytest.mark.parametrize("limit", [1, 6])
def test_a_chain_written_around_locked_regions_keeps_them_and_is_cut_as_any_other(reasoner, limit):
    earlier = read_chain(f"A circle {BOX} (red). A cup (1,2),(30,40) (blue) is here.", locked=(1,))
    chain = reasoner.write(rewriting(earlier, CAPTION), Sampling(), limit)
    assert chain.text.startswith("A cup <|box_start|>(1,2),(30,40)<|box_end|> (blue) is here.")
    assert chain.cut and chain.locked == (0,) and chain.regions[0] == read_chain(chain.text).regions[0]


# ------------------------------------------------------------------------------------------ prompt lookup, batches


def forwards_of(reasoner, monkeypatch):
    """Notes how many tokens each forward of the language model reads."""
    qwen, lengths = reasoner.qwen, []
    forward = qwen.forward
    monkeypatch.setattr(qwen, "forward", lambda x, *more: lengths.append(x.shape[1]) or forward(x, *more))
    return lengths


def mostly(text):
    """A text with one word changed and one put in."""
    third = len(text) // 3
    return f"{text[:third]}XY{text[third + 2 : 2 * third]}more{text[2 * third :]}"


SAMPLINGS = {"greedy": Sampling(), "sampled": Sampling(temperature=1.5, seed=5)}


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("change", [lambda text: text, mostly, lambda text: text[::-1], lambda text: "nothing alike"])
def test_prompt_lookup_changes_nothing(reasoner, sampling, change):
    request = text_request()
    plain = reasoner.write(request, SAMPLINGS[sampling], 60)
    looked_up = reasoner.write(replace(request, lookup_text=change(plain.text)), SAMPLINGS[sampling], 60)
    assert looked_up.text == plain.text and looked_up.cut == plain.cut
    if plain.semantics:
        torch.testing.assert_close(looked_up.semantics.hidden, plain.semantics.hidden, atol=1e-4, rtol=0)


def ascii_chain(reasoner, monkeypatch):
    """A request whose chain is plain letters: of the random network's tokens only these are let through."""
    kept = {number for letter in "abcdefgh" for number in reasoner.vocabulary.text_ids(letter)}
    never = [number for number in range(Sizes().vocabulary) if number not in kept]
    monkeypatch.setattr("got.got_models.reasoner.sampling._suppressed_tokens", lambda vocabulary: never)
    return text_request()


def test_a_lookup_text_that_is_right_saves_most_forwards(reasoner, monkeypatch):
    request = ascii_chain(reasoner, monkeypatch)
    lengths = forwards_of(reasoner, monkeypatch)
    plain = reasoner.write(request, Sampling(), 64)
    without = len(lengths)
    lengths.clear()
    looked_up = reasoner.write(replace(request, lookup_text=plain.text), Sampling(), 64)
    assert looked_up.text == plain.text and len(plain.text) == 64
    assert without == 1 + 63 + 1, "the prompt, each token but the last, and the 64 image tokens"
    assert len(lengths) < without / 3


def test_many_tokens_read_few_shapes_of_the_cache(reasoner, monkeypatch):
    request, lengths, forward = ascii_chain(reasoner, monkeypatch), [], reasoner.qwen.forward
    monkeypatch.setattr(reasoner.qwen, "forward", lambda *inputs: lengths.append(inputs[3]) or forward(*inputs))
    reasoner.write(request, Sampling(), 100)
    assert len(lengths) == 1 + 99 + 1 and len({*lengths[1:]}) <= 4
    assert lengths == sorted(lengths)


def test_stop_and_the_token_limit_hold_within_a_lookahead(reasoner, monkeypatch):
    request = ascii_chain(reasoner, monkeypatch)
    text = reasoner.write(request, Sampling(), 64).text
    counts = []
    short = reasoner.write(
        replace(request, lookup_text=text), Sampling(), 21, on_token=lambda count, _: counts.append(count)
    )
    assert short.cut and short.text == text[:21] and counts == list(range(1, 22))


def test_a_rewrite_looks_up_the_chain_that_it_rewrites():
    earlier = read_chain(f"A circle {BOX} (red). A cup (1,2),(30,40) (blue) is here.", locked=(1,))
    assert rewriting(earlier, CAPTION).lookup_text == earlier.text


def test_a_batch_of_chains_is_those_written_one_by_one(reasoner):
    requests = [
        text_request(),
        edit_request(),
        text_request("a much longer caption, of many more words"),
        text_request(),
    ]
    samplings = [Sampling(), Sampling(temperature=1.5, seed=1), Sampling(), Sampling(temperature=1.5, seed=2)]
    numbers = []
    together = reasoner.write_all(requests, samplings, 20, on_token=lambda number, *_: numbers.append(number))
    for number, (request, sampling) in enumerate(zip(requests, samplings, strict=True)):
        alone = reasoner.write(request, sampling, 20)
        assert together[number].text == alone.text and together[number].cut == alone.cut
        assert (together[number].semantics is None) == (alone.semantics is None)
        assert 0 < numbers.count(number) <= 20


def test_the_samplers_of_a_batch_are_gone_when_the_next_one_is_written(reasoner, monkeypatch):
    def sampler(*settings):
        samplers.add(made := TokenSampler(*settings))
        return made

    def alive(*_):
        counts.append(len(samplers))

    samplers, counts = weakref.WeakSet(), []
    monkeypatch.setattr("got.got_models.reasoner.reasoner.TokenSampler", sampler)
    reasoner.write_all([text_request(str(number)) for number in range(3)], [Sampling()] * 3, 2, True, alive, 0)
    assert counts and max(counts) == 1


def script(reasoner, monkeypatch, texts):
    """Let the next chains be these texts, whatever the network makes of them."""
    scripts = iter([iter([*reasoner.vocabulary.chain_ids(text), reasoner.vocabulary.image_start]) for text in texts])

    def sampler(*settings):
        tokens = next(scripts)
        return lambda ids, logits, written: next(tokens)

    monkeypatch.setattr("got.got_models.reasoner.reasoner.TokenSampler", sampler)


def test_chains_of_different_lengths_end_each_by_itself(reasoner, monkeypatch):
    texts = ["A", "A circle, and more", "A cup"]
    script(reasoner, monkeypatch, texts)
    chains = reasoner.write_all([text_request()] * 3, [Sampling()] * 3)
    assert [chain.text for chain in chains] == texts
    for chain in chains:
        fresh = reasoner.semantics(replace(chain, semantics=None))
        torch.testing.assert_close(chain.semantics.hidden, fresh.hidden, atol=1e-4, rtol=0)


def test_seeds_of_one_prompt_read_it_once(reasoner, monkeypatch):
    lengths, request = forwards_of(reasoner, monkeypatch), text_request()
    reasoner.write_all([request] * 3, [Sampling(temperature=1.5, seed=seed) for seed in range(3)], 4)
    assert lengths.count(max(lengths)) == 1


def noted_images(reasoner, monkeypatch):
    """Notes each image that the vision tower encodes."""
    encoded, encode_image = [], reasoner.qwen.encode_image
    monkeypatch.setattr(reasoner.qwen, "encode_image", lambda *inputs: encoded.append(1) or encode_image(*inputs))
    return encoded


def test_several_instructions_encode_their_image_once(reasoner, monkeypatch):
    encoded, request = noted_images(reasoner, monkeypatch), edit_request()
    reasoner.write_all([request, replace(request, prompt="make it green")], [Sampling()] * 2, 4, False)
    assert len(encoded) == 1


def test_a_chain_that_cannot_be_drawn_leaves_the_others(reasoner, monkeypatch):
    texts = ["A cup", "A cup <|box_start|>(9,0),(5,9)<|box_end|>", "A"]
    script(reasoner, monkeypatch, texts)
    first, broken, last = reasoner.write_all([text_request()] * 3, [Sampling()] * 3, constrain=False)
    assert (first.text, last.text) == ("A cup", "A")
    assert isinstance(broken, ChainError) and "(9,0),(5,9)" in str(broken)


def test_an_image_is_encoded_once_however_often_its_chain_is_changed(reasoner, monkeypatch):
    encoded = noted_images(reasoner, monkeypatch)
    chain = reasoner.write(edit_request(), Sampling(), 4, False)
    edited = chain.edited("a red circle (1,2),(3,4)")
    reasoner.semantics(edited)
    again = replace(edit_request("now make it green"), source=source_image(1), earlier=edited)
    reasoner.semantics(reasoner.write(again, Sampling(), 4, False).edited("done"))
    assert len(encoded) == 2, "each image once"


def test_image_features_of_another_reasoner_are_not_used(reasoner):
    seen = reasoner.write(edit_request(), Sampling(), 4, False)
    foreign = replace(
        seen, text="done", semantics=None, image_features=seen.image_features._replace(features=0, reasoner="another")
    )
    expected = reasoner.semantics(replace(foreign, image_features=None)).hidden
    torch.testing.assert_close(reasoner.semantics(foreign).hidden, expected)


# ------------------------------------------------------------------------------------------- boxes and colors


@pytest.mark.parametrize("seed", range(20))
def test_constrained_boxes_are_always_well_formed(reasoner, seed):
    vocabulary = reasoner.vocabulary
    written = [*vocabulary.chain_ids("A circle "), vocabulary.box_start]
    sample = TokenSampler(Sampling(temperature=1.0, seed=seed), vocabulary)
    while written[-1] != vocabulary.box_end:
        written.append(sample(written, torch.zeros(1, Sizes().vocabulary), written))
        assert len(written) < 60, "the box was never closed"
    assert len(read_chain(reasoner.vocabulary.decode(written)).regions) == 1


@pytest.mark.parametrize("seed", range(20))
def test_constrained_colors_are_always_known(reasoner, seed):
    vocabulary = reasoner.vocabulary
    written = vocabulary.chain_ids(f"A circle {BOX} (")
    sample = TokenSampler(Sampling(temperature=1.0, seed=seed), vocabulary)
    while not reasoner.vocabulary.decode(written).endswith(")"):
        written.append(sample(written, torch.zeros(1, Sizes().vocabulary), written))
        assert len(written) < 90, "the bracket was never closed"
    assert read_chain(reasoner.vocabulary.decode(written)).regions[0].color.word in COLORS


def chosen_after(reasoner, text):
    """What is written next by a model that would open a bracket, and else write an x."""
    vocabulary = reasoner.vocabulary
    logits = torch.zeros(1, Sizes().vocabulary)
    logits[0, vocabulary.chain_ids("(")] = 2
    logits[0, vocabulary.chain_ids("x")] = 1
    written = vocabulary.chain_ids(text)
    return reasoner.vocabulary.decode([TokenSampler(Sampling(), vocabulary)(written, logits, written)])


@pytest.mark.parametrize("text", ["It goes to (747,898)", "It goes to (747,898) ", "(1,2),", "(0.5, so to speak)\n"])
def test_numbers_in_the_prose_never_become_a_box(reasoner, text):
    with pytest.raises(ChainError):
        read_chain(text + "(blueblue)")
    assert chosen_after(reasoner, text) == "x"


@pytest.mark.parametrize("text", ["A cup ", "A cup (red) ", "Two cups (2,000 years old). ", f"It goes to (7,8) {BOX}"])
def test_brackets_that_are_no_numbers_stay_possible(reasoner, text):
    assert chosen_after(reasoner, text) == "("


@pytest.mark.parametrize(
    "token", ["<|im_end|>", "<|im_gen_0001|>", "<|box_start|>", "<|image_pad|>", "<|vision_start|>"]
)
def test_a_special_token_in_the_prompt_stays_text(reasoner, token):
    vocabulary = reasoner.vocabulary
    plain, typed = (vocabulary.prompt_ids(text_request(text), []) for text in ("x", f"x{token}"))
    assert [number in vocabulary.special.values() for number in plain].count(True) == [
        number in vocabulary.special.values() for number in typed
    ].count(True)


@pytest.mark.parametrize("token", ["<|im_end|>", "<|im_gen_0001|>", "<|image_pad|>", "<|vision_start|>"])
def test_a_special_token_in_a_chain_stays_text(reasoner, token):
    vocabulary = reasoner.vocabulary
    assert vocabulary.special[token] not in vocabulary.chain_ids(f"a{token}b {BOX} (red)")


def test_conditions_have_the_stated_shapes_and_a_null_context_of_biases(reasoner):
    semantics = reasoner.semantics(chain_of(text_request(), "a chain"))
    context, null, pooled = reasoner.conditions(semantics)
    assert context.shape == null.shape == (1, 64, 48) and pooled.shape == (1, 80)
    torch.testing.assert_close(null, reasoner.network.context.bias.expand(1, 64, 48))
    torch.testing.assert_close(pooled[0], reasoner.network.pooled(semantics.hidden)[0].mean(0))


def test_position_ids_of_text_around_an_image():
    pad = 9
    positions = mrope_position_ids([1, pad, pad, pad, pad, pad, pad, 2, 3], pad, [(1, 4, 6)], 2)
    assert positions[:, 0].tolist() == [
        [0, 1, 1, 1, 1, 1, 1, 4, 5],
        [0, 1, 1, 1, 2, 2, 2, 4, 5],
        [0, 1, 2, 3, 1, 2, 3, 4, 5],
    ]


@pytest.mark.parametrize("task, word", [(TEXT_TO_IMAGE, "prompt"), (EDIT, "instruction")])
def test_an_empty_prompt_is_refused(task, word):
    with pytest.raises(ValueError, match=f"The {word} is empty"):
        checked_prompt("  \n", task)
