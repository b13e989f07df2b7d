// The provider connections of a customer: choose one for the onboarding, or create one.
import { Act, Card, FormDialog, Pending, html, ofTenant, useData, useState } from "./kit.js";

const FIELDS = [
	["display_name", "Name"],
	["external_tenant_id", "Tenant id at Microsoft (GUID)"],
	["client_id", "Client id of the application (GUID)"],
	["credential_ref", "Name of the credential at task-runner"],
	["cloud", "Cloud: public, us_gov, us_dod or china", "public", { pattern: "public|us_gov|us_dod|china" }],
];

export function ConnectionsCard({ tenant, session, open, locked }) {
	const path = ofTenant(tenant, "/provider-connections");
	const connections = useData(path);
	const [creating, setCreating] = useState(false);
	const usable = (connections.body || []).filter((connection) => connection.enabled);
	const choice = (connection) => {
		if (session?.provider_connection_id === connection.id) return html`<span class="ok">✓ chosen</span>`;
		if (!open) return null;
		const body = { provider_connection_id: connection.id };
		return html`<${Act} label="Choose" name="Choose ${connection.display_name}" kind="text" locked=${locked} method="PATCH" path=${ofTenant(tenant, `/session/${session.id}`)} body=${body} said="The connection is chosen." />`;
	};
	return html`<${Card} title="Connection">
		<${Pending} data=${connections} what="the connections" />
		${connections.body && !usable.length ? html`<p class="small">None yet. Checks need one to the customer's tenant.</p>` : null}
		<ul class="plain">
			${usable.map((connection) => html`<li key=${connection.id}><strong>${connection.display_name}</strong> ${choice(connection)}<p class="small">${connection.external_tenant_id}</p></li>`)}
		</ul>
		<button class="text" onClick=${() => setCreating(true)}>Create a connection</button>
		${creating
			? html`<${FormDialog} title="Create a connection" submit="Create" fields=${FIELDS} call=${(body) => ({ method: "POST", path, body })} close=${() => setCreating(false)}>
					<p class="small">The credential itself stays at task-runner. An operator has bound the tenant to it.</p>
				<//>`
			: null}
	<//>`;
}
