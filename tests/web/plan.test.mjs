// The plan: what a workflow keeps of it, and that every change leaves a chain that reads well and locks that hold.

import assert from "node:assert/strict";
import test from "node:test";
import { duplicateAll } from "../../web/editor/model/plan/arrange.mjs";
import { clipOf, pasteRegions } from "../../web/editor/model/plan/clipboard.mjs";
import { readText } from "../../web/editor/model/chain/chain.mjs";
import {
  EMPTY, VERSION, addRegion, answerTo, approve, arrive, backToPlan, bringForward, colorsAlong, isEdited, isPlanOf,
  moveRegion, parsePlan, promptValue, recolor, removeRegion, rephrase, placeRegion, sendBack, serializePlan, setHidden, setSize, setLocked, typeText,
} from "../../web/editor/model/plan/plan.mjs";

/** @typedef {import("../../web/editor/model/plan/plan.mjs").Plan} Plan */

const TEXT = "There is a cup (1,2),(30,40) (red), a hat (5,6),(70,80) (green) and a dog (9,10),(11,12) (blue).";

/** @param {string} [text] a plan as it came from upstream */
const came = (text = TEXT) => arrive(EMPTY, text);
/** @param {Plan} plan */
const phrases = ({ text }) => readText(text).marks.map(({ phrase }) => phrase);
/** @param {Plan} plan the phrases of the locked regions */
const locked = (plan) => phrases(plan).filter((_, i) => plan.flags[i].locked);
/** @param {Plan} plan the phrases from back to front */
const stacked = (plan) => plan.order.map((index) => phrases(plan)[index]);
/** @param {string} text @param {string} from @param {string} to */
const replaced = (text, from, to) => {
  assert.ok(text.includes(from), from);
  return text.replace(from, to);
};

// ------------------------------------------------------------------------------------------------- the saved value

test("a plan knows the chain it came as, in any form, whatever was edited since", () => {
  const edited = moveRegion(came(), 0, [3, 4, 50, 60]);
  const marked = TEXT.replaceAll(/\((\d+,\d+\),\(\d+,\d+)\)/g, "<|box_start|>($1)<|box_end|>");
  assert.notEqual(marked, TEXT);
  for (const text of [TEXT, marked]) assert.ok(isPlanOf(edited, text));
  for (const text of [edited.text, "", "a cup"]) assert.ok(!isPlanOf(edited, text));
});

test("nothing saved is the empty plan, which saves nothing", () => {
  for (const value of ["", null, undefined]) assert.equal(parsePlan(value), EMPTY);
  assert.equal(serializePlan(EMPTY), "");
  assert.equal(promptValue(EMPTY), "");
});

test("a plan comes back from the workflow as it was", () => {
  const edited = moveRegion(came(), 0, [3, 4, 50, 60]);
  const marked = setHidden(setLocked(bringForward(edited, 0), 1, true), 2, true);
  for (const plan of [came(), edited, marked, approve(came())]) {
    assert.deepEqual(parsePlan(serializePlan(plan)), plan);
    assert.deepEqual(parsePlan(JSON.parse(serializePlan(plan))), plan);
  }
});

test("a chosen size is saved, runs, and stays with another plan and with the model's own text", () => {
  const sized = setSize(came(), [192, 128]);
  assert.deepEqual(parsePlan(serializePlan(sized)), sized);
  for (const value of [promptValue(sized), answerTo(sized), serializePlan(setSize(EMPTY, [192, 128]))])
    assert.deepEqual(JSON.parse(value).size, [192, 128]);
  assert.deepEqual(parsePlan(serializePlan(setSize(EMPTY, [192, 128]))).size, [192, 128]);
  assert.deepEqual(arrive(sized, "A pear (1,2),(3,4) (red).").size, [192, 128]);
  assert.ok(!isEdited(sized));
  const typed = typeText(sized, "A pear (1,2),(3,4) (red).");
  assert.deepEqual(backToPlan(typed), sized);
  assert.equal(setSize(sized, null).size, null);
  for (const size of [[192, 128], [192, 130], [8, 128], [9000, 128], [128]]) assert.equal(setSize(sized, /** @type {any} */ (size)), sized);
  for (const size of [[1, 2], "8", [128, 128, 128]]) assert.equal(parsePlan({ version: 1, plan: "", text: "", size }).notice, "broken");
});

