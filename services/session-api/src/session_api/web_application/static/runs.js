// The runs of all customers: filters, and several cancelled at once.
import {
	ACTIVE, Badge, Chips, Choice, Clock, Dialog, PAGE, PagedList, Time, Title,
	html, isActive, ofTenant, plural, query, reloadAll, send, tell, useCatalogue, useData, useRoute, useState, wordOf,
} from "./kit.js";

const CHIPS = [...ACTIVE, "succeeded", "failed", "timed_out", "cancelled"].map((state) => ["state", state, wordOf(state).word]);
const AGES = [
	["", "any age"],
	["3600", "older than an hour"],
	["86400", "older than a day"],
	["604800", "older than a week"],
];
const HEADS = [["Run"], ["Customer"], ["Task"], ["State"], ["Since"]];

export function RunsPage() {
	const route = useRoute();
	const { types, titleOf } = useCatalogue();
	const [chosen, setChosen] = useState(new Set());
	const [asking, setAsking] = useState(false);
	const given = (name) => route.query.get(name);
	const wanted = { state: route.query.getAll("state"), taskType: given("taskType"), older_than_seconds: given("older_than_seconds") };
	const runs = useData(`/onboarding/runs${query({ ...wanted, limit: PAGE, cursor: given("cursor") })}`, { after: (event) => event.type === "run", every: 500 });
	const active = (runs.body || []).filter((run) => isActive(run.state));
	const cancelled = active.filter((run) => chosen.has(run.id));
	const choose = (some) => (event) => {
		const ids = some.map((run) => run.id);
		setChosen(new Set([...chosen, ...ids].filter((id) => event.target.checked || !ids.includes(id))));
	};
	const cells = (run) => [
		html`${isActive(run.state) ? html`<input type="checkbox" aria-label="Choose run ${run.id}" checked=${chosen.has(run.id)} onChange=${choose([run])} />` : null}
			<a href="#/customers/${run.tenant_id}/runs/${run.id}">Run ${run.id}</a>`,
		html`<a href="#/customers/${run.tenant_id}">Tenant ${run.tenant_id}</a>`,
		titleOf(run.task_type),
		html`<${Badge} of=${run.result?.status || run.state} /> <span class="small">${run.waiting?.message || run.result?.message}</span>`,
		isActive(run.state) ? html`<${Clock} at=${run.started_at || run.created_at} />` : html`<${Time} at=${run.finished_at} />`,
	];
	return html`<div class="head"><${Title} text="Runs" />
			<button class="danger" aria-disabled=${!cancelled.length} onClick=${() => (cancelled.length ? setAsking(true) : tell("Choose runs to cancel first."))}>Cancel ${cancelled.length || ""} chosen</button>
		</div>
		<div class="tools">
			<${Chips} chips=${CHIPS} route=${route} label="States" several />
			<${Choice} name="taskType" label="Task" route=${route} options=${[["", "all tasks"], ...types.map((type) => [type.name, type.title])]} />
			<${Choice} name="older_than_seconds" label="Age" route=${route} options=${AGES} />
			<label><input type="checkbox" checked=${active.length > 0 && cancelled.length === active.length} onChange=${choose(active)} />Choose all active runs of this page</label>
		</div>
		<${PagedList} data=${runs} route=${route} caption="Runs" heads=${HEADS} cells=${cells} empty="No run matches."><a href="#/runs">Show all runs</a><//>
		${asking ? html`<${CancelDialog} runs=${cancelled} title=${titleOf} close=${() => setAsking(false)} />` : null}`;
}

function CancelDialog({ runs, title, close }) {
	const [all] = useState(runs);
	const [said, setSaid] = useState(null);
	const cancel = async () => {
		const results = [];
		for (const run of all) {
			const call = { method: "POST", path: ofTenant(run.tenant_id, `/runs/${run.id}/cancel`) };
			results.push(await send(call).then(() => "cancelled", (problem) => `${problem.message} ${problem.next || ""}`));
			setSaid([...results]);
		}
		reloadAll();
	};
	return html`<${Dialog} title="Cancel ${plural(all.length, "run")}?" close=${close} actions=${said ? null : html`<button class="danger" onClick=${cancel}>Cancel the runs</button>`}>
		<p>A cancelled run leaves no evidence. Its task can be started again.</p>
		<ul class="plain" role="status">${all.map((run, place) => html`<li>Run ${run.id}, ${title(run.task_type)}${said?.[place] ? `: ${said[place]}` : ""}</li>`)}</ul>
	<//>`;
}
