"""The generator of large checkpoints: it writes the tensors that live networks save, and they convert."""

import json

import pytest
import torch
from got.got_models.convert.release import convert
from got.got_models.files.weights import read_header
from got.got_models.reasoner.loading import load_reasoner
from got.tools.oracle.large import REAL, RandomTensor, write_release
from got.tools.oracle.qwen import Sizes
from got.tools.oracle.released import make_release

SIZES = Sizes(unet={"layers_per_block": 1}, vae={"layers_per_block": 1, "block_out_channels": (32, 32, 32, 32)})
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")


def contents(folder):
    """Name -> (shape, dtype) of every tensor in the folder's pickled shards."""
    shards = [torch.load(file, weights_only=True) for file in sorted((folder / "got").glob("*.bin"))]
    return {name: (tensor.shape, tensor.dtype) for shard in shards for name, tensor in shard.items()}


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("options", [{}, {"names": "new"}, {"saved_modules": False}], ids=str)
def test_it_writes_what_the_live_networks_would_save(tmp_path, options):
    write_release(tmp_path / "large", SIZES, dtype="fp32", shard=3_000_000, **options)
    make_release(tmp_path / "live", sizes=SIZES, **options)
    assert contents(tmp_path / "large") == contents(tmp_path / "live")
    assert len(list((tmp_path / "large" / "got").glob("*.bin"))) > 2
    for part in ("mllm/model", "sdxl/unet/diffusion_pytorch_model", "sdxl/vae/diffusion_pytorch_model"):
        assert_same_header(*(tmp_path / kind / f"{part}.safetensors" for kind in ("large", "live")))
    configs = [(tmp_path / kind / "sdxl" / "unet" / "config.json").read_text() for kind in ("large", "live")]
    assert json.loads(configs[0]) == json.loads(configs[1])


def assert_same_header(one, other):
    assert read_header(one) == read_header(other)


@pytest.mark.slow  # it takes seconds
def test_its_checkpoint_converts_and_loads(tmp_path):
    write_release(tmp_path, SIZES)
    convert(tmp_path / "got", tmp_path / "mllm", tmp_path / "sdxl", tmp_path / "out")
    network = load_reasoner(tmp_path / "out", torch.float32).network
    assert all(parameter.isfinite().all() and parameter.std() > 0.01 for parameter in network.parameters())


def test_shards_hold_no_more_than_their_tensors(tmp_path, monkeypatch):
    monkeypatch.setattr("got.tools.oracle.large.BLOCK", 100)
    torch.save(RandomTensor("weight", (7, 50)).make(torch.float32), tmp_path / "one.bin")
    assert (tmp_path / "one.bin").stat().st_size < 7 * 50 * 4 + 2000


def test_the_real_size_is_the_published_one():
    language, vision = REAL.language, REAL.vision
    assert (REAL.hidden, REAL.vocabulary, language["num_hidden_layers"], vision["depth"]) == (2048, 151936, 36, 32)