test("a region is placed among the others, and what moves nothing is no change", () => {
  const plan = came();
  assert.deepEqual(stacked(placeRegion(plan, 2, 0)), ["a dog", "a cup", "a hat"]);
  assert.deepEqual(stacked(placeRegion(placeRegion(plan, 0, 1), 2, 1)), ["a hat", "a dog", "a cup"]);
  assert.equal(placeRegion(plan, 0, 2).text, plan.text);
  for (const [index, place] of [[1, 1], [-1, 0], [3, 0]]) assert.equal(placeRegion(plan, index, place), plan);
});

test("defaults are not saved", () => {
  assert.deepEqual(JSON.parse(serializePlan(came())), { version: VERSION, plan: TEXT, text: TEXT });
  assert.deepEqual(Object.keys(JSON.parse(serializePlan(setLocked(came(), 0, true)))), ["version", "plan", "text", "regions"]);
  assert.deepEqual(JSON.parse(serializePlan(bringForward(came(), 0))).order, [1, 0, 2]);
});

test("what was saved too short or too long is made to fit the text", () => {
  const saved = { version: 1, plan: TEXT, text: TEXT, regions: [{ locked: true, hidden: false }], order: [2, 7, 2, -1] };
  const plan = parsePlan(JSON.stringify(saved));
  assert.deepEqual(plan.flags.map((flags) => flags.locked), [true, false, false]);
  assert.deepEqual(plan.order, [2, 0, 1]);
});

const saved = (/** @type {object} */ change) => JSON.stringify({ version: 1, plan: "a", text: "b", ...change });
const UNREADABLE = [
  "no JSON", "[]", "7", '"text"', "null", saved({ version: 0 }), saved({ version: "1" }), saved({ text: 1 }), saved({ plan: null }),
  saved({ regions: [{}] }), saved({ regions: [{ locked: true, hidden: 0 }] }), saved({ order: ["0"] }), saved({ order: {} }),
  saved({ approved: 1 }), saved({ more: "from somewhere else" }), saved({ regions: [{ locked: true, hidden: true, more: 1 }] }),
];

for (const value of UNREADABLE)
  test(`an unreadable saved value is kept until an edit: ${value}`, () => {
    const plan = parsePlan(value);
    assert.equal(plan.notice, "broken");
    const now = arrive(plan, TEXT);
    for (const kept of [plan, now, approve(now)]) assert.equal(serializePlan(kept), value);
    assert.equal(promptValue(now), "");
    const edited = moveRegion(now, 0, [3, 4, 50, 60]);
    assert.deepEqual([edited.raw, edited.notice], [null, null]);
    assert.deepEqual(parsePlan(serializePlan(edited)), edited);
  });

test("a value of a newer version is kept and named so", () => {
  const plan = parsePlan(saved({ version: 2, more: true }));
  assert.equal(plan.notice, "newer");
  assert.equal(serializePlan(plan), saved({ version: 2, more: true }));
  assert.equal(addRegion(plan, "a cup", [1, 2, 30, 40]).notice, null);
});

test("a saved object that cannot be read is kept as its JSON", () => {
  assert.equal(serializePlan(parsePlan({ left: "over" })), '{"left":"over"}');
});

test("a run gets nothing of a plan as it came, hidden or reordered", () => {
  for (const plan of [came(), setHidden(came(), 0, true), bringForward(came(), 0)]) assert.equal(promptValue(plan), "");
});

test("a run gets edits, locks and approval, and never what only the browser needs", () => {
  const edited = moveRegion(came(), 0, [3, 4, 50, 60]);
  assert.deepEqual(JSON.parse(promptValue(edited)), { version: VERSION, plan: TEXT, text: edited.text });
  for (const plan of [edited, setLocked(came(), 1, true), approve(came())])
    assert.equal(promptValue(setHidden(bringForward(plan, 0), 0, true)), promptValue(plan));
  const flags = JSON.parse(promptValue(setHidden(setLocked(came(), 1, true), 1, true))).regions;
  assert.deepEqual(flags, [false, true, false].map((locked) => ({ locked, hidden: false })));
  assert.equal(JSON.parse(promptValue(approve(came()))).approved, true);
});

test("a plan over an unreadable value can be accepted", () => {
  const passed = approve(arrive(parsePlan("no JSON"), TEXT));
  assert.deepEqual(JSON.parse(promptValue(passed)), { version: VERSION, plan: TEXT, text: TEXT, approved: true });
});

