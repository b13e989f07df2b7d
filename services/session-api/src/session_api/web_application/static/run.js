// One run: its course, what it waits for or what blocks it, its requests to Microsoft, retry and cancel.
import {
	Act, Badge, Card, Clock, Crumbs, Pending, Progress, Table, Time, Title,
	html, isActive, ofTenant, onEvent, remedyText, useCatalogue, useCustomerName, useData, useEffect, useNames, useState, wordOf,
} from "./kit.js";

export function RunPage({ tenant, id }) {
	const { titleOf } = useCatalogue();
	const title = useCustomerName(tenant);
	const data = useData(ofTenant(tenant, `/runs/${id}`), { after: (event) => event.run_id === id });
	const run = data.body;
	return html`<${Crumbs} tenant=${tenant} title=${title} last="Run ${id}" />
		<div class="head">
			<div><${Title} text="Run ${id}" />
				${run ? html`<p>${titleOf(run.task_type)} <${Badge} of=${run.result?.status || run.state} /> ${run.dry_run ? "Dry run" : null}</p>` : null}</div>
			${run ? html`<${RunActions} run=${run} tenant=${tenant} title=${titleOf(run.task_type)} />` : null}
		</div>
		<${Pending} data=${data} what="the run" />
		${run ? html`<div class="two"><${Course} run=${run} tenant=${tenant} /><${Requests} run=${run} tenant=${tenant} /></div>` : null}`;
}

/** What can be done with a run: asked now and cancelled while it is active, then tried again. */
export function RunActions({ run, tenant, title, kind }) {
	const act = (label, rest, said) =>
		html`<${Act} label=${label} name="${label}: ${title}" kind=${kind} path=${ofTenant(tenant, `/runs/${run.id}/${rest}`)} said=${said} />`;
	if (!isActive(run.state)) return act("Try again", "retry", "A new run was started.");
	return html`${run.state === "waiting" ? act("Ask now", "resume", "The run asks now.") : null}${run.state === "cancelling" ? null : act("Cancel", "cancel", "The run is being cancelled.")}`;
}

/** What is known of the run, and what happened while this page was open. */
function Course({ run, tenant }) {
	const user = useNames();
	const [seen, setSeen] = useState([]);
	const active = isActive(run.state);
	const tasks = useData(active ? ofTenant(tenant, "/tasks") : null, { after: (event) => event.type === "run" });
	const blocking = tasks.body?.find((task) => task.task_type === run.task_type)?.blocked_by;
	const runLink = (id) => html`<a href="#/customers/${tenant}/runs/${id}">run ${id}</a>`;
	const told = run.result || run.waiting;
	useEffect(() => onEvent((event) => event.type === "run" && event.run_id === run.id && setSeen((before) => [...before, event].slice(-50))), [run.id]);
	const entries = [
		[run.created_at, `${user(run.requested_by_user_id)} started it`],
		[run.started_at, "The first attempt began"],
		...seen.filter(newer).map((event) => [event.time, `${wordOf(event.state).word}, attempt ${event.attempt}`]),
		[run.cancel_requested_at, `${user(run.cancel_requested_by_user_id)} cancelled it`],
		[run.finished_at, `It ended after attempt ${run.attempt}`],
	].filter(([at]) => at);
	entries.sort(([first], [second]) => Date.parse(first) - Date.parse(second));
	return html`<${Card} title="Course">
		<ol class="timeline">
			${entries.map(([at, text]) => html`<li><${Time} at=${at} precise /> ${text}</li>`)}
			${active ? html`<li>${wordOf(run.state).word}, attempt ${run.attempt || 1}, for <${Clock} at=${run.started_at || run.created_at} /></li>` : null}
		</ol>
		<${Progress} of=${active ? run.progress : null} label="Progress" />
		${told ? html`<p><code>${told.reason_code}</code> ${told.message}</p><p>${remedyText(told.remediation)}</p>` : null}
		${run.waiting ? html`<p>Next attempt at <${Time} at=${run.waiting.resume_at} precise />.</p>` : null}
		${run.state === "queued" ? html`<p>It waits for a free worker${blocking ? html`, and for ${runLink(blocking.run_id)}` : ""}.</p>` : null}
		${run.retry_of_run_id ? html`<p>It repeats ${runLink(run.retry_of_run_id)}.</p>` : null}
		${run.inputs ? html`<h3>Inputs</h3><pre tabindex="0">${JSON.stringify(run.inputs, null, 2)}</pre>` : null}
	<//>`;
}

const newer = (event, place, all) => !place || event.state !== all[place - 1].state || event.attempt !== all[place - 1].attempt;

function Requests({ run, tenant }) {
	const { body } = useData(ofTenant(tenant, `/evidence?run=${run.id}`), { after: (event) => event.type === "evidence" });
	const item = body?.[0];
	const asked = item?.payload?.provenance?.responses || [];
	const cells = (request) => [
		html`<code>${request.method} ${request.url}</code>`,
		html`${request.status} <span class="small">${request.elapsed_ms} ms</span>`,
		request.permission || "–",
		html`<code>${request.request_id || "–"}</code>`,
	];
	const heads = [["Request"], ["Answer"], ["Permission"], ["Request id"]];
	return html`<${Card} title="Requests to Microsoft">
		${item
			? html`<p>${asked.length} of ${item.payload.provenance?.response_count ?? 0} requests are in <a href="#/customers/${tenant}/evidence/${item.id}">evidence ${item.id}</a>.</p>`
			: html`<p class="small">They are in the evidence, after the end of the run.</p>`}
		${asked.length ? html`<${Table} caption="Requests" heads=${heads} rows=${asked} keyOf=${(request) => asked.indexOf(request)} cells=${cells} />` : null}
	<//>`;
}
