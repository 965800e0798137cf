// The browser's grammar gives the same as Python's, case by case, and finds every mistake.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { ChainError, canonicalText, parseRegions, plainText, readText } from "../../web/editor/model/chain/chain.mjs";

const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), "utf-8");
const cases = JSON.parse(read("../chains.json"));
/** @param {import("../../web/editor/model/chain/chain.mjs").Region | import("../../web/editor/model/chain/chain.mjs").Mark} region */
const shown = ({ phrase, box, color }) => ({ phrase, box, color: color.word });

for (const { name, text, chain, regions, error } of cases)
  test(name, () => {
    if (error) {
      assert.throws(() => canonicalText(text), (thrown) => thrown instanceof ChainError && thrown.message.includes(error));
      assert.ok(readText(text).problems[0].message.includes(error));
      return;
    }
    assert.equal(canonicalText(text), chain);
    assert.equal(canonicalText(plainText(chain)), chain);
    const found = parseRegions(chain);
    assert.deepEqual(found.map(shown), regions);
    assert.deepEqual(readText(text).marks.map(shown), regions);
    for (const region of found) {
      const own = region.phraseSpan[1] !== region.boxSpan[0] || region.phraseSpan[0] !== region.boxSpan[0];
      assert.equal(chain.slice(...region.phraseSpan), own ? region.phrase : "");
      assert.ok(chain.slice(...region.boxSpan).startsWith(`<|box_start|>(${region.box.slice(0, 2)})`));
    }
  });

for (const { name, chain, regions } of JSON.parse(read("../plan_forms.json")))
  if (chain)
    test(`${name}: what the server read is read back by the editor`, () => {
      assert.equal(canonicalText(plainText(chain)), chain);
      const found = readText(plainText(chain)).marks.map(({ phrase, box }) => [phrase, box]);
      const boxes = regions.map((/** @type {[string, string]} */ [phrase, box]) => [phrase, box.match(/\d+/g)?.map(Number)]);
      assert.deepEqual(found, boxes);
    });

test("a tag that splits a box leaves a chain that stays", () => {
  const chain = canonicalText("a (1<|obj_end|>,2),(3,4)");
  assert.equal(chain, "a <|box_start|>(1,2),(3,4)<|box_end|> (red)");
  assert.equal(canonicalText(chain), chain);
});

test("every mistake is found, and good boxes between them are read", () => {
  const text = "a (9,0),(5,9) b (1,2),(3,4) c (1,2),(3,4) (bleu) d (1,2)(3,4)";
  const { marks, problems } = readText(text);
  assert.deepEqual(problems.map(({ span }) => text.slice(...span)), ["(9,0),(5,9)", "bleu", "(1,2)(3,4)"]);
  assert.deepEqual(marks.map(({ box }) => Boolean(box)), [false, true, true, false]);
});

test("a text with emoji keeps its spans", () => {
  const text = "🐈 a cat ( 1 , 22 ) , ( 3 , 44 ) ( Light Blue )";
  const [mark] = readText(text).marks;
  assert.deepEqual(mark.numberSpans.map((span) => text.slice(...span)), ["1", "22", "3", "44"]);
  assert.equal(text.slice(...mark.phraseSpan), "a cat");
  assert.equal(text.slice(...(mark.colorSpan ?? [])).trim(), "Light Blue");
});

const BOX = "(1,2),(3,4)";
/** What comes before, again and again, and after: as in tests/test_chain.py.
 * @type {Record<string, [string, string, string]>} */
const LONG = {
  spaces: ["a", " ", `b ${BOX}`],
  "wide spaces": ["a", "\u3000", `b ${BOX}`],
  "spaces and new lines": ["a", " \n", `b ${BOX}`],
  "spaces after a pair": ["(1,2)", " ", "b"],
  "spaces after a color": [`a ${BOX} (red`, " ", "b"],
  commas: ["a", ",", `b ${BOX}`],
  colons: ["a", " :", `b ${BOX}`],
  "small words": ["a", " of", ` b ${BOX}`],
  verbs: ["a", " and", ` b ${BOX}`],
  clauses: ["a", ". ", `b ${BOX}`],
  digits: ["a (", "1", `,2),${BOX}`],
  "digits in a box": ["a (1,2),(3,", "4", ")"],
  "opened brackets": ["a", "(", BOX],
  "pairs that go on": ["a", "(1,", BOX],
  "opened boxes": ["a", "<|box_start|>", BOX],
  "closed boxes": ["a", "<|box_end|>", BOX],
  "opened objects": ["a", "<|obj_start|>", BOX],
  "an object's name": ["<|obj_start|>", "a", BOX],
  "beginnings of images": ["a", " <|im_gen_start", BOX],
  "a color": [`a ${BOX} (`, "a ", ")"],
  "a color of one word": [`a ${BOX} (`, "a", ")"],
  boxes: ["", `a ${BOX}, `, ""],
  complements: ["a", " red, old cat with a hat and", ` b ${BOX}`],
  "relative clauses": ["a", " man, who is old, and the", ` b ${BOX}`],
  brackets: ["a", " [b c]", ` d ${BOX}`],
  "brackets without words": ["a", " [1]", ` d ${BOX}`],
  dots: ["a", ".", `b ${BOX}`],
  Chinese: ["", "一只戴着红帽的猫和", `狗${BOX}`],
  "Chinese numbers": ["", "1一", `狗${BOX}`],
  "Chinese verbs": ["", "是坐着的", `狗${BOX}`],
  "Chinese commas": ["", "，戴着", `狗的${BOX}`],
};

for (const [name, [before, again, after]] of Object.entries(LONG))
  test(`a long text of ${name} takes no longer than its length`, () => {
    // Twenty times the text would take 400 times as long if the work grew with the square.
    for (const [size, seconds] of [[10_000, 1], [200_000, 20]]) {
      const text = before + again.repeat(size / again.length) + after;
      const start = performance.now();
      const { problems } = readText(text);
      if (problems.length) assert.throws(() => canonicalText(text), (thrown) => thrown instanceof ChainError);
      else parseRegions(canonicalText(text));
      const took = (performance.now() - start) / 1000;
      assert.ok(took < seconds, `${size} characters: ${took} s`);
      assert.ok(problems.every(({ message }) => message.length < 400));
    }
  });

for (const { text, phrases } of JSON.parse(read("../phrases.json")))
  test(`a phrase as a person would mark it: ${text}`, () => {
    let count = 0;
    const chain = text.replaceAll("□", () => `(${count},${count}),(${count + 50},${count++ + 60})`);
    const { marks } = readText(chain);
    assert.deepEqual(marks.map(({ phrase }) => phrase), phrases);
    for (const { phrase, phraseSpan: [first, last], boxSpan } of marks)
      if (first !== last || first !== boxSpan[0]) assert.equal(chain.slice(first, last), phrase);
    assert.deepEqual(parseRegions(canonicalText(chain)).map(({ phrase }) => phrase), phrases);
    assert.deepEqual(readText(plainText(canonicalText(chain))).marks.map(({ phrase }) => phrase), phrases);
  });