test("what a run gets, it could have saved", () => {
  const plan = approve(setLocked(moveRegion(came(), 0, [3, 4, 50, 60]), 1, true));
  assert.deepEqual(parsePlan(promptValue(plan)), plan);
});

// ---------------------------------------------------------------------------------------------- the chain as a whole

test("the first plan is shown as it came, without GoT's markers", () => {
  const plan = arrive(EMPTY, "a cup <|box_start|>(1,2),(30,40)<|box_end|> (red)");
  assert.deepEqual([plan.plan, plan.text], ["a cup (1,2),(30,40) (red)", "a cup (1,2),(30,40) (red)"]);
  assert.equal(plan.flags.length, 1);
  assert.ok(!isEdited(plan));
});

test("the same plan again keeps the edits, however it is written", () => {
  const edited = approve(setLocked(moveRegion(came("a cup (1,2),(30,40) (red)"), 0, [3, 4, 50, 60]), 0, true));
  assert.equal(arrive(edited, "a cup <|box_start|>(1,2),(30,40)<|box_end|> (red)"), edited);
  assert.equal(arrive(edited, "a cup ( 1, 2 ),(30,40)  ( Red )"), edited);
  assert.equal(arrive(came("nothing (9,9),(1,1)"), "nothing (9,9),(1,1)\n").text, "nothing (9,9),(1,1)");
});

test("another plan replaces edits, hiding, order and approval", () => {
  const edited = bringForward(setHidden(approve(moveRegion(came(), 0, [3, 4, 50, 60])), 1, true), 0);
  assert.deepEqual(arrive(edited, "a cat (1,2),(30,40) a hat (5,6),(70,80)"), came("a cat (1,2),(30,40) a hat (5,6),(70,80)"));
});

test("a locked region that is the same in another plan stays locked", () => {
  const plan = [0, 1].reduce((plan, index) => setLocked(plan, index, true), came());
  const other = "A dog (9,10),(11,12) (blue). Then a cup (1,2),(31,40) (red) and a hat (5,6),(70,80) (green).";
  assert.deepEqual(locked(arrive(plan, other)), ["a hat"]);
});

test("going back restores the plan and gives up edits, locks and approval", () => {
  const edited = approve(setLocked(removeRegion(came(), 0), 0, true));
  assert.deepEqual(backToPlan(edited), came());
});

test("going back without having gone anywhere changes nothing", () => {
  const plan = came();
  assert.equal(backToPlan(plan), plan);
  assert.equal(backToPlan(EMPTY), EMPTY);
});

test("a paused run resumes with what is shown, not with saved edits that cannot be read", () => {
  for (const saved of ["", "{", '{"version": 9}']) {
    const plan = arrive(parsePlan(saved), TEXT);
    assert.deepEqual(JSON.parse(answerTo(plan)), { text: TEXT, regions: came().flags, order: [0, 1, 2] });
    if (saved) assert.equal(serializePlan(plan), saved, "it is kept");
  }
  assert.deepEqual(JSON.parse(answerTo(EMPTY)), { text: "", regions: [], order: [] });
});

test("approval is given once", () => {
  const plan = approve(came());
  assert.ok(plan.approved && !came().approved);
  assert.equal(approve(plan), plan);
});

// --------------------------------------------------------------------------------------------------------- typing

/** Type a text letter by letter, as a person does, or take it away. @param {Plan} plan @param {string} from
 * @param {string} to */
function typed(plan, from, to) {
  const [before, after] = plan.text.split(from);
  assert.ok(after !== undefined, from);
  for (let end = from.length; end >= 0; end--) plan = typeText(plan, before + from.slice(0, end) + after);
  for (let end = 1; end <= to.length; end++) plan = typeText(plan, before + to.slice(0, end) + after);
  return plan;
}

const MARKED = bringForward(setHidden(setLocked(came(), 1, true), 2, true), 0);

test("the same text typed is the same plan", () => assert.equal(typeText(MARKED, TEXT), MARKED));

for (const [from, to] of [["There is", "Behold:"], ["a cup", "two red mugs"], ["a hat", "a cap"], ["a dog", "nothing at all"], [".", "!"]])
  test(`flags and order stay with their regions while '${from}' becomes '${to}'`, () => {
    const plan = typed(MARKED, from, to);
    assert.equal(plan.text, replaced(TEXT, from, to));
    assert.deepEqual([plan.flags, plan.order], [MARKED.flags, MARKED.order]);
  });

