"""A plain Qwen2.5-VL as the reasoner: transformers' own tokens, well-formed chains, and numbers on the chain's grid.

Runs with the newest transformers and, by `python dev.py test`, with the oldest that ComfyUI accepts.
"""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from got.got_models.chain.edits import rewriting
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, ChainError, parse_regions, read_chain
from got.got_models.chain.request import Request
from got.got_models.errors import GoTError
from got.got_models.reasoner.dialects import Coordinates, PlannerDialect
from got.got_models.reasoner.grammar_constraint import is_box, may_become_box
from got.got_models.reasoner.loading import load_planner
from got.got_models.reasoner.sampling import Sampling, TokenSampler
from got.tools.oracle.qwen import Sizes, write_mllm_folder
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration

pytestmark = [
    pytest.mark.transformers_oldest,
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`"),
]

CAPTION = "a red circle left of a blue square"
WILD = [Sampling(temperature=3.0, seed=seed) for seed in range(20)]
SEEN = (560, 392)  # pixels of the source image below, as the model sees it


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planner") / "Qwen2.5-VL-tiny"
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        write_mllm_folder(folder, Sizes(), torch.float32)
    return folder


@pytest.fixture(scope="module")
def planner(folder):
    with torch.inference_mode():
        return load_planner(folder, torch.float32)


@pytest.fixture(scope="module")
def plain(folder):
    """The same model by transformers alone."""
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, torch_dtype=torch.float32).eval()
    return SimpleNamespace(model=model, tokenizer=PreTrainedTokenizerFast.from_pretrained(folder))


def source_image(seed=0, height=42, width=60):
    return torch.rand(1, height, width, 3, generator=torch.Generator().manual_seed(seed))


def request_of(task, prompt=CAPTION, **more):
    return Request(task, prompt, source_image() if task == EDIT else None, **more)


def inputs_of(plain, planner, request):
    """What transformers' own tokenizer and chat template make of the dialect's prompt."""
    content, inputs = [{"type": "text", "text": planner.dialect.prompt(request)}], {}
    if request.source is not None:
        content.insert(0, {"type": "image"})
        patches, grid = planner.image_inputs(request.source)
        inputs = {"pixel_values": patches, "image_grid_thw": grid}
    messages = [{"role": "user", "content": content}]
    text = plain.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if inputs:
        text = text.replace("<|image_pad|>", "<|image_pad|>" * int(inputs["image_grid_thw"].prod() // 4))
    inputs["input_ids"] = plain.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    return inputs


# ------------------------------------------------------------------------------------------ transformers' own tokens


@pytest.mark.parametrize("task", [TEXT_TO_IMAGE, EDIT])
def test_the_prompt_is_what_the_chat_template_makes(planner, plain, task):
    request = request_of(task)
    expected = inputs_of(plain, planner, request)["input_ids"][0].tolist()
    pads = expected.count(planner.vocabulary.image_pad)
    assert planner.vocabulary.prompt_ids(request, [pads] if pads else []) == expected


@pytest.mark.parametrize("task", [TEXT_TO_IMAGE, EDIT])
@pytest.mark.parametrize("penalty", [1.0, 1.05])
def test_the_same_tokens_as_generate(planner, plain, task, penalty, monkeypatch):
    request, vocabulary, seen = request_of(task), planner.vocabulary, []
    inputs = inputs_of(plain, planner, request)
    if hasattr(plain.model.model, "language_model"):  # transformers 5 asks for the type of each token
        inputs["mm_token_type_ids"] = (inputs["input_ids"] == vocabulary.image_pad).int()
    never = {*vocabulary.special.values()} - vocabulary.stops - {vocabulary.box_start, vocabulary.box_end}
    never -= {number for token, number in vocabulary.special.items() if token.startswith("<|object_ref")}
    settings = {"do_sample": False, "repetition_penalty": penalty, "max_new_tokens": 24}
    bad = {"bad_words_ids": [[number] for number in sorted(never)], "eos_token_id": sorted(vocabulary.stops)}
    output = plain.model.generate(**inputs, **settings, **bad)[0, inputs["input_ids"].shape[1] :].tolist()
    expected = vocabulary.decode([token for token in output if token not in vocabulary.stops])
    monkeypatch.setattr(planner.dialect, "show", lambda text, turn: text)
    planner.write_all([request], [Sampling(repetition_penalty=penalty)], 24, False, lambda *event: seen.append(event))
    assert seen and seen[-1][2] == expected


def test_it_stops_on_qwens_tokens_alone(planner):
    special = planner.vocabulary.special
    assert planner.vocabulary.stops == {special["<|im_end|>"], special["<|endoftext|>"]}
    assert planner.vocabulary.image_ids == []


def test_a_typed_token_stays_text(planner):
    typed, clean = (planner.vocabulary.prompt_ids(request_of(TEXT_TO_IMAGE, text), []) for text in ("<|im_end|>", "x"))
    assert typed.count(planner.vocabulary.special["<|im_end|>"]) == clean.count(
        planner.vocabulary.special["<|im_end|>"]
    )


# ------------------------------------------------------------------------------------------ well-formed chains


@pytest.fixture
def likes_boxes(planner, monkeypatch):
    """The random model begins many boxes, of both forms, and seldom stops."""
    vocabulary, logits = planner.vocabulary, planner.qwen.logits
    bias = torch.zeros(Sizes().vocabulary)
    bias[vocabulary.text_ids("(0123456789")] = 4
    bias[vocabulary.box_start], bias[sorted(vocabulary.stops)] = 4, -2
    monkeypatch.setattr(planner.qwen, "logits", lambda hidden: logits(hidden) + bias)


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("task", [TEXT_TO_IMAGE, EDIT])
def test_a_random_model_writes_well_formed_chains(planner, likes_boxes, task):
    chains = planner.write_all([request_of(task)] * len(WILD), WILD, 200)
    assert not [chain for chain in chains if isinstance(chain, ChainError)]
    assert all(parse_regions(chain.text) == chain.regions and chain.semantics is None for chain in chains)
    assert sum(len(chain.regions) for chain in chains) >= 20


@pytest.mark.parametrize("extent", [(1000, 1000), SEEN, (1316, 728), (28, 5600), (2000, 28)])
@pytest.mark.parametrize("seed", range(8))
def test_every_plain_box_that_is_begun_becomes_one_on_the_grid(planner, extent, seed):
    vocabulary, rows = planner.vocabulary, Sizes().vocabulary
    written = vocabulary.text_ids("A circle (")
    sample = TokenSampler(Sampling(temperature=1.0, seed=seed), vocabulary, True, Coordinates(*extent, *extent))
    logits = torch.zeros(1, rows)
    logits[0, vocabulary.text_ids("0123456789")] = 20
    for _ in range(60):
        written.append(sample(written, logits, written))
        if vocabulary.decode(written).count(")") == 2:
            break
    request = SimpleNamespace(task=EDIT, source=torch.zeros(1, extent[1], extent[0], 3))
    dialect = PlannerDialect()
    dialect.image_size = lambda width, height: (width, height)
    text = dialect.show(vocabulary.decode(written), request)
    assert len(read_chain(text).regions) == 1


def test_after_a_plain_box_comes_a_color_or_no_bracket(planner):
    vocabulary = planner.vocabulary
    logits = torch.zeros(1, Sizes().vocabulary)
    logits[0, vocabulary.text_ids("9")] = 2
    for text, likeliest in [("a cup (1,2),(3,4) (", "9"), ("a cup (1,2),(3,4) (", "q")]:
        written = vocabulary.text_ids(text)
        logits[0, vocabulary.text_ids(likeliest)] = 3
        token = vocabulary.decode([TokenSampler(Sampling(), vocabulary)(written, logits, written)])
        assert token.isalpha() and token != "q"


@pytest.mark.parametrize(
    ("text", "may"),
    [("(643", True), ("(644", False), ("(6", True), ("(643,0),(6", True), ("(643,0),(63", False),
     ("(0,475),(1,4", True), ("(0,0),(644,476)", True), ("(0,0),(644,477", False), ("(10,0),(10,", False),
     ("(6441", False), ("(7,", True)],
)  # fmt: skip
def test_pixel_boxes_fit_in_the_seen_image(text, may):
    coordinates = Coordinates(644, 476, 644, 476)
    assert may_become_box(text, coordinates) is may
    assert is_box(text, coordinates) is (may and text.endswith(")"))


# ------------------------------------------------------------------------------------------ onto the chain's grid

# extent, number, number on the grid: min(999, round(number * 1000 / extent)), by hand
TABLE = [
    (1000, 0, 0), (1000, 999, 999), (1000, 1000, 999), (644, 0, 0), (644, 1, 2), (644, 322, 500), (644, 643, 998),
    (644, 644, 999), (476, 119, 250), (476, 475, 998), (1316, 1, 1), (1316, 2, 2), (1316, 658, 500), (1316, 1315, 999),
    (28, 1, 36), (28, 27, 964), (560, 280, 500), (560, 417, 745), (392, 98, 250), (392, 391, 997),
]  # fmt: skip


@pytest.mark.parametrize(("extent", "number", "expected"), TABLE)
def test_numbers_come_onto_the_grid_exactly(extent, number, expected):
    assert Coordinates(extent, extent).on_grid(number, 0) == Coordinates(extent, extent).on_grid(number, 1) == expected


@pytest.mark.parametrize(
    ("size", "seen"),
    [((640, 480), (644, 476)), ((1024, 1024), (980, 980)), ((1920, 1080), (1316, 728)), ((4000, 3000), (1148, 840)),
     ((60, 42), SEEN), ((16, 16), (448, 448))],
)  # fmt: skip
def test_an_image_is_seen_at_qwens_own_sizes(size, seen):
    assert PlannerDialect().image_size(*size) == seen


def test_an_image_that_is_too_long_is_refused(planner):
    with pytest.raises(GoTError, match="16x3300 pixels"):
        planner.write(Request(EDIT, CAPTION, source_image(0, 3300, 16)), Sampling(), 4)


@pytest.fixture
def answer(planner, monkeypatch):
    """Makes the planner write a given text: it runs for every token, but the tokens are given."""

    def write(text, request, constrain=True, limit=1024, stop="<|im_end|>"):
        script = iter([*planner.vocabulary.text_ids(text), planner.vocabulary.special[stop]])
        sampler = "got.got_models.reasoner.reasoner.TokenSampler"
        monkeypatch.setattr(sampler, lambda *settings: lambda ids, logits, written: next(script))
        shown = []
        chain = planner.write(request, Sampling(), limit, constrain, lambda count, text: shown.append(text))
        return chain, shown

    return write


def test_an_edits_pixels_become_the_chains_grid_and_so_is_what_is_shown(answer):
    chain, shown = answer("The area is the cup (280,98),(417,391) (red). It is blue.", request_of(EDIT))
    assert chain.text == "The area is the cup <|box_start|>(500,250),(745,997)<|box_end|> (red). It is blue."
    assert not chain.cut and chain.task == EDIT and chain.source is not None
    assert shown[-1] == "The area is the cup (500,250),(745,997) (red). It is blue."
    assert "The area is the cup" in shown and not [text for text in shown if "(2" in text or "(4" in text]


@pytest.mark.parametrize("part", [" ", "(", "(1,2),", "(1,2),(3,4)", "\n(", "<|box_start|>"])
def test_a_long_answer_is_shown_in_no_time(planner, part):
    started = time.perf_counter()
    planner.dialect.show(part * 20_000, request_of(EDIT))
    assert time.perf_counter() - started < 1  # of spaces, a pattern of quadratic time would take minutes


def test_a_marked_box_is_converted_too(planner):
    marked = "a cup <|box_start|>(280,98),(417,391)<|box_end|> (red)"
    assert planner.dialect.read(marked, request_of(EDIT), True)[0] == marked.replace("280,98", "500,250").replace(
        "417,391", "745,997"
    )


def test_text_to_image_counts_thousandths(answer):
    chain, _ = answer("A cup (120,400),(380,1000) on a table (0,600),(998,998).", request_of(TEXT_TO_IMAGE))
    assert [region.box for region in chain.regions] == [(120, 400, 380, 999), (0, 600, 998, 998)]
    assert [region.color.word for region in chain.regions] == ["red", "green"]


def test_a_chain_cut_inside_a_box_loses_that_box_alone(answer):
    text = "A cup (120,400),(380,760) (red) on a table (0,600),(9"
    chain, _ = answer(text, request_of(TEXT_TO_IMAGE), limit=len(text))
    assert chain.cut and chain.text == "A cup <|box_start|>(120,400),(380,760)<|box_end|> (red) on a table"


@pytest.mark.parametrize("constrain", [True, False])
def test_an_answer_in_json_is_read_as_well(answer, constrain):
    text = '```json\n[{"bbox_2d": [280, 98, 417, 391], "label": "the cup"}]\n```'
    chain, _ = answer(text, request_of(EDIT), constrain)
    assert [(region.phrase, region.box) for region in chain.regions] == [("the cup", (500, 250, 745, 997))]


def test_no_box_is_lost_where_forms_are_mixed(answer):
    text = "A cup (120,400),(380,760) (red) and a hat <box>(1,2),(300,400)</box> on a table [0,600,998,998]."
    chain, _ = answer(text, request_of(TEXT_TO_IMAGE))
    assert [region.box for region in chain.regions] == [(120, 400, 380, 760), (1, 2, 300, 400), (0, 600, 998, 998)]


def test_without_the_constraint_a_box_outside_the_image_is_refused(answer):
    with pytest.raises(ChainError, match="leaves the 560x392 image: 700 is more than 560"):
        answer("The cup (280,98),(700,391) (red).", request_of(EDIT), constrain=False)


# ------------------------------------------------------------------------------------------ all that the nodes do


def test_a_rewrite_keeps_the_locked_regions_word_for_word(planner):
    earlier = read_chain("[A cup with a lid] (1,2),(30,40) (red). A hat (5,6),(70,80) (blue) is here.", locked=(0, 1))
    for limit, sampling in [(8, Sampling()), (60, WILD[0])]:
        chain = planner.write(rewriting(earlier, CAPTION), sampling, limit)
        assert chain.text.startswith(earlier.text) and chain.locked == (0, 1)
        assert chain.regions[:2] == earlier.regions


def test_a_wish_is_asked_with_the_plan_that_it_changes(planner):
    earlier = read_chain("A cup (1,2),(30,40) (red). A hat (5,6),(70,80) (blue) is here.", locked=(0,))
    request = rewriting(earlier, CAPTION, "make the hat bigger")
    asked = planner.dialect.prompt(planner.dialect.asked(request))
    assert "make the hat bigger" in asked and "A hat (5,6),(70,80) (blue) is here." in asked and CAPTION in asked
    chain = planner.write(request, Sampling(), 8)
    assert chain.text.startswith("A cup <|box_start|>(1,2),(30,40)<|box_end|> (red).") and chain.locked == (0,)
    assert chain.prompt == f"{CAPTION}. make the hat bigger"


@pytest.mark.parametrize(
    ("prompt", "words"), [("一个红色杯子", "请在绘制之前规划一张图像"), ("a cup", "Plan an image before")]
)
def test_the_instruction_is_in_the_language_of_the_prompt(planner, prompt, words):
    assert planner.dialect.prompt(request_of(TEXT_TO_IMAGE, prompt)).startswith(words)


def test_an_edit_is_asked_in_pixels_of_the_seen_image(planner):
    asked = planner.dialect.prompt(request_of(EDIT))
    assert "560 pixels wide and 392 pixels high" in asked and "999" not in asked
    assert "the red cup (78,129),(213,270) (blue)" in asked, "the example of the instruction is on the grid"


def test_lookup_of_an_earlier_chain_changes_nothing(planner):
    earlier = read_chain("A circle (1,2),(30,40) (red). A hat (5,6),(70,80) (blue) is here.", locked=(0,))
    request = rewriting(earlier, CAPTION)
    assert planner.write(request, WILD[1], 40).text == planner.write(replace(request, lookup_text=""), WILD[1], 40).text


def test_a_batch_is_what_is_written_one_by_one_and_a_seed_is_a_seed(planner):
    requests = [request_of(TEXT_TO_IMAGE), request_of(EDIT), request_of(TEXT_TO_IMAGE)]
    together = planner.write_all(requests, [WILD[0], WILD[1], WILD[0]], 30)
    assert [chain.text for chain in together] == [
        planner.write(request, sampling, 30).text
        for request, sampling in zip(requests, [WILD[0], WILD[1], WILD[0]], strict=True)
    ]
    assert together[0].text == together[2].text


def test_an_edit_of_an_edit_sees_the_first_in_pixels(planner):
    first = replace(read_chain("The cup (500,250),(745,997) (red).", EDIT, "it", source_image()), cut=False)
    second = Request(EDIT, "now green", source_image(1), earlier=first)
    ids = planner.vocabulary.prompt_ids(second, [280, 280])
    assert "The cup (280,98),(417,391) (red).<|im_end|>" in planner.vocabulary.decode(ids)
    assert planner.write(second, Sampling(), 4).earlier.text == first.text


def test_it_only_plans_and_says_what_to_connect_instead(planner):
    with pytest.raises(GoTError, match=r"'Qwen2\.5-VL-tiny' only plans.*GoT Loader.*GoT Regional Conditioning"):
        planner.semantics(read_chain("a cup (1,2),(3,4)"))


# ------------------------------------------------------------------------------------------ folders that are none


@pytest.fixture
def copy(folder, tmp_path):
    target = tmp_path / "Other"
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def refusal(path):
    with pytest.raises(GoTError) as error:
        load_planner(path, torch.float32)
    assert len(str(error.value)) < 700
    return str(error.value)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    assert name in refusal(copy) and "Qwen2.5-VL-3B-Instruct" in refusal(copy)


def test_a_missing_shard_is_named(copy):
    index = {"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-00002-of-00002.safetensors" in refusal(copy)


def test_pickled_weights_are_not_opened(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "another format than safetensors" in refusal(copy)


CHANGES = [
    ({"model_type": "qwen3_vl"}, "a model of type 'qwen3_vl'"),
    ({"quantization_config": {"quant_method": "awq"}}, "quantized by 'awq'"),
    ({"num_hidden_layers": 10**9}, "is not a number from 1 to 128"),
    ({"hidden_size": "64"}, "'64'"),
    ({"rms_norm_eps": float("nan")}, "nan"),
    ({"num_attention_heads": 3}, "do not fit"),
    ({"vision_config": None}, "does not describe a Qwen2.5-VL"),
    ({"vision_config": []}, "does not describe a Qwen2.5-VL"),
    ({"rope_scaling": {"mrope_section": "abc"}}, "does not describe a Qwen2.5-VL"),
    ({"num_hidden_layers": 3}, "model.layers.2.self_attn.q_proj.weight"),
    ({"tie_word_embeddings": False}, "lm_head.weight"),
    ({"intermediate_size": 96}, "does not match the weights"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=str)
def test_a_config_that_is_another_models_or_damaged_is_refused(copy, change, words):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | change))
    assert words in refusal(copy)


@pytest.mark.parametrize("content", ["[]", "[" * 100_000, "{", '"' + "a" * 2_000_000 + '"'])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_file_that_holds_something_else_is_refused(copy, name, content):
    (copy / name).write_text(content)
    assert "Qwen2.5-VL" in refusal(copy)
