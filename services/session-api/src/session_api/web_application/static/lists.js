// What lists share: filters as chips in the address, sorting by the head, pages, keys, and marks of changed rows.
import { html, useEffect, useRef, useState } from "./preact.js";
import { filter } from "./router.js";
import { Empty, Pending } from "./ui.js";

export const PAGE = 50;
const MARKED_MS = 2000;
const cursorsBefore = [];
const FIRST_PAGE = { cursor: null, page: null };

/** Chips of [name, value, title]: each puts its value into the address, or takes it out. */
export const Chips = ({ chips, route, label, several }) =>
	html`<div class="chips" role="group" aria-label=${label}>
		${chips.map(([name, value, title]) => {
			const given = route.query.getAll(name);
			const on = given.includes(value);
			const rest = several ? given.filter((other) => other !== value) : [];
			const press = () => filter(route, { [name]: on ? rest : [...rest, value], ...FIRST_PAGE });
			return html`<button class="chip" aria-pressed=${on} onClick=${press}>${title}${on ? html`<span aria-hidden="true"> ×</span>` : null}</button>`;
		})}
	</div>`;

/** A choice of [value, title] that is kept in the address. */
export const Choice = ({ name, label, options, route, value }) =>
	html`<select aria-label=${label} value=${value ?? route.query.get(name) ?? ""} onChange=${(event) => filter(route, { [name]: event.target.value, ...FIRST_PAGE })}>
		${options.map(([given, title]) => html`<option value=${given}>${title}</option>`)}
	</select>`;

function Head({ title, sort, route }) {
	if (!sort) return html`<th scope="col">${title}</th>`;
	const current = route.query.get("sort") || "name";
	const [direction, arrow] = current === sort ? ["ascending", " ↑"] : current === `-${sort}` ? ["descending", " ↓"] : [null, ""];
	const press = () => filter(route, { sort: direction === "ascending" ? `-${sort}` : sort, ...FIRST_PAGE });
	return html`<th scope="col" aria-sort=${direction}><button class="sort" onClick=${press}>${title}<span aria-hidden="true">${arrow}</span></button></th>`;
}

/** Arrow keys go up and down from row to row. */
function moveFocus(event) {
	const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
	const target = step && !event.target.matches("input") && event.target.closest("tr")?.[step]?.querySelector("a");
	if (!target) return;
	event.preventDefault();
	target.focus();
}

/** The keys of rows that have changed within the last two seconds. */
function useChanged(rows, keyOf) {
	const known = useRef(new Map());
	const [changed, setChanged] = useState(new Set());
	useEffect(() => {
		const before = known.current;
		known.current = new Map(rows.map((row) => [keyOf(row), JSON.stringify(row)]));
		const keys = rows.map(keyOf).filter((key) => before.has(key) && before.get(key) !== known.current.get(key));
		if (!keys.length) return;
		setChanged(new Set(keys));
		const timer = setTimeout(setChanged, MARKED_MS, new Set());
		return () => clearTimeout(timer);
	}, [rows]);
	return changed;
}

/** Rows as a table, on a phone as cards. Heads are [title, sort]; `cells` gives those of a row, the first names it. */
export function Table({ caption, heads, rows, keyOf = (row) => row.id, cells, route }) {
	const changed = useChanged(rows, keyOf);
	const rowOf = (row) => {
		const [first, ...rest] = cells(row);
		return html`<tr key=${keyOf(row)} class=${changed.has(keyOf(row)) ? "changed" : ""}>
			<th scope="row">${first}</th>${rest.map((cell, place) => html`<td data-label=${heads[place + 1][0]}>${cell}</td>`)}
		</tr>`;
	};
	return html`<table>
		<caption class="hidden">${caption}</caption>
		<thead><tr>${heads.map(([title, sort]) => html`<${Head} title=${title} sort=${sort} route=${route} />`)}</tr></thead>
		<tbody onKeyDown=${moveFocus}>${rows.map(rowOf)}</tbody>
	</table>`;
}

/** A list of the API with what it shows while it is read, when it is empty, and its pages. */
export function PagedList({ data, route, empty, children, ...table }) {
	const before = useRef(data);
	if (data.body || data.problem) before.current = data;
	const { body: rows, next } = before.current;
	if (!rows) return html`<${Pending} data=${before.current} what=${table.caption.toLowerCase()} />`;
	return html`${rows.length ? html`<div class="card scroll"><${Table} rows=${rows} route=${route} ...${table} /></div>` : html`<${Empty} title=${empty}>${children}<//>`}
		<${Pager} route=${route} shown=${rows.length} next=${next} />`;
}

/** Pages forwards by the cursor of the API; backwards to pages that were seen, else to the first. */
function Pager({ route, shown, next }) {
	const page = Number(route.query.get("page") || 1);
	const first = (page - 1) * PAGE + 1;
	const turn = (place) => {
		filter(route, place);
		scrollTo(0, 0);
	};
	const forwards = () => {
		cursorsBefore[page] = route.query.get("cursor");
		turn({ cursor: next, page: page + 1 });
	};
	const known = page > 2 ? cursorsBefore[page - 1] : null;
	return html`<nav class="row pager" aria-label="Pages of the list">
		<span class="small" role="status">${shown ? `${first}–${first + shown - 1} · ` : ""}page ${page}</span>
		${page > 1 ? html`<button onClick=${() => turn(known ? { cursor: known, page: page - 1 } : FIRST_PAGE)}>Previous page</button>` : null}
		${next ? html`<button onClick=${forwards}>Next page</button>` : null}
	</nav>`;
}