test("flags stay with their regions while a box is typed away and another one in", () => {
  const plan = typed(MARKED, "a cup (1,2),(30,40) (red), ", "");
  assert.deepEqual([phrases(plan), locked(plan)], [["a hat", "a dog"], ["a hat"]]);
  assert.deepEqual(stacked(plan), ["a hat", "a dog"]);
  const more = typed(plan, "There is ", "There is a mat (1,1),(9,9), ");
  assert.deepEqual([phrases(more), locked(more)], [["a mat", "a hat", "a dog"], ["a hat"]]);
  assert.deepEqual(more.flags.map(({ hidden }) => hidden), [false, false, true]);
});

test("a lock goes with its region when the region is typed away", () => {
  const plan = typeText(MARKED, replaced(TEXT, "a hat (5,6),(70,80) (green) ", ""));
  assert.deepEqual([phrases(plan), locked(plan)], [["a cup", "a dog"], []]);
});

test("of two regions with the same words the right one keeps its lock", () => {
  const plan = setLocked(came("a cup (1,2),(3,4) (red). a cup (5,6),(7,8) (blue)."), 0, true);
  assert.deepEqual(locked(typeText(plan, "a cup (5,6),(7,8) (blue).")), []);
  assert.deepEqual(locked(typeText(plan, "a cup (1,2),(3,4) (red).")), ["a cup"]);
});

test("locks find their regions in a pasted text by what they say", () => {
  const plan = typeText(setLocked(came(), 2, true), "Only a dog (20,20),(30,30) and a bird (1,1),(9,9).");
  assert.deepEqual(locked(plan), ["a dog"]);
});

test("a lock follows its box where a new region before it changes its phrase", () => {
  const plan = setLocked(came("A cup (1,2),(30,40) and a hat (5,6),(70,80)."), 0, true);
  assert.deepEqual(locked(typeText(plan, "A mat (1,1),(9,9), a cup (1,2),(30,40) and a hat (5,6),(70,80).")), ["a cup"]);
});

test("of regions with the same phrase, locks follow the boxes, also where the palette gives other colors", () => {
  const plan = setLocked(came("a cup (1,2),(3,40), a cup (5,6),(7,80), a cup (9,1),(11,12)"), 2, true);
  assert.deepEqual(typeText(plan, "a cup (1,2),(3,40), a cup (9,1),(11,12)").flags.map((flags) => flags.locked), [false, true]);
});

test("a new region in a reordered plan is in front", () => {
  const plan = typeText(bringForward(came(), 0), replaced(TEXT, "There is ", "There is a mat (1,1),(9,9), "));
  assert.deepEqual(stacked(plan), ["a hat", "a cup", "a dog", "a mat"]);
});

test("half a box is a box with a mistake, and keeps its flags", () => {
  const plan = typeText(MARKED, replaced(TEXT, "(70,80)", "(7"));
  assert.equal(plan.flags.length, readText(plan.text).marks.length);
  assert.deepEqual(typeText(plan, TEXT).order.length, 3);
});

test("no text has no regions", () => {
  assert.deepEqual([typeText(MARKED, "").flags, typeText(MARKED, "").order], [[], []]);
});

// ----------------------------------------------------------------------------------------------------- one region

test("a moved region changes its numbers and nothing else, however they are written", () => {
  const plan = came("A cup ( 1 , 22 ) , ( 30,044 ) ( Light Blue ), on a mat (0,0),(9,9).");
  assert.equal(moveRegion(plan, 0, [7, 22, 30, 50]).text, "A cup ( 7 , 22 ) , ( 30,50 ) ( Light Blue ), on a mat (0,0),(9,9).");
  assert.equal(moveRegion(plan, 0, [1, 22, 30, 44]), plan);
});

test("a box that is none moves nothing", () => {
  const plan = came();
  for (const box of /** @type {const} */ ([[-1, 0, 5, 5], [0, 0, 1000, 5], [5, 0, 5, 5], [0, 9, 5, 5]]))
    assert.equal(moveRegion(plan, 0, [...box]), plan);
});

test("a color word is replaced, or written after a box that had none", () => {
  assert.equal(recolor(came(), 1, " Teal ")?.text, replaced(TEXT, "(green)", "(teal)"));
  assert.equal(recolor(came("a cup (1,2),(3,4) here"), 0, "#FF8800")?.text, "a cup (1,2),(3,4) (#ff8800) here");
  assert.equal(recolor(came("a cup (1,2),(3,4)."), 0, "red")?.text, "a cup (1,2),(3,4) (red).");
  assert.equal(recolor(came("a cup (1,2),(3,4) (bleu)."), 0, "blue")?.text, "a cup (1,2),(3,4) (blue).");
});

