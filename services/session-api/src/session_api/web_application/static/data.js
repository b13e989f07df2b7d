// Data of the API in components: read at once, again after events, and kept while the connection is away.
import { get, keptAnswer } from "./api.js";
import { onEvent } from "./live.js";
import { useCallback, useEffect, useRef, useState } from "./preact.js";
import { onLeave } from "./token.js";

const TOGETHER_MS = 40;
// An event may come before the service has applied it itself: what it changes is read again a little later.
const LATER_MS = [700, 3000];

/**
 * The answer at a path: { body, next, problem, reload }. A path of null reads nothing. Events for which `after` is
 * true read it again, at most every `every` milliseconds.
 */
export function useData(path, { after = () => false, every = TOGETHER_MS } = {}) {
	const [data, setData] = useState({ path });
	const current = useRef();
	const asked = useRef(0);
	const shown = useRef(0);
	current.current = { path, after };
	const reload = useCallback(async () => {
		const turn = ++asked.current;
		const from = current.current.path;
		if (!from) return;
		const answer = await get(from).catch((problem) => ({ problem }));
		if (from !== current.current.path || turn < shown.current) return;
		shown.current = turn;
		setData((known) => ({ ...(known.path === from ? known : {}), problem: null, path: from, ...answer }));
	}, []);
	useEffect(() => void reload(), [path]);
	useEffect(() => {
		let timer = null;
		let lastAt = 0;
		let later = [];
		const read = () => {
			timer = null;
			lastAt = Date.now();
			reload();
		};
		const stop = onEvent((event) => {
			if (event.type !== "reload" && !current.current.after(event)) return;
			timer ??= setTimeout(read, Math.max(TOGETHER_MS, lastAt + every - Date.now()));
			later.forEach(clearTimeout);
			later = event.type === "reload" ? [] : LATER_MS.map((wait) => setTimeout(reload, wait));
		});
		return () => {
			stop();
			[timer, ...later].forEach(clearTimeout);
		};
	}, [every]);
	if (data.path === path && (data.body !== undefined || data.problem)) return { ...data, reload };
	return { ...keptAnswer(path), reload };
}

let names = new Map();
const asked = new Set();
const waiting = new Set();
let batch = null;
onLeave(() => {
	names = new Map();
	asked.clear();
});

async function readNames() {
	const known = names;
	const ids = [...asked].filter((id) => !known.has(id)).slice(0, 50);
	batch = null;
	if (!ids.length) return;
	ids.forEach((id) => known.set(id, null));
	const found = await get(`/onboarding/users?${ids.map((id) => `id=${id}`).join("&")}`).catch(() => ({ body: [] }));
	found.body.forEach((user) => known.set(user.user_id, user.display_name));
	waiting.forEach((turn) => turn((count) => count + 1));
}

/** A function that gives the name of a user id, "User 7" until the name is known. */
export function useNames() {
	const [, turn] = useState(0);
	useEffect(() => {
		waiting.add(turn);
		return () => waiting.delete(turn);
	}, []);
	return (id) => {
		if (id === null || id === undefined) return "nobody";
		const key = String(id);
		if (!names.has(key)) {
			asked.add(key);
			batch ??= setTimeout(readNames, 20);
		}
		return names.get(key) || `User ${key}`;
	};
}

/** The catalogue, which changes with a release only: steps, task types by name, reasons by code. */
export function useCatalogue() {
	const steps = useData("/onboarding/steps", { after: (event) => event.type === "catalogue" });
	const types = useData("/onboarding/task-types", { after: (event) => event.type === "catalogue" });
	const reasons = useData("/onboarding/reason-codes");
	const byName = Object.fromEntries((types.body || []).map((type) => [type.name, type]));
	const byCode = Object.fromEntries((reasons.body || []).map((reason) => [reason.code, reason]));
	return {
		types: types.body || [],
		typeOf: (name) => byName[name],
		titleOf: (name) => byName[name]?.title || name || "",
		stepTitle: (number) => steps.body?.find((step) => step.step === number)?.title || `Step ${number}`,
		reasonOf: (code) => byCode[code],
	};
}

/** The choice of a task type, for lists. */
export const taskOptions = (types) => [["", "all tasks"], ...types.map((type) => [type.name, type.title])];

/** The name of a customer, for the pages below it. */
export function useCustomerName(tenant) {
	const { body } = useData(`/tenants/${tenant}/onboarding/name`);
	return body?.display_name || `Tenant ${tenant}`;
}
