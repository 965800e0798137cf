"""The constructions of free wording, in one table: those of training, and those that only the evaluation uses.

A construction is held out as a whole: no trained text has it. Its words are in trained constructions, as far as they
carry meaning. Texts in braces are filled in by free.py and orders.py, which say what each means.
"""

from typing import NamedTuple


class Forms(NamedTuple):
    """Texts with fields in braces, of training and of the evaluation alone."""

    trained: tuple[str, ...]
    held_out: tuple[str, ...]


# What a caption is put in. {x}: the objects.
WISHES = Forms(
    (
        *("{x}",) * 6,
        "draw {x}",
        "please draw {x}",
        "can you draw {x}",
        "could you draw {x} for me",
        "could you please paint {x}",
        "i would like {x}",
        "i'd like to see {x}",
        "i want to have {x}",
        "give me {x}",
        "{x} please",
        "{x}, thanks",
        "let's have {x}",
        "show me {x} please",
        "make me an image of {x}",
        "an image that shows {x}",
        "an image that has {x}",
        "a picture in which we see {x}",
        "we see {x}",
        "the image has {x}",
        "there's {x}",
        "there {be} {x}",
        "here we have {x}",
        "there should be {x}",
        "generate {x}",
        "create an image with {x}",
    ),
    (
        "would you draw {x}",
        "would you please paint {x}",
        "i'd like to have {x}",
        "an image in which there {be} {x}",
        "{x}",
    ),
)
# {b}: the background's color.
GROUNDS = Forms(
    (
        "{x} on {b}",
        "{x} on a {b} background",
        "{x}, {b} background",
        "{x}, on {b}",
        "on {b}, {x}",
        "on a {b} background, {x}",
        "on a {b} background: {x}",
        "{b} background, {x}",
        "{x}, and the background is {b}",
        "{x}. background: {b}",
        "{x}, the background should be {b}",
        "{x}, with {b} as the background",
        "{x}, everything on {b}",
        "{x}. make the background {b}",
        "{x} with a background that is {b}",
    ),
    ("{x}, all of it on {b}", "with {b} as the background, {x}", "{x}, background in {b}"),
)
# One object. {c}: color; {s}: shape; {cs}: both.
OBJECTS = Forms(
    (
        *("{a_cs}",) * 8,
        "one {cs}",
        "a {s} that is {c}",
        "a {s} which is {c}",
        "a {s} in {c}",
        "a {s} colored {c}",
        "a {s} with {c} color",
        "a {s} of the color {c}",
        "{a_c} colored {s}",
        "a single {cs}",
    ),
    ("{a_cs}", "one {cs}", "a {s} that's {c}", "a {s} of {c} color"),
)
ALONE = Forms(
    (
        "only {x}",
        "just {x}",
        "{x} and nothing else",
        "{x}, nothing else",
        "{x} alone",
        "just the one thing: {x}",
        "nothing else than {x}",
    ),
    ("nothing but {x}", "{x} only", "{x} and that's all"),
)
# Several of one color and shape. {n}: the number; {both}: both, or all of them.
ALIKE = Forms(
    (
        "{n} {cs}s",
        "{n} {s}s in {c}",
        "{n} {s}s, {both} {c}",
        "{n} {s}s which are {c}",
        "{n} {s}s, {both} in {c}",
        "{n} {s}s colored {c}",
        "{c} {s}s, {n} in all",
        "exactly {n} {cs}s",
    ),
    ("{cs}s, {n} of them", "{n} {s}s that are {both} {c}", "just {n} {cs}s"),
)
# Of one color, with different shapes. {shapes}: a list of shapes with articles.
ONE_COLOR = Forms(
    (
        "{shapes}, {both} {c}",
        "{shapes}, {both} in {c}",
        "{shapes}, {both} colored {c}",
        "{shapes} which are {both} {c}",
        "{both} {c}: {shapes}",
    ),
    ("{shapes}, {c} {both}", "{shapes} that are {both} {c}", "in {c}: {shapes}"),
)
# Two of one shape, with different colors. {c}, {d}.
ONE_SHAPE = Forms(
    (
        "{a_c} {s} and {a_d} one",
        "one {c} and one {d} {s}",
        "two {s}s, one {c} and one {d}",
        "two {s}s, one is {c}, the other is {d}",
        "{a_c} {s} and another one in {d}",
        "one {s} in {c} and one in {d}",
    ),
    ("{a_c} and {a_d} {s}", "two {s}s, {a_c} one and {a_d} one", "two {s}s, one of them {c}, the other {d}"),
)
# Any objects. {first}: all but the last, with commas; {last}: the last.
LISTS = Forms(
    (
        "{first} and {last}",
        "{first}, {last}",
        "{first}, and {last}",
        "{first} plus {last}",
        "{first} and also {last}",
        "{first} together with {last}",
        "{first}, then {last}",
        "these shapes: {first} and {last}",
        "these: {first}, {last}",
    ),
    ("{first} as well as {last}", "{first} and then {last}", "these things: {first} and {last}"),
)
# A in a relation to B. {rel}: left of; {its}: to its left; {here}, {there}: on the left, on the right;
# {ra}, {rb}: the objects by what tells them apart; {along}: from left to right, with {first}, {second} in that order.
PAIRS = Forms(
    (
        *("{A} {rel} {B}",) * 3,
        "{A} is {rel} {B}",
        "{A}, {rel} {B}",
        "{A} that is {rel} {B}",
        "{A} which is {rel} {B}",
        "{rel} {B} is {A}",
        "{rel} {B} there is {A}",
        "{rel} {B}, {A}",
        "{B} has {A} {its}",
        "{B} and also {A} {its}",
        "{B}. {its} is {A}",
        "{B}; {its} there is {A}",
        "{B}, {A} is {its}",
        "{B}, {its} there is {A}",
        "{B} and, {its}, there is {A}",
        "{B} that has {A} {its}",
        "{B} which has {A} {its}",
        "{B}, {rel} it {A}",
        "{A} and {B}, {ra} {rel} {rb}",
        "{A} and {B}. {ra} is {rel} {rb}",
        "{B} and {A}, {ra} is {rel} {rb}",
        "{here} {A}, {there} {B}",
        "{here} is {A} and {there} is {B}",
        "{here} {A} and {B} {there}",
        "{A} {here} and {B} {there}",
        "{A} {here}, {B} {there}",
        "{B} {there}, {A} {here}",
        "{there} {B}, {here} {A}",
        "{along}: {first}, {second}",
        "{along} {first} and {second}",
        "{first} then {second} {along}",
        "{first}, {second}, {along}",
        "{B}, with {A} somewhere {rel} it",
    ),
    (
        "{B}, and {its} {A}",
        "{B} with {A} {its}",
        "{B}, {rel} which is {A}",
        "{here} there's {A}, and {B} {there}",
        "{first} and {second}, {along}",
    ),
)
# Two of one shape in a relation. {c}, {d}: their colors.
SHAPE_PAIRS = Forms(
    (
        "{a_c} {s} {here} and {a_d} one {there}",
        "{a_d} {s} and {a_c} one {its}",
        "two {s}s, {c} {here} and {d} {there}",
        "two {s}s, the one {here} is {c}, the other {d}",
        "{a_c} {s} {rel} {a_d} one",
    ),
    ("{a_c} {s} {here}, and {there} {a_d} one", "two {s}s: {here} {a_c} one, {there} {a_d} one"),
)
# A between B and C, which have two names or, as {Bs}, one.
BETWEEN = Forms(
    (
        "{A} between {B} and {C}",
        "{A} is between {B} and {C}",
        "between {B} and {C} there is {A}",
        "between {B} and {C}, {A}",
        "{B}, {C} and {A} between them",
        "{B} and {C}; {A} is in between",
        "{A} in the middle between {B} and {C}",
        "{B} and {C}, between them {A}",
        "{A} in the middle, {B} and {C} on its sides",
    ),
    ("{A} in the middle of {B} and {C}", "{B} and {C} with {A} between them"),
)
BETWEEN_ALIKE = Forms(
    (
        "{A} between two {Bs}",
        "between two {Bs} there is {A}",
        "two {Bs} and {A} between them",
        "two {Bs}; {A} is in between",
        "{A} in the middle between two {Bs}",
        "two {Bs}, between them {A}",
        "two {Bs} which have {A} between them",
        "{A} with {B} on the left and on the right",
    ),
    ("{A} in the middle of two {Bs}", "two {Bs} with {A} between them"),
)
# Three in a row or a column. {line}: row or column; {along}: from left to right, or from top to bottom.
ROWS = Forms(
    (
        "{A}, {B} and {C} in a {line}",
        "in a {line}: {A}, {B} and {C}",
        "a {line} of {A}, {B} and {C}",
        "{along}: {A}, {B}, {C}",
        "{along} {A}, {B} and {C}",
        "{along} there is {A}, {B} and {C}",
        "{A}, {B} and {C} placed {along}",
        "{A}, {B}, {C} {along}",
    ),
    ("{A}, {B} and {C}, {along}", "{A}, then {B}, then {C} in a {line}"),
)
# A in a relation to B, and B in the relation {rel2} to C.
STEPS = Forms(
    (
        "{A} {rel} {B}, which is {rel2} {C}",
        "{A} is {rel} {B}, and {B_again} is {rel2} {C}",
        "{A} {rel} {B} and {C} {opposite2} {B_again}",
        "{A} {rel} {B} and {B_again} {rel2} {C}",
        "{A} {rel} {B}, {C} is {opposite2} {B_again}",
    ),
    ("{A} {rel} {B} that is {rel2} {C}", "{A} {rel} {B}; {C} is {opposite2} {B_again}"),
)
# {p}: in the top left corner.
PLACED = Forms(
    (
        "{A} {p}",
        "{A} is {p}",
        "{p} {A}",
        "{p} there is {A}",
        "{p} is {A}",
        "{A} which is {p}",
        "{p} we have {A}",
        "{A} placed {p}",
    ),
    ("{A} that is {p}", "{p}, {A}", "{A}, {p}"),
)
CORNERS = Forms(
    (
        "in the {corner} corner",
        "in the {corner}",
        "at the {corner}",
        "in the corner {corner}",
        "near the {corner} corner",
    ),
    ("in the corner at the {corner}", "in the {corner} corner of the image"),
)
CENTERS = Forms(
    ("in the center", "in the middle", "at the center", "in the middle of the image", "right in the middle"),
    ("right in the center", "in the center of the image"),
)
EDGES = Forms(
    (
        "{at}",
        "{at} of the image",
        "near the {side} edge",
        "at the {side} edge",
        "along the {side} edge",
        "close to the {side}",
    ),
    ("close to the {side} edge", "{at} edge"),
)
# {z}: big; {cs}: color and shape.
SIZED = Forms(
    (
        "a {z} {cs}",
        "a {z}, {c} {s}",
        "a {cs} that is {z}",
        "a {z} {s} in {c}",
        "a very {z} {cs}",
        "a {z} and {c} {s}",
        "a {cs}, {z}",
    ),
    ("a {cs} which is {z}", "a {c} and {z} {s}"),
)
# A is bigger than B: {more}; or B smaller than A: {less}.
COMPARED = Forms(
    (
        "{A} that is {more} than {B}",
        "{A} {more} than {B}",
        "{A} which is {more} than {B}",
        "{A} and {B}, {ra} is {more}",
        "{A} and {B}, {rb} is {less} than {ra}",
    ),
    ("{A}, {more} than {B}", "{A} and {B}, {rb} is {less}"),
)
NEAR = Forms(
    (
        "{A} next to {B}",
        "{A} and {B} next to each other",
        "{A} beside {B}",
        "{A} right next to {B}",
        "{A} and next to it {B}",
        "{A} and {B} side by side",
        "{A} close to {B}",
        "{A}, and next to it {B}",
        "{A} and {B} near each other",
        "{A} and {B}, right next to each other",
        "beside {A} there is {B}",
        "{A}, with {B} beside it",
    ),
    ("next to {A}, {B}", "{A} with {B} next to it", "{A} and {B}, close to each other"),
)