test("the same color changes nothing and a word that is none is refused", () => {
  const plan = came();
  assert.equal(recolor(plan, 0, "RED"), plan);
  for (const word of ["bleu", "", "#12345"]) assert.equal(recolor(plan, 0, word), null);
});

test("other words stand where the old ones stood", () => {
  assert.equal(rephrase(came(), 1, "a  blue\ncap ").text, replaced(TEXT, "a hat", "a blue cap"));
  assert.equal(rephrase(came("There (1,2),(3,4)."), 0, "a cup").text, "a cup (1,2),(3,4).");
  assert.equal(rephrase(came("a hat (1,2),(3,4). (5,6),(7,8)."), 1, "a cup").text, "a hat (1,2),(3,4). a cup (5,6),(7,8).");
});

test("a phrase in brackets is renamed and removed as a whole", () => {
  const plan = came("On it [a cup with a lid] (1,2),(3,4) and (5,6),(7,8).");
  assert.deepEqual(phrases(plan), ["a cup with a lid", "a cup with a lid"]);
  assert.equal(rephrase(plan, 0, "a cap with a rim").text, "On it [a cap with a rim] (1,2),(3,4) and (5,6),(7,8).");
  assert.ok(!removeRegion(plan, 0).text.includes("["));
});

test("a phrase that would not be found as a whole gets brackets", () => {
  const renamed = rephrase(came("There is a cup (1,2),(3,4)."), 0, "man with a hat, in the rain");
  assert.equal(renamed.text, "There is [man with a hat, in the rain] (1,2),(3,4).");
  assert.deepEqual(phrases(renamed), ["man with a hat, in the rain"]);
  assert.equal(rephrase(renamed, 0, "a [cap]").text, "There is [a cap] (1,2),(3,4).");
  const added = addRegion(came("A cup (1,2),(3,4)."), "a cup, with a lid", [5, 6, 7, 8], "teal");
  assert.equal(added.text, "A cup (1,2),(3,4). [a cup, with a lid] (5,6),(7,8) (teal).");
});

test("an aside in round brackets stays in a phrase, copied or written", () => {
  const plan = came("A sign (old) (1,2),(3,4) (red) and [a cup (the big one), in the rain] (5,6),(7,8) (teal).");
  assert.deepEqual(phrases(plan), ["A sign (old)", "a cup (the big one), in the rain"]);
  assert.deepEqual(phrases(duplicateAll(plan, [0, 1])).slice(2), phrases(plan));
  assert.deepEqual(phrases(/** @type {Plan} */ (pasteRegions(EMPTY, clipOf(plan, [1, 0])?.data ?? ""))), phrases(plan).reverse());
  assert.deepEqual(phrases(rephrase(plan, 0, "A sign (new)")), ["A sign (new)", phrases(plan)[1]]);
  const none = ["a mug (1,2),(3,4)", "a mug (5,6)", "a (mug", "a (mug (old))"];
  for (const words of none) assert.ok(/^a mug[^()]*$/.test(phrases(addRegion(EMPTY, words, [1, 2, 30, 40]))[0]), words);
});

test("words cannot smuggle in a box or a marker, and no words change nothing", () => {
  const plan = came();
  assert.equal(phrases(rephrase(plan, 0, "a mug (1,2),(3,4) <|box_start|>")).length, 3);
  for (const words of ["", "  ", "()", "a cup", " a cup "]) assert.equal(rephrase(plan, 0, words), plan);
});

test("a new region gets a sentence of its own at the end, in front, in the palette's next color", () => {
  const plan = addRegion(MARKED, "a bird", [100, 200, 300, 400]);
  assert.equal(plan.text, `${TEXT} a bird (100,200),(300,400) (yellow).`);
  assert.deepEqual([plan.flags.slice(0, 3), plan.flags[3]], [MARKED.flags, { locked: false, hidden: false }]);
  assert.deepEqual(stacked(plan), [...stacked(MARKED), "a bird"]);
});

test("a new region has the color that its phrase names", () => {
  const color = (/** @type {string} */ phrase) => readText(addRegion(MARKED, phrase, [1, 2, 30, 40]).text).marks[3].color.word;
  assert.deepEqual(["a yellow star", "a red star", "a black cat", "红色的猫"].map(color), ["yellow", "red", "gray", "red"]);
});

