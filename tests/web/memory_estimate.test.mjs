// The line of GoT Loader about a model before a run.

import assert from "node:assert/strict";
import test from "node:test";
import { estimateText } from "../../web/editor/model/runs/memory_estimate.mjs";
import { messagesFor } from "../../web/editor/model/messages.mjs";

const GB = 2 ** 30;
/** @param {"together" | "turns" | "parts"} fits */
const estimate = (fits) => ({ chain: 7.12 * GB, image: 5.78 * GB, free: 8 * GB, fits });

test("sizes are shown in the gigabytes of cards, with what they mean", () => {
  assert.equal(
    estimateText(estimate("turns"), messagesFor("en")),
    "Chain 7.1 GB, image 5.8 GB of 8.0 GB: fit one after the other",
  );
});

test("a small model needs something too", () => {
  const text = estimateText({ chain: 9e6, image: 0.26 * GB, free: 24 * GB, fits: "together" }, messagesFor("en"));
  assert.equal(text, "Chain 0.1 GB, image 0.3 GB of 24.0 GB: both fit together");
});

test("a planner draws nothing", () => {
  const planner = { chain: 8.4 * GB, free: 12 * GB };
  assert.equal(estimateText({ ...planner, fits: "together" }, messagesFor("en")), "Chain 8.4 GB of 12.0 GB: fits");
  const parts = estimateText({ ...planner, fits: "parts" }, messagesFor("zh"));
  assert.equal(parts, "推理链 8.4 GB，可用 12.0 GB：将分部分加载，速度较慢");
});

test("each result has its own words, in both languages", () => {
  for (const language of ["en", "zh"]) {
    const texts = /** @type {const} */ (["together", "turns", "parts"]).map((fits) =>
      estimateText(estimate(fits), messagesFor(language)),
    );
    assert.equal(new Set(texts).size, 3);
    for (const text of texts) assert.ok(text.includes("7.1") && text.includes("5.8") && !text.includes("{"), text);
  }
});
