// All customers of the caller: how far each is, what runs or waits, who edits, and what ends soon.
import {
	Badge, Bar, Chips, FormDialog, PAGE, PagedList, Progress, Time, Title,
	filter, go, html, plural, query, save, useCatalogue, useData, useEffect, useNames, useRef, useRoute, useState,
} from "./kit.js";

const OFTEN = { after: () => true, every: 1000 };
const TYPING_MS = 200;
const FILTERS = ["search", "session", "verdict", "needs_attention", "activity", "locked_by", "sort"];
const CHIPS = [
	["session", "open", "In onboarding"],
	["session", "completed", "Completed"],
	["session", "abandoned", "Abandoned"],
	["session", "none", "Not started"],
	["needs_attention", "true", "Need attention"],
	["verdict", "fail", "Failed"],
	["verdict", "warn", "Warning"],
	["verdict", "unknown", "Unknown"],
	["activity", "active", "Active"],
	["activity", "waiting", "Waiting"],
	["locked_by", "me", "Edited by me"],
];
const HEADS = [
	["Customer", "name"],
	["Step", "step"],
	["Checks"],
	["Now"],
	["Edited by"],
	["Oldest evidence", "oldest_evidence"],
	["Next expiry", "next_expiry"],
];
const small = (text) => html`<span class="small">${text}</span>`;

export function CustomersPage() {
	const route = useRoute();
	const name = useNames();
	const { stepTitle } = useCatalogue();
	const [starting, setStarting] = useState(false);
	const filters = Object.fromEntries(FILTERS.map((filtered) => [filtered, route.query.get(filtered)]));
	const customers = useData(`/onboarding/tenants${query({ ...filters, limit: PAGE, cursor: route.query.get("cursor") })}`, OFTEN);
	const filtered = FILTERS.some((given) => given !== "sort" && filters[given]);
	const start = (kind) => html`<button class=${kind} onClick=${() => setStarting(true)}>Start an onboarding</button>`;
	const csv = { path: `/onboarding/tenants.csv${query(filters)}`, accept: "text/csv" };
	const cells = (row) => [
		html`<a class="strong" href="#/customers/${row.tenant_id}">${row.display_name}</a><br />${small(row.external_tenant_id || `tenant ${row.tenant_id}`)}`,
		html`<${Step} session=${row.session} title=${stepTitle} />`,
		html`<${Bar} counts=${row.counts} busy=${row.active_runs} />`,
		html`<${Now} run=${row.active_run} more=${row.active_runs - 1} />`,
		row.session?.locked_by_user_id ? name(row.session.locked_by_user_id) : small("nobody"),
		row.oldest_evidence_at ? html`<${Time} at=${row.oldest_evidence_at} age />` : small("none"),
		row.next_expires_at ? html`<${Time} at=${row.next_expires_at} />` : small("none"),
	];
	return html`<div class="head">
			<${Title} text="Customers" />
			<div class="row"><button onClick=${() => save(csv, "customers.csv", "text/csv")}>Export CSV</button>${start("primary")}</div>
		</div>
		<${Tiles} />
		<div class="tools">
			<${Search} route=${route} />
			<${Chips} chips=${CHIPS} route=${route} label="Filters" />
		</div>
		<${PagedList} data=${customers} route=${route} caption="Customers" heads=${HEADS} keyOf=${(row) => row.tenant_id} cells=${cells}
			empty=${filtered ? "No customer matches the filters." : "You have no customers yet."}>
			${filtered ? html`<a href="#/customers">Show all customers</a>` : start("")}
		<//>
		${starting ? html`<${StartDialog} close=${() => setStarting(false)} />` : null}`;
}

function Tiles() {
	const { body = {} } = useData("/onboarding/tenants/summary", OFTEN);
	const tiles = [
		["In onboarding", body.in_onboarding, `${body.waiting ?? 0} waiting`, "customers?session=open", ""],
		["Need attention", body.need_attention, "a required check failed", "customers?needs_attention=true", "fail"],
		["Completed", body.completed, `of ${plural(body.tenants ?? 0, "customer")}`, "customers?session=completed", ""],
		["Verdicts end in a day", body.ending_soon, "customers; then they are unknown", "expiries?within_days=1", "warn"],
	];
	return html`<ul class="tiles">
		${tiles.map(
			([title, count, more, address, tone]) => html`<li><a class="card tile" href="#/${address}">
				${small(title)}<strong class=${count ? tone : ""}>${count ?? "–"}</strong>${small(more)}
			</a></li>`,
		)}
	</ul>`;
}

function Search({ route }) {
	const given = route.query.get("search") || "";
	const [text, setText] = useState(given);
	const timer = useRef();
	const sent = useRef(given);
	useEffect(() => {
		if (given !== sent.current) setText((sent.current = given));
	}, [given]);
	const look = (value) => {
		sent.current = value;
		filter(route, { search: value, cursor: null, page: null });
	};
	const type = ({ target }) => {
		setText(target.value);
		clearTimeout(timer.current);
		timer.current = setTimeout(look, TYPING_MS, target.value);
	};
	return html`<input type="search" class="search" aria-label="Search customers" placeholder="Name or tenant id" value=${text} onInput=${type} />`;
}

function Step({ session, title }) {
	if (!session) return small("not started");
	if (session.completed_at || session.status === "abandoned") return html`<${Badge} of=${session.status} />`;
	const at = session.current_step;
	return html`<span class="dashes" aria-hidden="true">${[1, 2, 3, 4, 5].map((step) => html`<span class=${step < at ? "ok" : step === at ? "busy" : ""} />`)}</span>
		${small(`${at} ${title(at)}`)}`;
}

function Now({ run, more }) {
	if (!run) return small("nothing");
	const waits = run.state === "waiting" && run.resume_at;
	return html`<${Badge} of=${run.state} text=${run.title} />
		<${Progress} of=${run.state === "running" ? run.progress : null} label="Progress of ${run.title}" />
		<div class="small">${waits ? html`asks again <${Time} at=${waits} /> ` : null}${more > 0 ? `and ${more} more` : null}</div>`;
}

function StartDialog({ close }) {
	const fields = [["tenant", "Tenant id of the customer", "", { inputmode: "numeric", pattern: "[1-9][0-9]{0,18}" }]];
	return html`<${FormDialog} title="Start an onboarding" submit="Open" fields=${fields} close=${close} use=${({ tenant }) => go(`/customers/${tenant}`)}>
		<p class="small">The customer's page opens. Its onboarding begins there.</p>
	<//>`;
}