test("boxes without a written color keep the ones that they show when another box gets a color", () => {
  const plan = came("a cup (1,2),(3,4), a hat (5,6),(7,8) and a blue dog (9,10),(11,12)");
  const colors = (/** @type {Plan | null} */ now) => readText(now?.text ?? "").marks.map(({ color }) => color.word);
  assert.deepEqual(colors(plan), ["red", "green", "blue"]);
  const added = addRegion(plan, "a bird", [1, 2, 30, 40], "red");
  assert.equal(added.text, "a cup (1,2),(3,4) (red), a hat (5,6),(7,8) (green) and a blue dog (9,10),(11,12). a bird (1,2),(30,40) (red).");
  assert.deepEqual(colors(addRegion(plan, "a green bird", [1, 2, 30, 40])), ["red", "green", "blue", "green"]);
  assert.deepEqual(colors(recolor(plan, 2, "green")), ["red", "green", "green"]);
  assert.deepEqual(colors(rephrase(plan, 2, "a green dog")), ["red", "green", "green"]);
  assert.deepEqual(colors(duplicateAll(plan, [0])), ["red", "green", "blue", "red"]);
  assert.equal(recolor(plan, 2, "teal")?.text, `${plan.text} (teal)`);
});

test("a box color goes along with its phrase as long as the two agreed", () => {
  const color = (/** @type {string} */ text, /** @type {string} */ phrase) => readText(rephrase(came(text), 0, phrase).text).marks[0].color.word;
  assert.equal(color("a red cup (1,2),(3,4) (red)", "a blue cup"), "blue");
  assert.equal(color("a black cup (1,2),(3,4) (gray)", "a blue cup"), "blue");
  assert.equal(color("a red cup (1,2),(3,4) (red)", "a cup"), "red");
  assert.equal(color("a red cup (1,2),(3,4) (purple)", "a blue cup"), "purple");
  assert.equal(color("a cup (1,2),(3,4) (red)", "a blue cup"), "red");
  const recolored = recolor(came("a red cup (1,2),(3,4) (red)"), 0, "purple");
  assert.equal(recolored?.text, "a red cup (1,2),(3,4) (purple)");
});

test("what is typed takes box colors along too, but no color that was typed", () => {
  const before = came("a red cup (1,2),(3,4) (red) and a blue hat (5,6),(7,8) (green)");
  const typed = (/** @type {string} */ text) => colorsAlong(before, typeText(before, text)).text;
  assert.equal(typed(before.text.replace("red cup", "teal cup")), before.text.replace("red cup", "teal cup").replace("(red)", "(teal)"));
  assert.equal(typed(before.text.replace("blue hat", "pink hat")), before.text.replace("blue hat", "pink hat"));
  const both = before.text.replace("red cup", "teal cup").replace("(red)", "(gold)");
  assert.equal(typed(both), both);
  const more = `a red star (1,1),(2,2) (red), ${before.text.replace("red cup", "pink cup")}`;
  assert.equal(typed(more), more.replace("(3,4) (red)", "(3,4) (pink)"));
});

test("edits of a plan that version 0.1 colored by the palette alone are kept", () => {
  const text = "A red circle (1,3),(4,6) (red) is left of a blue square (6,3),(9,6) (blue).";
  const old = text.replace("(blue)", "(green)");
  const edited = moveRegion(came(old), 1, [6, 4, 9, 7]);
  assert.equal(arrive(edited, text), edited);
  assert.equal(arrive(came(old), text).text, text);
  for (const other of [text.replace("(blue)", "(pink)"), text.replace("(red)", "(pink)"), text.replace("square", "star")])
    assert.equal(arrive(edited, other).text, other);
  const tagged = arrive(came("a bowl of pears (1,2),(3,4) (red)"), "a bowl of <|obj_start|>pears<|obj_end|> (1,2),(3,4) (red)");
  assert.equal(tagged.text, "a bowl of [pears] (1,2),(3,4) (red)");
});

test("a new region is separated from the text before it", () => {
  const add = (/** @type {string} */ text) => addRegion(came(text), "a bird", [1, 2, 30, 40], "teal").text;
  assert.equal(add(""), "a bird (1,2),(30,40) (teal).");
  assert.equal(add("A room"), "A room. a bird (1,2),(30,40) (teal).");
  assert.equal(add("A room!\n"), "A room! a bird (1,2),(30,40) (teal).");
  assert.equal(add("房间。"), "房间。 a bird (1,2),(30,40) (teal).");
  assert.equal(phrases(addRegion(came("a cup (1,2)"), "a bird", [1, 2, 30, 40])).at(-1), "a bird");
});

