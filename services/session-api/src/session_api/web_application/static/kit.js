// What pages are made of, in one place.
export * from "./api.js";
export * from "./data.js";
export * from "./files.js";
export * from "./lists.js";
export * from "./live.js";
export * from "./me.js";
export * from "./notices.js";
export * from "./preact.js";
export * from "./router.js";
export * from "./time.js";
export * from "./ui.js";
export * from "./words.js";
