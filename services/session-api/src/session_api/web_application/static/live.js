// Server-sent events, read with fetch because the token is a header. The stream goes on where it ended.
import { ROOT } from "./api.js";
import { parseJson } from "./json.js";
import { now } from "./time.js";
import { currentToken, isSignedIn, onToken, tokenRefused } from "./token.js";
import { useEffect, useState } from "./preact.js";

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 10000;
const SILENCE_MS = 60000;
const QUIET_LOSS_MS = 1500;

const listeners = new Set();
const watchers = new Set();
const status = { live: false, lastAt: null };
let path = null;
let lastId = null;
let attempt = 0;
let stop = new AbortController();
let wake = () => {};
let hurry = false;
let lossShown = null;

const tell = (event) => listeners.forEach((listen) => listen(event));
export const reloadAll = () => tell({ type: "reload" });

function show(live) {
	clearTimeout(lossShown);
	lossShown = null;
	if (live === status.live) return;
	status.live = live;
	watchers.forEach((watch) => watch({ ...status }));
}

/** Read the events of this path from now on; the page that is left reads no more. */
export function follow(newPath) {
	if (newPath === path) return;
	path = newPath;
	lastId = null;
	attempt = 0;
	hurry = true;
	stop.abort();
	wake();
}

async function run() {
	for (;;) {
		if (path && isSignedIn()) {
			stop = new AbortController();
			hurry = false;
			await read(path, stop).catch(() => {});
			lossShown ??= setTimeout(show, QUIET_LOSS_MS, false);
			if (hurry) continue;
		}
		const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt++) * (0.75 + Math.random() / 2);
		await new Promise((resolve) => {
			wake = resolve;
			setTimeout(resolve, wait);
		});
	}
}

async function read(from, stopped) {
	const token = currentToken();
	const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" };
	if (lastId) headers["Last-Event-ID"] = lastId;
	const answer = await fetch(ROOT + from, { headers, signal: stopped.signal, cache: "no-store", credentials: "omit" });
	if (answer.status === 401) tokenRefused(headers.Authorization);
	// Without a stream what is shown is read again with each attempt.
	if (!answer.ok) return reloadAll();
	status.lastAt = now();
	show(true);
	reloadAll();
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	for (;;) {
		const silence = setTimeout(() => stopped.abort(), SILENCE_MS);
		const { value, done } = await reader.read().finally(() => clearTimeout(silence));
		if (done) return;
		attempt = 0;
		status.lastAt = now();
		const blocks = (rest + value).split("\n\n");
		rest = blocks.pop();
		blocks.forEach(take);
	}
}

function take(block) {
	const fields = { event: "message", data: "" };
	for (const line of block.split("\n")) {
		const [, name, value] = /^(\w+): ?(.*)$/.exec(line) || [];
		if (name) fields[name] = value;
	}
	if (fields.id !== undefined) lastId = fields.id;
	if (fields.event === "reload") lastId = null;
	if (fields.data) tell({ ...parseJson(fields.data), type: fields.event });
}

export function onEvent(listen) {
	listeners.add(listen);
	return () => listeners.delete(listen);
}

export function useLive() {
	const [seen, setSeen] = useState({ ...status });
	useEffect(() => {
		watchers.add(setSeen);
		setSeen({ ...status });
		return () => watchers.delete(setSeen);
	}, []);
	return seen;
}

const again = () => {
	attempt = 0;
	wake();
};
addEventListener("online", again);
document.addEventListener("visibilitychange", () => document.hidden || again());
onToken(() => {
	hurry = true;
	stop.abort();
	again();
});
run();
