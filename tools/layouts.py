"""Where the nodes of each template are, in titled groups of columns, with a note that says what to try.

To add a template: write its graph to example_workflows/api, add an entry to LAYOUTS, and run tools.workflows. Every
node of the graph needs a place. At most 1680 x 900 units open at 60 % in a window of 1366 x 768 pixels.
"""

from .layout import Group, Layout, column
from .painter_layouts import PAINTERS, QWEN3_VL

TEXT_TO_IMAGE = """
**Press Run.** GoT-Tiny plans the image: each object gets a box and a color. Then it draws the plan.

**Try:** *two white circles and a green star*, or *a yellow triangle below a purple circle on a brown background*.

GoT-Tiny knows circles, squares, triangles and stars only. Models for real images: see the README.

Leave **wish** empty: it changes an earlier chain.

**Next:** open the template *change_the_plan*. There you drag a box, and the image follows.
"""
CHANGE_THE_PLAN = """
**1.** Press Run.

**2.** Drag a box in the editor, or change a word in its text.

**3.** Press Run again. The image follows your plan.

**Try:** draw a box and type *a green star*. Then compare the results with the clock button.

If you change the prompt, a new plan replaces yours.
"""
EDIT = """
**1.** Press Run. GoT-Tiny draws an image and plans the edit. The run pauses at the plan.

**2.** The editor shows where the image will change. Move the box or change a word.

**3.** Press **Resume** in the editor.

**Try:** *remove the blue square*, or *make the background cyan*.
"""
EDIT_YOUR_IMAGE = """
**1.** Press Run. The run pauses at the plan: the editor shows where the image will change.

**2.** Move the box or change a word, then press **Resume**.

**Try:** *replace the red square with a yellow star*.

**Your own image:** select it in *Load Image*, and wire its IMAGE into **image** of *Edit Chain*. GoT-Tiny knows colored
shapes only. For photos, select a converted model in *GoT Loader*: see the README.
"""
SEVERAL_CHAINS = """
**Press Run.** Each line is a prompt. Each prompt gets two plans with different seeds, and every plan is drawn.

**Try:** add a line, or set **variations** to 4.
"""
PLAN_WITH_ANY_MODEL = """
**Any language model plans the image.** It needs one file in *models/text_encoders*:
[qwen3vl_4b_fp8_scaled.safetensors](URL). ComfyUI offers to download it if it is missing.

Other models: see the help page of *GoT Plan Request*. *Generate Text* also runs Qwen3.5, Gemma 4 and Qwen3.

Without a model: wire **request** into *Preview as Text*, paste it into any chat, and paste the answer into
*GoT Chain From Text*.

Wire the chain into *Semantic-Spatial Guidance* or *GoT Regional Conditioning* to draw it.
"""

LAYOUTS = {
    "text_to_image": Layout(
        (
            Group("1. Ask for an image", (column(340, n1=170, n2=600),)),
            Group("2. The plan", (column(400, n4=560, note=210),)),
            Group("3. Draw it", (column(290, n5=150, n6=340, n7=60),)),
            Group("4. The image", (column(420, n8=560),)),
        ),
        TEXT_TO_IMAGE,
    ),
    "change_the_plan": Layout(
        (
            Group("1. Ask for a plan", (column(310, n1=170, n2=430, note=195),)),
            Group("2. Change it", (column(570, n3=895),)),
            Group("3. Draw it", (column(280, n5=150, n6=340, n7=60),)),
            Group("4. The image, and the plan on it", (column(330, n8=420, n4=425),)),
        ),
        CHANGE_THE_PLAN,
    ),
    "edit": Layout(
        (
            Group(
                "1. Draw an image, and ask for a change",
                (column(310, n1=170, n2=345, n6=270), column(280, n3=150, n4=340, n5=60, note=185)),
            ),
            Group("2. See where it will change", (column(560, n7=885),)),
            Group("3. Draw the change", (column(320, n9=150, n10=340, n11=None, n12=245),)),
        ),
        EDIT,
    ),
    "edit_your_image": Layout(
        (
            Group(
                "1. The image, and what to change",
                (column(310, n1=170, n3=270, note=345), column(270, n10=None, n11=None, n12=None, n2=465)),
            ),
            Group("2. See where it will change", (column(560, n4=885),)),
            Group("3. Draw the change", (column(330, n6=150, n7=340, n8=None, n9=245),)),
        ),
        EDIT_YOUR_IMAGE,
        titles={"10": "Gray canvas", "11": "Red square", "12": "Image to edit"},
    ),
    "several_chains": Layout(
        (
            Group("1. Ask for several images", (column(360, n1=170, n2=560),)),
            Group("2. The plans", (column(420, n4=560, note=170),)),
            Group("3. Draw them", (column(290, n5=150, n6=340, n7=60),)),
            Group("4. The images", (column(430, n8=560),)),
        ),
        SEVERAL_CHAINS,
    ),
    "plan_with_any_model": Layout(
        (
            Group("1. Ask for a plan", (column(310, n1=430, n2=115),)),
            Group("2. A language model writes it", (column(320, n3=480, n5=250),)),
            Group("3. Change it", (column(560, n6=640, n4=190),)),
            Group("4. Look at it", (column(310, n7=440, note=405),)),
        ),
        PLAN_WITH_ANY_MODEL.replace("URL", QWEN3_VL["url"]),
        files={"CLIPLoader": [QWEN3_VL]},
    ),
} | PAINTERS
