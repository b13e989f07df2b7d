// What ends soon: relationships, certificates, evidence.
import { Badge, Choice, PAGE, PagedList, Time, Title, html, plural, query, useData, useRoute } from "./kit.js";

const HEADS = [["Customer"], ["Task"], ["Verdict"], ["Ends"]];
const DAYS = [1, 7, 30, 90].map((days) => [`${days}`, `within ${plural(days, "day")}`]);

export function ExpiriesPage() {
	const route = useRoute();
	const days = route.query.get("within_days") || "30";
	const expiries = useData(`/onboarding/expiries${query({ within_days: days, limit: PAGE, cursor: route.query.get("cursor") })}`, { after: () => true, every: 2000 });
	const cells = (row) => [
		html`<a href="#/customers/${row.tenant_id}">${row.display_name}</a>`,
		row.title,
		html`<${Badge} of=${row.status} />`,
		html`<${Time} at=${row.expires_at} /> <span class="small">in <${Time} at=${row.expires_at} age /></span>`,
	];
	return html`<div class="head"><${Title} text="Expiries" /><${Choice} name="within_days" label="Within" route=${route} value=${days} options=${DAYS} /></div>
		<${PagedList} data=${expiries} route=${route} caption="Expiries" heads=${HEADS} keyOf=${(row) => `${row.tenant_id} ${row.task_type}`} cells=${cells} empty=${`Nothing ends within ${plural(days, "day")}.`} />`;
}
