"""GoT-Tiny's tokenizer: Qwen's kind of byte-level BPE, learned from the texts of the synthetic world.

The alphabet is all bytes, so any text can be written; Qwen's splitting pattern makes every digit a token of its own.
"""

from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ...got_models.reasoner.looking import DESCRIBE
from ...got_models.reasoner.prompt import NEW_TOKENS
from ...world import scenes, wording

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
IMAGE_TOKENS = 64
QWEN_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
SYSTEM = "You are a helpful assistant."
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n" + SYSTEM + "<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def corpus(count: int = 4000):
    """Prompts and chains of the world, without their special tokens."""
    for seed in range(count):
        rng = Random(seed)
        scene, edit = scenes.random_scene(rng), scenes.random_edit(rng)
        texts = [wording.CAPTION + wording.caption(scene, rng), wording.chain(scene, rng), DESCRIBE]
        texts += [wording.INSTRUCTION + wording.instruction(edit, rng), wording.edit_chain(edit)]
        texts.append(f"system\n{SYSTEM}\nuser\nassistant\n")
        for text in texts:
            yield from text.replace("<|box_start|>", "\0").replace("<|box_end|>", "\0").split("\0")


def train_tokenizer(size: int = 640) -> PreTrainedTokenizerFast:
    """size: learned tokens, the 256 bytes among them; the special tokens come after."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False, min_frequency=20)
    tokenizer.train_from_iterator(corpus(), trainer)
    special = [AddedToken(t, special=True, normalized=False) for t in (*QWEN_TOKENS, *NEW_TOKENS)]
    tokenizer.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
    )