# ---------------------------------------------------------------- edits

# What an imperative {i} is put in.
ASKING = Forms(
    (
        *("{i}",) * 6,
        "please {i}",
        "can you {i}",
        "could you {i}",
        "could you please {i}",
        "can you {i} for me",
        "can you please {i}",
        "i want you to {i}",
        "i would like you to {i}",
        "i'd like you to {i}",
        "will you {i}",
        "would you be so kind and {i}",
        "if you would: {i}",
        "you can {i}",
        "i need this: {i}",
        "you should {i}",
        "now {i}",
        "{i} please",
        "{i}, thanks",
        "just {i}",
        "let's {i}",
        "all i want: {i}",
    ),
    ("would you {i}", "would you please {i}", "i need you to {i}", "{i}", "you could {i}"),
)
# The object that is edited. {o}: another object, in the relation {rel}; {most}: leftmost.
SUBJECTS = Forms(
    (
        *("the {cs}",) * 5,
        "the {s} that is {c}",
        "the {s} which is {c}",
        "the {s} in {c}",
        "the {s} with the color {c}",
        "this {cs}",
        "the {c} colored {s}",
    ),
    ("the {cs}", "the {s} that's {c}", "that {cs}"),
)
BY_SHAPE = Forms(("the {s}", "the only {s}", "this {s}"), ("that {s}",))
BY_COLOR = Forms(
    ("the {c} one", "the {c} shape", "the {c} object", "the thing in {c}", "the one in {c}"),
    ("the {c} thing", "the one that is {c}"),
)
BY_RELATION = Forms(("the {s} {rel} the {o}", "the {s} that is {rel} the {o}"), ("the {s} which is {rel} the {o}",))
BY_SIDE = Forms(
    (
        "the {most} shape",
        "the shape on the far {side}",
        "the shape furthest to the {side}",
        "the one on the {side}",
        "the object on the far {side}",
    ),
    ("the shape on the {side}", "the {most} object"),
)
BY_NOTHING = Forms(("it", "the shape", "the object", "this shape"), ("that shape",))
# {S}: the subject; {old}, {c}: its colors before and after; {R}: the new object; {p}: the place; {d}: the direction;
# {its}: to its left; {b}: the background. A text that begins with "=" is a sentence and stays as it is.
ORDERS = {
    "recolor": Forms(
        (
            "make {S} {c}",
            "turn {S} {c}",
            "paint {S} {c}",
            "color {S} {c}",
            "recolor {S} with {c}",
            "change {S} to {c}",
            "change the color of {S} to {c}",
            "change the color of {S} into {c}",
            "change the color of {S} from {old} to {c}",
            "change {S} from {old} to {c}",
            "turn {S} from {old} to {c}",
            "turn {S} into {a_c} one",
            "let {S} be {c}",
            "have {S} in {c}",
            "use {c} for {S}",
            "paint {S} in {c} instead",
            "make the color of {S} {c}",
            "swap the color of {S} for {c}",
            "paint {S} {c} instead of {old}",
            "color {S} {c}, not {old}",
            "have {S} painted {c}",
            "=i want {S} in {c}",
            "={S} should be {c}",
            "={S} must be {c}, not {old}",
            "={S} in {c} please",
            "=how about {S} in {c}",
            "=i need {S} in {c}",
            "=i'd like to have {S} in {c}",
            "=i'd like to see {S} {c}",
        ),
        (
            "turn the color of {S} to {c}",
            "make {S} {c} instead of {old}",
            "paint {S} with {c}",
            "=i'd like {S} to be {c}",
        ),
    ),
    "remove": Forms(
        (
            "remove {S}",
            "delete {S}",
            "erase {S}",
            "take away {S}",
            "take {S} away",
            "take {S} out",
            "take {S} out of the image",
            "remove {S} from the image",
            "make {S} go away",
            "make {S} disappear",
            "wipe {S} out",
            "clear {S} away",
            "drop {S}",
            "leave {S} out",
            "cut {S} out",
            "throw {S} away",
            "have {S} taken away",
            "have {S} taken out",
            "=i don't want {S}",
            "=i don't want to see {S}",
            "={S} must go",
            "=i do not need {S} any more",
            "=we don't need {S}",
            "={S} should not be there",
            "=no {cs}",
            "=there should be no {cs}",
        ),
        ("do away with {S}", "have {S} removed", "let {S} disappear", "=i don't need {S}"),
    ),
    "replace": Forms(
        (
            "replace {S} with {R}",
            "replace {S} by {R}",
            "swap {S} for {R}",
            "swap {S} with {R}",
            "change {S} into {R}",
            "change {S} to {R}",
            "turn {S} into {R}",
            "make {S} into {R}",
            "put {R} where {S} is",
            "put {R} there instead of {S}",
            "draw {R} instead of {S}",
            "let {R} take the place of {S}",
            "trade {S} for {R}",
            "in place of {S} draw {R}",
            "take {S} away and draw {R} there",
            "remove {S} and put {R} there",
            "exchange {S} with {R}",
            "take {S} out and put {R} there",
            "swap {S} out and put {R} in",
            "=i want {R} instead of {S}",
            "={R} instead of {S}",
            "={S} should become {R}",
            "=instead of {S} i want {R}",
            "=instead of {S} there should be {R}",
            "=i'd like {R} instead of {S}",
        ),
        ("have {R} instead of {S}", "exchange {S} and put {R} there", "make {R} out of {S}", "=instead of {S}, {R}"),
    ),
    "add": Forms(
        (
            "add {R} {p} {S}",
            "put {R} {p} {S}",
            "place {R} {p} {S}",
            "draw {R} {p} {S}",
            "{p} {S}, add {R}",
            "{p} {S} put {R}",
            "{p} {S}, draw {R}",
            "also draw {R} {p} {S}",
            "add {R} to the image, {p} {S}",
            "add another shape {p} {S}: {R}",
            "add {R}, it should be {p} {S}",
            "let {R} be {p} {S}",
            "have {R} put {p} {S}",
            "place {R} where it is {p} {S}",
            "let there be {R} {p} {S}",
            "give {S} a neighbor {its}: {R}",
            "=i want {R} {p} {S}",
            "=i also want {R} {p} {S}",
            "=we need {R} {p} {S}",
            "={p} {S} i want {R}",
            "={R} {p} {S} please",
            "=i'd like to have {R} {p} {S}",
            "=i need {R} {p} {S}",
        ),
        ("let {S} have {R} {its}", "place {R} so that it is {p} {S}", "have {R} {p} {S}", "=i'd like {R} {p} {S}"),
    ),
    "move": Forms(
        (
            "move {S} {d}",
            "shift {S} {d}",
            "push {S} {d}",
            "slide {S} {d}",
            "pull {S} {d}",
            "carry {S} {d}",
            "send {S} {d}",
            "let {S} go {d}",
            "make {S} go {d}",
            "have {S} moved {d}",
            "give {S} a move {d}",
            "put {S} more {d}",
            "put {S} further {d}",
            "place {S} further {d}",
            "change the place of {S}, move it {d}",
            "=i want {S} more {d}",
            "={S} should go {d}",
            "={S} should be moved {d}",
            "={S} must go {d}",
            "=i'd like to see {S} further {d}",
            "=i want {S} moved {d}",
        ),
        ("make {S} move {d}", "have {S} go {d}", "give {S} a push {d}", "=i'd like {S} further {d}"),
    ),
    "background": Forms(
        (
            "make the background {b}",
            "change the background to {b}",
            "turn the background {b}",
            "paint the background {b}",
            "put everything on {b}",
            "color the whole background {b}",
            "give it a {b} background",
            "change the background color to {b}",
            "change the color of the background to {b}",
            "change the background from {old} to {b}",
            "swap the background for {b}",
            "replace the background with {b}",
            "let the background be {b}",
            "let the background become {b}",
            "have a {b} background",
            "put it on {b}",
            "=i want a {b} background",
            "={b} background please",
            "=background in {b}",
            "=background {b} please",
            "=the background should be {b}",
            "=the background must be {b}, not {old}",
        ),
        ("let the background turn {b}", "put it on a {b} background", "have the background in {b}", "=background: {b}"),
    ),
}
JOINED = Forms(
    ("{i} and {j}", "{i}, then {j}", "{i} and then {j}", "{i}, and {j}", "{i}; {j}", "first {i}, then {j}", "{i}. {j}"),
    ("{i}, and after that {j}", "{i} and also {j}"),
)
