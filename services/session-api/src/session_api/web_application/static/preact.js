// Preact with its hooks and htm.
import htm from "./vendor/htm.js";
import { h } from "./vendor/preact.js";

export * from "./vendor/hooks.js";
export { createContext, render } from "./vendor/preact.js";
export const html = htm.bind(h);
