// The ends of a phrase are moved by hand, from word to word, and the grammar reads the phrase that was meant.

import assert from "node:assert/strict";
import test from "node:test";
import { canonicalText, parseRegions, readText } from "../../web/editor/model/chain/chain.mjs";
import { phraseWords, withPhrase } from "../../web/editor/model/chain/phrase_ends.mjs";
import { EMPTY, arrive, markPhrase, parsePlan, serializePlan, setLocked } from "../../web/editor/model/plan/plan.mjs";

const BOX = "(1,2),(30,40)";
/** @param {string} text @param {string} words @returns {[number, number]} */
const spanOf = (text, words) => [text.indexOf(words), text.indexOf(words) + words.length];
/** @param {string} text @param {number} [index] */
const wordsOf = (text, index = 0) => {
  const { firsts, lasts } = phraseWords(text, readText(text).marks, index);
  return [firsts, lasts].map((spans) => spans.map((span) => text.slice(...span)));
};
/** @param {string} text @param {string} words @param {number} [index] */
const marked = (text, words, index = 0) => withPhrase(text, index, spanOf(text, words));

test("a phrase begins and ends at words, without marks", () => {
  const text = `On it: a "red" cup, [with a lid] ${BOX} and “a hat” (5,6),(70,80).`;
  assert.deepEqual(wordsOf(text)[0], ["On", "it", "a", '"red"', "cup", "with", "a", "lid"]);
  assert.deepEqual(wordsOf(text, 1)[0], ["and", "“a", "hat”"]);
  assert.deepEqual(wordsOf(`一只猫，和狗 ${BOX}`)[0], ["一", "只", "猫", "和", "狗"]);
});

test("a phrase cannot end in an earlier sentence, and one that belongs to another box cannot be moved", () => {
  assert.deepEqual(wordsOf(`A cup. It is red ${BOX}`), [["A", "cup", "It", "is", "red"], ["It", "is", "red"]]);
  assert.deepEqual(wordsOf(`two cups ${BOX} (5,6),(70,80)`, 1), [[], []]);
  assert.deepEqual(wordsOf("a cup (5,6),(1,2)"), [[], []]);
});

test("the marked phrase is in brackets only where the grammar finds another one", () => {
  const text = `A cup on a table and a lamp ${BOX} (red).`;
  const cup = marked(text, "A cup on a table") ?? "";
  assert.equal(cup, `[A cup on a table] and a lamp ${BOX} (red).`);
  assert.equal(marked(cup, "a lamp"), text);
  assert.equal(withPhrase(cup, 0, [spanOf(cup, "A cup")[0], spanOf(cup, "a lamp")[1]]), null); // over a bracket
  assert.equal(marked(cup, "cup"), `A [cup] on a table and a lamp ${BOX} (red).`);
  assert.equal(marked(text, ""), null);
  const second = `A dog (5,6),(70,80) and ${text}`;
  assert.equal(marked(second, "A cup", 1), second.replace("A cup", "[A cup]"));
});

test("the server and a reload read the same phrase, and a lock keeps it", () => {
  const plan = arrive(EMPTY, `A cup on a red table and a lamp ${BOX} (red).`);
  const now = markPhrase(plan, 0, spanOf(plan.text, "A cup on a red table"));
  assert.deepEqual(parseRegions(canonicalText(now.text)).map(({ phrase }) => phrase), ["A cup on a red table"]);
  assert.equal(readText(parsePlan(serializePlan(now)).text).marks[0].phrase, "A cup on a red table");
  assert.equal(markPhrase(setLocked(plan, 0, true), 0, [0, 5]).text, plan.text);
  assert.equal(markPhrase(plan, 0, readText(plan.text).marks[0].phraseSpan), plan);
});

test("the box color goes along with the color of the marked phrase", () => {
  const text = `a red cup and a blue lamp ${BOX} (blue)`;
  assert.equal(markPhrase(arrive(EMPTY, text), 0, spanOf(text, "a red cup")).text, `[a red cup] and a blue lamp ${BOX} (red)`);
});
