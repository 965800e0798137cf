// @ts-check
/** To hear of what ComfyUI does with its objects. */

/**
 * Do something after what an object does by itself.
 * @param {any} object a node or a widget @param {string} method @param {(...values: any[]) => void} call
 */
export function after(object, method, call) {
  const own = object[method];
  object[method] = function (/** @type {any[]} */ ...values) {
    const result = own?.apply(this, values);
    call(...values);
    return result;
  };
}
