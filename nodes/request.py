"""The node that asks any language model for a plan. No network runs in it."""

from comfy_api.latest import io

from ..got_models.chain.asking import FORMS, LANGUAGES, TASKS, Asked, instruction
from ..got_models.chain.edits import checked_wish
from ..got_models.chain.request import Request, with_wish
from ..got_models.guidance.sizes import check_source
from ..got_models.reasoner.prompt import checked_prompt
from .checks import check_prompt
from .types import WRITE, GotChain

CHOICES = [
    io.Combo.Input(
        "task",
        options=list(TASKS),
        default=TASKS[0],
        tooltip="text-to-image: a new image. edit: a change of an image that the model sees. An earlier chain has its "
        "own task. Default text-to-image.",
    ),
    io.Combo.Input(
        "language",
        options=list(LANGUAGES),
        default=LANGUAGES[0],
        tooltip="Language of the instruction and of the plan: en or zh. Default en.",
    ),
    io.Combo.Input(
        "form",
        options=list(FORMS),
        default=FORMS[0],
        tooltip="text: a paragraph with boxes in it. JSON: a list of labels and boxes, for models that answer better "
        "in JSON. Default text.",
    ),
    io.Int.Input(
        "regions",
        default=0,
        min=0,
        max=64,
        tooltip="How many boxes the plan has, 0 to 64. 0 leaves it to the model. Default 0.",
    ),
]
SIZE = [
    io.Int.Input(
        side,
        default=1024,
        min=64,
        max=8192,
        step=8,
        tooltip=f"{side.capitalize()} of the image, 64 to 8192. Only the aspect ratio is used. Default 1024. Not used "
        "with an image.",
    )
    for side in ("width", "height")
]


class GoTPlanRequest(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTPlanRequest",
            display_name="GoT Plan Request",
            category=WRITE,
            description="Writes the instruction that asks any language model for a plan. GoT Chain From Text reads the "
            "answer.",
            search_aliases=["LLM", "layout prompt", "instruction", "Generate Text", "system prompt", "ChatGPT"],
            inputs=[
                io.String.Input(
                    "prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="What the image shows, or for an edit what to change. Empty: the earlier chain's prompt.",
                ),
                *CHOICES,
                *SIZE,
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Image that the model sees: the image to edit, or a reference for a new image.",
                ),
                GotChain.Input(
                    "earlier",
                    optional=True,
                    tooltip="Chain to change. The model is asked to keep its locked regions word for word.",
                ),
                io.String.Input(
                    "wish",
                    multiline=True,
                    placeholder="How to change the earlier chain. Leave empty if there is none.",
                    default="",
                    optional=True,
                    tooltip="How to change the earlier chain, for example: make the dog bigger. Default: empty.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="request", tooltip="The instruction, for a node that generates text."),
                io.String.Output(display_name="prompt", tooltip="The prompt with the wish, for GoT Chain From Text."),
                io.Image.Output(display_name="image", tooltip="The image, for the node that generates text."),
            ],
        )

    @classmethod
    def validate_inputs(cls, prompt, earlier=""):
        """An earlier chain has a prompt of its own; where none is linked, it is not named."""
        return True if earlier is None else check_prompt(TASKS[0], prompt)

    @classmethod
    def execute(
        cls, prompt, task, language, form, regions, width, height, image=None, earlier=None, wish=""
    ) -> io.NodeOutput:
        wish = checked_wish(wish, earlier)
        if earlier is not None:
            prompt, task = prompt.strip() or earlier.prompt, earlier.task
            image = earlier.source if image is None else image
        if image is not None:
            check_source(image)
            width, height = image.shape[2], image.shape[1]
        prompt = checked_prompt(prompt, task)
        asked = Asked(prompt, task, language, form, regions, width, height, earlier, wish, image is not None)
        return io.NodeOutput(instruction(asked), with_wish(Request(task, prompt, wish=wish)).prompt, image)


NODES = [GoTPlanRequest]
