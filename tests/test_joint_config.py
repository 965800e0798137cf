"""A training run's configuration: the published stages are what was published, and a mistake is named.

Run: python dev.py test tests/test_joint_config.py
"""

import json

import pytest
from got.training.joint.__main__ import chosen_config, in_processes, parser_of, settings_of
from got.training.joint.config import CONFIGS, ConfigError, as_json, changed, make_config, read_config

SMALLEST = {"start": "tiny", "sources": [{"kind": "world"}]}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.json")), ids=lambda path: path.stem)
def test_every_configuration_reads_and_comes_back(path):
    config = read_config(path.stem)
    assert make_config(as_json(config)) == config


@pytest.mark.parametrize(("name", "steps", "rate"), [("pretrain", 60000, 1e-4), ("finetune", 10000, 5e-5)])
def test_the_published_stages(name, steps, rate):
    config = read_config(name)
    assert (config.steps, config.rate, config.batch) == (steps, rate, 128)
    assert (config.language, config.rank, config.alpha, config.dropout) == ("lora", 32, 32, 0.05)
    assert {"gate_proj", "up_proj", "down_proj", "q_proj", "k_proj", "v_proj", "o_proj"} == set(config.targets)
    assert {"embed_tokens", "lm_head", "input_layernorm", "post_attention_layernorm"} == set(config.saved)
    assert (config.beta1, config.beta2, config.epsilon, config.decay) == (0.9, 0.98, 1e-6, 0.05)
    assert (config.drop, config.offset, config.chain_weight, config.noise_weight) == (0.05, 0.1, 1, 1)
    assert not config.settle


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 3}, ["unknown key 'step'", "'steps'"]),
        ({"steps": 3.5}, ["'steps' is 3.5", "whole number"]),
        ({"steps": True}, ["'steps' is true"]),
        ({"steps": 0}, ["'steps' is 0", "at least 1"]),
        ({"rate": "fast"}, ["'rate' is \"fast\"", "a number"]),
        ({"language": "some"}, ["'language'", "lora, full"]),
        ({"targets": "q_proj"}, ["'targets'", "a list"]),
        ({"targets": [1]}, ["item 1", "a text"]),
        ({"drop": 0.5}, ["'drop' is 0.5"]),
        ({"width": 100}, ["'width' is 100", "multiple of 8"]),
        ({"height": 0}, ["'height' is 0", "multiple of 8"]),
        ({"sources": [{"share": 0}]}, ["'share' is [0.0]"]),
        ({"sources": [{"share": 2}, {"share": -1}]}, ["'share' is [2.0, -1.0]"]),
        ({"sources": []}, ["no data", "--data"]),
        ({"sources": [{"kind": "web"}]}, ["'kind' is \"web\"", "omniedit-got"]),
        ({"sources": [{"kind": "rows", "file": "a"}]}, ["unknown key 'file'", "'files'"]),
        ({"sources": [{"columns": {"chain": 3}}]}, ["'columns'", "table of texts"]),
        ({"start": ""}, ["where to begin"]),
    ],
)
def test_a_mistake_is_named(change, words):
    with pytest.raises(ConfigError) as error:
        make_config({**SMALLEST, **change}, "mine.json")
    assert all(word in str(error.value) for word in [*words, "mine.json"])


def test_whole_numbers_are_numbers_too():
    assert make_config({**SMALLEST, "rate": 1}).rate == 1.0


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"finetune.*pretrain.*tiny"):
        read_config("nothing")


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(ConfigError, match=r"mine\.json is not JSON"):
        read_config(str(tmp_path / "mine.json"))


def test_settings_of_the_command_line():
    settings = settings_of(["steps=10", "start=models/got/mine", 'targets=["q_proj"]'])
    config = changed(make_config(SMALLEST), settings)
    assert (config.steps, config.start, config.targets) == (10, "models/got/mine", ("q_proj",))
    assert json.loads(json.dumps(as_json(config)))["steps"] == 10
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        settings_of(["steps"])


def test_what_a_file_lacks_the_command_line_may_give(tmp_path):
    (tmp_path / "mine.json").write_text('{"steps": 5}')
    given = ["--config", str(tmp_path / "mine.json"), "--out", "x", "--set", "start=tiny"]
    config = chosen_config(parser_of().parse_args([*given, "--data", "rows.jsonl", "--pictures", "p"]))
    assert (config.steps, config.start) == (5, "tiny")
    assert [(source.files, source.pictures) for source in config.sources] == [("rows.jsonl", "p")]
    with pytest.raises(ConfigError, match=r"mine\.json.* has no data.*--data"):
        chosen_config(parser_of().parse_args(given))
    with pytest.raises(ConfigError, match="The command line has an unknown key 'step'"):
        chosen_config(parser_of().parse_args([*given, "step=3"]))


@pytest.mark.parametrize("given", [["--processes", "3"], ["--processes=3"], ["--proc", "3"], ["--processes", "3"] * 2])
@pytest.mark.parametrize("behind", [[], ["--set", "steps=2"]])
def test_a_process_that_was_launched_launches_none(given, behind):
    arguments = ["--config", "smoke", "--out", "x", *given, *behind]
    try:
        count = parser_of().parse_args(arguments).processes
    except SystemExit:  # an abbreviation
        return
    command = in_processes(count, arguments)
    child = parser_of().parse_args(command[command.index("training.joint") + 1 :])
    assert count == 3 and child.processes == 1 and (child.config, child.set) == ("smoke", behind[1:])
