"""A training run's configuration: the stages have the published values, and an error names the key.

Run: python dev.py test tests/test_joint_config.py
"""

import json

import pytest
from got.training.joint.__main__ import chosen_config, in_processes, parser_of, settings_of
from got.training.joint.config import CONFIGS, RENAMED, ConfigError, as_json, changed, make_config, read_config

SMALLEST = {"start": "tiny", "sources": [{"kind": "world"}]}


BUNDLED = ["finetune", "pretrain", "smoke", "tiny"]


def test_the_bundled_configurations_are_all_tested():
    assert sorted(path.stem for path in CONFIGS.glob("*.json")) == BUNDLED


@pytest.mark.parametrize("name", BUNDLED)
def test_every_configuration_reads_and_comes_back(name):
    config = read_config(name)
    assert make_config(as_json(config)) == config


@pytest.mark.parametrize(("name", "steps", "rate"), [("pretrain", 60000, 1e-4), ("finetune", 10000, 5e-5)])
def test_the_published_stages(name, steps, rate):
    config = read_config(name)
    assert (config.steps, config.learning_rate, config.batch) == (steps, rate, 128)
    assert (config.language, config.lora_rank, config.lora_alpha, config.lora_dropout) == ("lora", 32, 32, 0.05)
    assert {"gate_proj", "up_proj", "down_proj", "q_proj", "k_proj", "v_proj", "o_proj"} == set(config.target_modules)
    assert {"embed_tokens", "lm_head", "input_layernorm", "post_attention_layernorm"} == set(config.modules_to_save)
    assert (config.adam_beta1, config.adam_beta2, config.adam_epsilon, config.weight_decay) == (0.9, 0.98, 1e-6, 0.05)
    assert (config.cond_dropout, config.noise_offset, config.chain_weight, config.noise_weight) == (0.05, 0.1, 1, 1)
    assert not config.min_snr_weighting


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 3}, ["unknown key 'step'", "'steps'"]),
        ({"steps": 3.5}, ["'steps' is 3.5", "integer"]),
        ({"steps": "3"}, ["'steps' is \"3\"", "integer"]),
        ({"steps": True}, ["'steps' is true"]),
        ({"steps": 0}, ["'steps' is 0", "greater than or equal to 1"]),
        ({"learning_rate": "fast"}, ["'learning_rate' is \"fast\"", "number"]),
        ({"language": "some"}, ["'language'", "'lora' or 'full'"]),
        ({"target_modules": "q_proj"}, ["'target_modules'", "array"]),
        ({"target_modules": ["q_proj", 1]}, ["'target_modules.1' is 1", "string"]),
        ({"cond_dropout": 0.5}, ["'cond_dropout' is 0.5"]),
        ({"width": 100}, ["'width' is 100", "multiple of 8"]),
        ({"height": 0}, ["'height' is 0", "greater than or equal to 8"]),
        ({"sources": [{"share": 0}]}, ["'share' of the sources is [0.0]"]),
        ({"sources": [{"share": 2}, {"share": -1}]}, ["'share' of the sources is [2.0, -1.0]"]),
        ({"sources": []}, ["no data", "--data"]),
        ({"sources": [{"kind": "web"}]}, ["'sources.0.kind' is \"web\"", "omniedit-got"]),
        ({"sources": [{"kind": "rows", "file": "a"}]}, ["unknown key 'sources.0.file'", "'files'"]),
        ({"sources": [{"columns": {"chain": 3}}]}, ["'sources.0.columns.chain' is 3", "string"]),
        ({"start": ""}, ["model to start from"]),
    ],
)
def test_a_mistake_is_named(change, words):
    with pytest.raises(ConfigError) as error:
        make_config({**SMALLEST, **change}, "mine.json")
    assert all(word in str(error.value) for word in [*words, "mine.json"])


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_key_is_refused_with_its_new_name(old, new):
    change = {"sources": [{old: "x"}]} if new == "images" else {old: 1}
    with pytest.raises(ConfigError, match=f"old key '.*{old}'. It is now '{new}'"):
        make_config({**SMALLEST, **change})


@pytest.mark.parametrize("content", [[], None, "tiny", 3])
def test_a_configuration_that_is_no_object_is_refused(content):
    with pytest.raises(ConfigError, match="not a JSON object"):
        make_config(content)


def test_whole_numbers_are_numbers_too():
    assert make_config({**SMALLEST, "learning_rate": 1}).learning_rate == 1.0


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"finetune.*pretrain.*tiny"):
        read_config("nothing")


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(ConfigError, match=r"mine\.json is not JSON"):
        read_config(str(tmp_path / "mine.json"))


def test_settings_of_the_command_line():
    settings = settings_of(["steps=10", "start=models/got/mine", 'target_modules=["q_proj"]'])
    config = changed(make_config(SMALLEST), settings)
    assert (config.steps, config.start, config.target_modules) == (10, "models/got/mine", ("q_proj",))
    assert json.loads(json.dumps(as_json(config)))["steps"] == 10
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        settings_of(["steps"])


def test_what_a_file_lacks_the_command_line_may_give(tmp_path):
    (tmp_path / "mine.json").write_text('{"steps": 5}')
    given = ["--config", str(tmp_path / "mine.json"), "--out", "x", "--set", "start=tiny"]
    config = chosen_config(parser_of().parse_args([*given, "--data", "rows.jsonl", "--images", "p"]))
    assert (config.steps, config.start) == (5, "tiny")
    assert [(source.files, source.images) for source in config.sources] == [("rows.jsonl", "p")]
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
