// What is said to the person: a polite live region for news, an alert that stays for problems.
import { html, useEffect, useState } from "./preact.js";
import { onLeave } from "./token.js";

const SHOWN_MS = 6000;
const watchers = new Set();
let notice = null;
let timer = null;

function set(next) {
	notice = next;
	clearTimeout(timer);
	if (next?.text) timer = setTimeout(set, SHOWN_MS, null);
	watchers.forEach((watch) => watch(notice));
}

onLeave(() => set(null));
export const tell = (text) => set({ text });
export const tellProblem = (problem, doing) => set({ problem, doing });

/** For screen readers only. */
export function announce(text) {
	const region = document.getElementById("announcer");
	if (region) region.textContent = text;
}

/** What happened, what to do, and what to tell the operator. */
export const ProblemText = ({ problem, doing }) =>
	html`<p><strong>${doing ? `${doing}: ` : ""}${problem.message}</strong></p>
		<p>${problem.next}</p>
		<p class="small"><code>${problem.code || problem.name}</code>${problem.requestId ? html` · request <code>${problem.requestId}</code>` : null}</p>`;

export function Notices() {
	const [shown, setShown] = useState(notice);
	useEffect(() => {
		watchers.add(setShown);
		return () => watchers.delete(setShown);
	}, []);
	const problem = shown?.problem;
	return html`<div class="notices">
		<p id="announcer" class="hidden" aria-live="polite"></p>
		<div role="status">${shown?.text ? html`<p class="notice">${shown.text}</p>` : null}</div>
		<div role="alert">
			${problem
				? html`<div class="notice problem"><${ProblemText} ...${shown} /><button onClick=${() => set(null)}>Dismiss</button></div>`
				: null}
		</div>
	</div>`;
}
