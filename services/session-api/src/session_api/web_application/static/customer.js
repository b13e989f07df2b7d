// One customer: its onboarding as five steps, who edits it, what runs, its history and its evidence.
import { ConnectionsCard } from "./connections.js";
import { AbandonDialog, HandOverDialog, RenameDialog } from "./dialogs.js";
import {
	Act, Badge, Card, Clock, Crumbs, Pending, Time, Title,
	get, historyText, html, lacks, ofTenant, plural, useCatalogue, useData, useEffect, useMe, useNames, useState,
} from "./kit.js";
import { LockBanner } from "./lock.js";
import { StepPanel, Stepper } from "./steps.js";

const HISTORY_SHOWN = 12;
const ACTIVE_RUNS = "/runs?state=queued&state=running&state=waiting&state=cancelling&limit=50";

export function CustomerPage({ tenant, chosen }) {
	const me = useMe();
	const catalogue = useCatalogue();
	const [dialog, setDialog] = useState(null);
	const [looked, setLooked] = useState(null);
	const read = (rest) => useData(ofTenant(tenant, rest), { after: () => true, every: 150 });
	const [name, current, list, steps, tasks, runs] = ["/name", "/session", "/sessions?limit=20", "/steps", "/tasks", ACTIVE_RUNS].map(read);
	const sessions = list.body || [];
	const isOpen = (session) => session.status === "draft" || session.status === "in_progress";
	const session = sessions.find(({ id }) => id === chosen) || current.body?.session || sessions[0];
	const title = name.body?.display_name || `Tenant ${tenant}`;
	const holder = session?.locked_by_user_id;
	const foreign = holder && holder !== me.user_id ? "Another user edits this onboarding. Take it over first." : null;
	const all = {
		tenant, session, me, catalogue, title,
		tasks: (tasks.body || []).map((task) => withRun(task, runs.body || [])),
		steps: steps.body || [],
		open: Boolean(session) && isOpen(session),
		locked: me.may(tenant, "write") ? foreign : lacks("write"),
		step: looked || session?.current_step || 1,
		look: setLooked,
		close: () => setDialog(null),
	};
	const connects = me.may(tenant, "connections");
	return html`<${Crumbs} title=${title} />
		<div class="head">
			<div>
				<${Title} text=${title} />
				<p class="small">${session ? html`<${Badge} of=${session.status} /> ` : null}tenant ${tenant}
					${connects ? html` · <button class="link" onClick=${() => setDialog("rename")}>Rename</button>` : null}</p>
			</div>
			${session ? html`<${HeadActions} ...${all} setDialog=${setDialog} />` : null}
		</div>
		<${Pending} data=${current} what="the customer" />
		${current.body
			? html`<${LockBanner} ...${all} />
				<div class="customer">
					<${Stepper} ...${all} />
					<div><${Pending} data=${tasks} what="the tasks" />${tasks.body ? html`<${StepPanel} ...${all} />` : null}</div>
					<aside aria-label="More about this customer">
						<${NowCard} tenant=${tenant} runs=${runs.body || []} catalogue=${catalogue} />
						${connects ? html`<${ConnectionsCard} ...${all} />` : null}
						${session ? html`<${HistoryCard} ...${all} />` : null}
						<${EvidenceCard} tenant=${tenant} />
						${sessions.length > 1 ? html`<${SessionsCard} tenant=${tenant} sessions=${sessions} />` : null}
					</aside>
				</div>`
			: null}
		${dialog === "rename" ? html`<${RenameDialog} ...${all} />` : null}
		${dialog === "hand over" ? html`<${HandOverDialog} ...${all} />` : null}
		${dialog === "abandon" ? html`<${AbandonDialog} ...${all} />` : null}`;
}

/** A task with its run under way, of which the list of runs is told first. */
function withRun(task, runs) {
	const run = runs.find(({ task_type }) => task_type === task.task_type);
	return { ...task, active_run: run ? { ...run, ...run.waiting } : null };
}

function HeadActions({ tenant, session, open, locked, steps, catalogue, setDialog }) {
	const report = html`<a class="button" href="#/customers/${tenant}/report/${session.id}">Report</a>`;
	if (!open) return report;
	const missing = steps.flatMap((step) => step.missing).map((task) => catalogue.titleOf(task.task_type));
	const unready = missing.length ? `These checks must be ok or a warning first: ${missing.join(", ")}.` : null;
	const why = locked || (session.current_step < 5 ? "Completing opens in step 5." : unready);
	return html`<div class="row">
		<button onClick=${() => setDialog("hand over")}>Hand over</button>
		<button onClick=${() => setDialog("abandon")}>Abandon</button>
		${report}
		<${Act} label="Complete" kind="primary" locked=${why} path=${ofTenant(tenant, `/session/${session.id}/complete`)} said="The onboarding is completed." />
	</div>`;
}

const NowCard = ({ tenant, runs, catalogue }) =>
	html`<${Card} title="Now">
		${runs.length ? null : html`<p class="small">Nothing runs or waits.</p>`}
		<ul class="plain">
			${runs.map(
				(run) => html`<li key=${run.id}><a href="#/customers/${tenant}/runs/${run.id}">Run ${run.id}</a> <${Badge} of=${run.state} />
					<p class="small">${catalogue.titleOf(run.task_type)} · attempt ${run.attempt || 1} · for <${Clock} at=${run.started_at || run.created_at} /></p></li>`,
			)}
		</ul>
	<//>`;

function HistoryCard({ tenant, session, catalogue }) {
	const [limit, setLimit] = useState(HISTORY_SHOWN);
	const name = useNames();
	const history = useData(ofTenant(tenant, `/session/${session.id}/history?limit=${limit}`), { after: () => true, every: 150 });
	const step = (number) => `${number}, ${catalogue.stepTitle(number)}`;
	return html`<${Card} title="History">
		<${Pending} data=${history} what="the history" />
		<ol class="timeline">
			${(history.body || []).map(
				(entry) => html`<li><${Time} at=${entry.at} /> ${name(entry.by_user_id)} ${historyText(entry, name, step, catalogue.titleOf)}</li>`,
			)}
		</ol>
		${history.next && limit < 200 ? html`<button class="text" onClick=${() => setLimit(200)}>Show more</button>` : null}
	<//>`;
}

function EvidenceCard({ tenant }) {
	const [checked, setChecked] = useState(null);
	const path = ofTenant(tenant, "/evidence/verification");
	const verify = (body) => setChecked({ ...body, at: new Date().toISOString() });
	useEffect(() => void get(path).then((answer) => verify(answer.body), () => {}), [path]);
	const broken = html`<strong class="fail">✕ chain broken at position ${checked?.break?.position}</strong>`;
	return html`<${Card} title="Evidence">
		${checked ? html`<p class="small">${plural(checked.length, "item")}, ${checked.verified ? html`chain verified <${Time} at=${checked.at} /> ✓` : broken}</p>` : null}
		<div class="row">
			<a href="#/customers/${tenant}/evidence">Open the evidence</a>
			<${Act} label="Verify again" kind="text" method="GET" path=${path} done=${verify} said="The chain was verified again." />
		</div>
	<//>`;
}

const SessionsCard = ({ tenant, sessions }) =>
	html`<${Card} title="Onboardings"><ul class="plain">
		${sessions.map(
			({ id, status, created_at }) => html`<li><a href="#/customers/${tenant}?session=${id}">Session ${id}</a> <${Badge} of=${status} /> <span class="small"><${Time} at=${created_at} /></span></li>`,
		)}
	</ul><//>`;
