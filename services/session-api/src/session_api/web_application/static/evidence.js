// The chain of evidence, one item with its record and seal, and what has changed since the item before.
import {
	Act, Badge, Card, Chips, Choice, Copy, Crumbs, PAGE, PagedList, Pending, Table, Time, Title,
	html, ofTenant, plural, query, taskOptions, useCatalogue, useCustomerName, useData, useEffect, useRoute, useState, wordOf,
} from "./kit.js";

const CHIPS = ["ok", "warn", "fail", "unknown"].map((status) => ["status", status, wordOf(status).word]);
const HEADS = [["Position"], ["Task"], ["Verdict"], ["Reason"], ["Recorded"], ["Seal"]];

export function EvidencePage({ tenant }) {
	const route = useRoute();
	const { types, titleOf } = useCatalogue();
	const title = useCustomerName(tenant);
	const [checked, setChecked] = useState(null);
	const given = (name) => route.query.get(name);
	const wanted = { status: given("status"), taskType: given("taskType"), limit: PAGE, cursor: given("cursor") };
	const items = useData(ofTenant(tenant, `/evidence${query(wanted)}`), { after: (event) => event.type === "evidence", every: 300 });
	const cells = (item) => [
		html`<a href="#/customers/${tenant}/evidence/${item.id}">${item.position}</a>`,
		titleOf(item.task_type),
		html`<${Badge} of=${item.status} />`,
		html`<code>${item.reason_code}</code>`,
		html`<${Time} at=${item.recorded_at} />`,
		html`<code>${item.seal.slice(0, 16)}…</code>`,
	];
	return html`<${Crumbs} tenant=${tenant} title=${title} last="Evidence" />
		<div class="head"><${Title} text="Evidence of ${title}" /><${Act} label="Verify the chain" method="GET" path=${ofTenant(tenant, "/evidence/verification")} done=${setChecked} /></div>
		<div role="status">${checked ? html`<${Verdict} of=${checked} />` : null}</div>
		<div class="tools">
			<${Chips} chips=${CHIPS} route=${route} label="Verdict" />
			<${Choice} name="taskType" label="Task" route=${route} options=${taskOptions(types)} />
		</div>
		<${PagedList} data=${items} route=${route} caption="Evidence" heads=${HEADS} cells=${cells} empty="No evidence here."><p>Every run that ends leaves one item.</p><//>`;
}

function Verdict({ of }) {
	const said = of.verified
		? `✓ The chain of ${plural(of.length, "item")} is whole. Last seal`
		: `✕ The chain is broken at position ${of.break.position} (${of.break.kind}): ${of.break.detail} Last good seal`;
	return html`<p class="banner ${of.verified ? "ok" : "fail"}"><span>${said} <code>${of.head.slice(0, 16)}…</code></span></p>`;
}

export function EvidenceItemPage({ tenant, id }) {
	const { titleOf } = useCatalogue();
	const title = useCustomerName(tenant);
	const data = useData(ofTenant(tenant, `/evidence/${id}`));
	const item = data.body;
	const earlier = item && query({ taskType: item.task_type, until: item.recorded_at, limit: 1 });
	const before = useData(item ? ofTenant(tenant, `/evidence${earlier}`) : null);
	return html`<${Crumbs} tenant=${tenant} title=${title} last="Evidence ${id}" />
		<div class="head"><div><${Title} text="Evidence ${id}" />${item ? html`<p>${titleOf(item.task_type)} <${Badge} of=${item.status} /></p>` : null}</div></div>
		<${Pending} data=${data} what="the item" />
		${item
			? html`<div class="two">
					<${Card} title="Sealed record">
						<p><code>${item.reason_code}</code> ${item.message}</p>
						<p class="small">Position ${item.position} · recorded <${Time} at=${item.recorded_at} precise />${item.operation_run_id ? html` · <a href="#/customers/${tenant}/runs/${item.operation_run_id}">run ${item.operation_run_id}</a>` : null}</p>
						<${Seal} item=${item} />
						<pre tabindex="0" aria-label="Record">${JSON.stringify(JSON.parse(item.record), null, 2)}</pre>
						<${Copy} text=${item.record} label="Copy the record as sealed" />
					<//>
					<${Card} title="Since the item before">
						${before.body ? html`<${Compared} tenant=${tenant} item=${item} before=${before.body[0]} />` : html`<${Pending} data=${before} what="the item before" />`}
					<//>
				</div>`
			: null}`;
}

const toHex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Computes the seal again in this browser: SHA-256 of the seal before and the record. */
function Seal({ item }) {
	const [computed, setComputed] = useState(null);
	useEffect(() => {
		const seal = item.previous_seal.match(/../g).map((pair) => parseInt(pair, 16));
		const sealed = new Uint8Array([...seal, ...new TextEncoder().encode(item.record)]);
		crypto.subtle?.digest("SHA-256", sealed).then((hash) => setComputed(toHex(hash)));
	}, [item.seal]);
	const same = computed === item.seal;
	const verdict = computed && html`<${Badge} of=${same ? "ok" : "fail"} text="Computed again here: it ${same ? "is the same" : "differs"}" />`;
	return html`<dl><dt>Seal</dt><dd><code>${item.seal}</code> ${verdict}</dd><dt>Seal before</dt><dd><code>${item.previous_seal}</code></dd></dl>`;
}

/** The values of a payload by their path. */
function flat(value, path = "", into = new Map()) {
	if (value && typeof value === "object") Object.entries(value).forEach(([name, inner]) => flat(inner, path ? `${path}.${name}` : name, into));
	else into.set(path, JSON.stringify(value));
	return into;
}

function Compared({ tenant, item, before }) {
	if (!before) return html`<p class="small">This is the first item of its task.</p>`;
	const values = ({ payload, status, reason_code, message }) => flat({ status, reason_code, message, ...payload, provenance: null });
	const [now, then] = [values(item), values(before)];
	const rows = [...new Set([...then.keys(), ...now.keys()])].filter((path) => now.get(path) !== then.get(path));
	const cells = (path) => [path, then.get(path) ?? "–", now.get(path) ?? "–"].map((text) => html`<code>${text}</code>`);
	return html`<p>Compared with <a href="#/customers/${tenant}/evidence/${before.id}">evidence ${before.id}</a> of <${Time} at=${before.recorded_at} />.</p>
		${rows.length ? html`<${Table} caption="Differences" heads=${[["Value"], ["Before"], ["Now"]]} rows=${rows.slice(0, 200)} keyOf=${(path) => path} cells=${cells} />` : html`<p>Nothing has changed.</p>`}`;
}
