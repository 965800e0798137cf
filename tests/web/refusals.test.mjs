// The sentences that the pack's own nodes say, from ComfyUI's answers.

import assert from "node:assert/strict";
import test from "node:test";
import { errorOf, refusals } from "../../web/editor/model/runs/refusals.mjs";

const isOurs = (/** @type {string} */ kind) => kind.startsWith("GoT");

test("a refused node says its sentence once, without the input's name", () => {
  const said = (/** @type {string} */ input) => ({ type: "custom_validation_failed", details: `${input} - Empty.`, extra_info: { input_name: input } });
  const other = { type: "value_not_in_list", details: "model_name: 'x' not in list", extra_info: { input_name: "model_name" } };
  const nodes = { 3: { class_type: "GoTA", errors: [said("prompt"), said("wish"), other] }, 4: { class_type: "Load", errors: [said("image")] } };
  assert.deepEqual(refusals(nodes, isOurs), [{ id: "3", kind: "GoTA", sentence: "Empty." }]);
  assert.deepEqual(refusals(undefined, isOurs), []);
});

test("an error is told if our node failed, or if another one met our exception", () => {
  const failed = { prompt_id: "p", node_id: "3", node_type: "GoTA", exception_type: "ValueError", exception_message: "No.\n" };
  assert.equal(errorOf(failed, isOurs), "No.");
  assert.equal(errorOf({ ...failed, node_type: "SamplerCustom" }, isOurs), "");
  assert.equal(errorOf({ ...failed, node_type: "SamplerCustom", exception_type: "/x/ComfyUI-GoT.got_models.errors.GoTError" }, isOurs), "No.");
});
