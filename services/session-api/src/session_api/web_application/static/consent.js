// The consent link: made here, sent by the technician, answered by an administrator of the customer.
import { Act, Badge, Copy, Time, html, lacks, ofTenant, useData, useState } from "./kit.js";
import { onLeave } from "./token.js";

// The link has a secret that the server does not keep: it is shown in this tab, until the person signs out.
let links = new Map();
onLeave(() => (links = new Map()));

export function ConsentLink({ tenant, me }) {
	const path = ofTenant(tenant, "/consent-requests");
	const requests = useData(`${path}?limit=1`, { after: () => true, every: 150 });
	const [, turn] = useState(0);
	const newest = requests.body?.[0];
	const url = newest && links.get(`${tenant}/${newest.id}`);
	const own = links;
	const made = (request) => {
		own.set(`${tenant}/${request.id}`, request.url);
		turn((count) => count + 1);
		requests.reload();
	};
	return html`<div>
		${url ? html`<p class="copyable"><code>${url}</code></p>` : null}
		<div class="row">
			${url ? html`<${Copy} text=${url} label="Copy link" kind="primary" />` : null}
			<${Act} label=${newest ? "Make a new consent link" : "Make a consent link"} path=${path} done=${made} locked=${me.may(tenant, "run") ? null : lacks("run")} said="The consent link was made. Copy it and send it to the customer." />
		</div>
		${newest
			? html`<p class="small"><${Badge} of=${newest.state} /> Link of <${Time} at=${newest.created_at} />, open until <${Time} at=${newest.expires_at} />,
					${newest.answered_at ? html` answered <${Time} at=${newest.answered_at} />` : " not opened yet"}${url ? "" : ". Its address was shown once; make a new one if it is lost."}</p>`
			: null}
	</div>`;
}
