// The parts that every page uses: verdicts, times, buttons with their curl, problems, dialogs.
import { asCurl, send } from "./api.js";
import { reloadAll } from "./live.js";
import { ProblemText, announce, tell, tellProblem } from "./notices.js";
import { html, useEffect, useId, useRef, useState } from "./preact.js";
import { clockTime, distance, elapsed, fullTime, now } from "./time.js";
import { wordOf } from "./words.js";

export function Badge({ of, text }) {
	const { symbol, word, tone } = wordOf(of);
	return html`<span class="badge ${tone}"><span aria-hidden="true">${symbol} </span>${text || word}</span>`;
}

export const Hidden = ({ children }) => html`<span class="hidden">${children}</span>`;

export function useNow(every) {
	const [, turn] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => turn((count) => count + 1), every);
		return () => clearInterval(timer);
	}, [every]);
	return now();
}

/** A time of the clock, or with `age` its distance. The whole date with its zone is in the title. */
export function Time({ at, age, precise }) {
	useNow(age ? 10000 : 60000);
	return at ? html`<time datetime=${at} title=${fullTime(at)}>${age ? distance(at) : clockTime(at, precise)}</time>` : null;
}

/** A clock that runs: since a time, or until it. */
export function Clock({ at }) {
	useNow(1000);
	return html`<span class="clock" title=${fullTime(at)}>${elapsed(at)}</span>`;
}

export function Copy({ text, label = "Copy", kind = "" }) {
	const copy = () =>
		navigator.clipboard.writeText(text).then(
			() => tell("Copied."),
			() => tell("The browser did not allow copying. Select the text and copy it."),
		);
	return html`<button class=${kind} onClick=${copy}>${label}</button>`;
}

export const Curl = ({ call, name }) =>
	html`<${Copy} kind="curl" text=${asCurl(call)} label=${html`<span aria-hidden="true">›_</span><${Hidden}>Copy as curl: ${name}<//>`} />`;

/** A button that sends one request. With `locked` it says why it cannot. `done` gets the answer. */
export function Act({ label, name = label, path, method = "POST", body, done = reloadAll, kind = "", locked, said }) {
	const [busy, setBusy] = useState(false);
	const press = async () => {
		if (busy) return;
		if (locked) return tell(locked);
		setBusy(true);
		try {
			const answer = await send({ method, path, body });
			if (said) tell(said);
			await done(answer.body);
		} catch (problem) {
			tellProblem(problem, name);
		} finally {
			setBusy(false);
		}
	};
	return html`<span class="act">
		<button class=${kind} aria-label=${name} aria-disabled=${Boolean(locked) || busy} title=${locked || null} onClick=${press}>${label}</button>
		<${Curl} call=${{ method, path, body }} name=${name} />
	</span>`;
}

export const ProblemBox = ({ problem, again }) =>
	html`<div class="problem" role="alert">
		<${ProblemText} problem=${problem} />
		${again ? html`<button onClick=${again}>Try again</button>` : null}
	</div>`;

/** What a page shows before its data: that it is read, or why it cannot be. Nothing where there is data. */
export function Pending({ data, what }) {
	if (data.body !== undefined) return null;
	if (data.problem) return html`<${ProblemBox} problem=${data.problem} again=${data.reload} />`;
	return html`<p class="loading" role="status">Reading ${what}…</p>`;
}

export const Empty = ({ title, children }) => html`<div class="empty"><p><strong>${title}</strong></p>${children}</div>`;

/** A part of a page with its heading. */
export function Card({ title, children }) {
	const id = useId();
	return html`<section class="card" aria-labelledby=${id}><h2 id=${id}>${title}</h2>${children}</section>`;
}

/** A modal dialog: Escape and Close end it, the focus goes back to where it was. */
export function Dialog({ title, close, children, actions }) {
	const element = useRef();
	const id = useId();
	useEffect(() => {
		const before = document.activeElement;
		element.current.showModal();
		return () => before?.isConnected && before.focus();
	}, []);
	const cancel = (event) => {
		event.preventDefault();
		close();
	};
	return html`<dialog ref=${element} aria-labelledby=${id} onCancel=${cancel}>
		<h2 id=${id}>${title}</h2>
		<div class="dialog-body">${children}</div>
		<div class="row end">${actions}<button onClick=${close}>Close</button></div>
	</dialog>`;
}

/** A dialog with fields, [name, label, value, attributes], whose values go into one request, or to `use`. */
export function FormDialog({ title, fields, submit, kind = "primary", call, use, close, children }) {
	const [values, setValues] = useState(Object.fromEntries(fields.map(([name, , value]) => [name, value || ""])));
	const id = useId();
	const trimmed = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, text.trim()]));
	const run = async (event) => {
		event.preventDefault();
		try {
			await (use ? use(trimmed) : send(call(trimmed)));
			close();
			reloadAll();
		} catch (problem) {
			tellProblem(problem, submit);
		}
	};
	const set = (name) => (event) => setValues({ ...values, [name]: event.target.value });
	const actions = html`<button type="submit" form=${id} class=${kind}>${submit}</button>${call ? html`<${Curl} call=${call(trimmed)} name=${submit} />` : null}`;
	return html`<${Dialog} title=${title} close=${close} actions=${actions}>
		<form id=${id} onSubmit=${run}>
			${fields.map(([name, label, , more]) => html`<label>${label}<input required maxlength="200" autocomplete="off" value=${values[name]} onInput=${set(name)} ...${more} /></label>`)}
			${children}
		</form>
	<//>`;
}

/** The verdicts of several tasks as a bar, with the same numbers as text. */
export function Bar({ counts, busy = 0 }) {
	const parts = [
		["ok", counts.ok, "ok"],
		["warn", counts.warn, counts.warn === 1 ? "warning" : "warnings"],
		["fail", counts.fail, "failed"],
		["busy", busy, "under way"],
		["none", Math.max(0, counts.unknown - busy), "unknown"],
	].filter(([, count]) => count);
	const total = parts.reduce((sum, [, count]) => sum + count, 0);
	let end = 0;
	const bars = parts.map(([tone, count]) => {
		const width = (count / total) * 100;
		end += width;
		return html`<rect class=${tone} x="${end - width}%" width="${width}%" height="8" />`;
	});
	return html`<div class="bar"><svg aria-hidden="true">${bars}</svg><span class="small">${parts.map(([, count, word]) => `${count} ${word}`).join(" · ")}</span></div>`;
}

export const Progress = ({ of, label }) =>
	of
		? html`<div><progress aria-label=${label} value=${of.total ? of.done : null} max=${of.total || null} />
				<span class="small"> ${of.total ? `${of.done} of ${of.total}` : of.done || ""} ${of.message}</span></div>`
		: null;

/** The heading of a page, which gets the focus when the page is entered. */
export function Title({ text }) {
	const element = useRef();
	useEffect(() => {
		document.title = `${text} · Onboarding`;
		announce(text);
	}, [text]);
	useEffect(() => element.current.focus({ preventScroll: true }), []);
	return html`<h1 tabindex="-1" ref=${element}>${text}</h1>`;
}

export const Crumbs = ({ tenant, title, last }) =>
	html`<nav class="small" aria-label="Path">
		<a href="#/customers">Customers</a>${" / "}${last ? html`<a href="#/customers/${tenant}">${title}</a>${" / "}${last}` : title}
	</nav>`;
