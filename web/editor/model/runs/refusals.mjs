// @ts-check
// The sentences in ComfyUI's answers about nodes of this pack that were refused, or that failed. Pure.

/**
 * A node that the server refused before a run.
 * @typedef {{class_type: string, errors: {type: string, details?: string, extra_info?: {input_name?: string}}[]}} Refused
 */
/**
 * ComfyUI's message of a node that failed while it ran.
 * @typedef {{prompt_id: string, node_id: string, node_type: string, exception_type?: string, exception_message?: string}}
 *   Failure
 */

const OWN_ERROR = /(^|\.)got_models\./; // exceptions of this pack, in whichever node they come up

/**
 * The errors of this pack's nodes about their inputs, each sentence once for each node.
 * @param {Record<string, Refused> | undefined} nodes by execution id, from the server's answer
 * @param {(kind: string) => boolean} isOurNode
 * @returns {{id: string, kind: string, sentence: string}[]}
 */
export function refusals(nodes, isOurNode) {
  return Object.entries(nodes ?? {}).flatMap(([id, { class_type: kind, errors }]) => {
    if (!isOurNode(kind)) return [];
    const own = errors.filter(({ type }) => type === "custom_validation_failed");
    const sentences = new Set(own.map(({ details = "", extra_info: { input_name: input = "" } = {} }) =>
      details.startsWith(`${input} - `) ? details.slice(input.length + 3) : details));
    return [...sentences].filter(Boolean).map((sentence) => ({ id, kind, sentence }));
  });
}

/** The sentence of an error that this pack raised; "" for any other. @param {Failure} failure
 * @param {(kind: string) => boolean} isOurNode */
export function errorOf({ node_type: kind, exception_type: type = "", exception_message: message = "" }, isOurNode) {
  return isOurNode(kind) || OWN_ERROR.test(type) ? message.trim() : "";
}
