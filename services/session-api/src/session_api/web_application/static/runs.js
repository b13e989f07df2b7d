// The runs of all customers: filters, and several cancelled or retried at once.
import {
	ACTIVE, Act, Badge, Chips, Choice, Clock, Dialog, PAGE, PagedList, Time, Title,
	html, isActive, plural, query, reloadAll, taskOptions, tell, useCatalogue, useData, useRoute, useState, wordOf,
} from "./kit.js";

const CHIPS = [...ACTIVE, "succeeded", "failed", "timed_out", "cancelled"].map((state) => ["state", state, wordOf(state).word]);
const AGES = [
	["", "any age"],
	["3600", "older than an hour"],
	["86400", "older than a day"],
	["604800", "older than a week"],
];
const HEADS = [["Run"], ["Customer"], ["Task"], ["State"], ["Since"]];
const CHANGES = {
	cancel: { label: "Cancel", kind: "danger", text: "A cancelled run leaves no evidence. Its task can be started again." },
	retry: { label: "Retry", kind: "", text: "The task of each run is started once more, on the same connection and with the same inputs." },
};

export const RunsPage = () => html`<${RunList} heading=${html`<${Title} text="Runs" />`} />`;

/** Runs over all customers: those in `states`, unless the address names others. */
export function RunList({ heading, states }) {
	const route = useRoute();
	const { types, titleOf } = useCatalogue();
	const [chosen, setChosen] = useState(new Set());
	const [asking, setAsking] = useState(null);
	const given = (name) => route.query.get(name);
	const wanted = { state: given("state") ? route.query.getAll("state") : states, taskType: given("taskType"), older_than_seconds: given("older_than_seconds") };
	const runs = useData(`/onboarding/runs${query({ ...wanted, limit: PAGE, cursor: given("cursor") })}`, { after: (event) => event.type === "run", every: 500 });
	const all = runs.body || [];
	const picked = all.filter((run) => chosen.has(run.id));
	const choose = (some) => (event) => {
		const ids = some.map((run) => run.id);
		setChosen(new Set([...chosen, ...ids].filter((id) => event.target.checked || !ids.includes(id))));
	};
	const button = (change) => {
		const { label, kind } = CHANGES[change];
		const fitting = picked.filter((run) => isActive(run.state) === (change === "cancel"));
		const press = () => (fitting.length ? setAsking({ change, runs: fitting }) : tell(`Choose runs that have ${change === "cancel" ? "not ended" : "ended"} first.`));
		return html`<button class=${kind} aria-disabled=${!fitting.length} onClick=${press}>${label} ${fitting.length || ""} chosen</button>`;
	};
	const cells = (run) => [
		html`<span class="keep"><input type="checkbox" aria-label="Choose run ${run.id}" checked=${chosen.has(run.id)} onChange=${choose([run])} />
			<a href="#/customers/${run.tenant_id}/runs/${run.id}">Run ${run.id}</a></span>`,
		html`<a class="keep" href="#/customers/${run.tenant_id}">Tenant ${run.tenant_id}</a>`,
		titleOf(run.task_type),
		html`<${Badge} of=${run.result?.status || run.state} /> <span class="small">${run.waiting?.message || run.result?.message}</span>`,
		isActive(run.state) ? html`<${Clock} at=${run.started_at || run.created_at} />` : html`<${Time} at=${run.finished_at} />`,
	];
	return html`<div class="head">${heading}<div class="row">${button("cancel")}${button("retry")}</div></div>
		<div class="tools">
			<${Chips} chips=${CHIPS} route=${route} label="States" several />
			<${Choice} name="taskType" label="Task" route=${route} options=${taskOptions(types)} />
			<${Choice} name="older_than_seconds" label="Age" route=${route} options=${AGES} />
			<label><input type="checkbox" checked=${all.length > 0 && picked.length === all.length} onChange=${choose(all)} />Choose all runs of this page</label>
		</div>
		<${PagedList} data=${runs} route=${route} caption="Runs" heads=${HEADS} cells=${cells} empty="No run matches."><a href="#/runs">Show all runs</a><//>
		${asking ? html`<${ChangeDialog} ...${asking} title=${titleOf} close=${() => setAsking(null)} />` : null}`;
}

function ChangeDialog({ change, runs, title, close }) {
	const { label, kind, text } = CHANGES[change];
	const [results, setResults] = useState(null);
	const body = { runs: runs.map(({ tenant_id, id }) => ({ tenant_id, run_id: id })) };
	const done = (answer) => {
		setResults(answer);
		reloadAll();
	};
	const outcome = ({ error, state, new_run_id: created }) => {
		if (error) return html`: ${error.error}. ${error.next} <code>${error.code}</code>`;
		return `: ${created ? `run ${created} repeats it` : wordOf(state).word.toLowerCase()}`;
	};
	const act = html`<${Act} label="${label} the runs" kind=${kind} path="/onboarding/runs/${change}" body=${body} done=${done} />`;
	return html`<${Dialog} title="${label} ${plural(runs.length, "run")}?" close=${close} actions=${results ? null : act}>
		<p>${text}</p>
		<ul class="plain" role="status">${runs.map((run, place) => html`<li>Run ${run.id}, ${title(run.task_type)}${results ? outcome(results[place]) : null}</li>`)}</ul>
	<//>`;
}