test("a new region comes before the marker that ends the chain", () => {
  const add = (/** @type {string} */ text) => addRegion(came(text), "a bird", [1, 2, 30, 40], "teal").text;
  const bird = "a bird (1,2),(30,40) (teal).";
  assert.equal(add("A cup (1,2),(3,4) (red) \n<|im_gen_start|>"), `A cup (1,2),(3,4) (red). ${bird} \n<|im_gen_start|>`);
  const typed = typeText(EMPTY, "<|im_gen_start|> more");
  assert.equal(addRegion(typed, "a bird", [1, 2, 30, 40], "teal").text, `${bird}<|im_gen_start|> more`);
  assert.deepEqual(phrases(duplicateAll(came("A cup (1,2),(3,4) (red).<|im_gen_start|>"), [0])), ["A cup", "A cup"]);
});

test("a region without words is a box alone", () => {
  const plan = addRegion(EMPTY, " (", [1, 2, 30, 40]);
  assert.deepEqual([plan.text, phrases(plan)], ["(1,2),(30,40) (red).", [""]]);
});

test("a copy is moved a little, inside the image, unlocked and in the same color", () => {
  const copy = (/** @type {string} */ box) => readText(duplicateAll(came(`a cup ${box} (red)`), [0]).text).marks[1];
  assert.deepEqual(copy("(1,2),(30,40)").box, [21, 22, 50, 60]);
  assert.deepEqual(copy("(900,5),(999,990)").box, [880, 0, 979, 985]);
  assert.deepEqual(copy("(0,0),(999,999)").box, [0, 0, 999, 999]);
  assert.deepEqual([copy("(1,2),(30,40)").phrase, copy("(1,2),(30,40)").color.word], ["a cup", "red"]);
  assert.deepEqual(duplicateAll(setLocked(came(), 1, true), [1]).flags.map((flags) => flags.locked), [false, true, false, false]);
});

test("locked and hidden are set and taken back, one region at a time", () => {
  const plan = setHidden(setLocked(came(), 1, true), 2, true);
  assert.deepEqual([locked(plan), plan.flags[2]], [["a hat"], { locked: false, hidden: true }]);
  assert.deepEqual(setHidden(setLocked(plan, 1, false), 2, false), came());
  assert.equal(setLocked(plan, 1, true), plan);
  assert.equal(setHidden(plan, 2, true), plan);
});

test("forward and back change the drawing's order by one place and not the text", () => {
  const plan = bringForward(came(), 0);
  assert.deepEqual([plan.order, plan.text], [[1, 0, 2], TEXT]);
  assert.deepEqual(sendBack(plan, 0), came());
  assert.equal(bringForward(plan, 2), plan);
  assert.equal(sendBack(plan, 1), plan);
});

test("a lock refuses every change of its region, and of no other", () => {
  const plan = setLocked(came(), 1, true);
  const refused = [moveRegion(plan, 1, [1, 1, 9, 9]), recolor(plan, 1, "teal"), rephrase(plan, 1, "a cap"), removeRegion(plan, 1)];
  for (const result of refused) assert.equal(result, plan);
  for (const index of [0, 2]) {
    const allowed = [
      moveRegion(plan, index, [1, 1, 9, 9]), recolor(plan, index, "teal"), rephrase(plan, index, "a cap"), removeRegion(plan, index),
    ];
    for (const result of allowed) assert.deepEqual([result !== plan, result && locked(result)], [true, ["a hat"]]);
  }
});

test("a locked region can still be hidden, reordered, copied and unlocked", () => {
  const plan = setLocked(came(), 1, true);
  for (const result of [setHidden(plan, 1, true), bringForward(plan, 1), duplicateAll(plan, [1]), setLocked(plan, 1, false)])
    assert.notEqual(result, plan);
});

test("a region that is not there changes nothing", () => {
  const plan = came();
  for (const index of [-1, 3]) {
    const results = [
      moveRegion(plan, index, [1, 1, 9, 9]), recolor(plan, index, "teal"), rephrase(plan, index, "a cap"), removeRegion(plan, index),
      duplicateAll(plan, [index]), setLocked(plan, index, true), setHidden(plan, index, true), bringForward(plan, index),
      sendBack(plan, index),
    ];
    for (const result of results) assert.equal(result, plan);
  }
});

