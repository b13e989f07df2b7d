// For operators of the platform: the services, dead letters by their cause, and the runs of all customers.
import {
	ACTIVE, Act, Badge, Card, Dialog, Empty, Pending, Table, Time, Title,
	html, plural, query, reloadAll, tell, useData, useEffect, useMe, useState,
} from "./kit.js";
import { RunList } from "./runs.js";

const EVERY_MS = 10000;
const SERVICE_HEADS = [["Service"], ["State"], ["Outbox"], ["Not read yet"], ["Runs"], ["Dead letters"], ["Since"]];
const LETTER_HEADS = [["Cause"], ["Topic"], ["Records"], ["From"], ["To"], ["Actions"]];
const OWN = "session-api";
const small = (text) => html`<span class="small">${text}</span>`;
const known = (value, text = value) => (value === null ? small("unknown") : text);
const aged = (count, unit, seconds) => `${count} ${unit}${count ? `, the oldest ${Math.round(seconds)} s` : ""}`;

export function OperationsPage() {
	const { operates_platform: operates } = useMe();
	if (!operates) {
		return html`<${Title} text="Operations" />
			<${Empty} title="This page is for operators of the platform."><p>Your sign-in lacks the permission onboarding.platform.</p><//>`;
	}
	return html`<div class="head"><${Title} text="Operations" /></div>
		<div class="stack">
			<${Services} />
			<${DeadLetters} />
			<section aria-labelledby="runs"><${RunList} heading=${html`<div><h2 id="runs">Runs of all customers</h2>${small("Those that have not ended, unless states are chosen.")}</div>`} states=${ACTIVE} /></section>
		</div>`;
}

function Services() {
	const services = useData("/onboarding/services");
	useEffect(() => {
		const timer = setInterval(() => document.hidden || services.reload(), EVERY_MS);
		return () => clearInterval(timer);
	}, []);
	const cells = (row, late = (row.consumer_lag || []).filter((lag) => lag.messages)) => [
		html`<strong>${row.service}</strong>${small(row.reachable ? `${row.instance} · ${row.version}` : "")}`,
		html`<${Badge} of=${row.ready ? "ready" : row.reachable ? "not_ready" : "not_reached"} /> ${small(row.error || row.checks.filter((check) => check.status !== "UP").map((check) => check.name).join(", "))}`,
		known(row.outbox_messages, html`${aged(row.outbox_messages, "waiting", row.outbox_age_seconds)} ${small(row.publishes ? "publishes" : "")}`),
		known(row.consumer_lag, html`${late.reduce((sum, lag) => sum + lag.messages, 0)} ${small(late.map((lag) => lag.topic).join(", "))}`),
		row.worker_slots === null ? small("–") : html`${row.leases} of ${plural(row.worker_slots, "slot")} ${small(known(row.queue_runs, aged(row.queue_runs, "due", row.queue_age_seconds)))}`,
		known(row.dead_letters, html`<span class=${row.dead_letters ? "fail" : ""}>${row.dead_letters}</span>`),
		known(row.started_at, html`<${Time} at=${row.started_at} />`),
	];
	return html`<${Card} title="Services">
		<${Pending} data=${services} what="the services" />
		${services.body ? html`<${Table} caption="Services" heads=${SERVICE_HEADS} rows=${services.body} keyOf=${(row) => `${row.service} ${row.instance}`} cells=${cells} />` : null}
	<//>`;
}

/** Where session-api takes its own dead letters, and passes on requests for those of another service. */
const letters = (service, rest) => `/onboarding/dead-letters${rest}${query({ service: service === OWN ? null : service })}`;

const causeOf = ({ reason_code, source_topic }) => `${reason_code} of ${source_topic}`;

function DeadLetters() {
	const [asking, setAsking] = useState(null);
	const own = useData(letters(OWN, "/groups"));
	const stored = useData(letters("evidence-store", "/groups"));
	const rows = [[OWN, own], ["evidence-store", stored]].flatMap(([service, { body }]) => (body || []).map((group) => ({ ...group, service })));
	const act = (row, label, action, kind) => {
		const { source_topic, reason_code, service } = row;
		const done = (counts) => {
			const changed = Object.entries(counts).filter(([, count]) => count);
			tell(changed.length ? `Records: ${changed.map(([what, count]) => `${count} ${what}`).join(", ")}.` : "No record was left.");
			setAsking(null);
			reloadAll();
		};
		return html`<${Act} label=${label} name="${label}: ${causeOf(row)}" kind=${kind} path=${letters(service, `/groups/${action}`)} body=${{ source_topic, reason_code }} done=${done} />`;
	};
	const cells = (row) => [
		html`<code>${row.reason_code}</code>${small(row.service)}`,
		row.source_topic,
		row.count,
		html`<${Time} at=${row.oldest_at} />`,
		html`<${Time} at=${row.newest_at} />`,
		html`<div class="row"><button aria-label="Show one: ${causeOf(row)}" onClick=${() => setAsking({ row, example: true })}>Show one</button>${act(row, "Retry", "replay")}<button class="danger" aria-label="Discard…: ${causeOf(row)}" onClick=${() => setAsking({ row })}>Discard…</button></div>`,
	];
	return html`<${Card} title="Dead letters by cause">
		<${Pending} data=${own} what="the dead letters" />
		<${Pending} data=${stored} what="the dead letters of evidence-store" />
		${rows.length ? html`<${Table} caption="Dead letters by cause" heads=${LETTER_HEADS} rows=${rows} keyOf=${(row) => `${row.service} ${row.source_topic} ${row.reason_code}`} cells=${cells} />` : null}
		${own.body && stored.body && !rows.length ? html`<p class="small">session-api and evidence-store have put nothing aside.</p>` : null}
		<p class="small">Those of task-runner: <code>task-runner dlq groups</code> in its container.</p>
		${asking?.example ? html`<${Example} ...${asking.row} close=${() => setAsking(null)} />` : null}
		${asking && !asking.example
			? html`<${Dialog} title="Discard ${plural(asking.row.count, "record")}?" close=${() => setAsking(null)} actions=${act(asking.row, "Discard", "discard", "danger")}>
					<p>They are not applied any more. Who discarded them is kept.</p>
				<//>`
			: null}
	<//>`;
}

function Example({ service, example_id: id, reason_code: code, close }) {
	const letter = useData(letters(service, `/${id}`));
	return html`<${Dialog} title="One record: ${code}" close=${close}>
		<${Pending} data=${letter} what="the record" />
		${letter.body ? html`<pre tabindex="0">${JSON.stringify(letter.body, null, 2)}</pre>` : null}
	<//>`;
}
