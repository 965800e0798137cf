// What the type check knows of the modules that are not the pack's own.

declare module "*/scripts/app.js" {
  export const app: any;
}

declare module "*/scripts/api.js" {
  export const api: {
    addEventListener(type: string, call: (event: CustomEvent) => void): void;
    removeEventListener(type: string, call: (event: CustomEvent) => void): void;
    apiURL(path: string): string;
    fetchApi(path: string, options?: RequestInit): Promise<Response>;
    queuePrompt(...values: any[]): Promise<{ prompt_id: string }>;
    getClientFeatureFlags(): Record<string, unknown>;
  };
}

declare module "node:test" {
  export default function test(name: string, body: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  function ok(value: unknown, message?: string): asserts value;
  function equal(actual: unknown, expected: unknown, message?: string): void;
  function notEqual(actual: unknown, expected: unknown, message?: string): void;
  function deepEqual(actual: unknown, expected: unknown, message?: string): void;
  function throws(body: () => unknown, expected: (thrown: any) => boolean): void;
  const assert: { ok: typeof ok; equal: typeof equal; notEqual: typeof notEqual; deepEqual: typeof deepEqual; throws: typeof throws };
  export default assert;
}

declare module "node:fs" {
  export function readFileSync(path: URL, encoding: "utf-8"): string;
}
