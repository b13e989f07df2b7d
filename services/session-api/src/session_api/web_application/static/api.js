// Requests to the public API: entity tags, problems with their next step, and the same request as curl.
import { parseJson, toJson } from "./json.js";
import { noteServerTime } from "./time.js";
import { currentToken, onLeave, tokenRefused } from "./token.js";

export const ROOT = new URL("..", document.baseURI).href.replace(/\/$/, "");
const KEPT_ANSWERS = 300;
const kept = new Map();

export class Problem extends Error {
	constructor(status, body, requestId) {
		super(body.error || `The server answered ${status}`);
		Object.assign(this, { status, code: body.code || `HTTP_${status}`, next: body.next, body });
		this.requestId = body.request_id || requestId;
	}
}

const unreachable = () =>
	new Problem(0, {
		error: "The server cannot be reached.",
		code: "NOT_REACHED",
		next: "Check your network connection. The page tries again by itself.",
	});

/** Send a request and return { body, next, headers }. Throws a Problem. */
export async function send({ method = "GET", path, body, accept }) {
	const headers = { Authorization: `Bearer ${currentToken()}` };
	if (accept) headers.Accept = accept;
	if (body !== undefined) headers["Content-Type"] = "application/json";
	const known = method === "GET" && !accept ? kept.get(path) : undefined;
	if (known?.etag) headers["If-None-Match"] = known.etag;
	let answer, text;
	try {
		answer = await fetch(ROOT + path, {
			method,
			headers,
			body: body === undefined ? undefined : toJson(body),
			cache: "no-store",
			credentials: "omit",
		});
		text = await answer.text();
	} catch {
		throw unreachable();
	}
	noteServerTime(answer.headers.get("Date"));
	if (answer.status === 304 && known) return known.result;
	if (!answer.ok) throw await problemOf(answer, text, headers.Authorization);
	if (accept) return { text, headers: answer.headers };
	const result = { body: text ? parseJson(text) : null, next: nextPage(answer.headers.get("Link")) };
	if (method === "GET" && headers.Authorization === `Bearer ${currentToken()}`) keep(path, answer.headers.get("ETag"), result);
	return result;
}

async function problemOf(answer, text, authorization) {
	let body = {};
	try {
		body = parseJson(text);
	} catch {
		body = { error: `The server answered ${answer.status} without a reason.`, next: "Try again in a minute." };
	}
	if (answer.status === 401) tokenRefused(authorization);
	return new Problem(answer.status, body, answer.headers.get("X-Request-ID"));
}

function keep(path, etag, result) {
	kept.delete(path);
	kept.set(path, { etag, result });
	if (kept.size > KEPT_ANSWERS) kept.delete(kept.keys().next().value);
}

export const forgetAnswers = () => kept.clear();
onLeave(forgetAnswers);

/** What was answered before for a path, to show at once while it is read again. */
export const keptAnswer = (path) => kept.get(path)?.result;

function nextPage(link) {
	const next = /<([^>]*)>;\s*rel="next"/.exec(link || "");
	return next ? new URL(next[1], `${ROOT}/`).searchParams.get("cursor") : null;
}

export const get = (path) => send({ path });

export const query = (values) => {
	const given = Object.entries(values).flatMap(([name, value]) =>
		[].concat(value).filter((text) => text !== undefined && text !== null && text !== "").map((text) => [name, text]),
	);
	return given.length ? `?${new URLSearchParams(given)}` : "";
};

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The request as a command to copy; the token stays out of it. */
export function asCurl({ method = "GET", path, body, accept }) {
	const parts = ["curl", "-H", '"Authorization: Bearer $TOKEN"'];
	if (method !== "GET") parts.push("-X", method);
	if (accept) parts.push("-H", quoted(`Accept: ${accept}`));
	if (body !== undefined) parts.push("-H", "'Content-Type: application/json'", "-d", quoted(toJson(body)));
	return [...parts, quoted(ROOT + path)].join(" ");
}

export const ofTenant = (tenant, rest) => `/tenants/${tenant}/onboarding${rest}`;
