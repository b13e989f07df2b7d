// The five steps, in order: each says how it stands, and a later one what opens it.
import { Act, html, isActive, lacks, ofTenant, reloadAll, standing } from "./kit.js";
import { Task } from "./task.js";

const STEPS = [1, 2, 3, 4, 5];

/** The tasks of a step, and those that are required. */
function tasksOf(step, { tasks, catalogue }) {
	const mine = tasks.filter((task) => catalogue.typeOf(task.task_type)?.step === step);
	return { mine, required: mine.filter((task) => catalogue.typeOf(task.task_type).required) };
}

/** What a step says below its title, the mark in its circle and its tone. */
function stateOf(number, all) {
	const { mine, required } = tasksOf(number, all);
	const good = required.filter((task) => task.status === "ok" || task.status === "warn").length;
	const summary = required.length ? `${good} of ${required.length} required ok` : `${mine.length} checks, none required`;
	const current = all.session?.current_step || 1;
	if (number < current || all.session?.status === "completed") {
		return good === required.length ? ["✓", summary, "ok"] : ["!", summary, "warn"];
	}
	if (number > current) return [number, `opens after step ${number - 1}`, ""];
	const states = mine.map(standing);
	return [number, ["running", "waiting"].find((state) => states.includes(state)) || summary, "busy"];
}

export function Stepper({ step, look, ...all }) {
	return html`<nav class="card stepper" aria-label="Steps"><ol>
		${STEPS.map((number) => {
			const [mark, text, tone] = stateOf(number, all);
			const current = all.open && number === all.session.current_step;
			return html`<li>
				<button class=${step === number ? "chosen" : ""} aria-current=${current ? "step" : null} aria-pressed=${step === number} onClick=${() => look(number)}>
					<span class="circle ${tone}" aria-hidden="true">${mark}</span>
					<span><strong>${all.catalogue.stepTitle(number)}</strong><span class="small">${text}</span></span>
				</button>
			</li>`;
		})}
	</ol></nav>`;
}

export function StepPanel({ step, look, ...all }) {
	const { tenant, session, open, me, steps, catalogue } = all;
	const current = session?.current_step || 1;
	const later = open && step > current;
	const { mine, required } = tasksOf(step, all);
	const missing = (steps.find((item) => item.step === current)?.missing || []).map((task) => catalogue.titleOf(task.task_type));
	const order = !open ? "Start an onboarding first." : later ? `Step ${step} opens after step ${step - 1}.` : null;
	const locked = me.may(tenant, "run") ? order : lacks("run");
	const underWay = required.length > 0 && required.every((task) => isActive(task.active_run?.state));
	return html`<section class="card panel" aria-labelledby="step">
		<div class="panel-part between">
			<h2 id="step" tabindex="-1">Step ${step} · ${catalogue.stepTitle(step)}</h2>
			<${Act} label="Start all" name="Start all checks of step ${step}" locked=${locked || (underWay ? "All required checks run already." : null)} path=${ofTenant(tenant, `/steps/${step}/runs`)} body=${{ include_optional: true }} said="The checks of step ${step} were started." />
		</div>
		${later ? html`<${Later} step=${step} current=${current} missing=${missing} look=${look} />` : null}
		${mine.map((task) => html`<${Task} key=${task.task_type} task=${task} ...${all} locked=${locked} />`)}
		${mine.length ? null : html`<p class="panel-part">No runner has announced a task of this step. Start task-runner, or ask the operator.</p>`}
		${open ? html`<${Leave} step=${step} current=${current} missing=${missing} look=${look} ...${all} />` : null}
	</section>`;
}

function Later({ step, current, missing, look }) {
	const tasks = missing.length ? ` It opens when these are ok or a warning: ${missing.join(", ")}.` : ` Step ${current} is done: go on from there.`;
	return html`<div class="panel-part soft">
		<p><strong>This step is not open yet.</strong>${step > current + 1 ? ` The onboarding is in step ${current}; the steps are done in order.` : tasks}</p>
		<button onClick=${() => look(current)}>Show step ${current}</button>
	</div>`;
}

function Leave({ step, current, missing, tenant, session, locked, look }) {
	const goTo = (label, to, why, kind, said) => {
		const arrived = () => {
			look(null);
			reloadAll();
			document.getElementById("step").focus();
		};
		return html`<div class="panel-part row end">
			<span class="small">${why || (to < current ? `The onboarding is in step ${current}.` : null)}</span>
			<${Act} label=${label} kind=${kind} locked=${locked || why} method="PATCH" path=${ofTenant(tenant, `/session/${session.id}`)} body=${{ current_step: to }} done=${arrived} said=${said} />
		</div>`;
	};
	if (step < current) return goTo(`Go back to step ${step}`, step, null, "", `The onboarding is in step ${step} again.`);
	if (step > current || step === 5) return null;
	const why = missing.length ? `Step ${step + 1} opens when these are ok or a warning: ${missing.join(", ")}.` : null;
	return goTo(`Go to step ${step + 1}`, step + 1, why, "primary", `Step ${step + 1} is open.`);
}
