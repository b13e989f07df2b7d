// One task: what it is, how it stands, why, what to do, and how long that counts.
import { ConsentLink } from "./consent.js";
import { Act, Badge, Clock, Copy, Hidden, Progress, Time, html, isActive, linksIn, ofTenant, remedyText, standing, useState } from "./kit.js";
import { RunActions } from "./run.js";
import { StartDialog } from "./start_dialog.js";

export function Task({ task, tenant, session, catalogue, me, locked }) {
	const type = catalogue.typeOf(task.task_type);
	const run = isActive(task.active_run?.state) ? task.active_run : null;
	const state = standing(task);
	const never = state === "not_run";
	const message = run ? run.message : never ? type.description : task.message;
	const code = run ? run.reason_code : never ? null : task.reason_code;
	return html`<article class="panel-part" aria-label=${type.title}>
		<div class="between"><h3>${type.title}</h3><${Badge} of=${state} /></div>
		<div class="task">
			<div>
				<p>${code ? html`<code>${code}</code> ` : null}${(message || "").replace(/https?:\/\/\S+/g, "the link below")}</p>
				<p class="small"><code>${task.task_type}</code> ${type.required ? "required" : "not required"} · <${Counts} task=${task} /></p>
				${run ? html`<${UnderWay} run=${run} title=${type.title} />` : null}
			</div>
			<${Actions} task=${task} type=${type} run=${run} tenant=${tenant} locked=${locked} never=${never} />
		</div>
		${task.blocked_by ? html`<p class="todo warn"><strong>Waits for</strong> <a href="#/customers/${tenant}/runs/${task.blocked_by.run_id}">run ${task.blocked_by.run_id}</a> of “${catalogue.titleOf(task.blocked_by.task_type)}”.</p>` : null}
		${task.status === "ok" && !run ? null : html`<${ToDo} task=${task} run=${run} never=${never} tenant=${tenant} session=${session} catalogue=${catalogue} me=${me} />`}
	</article>`;
}

function Counts({ task }) {
	const read = task.last_run_at ? html`read <${Time} at=${task.last_run_at} age /> ago` : task.last_run_id ? "read" : "not run yet";
	return html`${read}${task.expires_at ? html`, counts until <${Time} at=${task.expires_at} />` : null}`;
}

const UnderWay = ({ run, title }) =>
	html`<${Progress} of=${run.progress} label="Progress of ${title}" />
		<p class="small">Attempt ${run.attempt || 1}${run.state === "waiting" && run.resume_at ? html`, next at <${Time} at=${run.resume_at} precise />` : null}${run.started_at ? html`, for <${Clock} at=${run.started_at} />` : null}</p>`;

function Actions({ task, type, run, tenant, locked, never }) {
	const [asking, setAsking] = useState(false);
	const last = run?.id || task.last_run_id;
	const details = last ? html`<a class="text" href="#/customers/${tenant}/runs/${last}">Details<${Hidden}> of ${type.title}<//></a>` : null;
	if (run) return html`<div class="row end"><${RunActions} run=${run} tenant=${tenant} title=${type.title} kind="text" />${details}</div>`;
	const again = last && !never && (task.status === "fail" || task.status === "unknown");
	const label = again ? "Try again" : last ? "Check again" : "Start";
	const path = ofTenant(tenant, again ? `/runs/${last}/retry` : `/tasks/${task.task_type}/runs`);
	const blocked = task.blocked_by ? `Run ${task.blocked_by.run_id} must end first.` : null;
	return html`<div class="row end">
		${details}
		${type.inputs_schema || type.supports_dry_run ? html`<button class="text" onClick=${() => setAsking(true)}>${type.supports_dry_run ? "Dry run…" : "Inputs…"}<${Hidden}> ${type.title}<//></button>` : null}
		<${Act} label=${label} name="${label}: ${type.title}" kind=${task.status === "ok" ? "text" : ""} locked=${locked || blocked} path=${path} said="“${type.title}” was started." />
		${asking ? html`<${StartDialog} type=${type} tenant=${tenant} locked=${locked} close=${() => setAsking(false)} />` : null}
	</div>`;
}

/** What helps: the remediation, links to copy or open, and for the consent the link to send. */
function ToDo({ task, run, never, tenant, session, catalogue, me }) {
	const waits = run?.state === "waiting";
	const reason = catalogue.reasonOf(run ? run.reason_code : task.reason_code);
	const remedy = never || (run && !waits) ? "" : remedyText(reason?.remediation || task.remediation);
	const links = linksIn(run ? run.message : task.message);
	const consent = task.task_type === "app.consent" && session && (waits || !run);
	if (!remedy && !links.length && !consent) return null;
	const more = reason?.link ? html` <a href=${reason.link} target="_blank" rel="noreferrer">Read more<${Hidden}> about ${reason.code}<//> ↗</a>` : null;
	return html`<div class="todo ${task.status === "fail" && !run ? "fail" : "warn"}">
		${remedy ? html`<p><strong>What to do</strong> ${remedy}${more}</p>` : null}
		${links.map(
			(link) => html`<p class="copyable"><code>${link}</code></p>
				<div class="row"><${Copy} text=${link} label="Copy link" /><a class="text" href=${link} target="_blank" rel="noreferrer">Open the link ↗</a></div>`,
		)}
		${consent ? html`<${ConsentLink} tenant=${tenant} me=${me} />` : null}
	</div>`;
}