test("a box that cannot be read is removed but neither moved, colored nor copied", () => {
  const plan = came("a cup (9,2),(3,4) and a hat (5,6),(7,8).");
  for (const result of [moveRegion(plan, 0, [1, 1, 9, 9]), recolor(plan, 0, "teal"), duplicateAll(plan, [0])])
    assert.equal(result, plan);
  assert.equal(removeRegion(plan, 0).text, "a hat (5,6),(7,8).");
});

// -------------------------------------------------------------------------------------------------- repairing sentences

// A text and what is left of it without its first, second, … region. B1, B2, … are boxes with their colors.
const BOXES = { B1: "(1,2),(3,4) (red)", B2: "(5,6),(7,8)", B3: "(9,10),(11,12) (blue)", B4: "(1,3),(5,7)" };
const boxed = (/** @type {string} */ text) => text.replace(/B\d/g, (name) => BOXES[/** @type {keyof typeof BOXES} */ (name)]);
const REMOVALS = {
  "There is a cup B1, a hat B2 and a dog B3.": [
    "There is a hat B2 and a dog B3.", "There is a cup B1 and a dog B3.", "There is a cup B1 and a hat B2.",
  ],
  "There is a cup B1, a hat B2, and a dog B3.": [
    "There is a hat B2, and a dog B3.", "There is a cup B1, and a dog B3.", "There is a cup B1 and a hat B2.",
  ],
  "There is a cup B1, a hat B2, a pen B3 and a dog B4.": [
    "There is a hat B2, a pen B3 and a dog B4.", "There is a cup B1, a pen B3 and a dog B4.",
    "There is a cup B1, a hat B2 and a dog B4.", "There is a cup B1, a hat B2 and a pen B3.",
  ],
  "a cup B1, a hat B2, a dog B3": ["a hat B2, a dog B3", "a cup B1, a dog B3", "a cup B1, a hat B2"],
  "A cup B1 and a hat B2. A dog B3 sits.": ["A hat B2. A dog B3 sits.", "A cup B1. A dog B3 sits.", "A cup B1 and a hat B2."],
  "A cup B1. A hat B2! A dog B3.": ["A hat B2! A dog B3.", "A cup B1. A dog B3.", "A cup B1. A hat B2!"],
  "1. a cup B1\n2. a hat B2\n3. a dog B3": ["2. a hat B2\n3. a dog B3", "1. a cup B1\n3. a dog B3", "1. a cup B1\n2. a hat B2"],
  "The image shows a cup B1 on a table B2 next to a window B3.": [
    "The image shows a table B2 next to a window B3.", "The image shows a cup B1 on a window B3.",
    "The image shows a cup B1 on a table B2.",
  ],
  "A cup B1 stands on a table B2, and light falls in.": [
    "A table B2, and light falls in.", "A cup B1, and light falls in.",
  ],
  "There is a cup B1, and light falls in.": ["light falls in."],
  "一个杯子 B1。一顶帽子 B2。": ["一顶帽子 B2。", "一个杯子 B1。"],
  "B1 B2": ["B2", "B1"],
};

for (const [text, results] of Object.entries(REMOVALS))
  test(`good sentences are left of: ${text}`, () => {
    const plan = came(boxed(text));
    assert.equal(plan.flags.length, results.length);
    results.forEach((left, i) => assert.equal(removeRegion(plan, i).text, boxed(left)));
  });

test("nothing is left without the last region, whichever goes first", () => {
  const ends = [[0, 0, 0], [2, 1, 0], [1, 1, 0], [1, 0, 0]];
  for (const indices of ends) assert.equal(indices.reduce(removeRegion, came()).text, "");
});

test("what is about other things stays", () => {
  assert.equal(removeRegion(came("A wide room. A cup (1,2),(3,4). Soft light."), 0).text, "A wide room. Soft light.");
});

test("a removed region takes its flags and its place along", () => {
  const plan = removeRegion(bringForward(setLocked(setHidden(came(), 0, true), 2, true), 1), 0);
  assert.deepEqual([phrases(plan), locked(plan), stacked(plan)], [["a hat", "a dog"], ["a dog"], ["a dog", "a hat"]]);
  assert.ok(!plan.flags.some(({ hidden }) => hidden));
});
