// The dialogs of a customer: hand over to a colleague, abandon, rename.
import { Act, Dialog, FormDialog, Pending, html, ofTenant, query, reloadAll, send, tell, tellProblem, useData, useNames, useState } from "./kit.js";

export function HandOverDialog({ tenant, session, locked, close }) {
	const name = useNames();
	const [search, setSearch] = useState("");
	const [chosen, setChosen] = useState(session.assigned_to_user_id);
	const [release, setRelease] = useState(true);
	const users = useData(`/onboarding/users${query({ search })}`);
	const path = ofTenant(tenant, `/session/${session.id}`);
	const done = async () => {
		tell(`The onboarding is assigned to ${name(chosen)}.`);
		if (release) await send({ method: "POST", path: `${path}/release` }).catch((problem) => tellProblem(problem, "Release"));
		close();
		reloadAll();
	};
	const why = locked || (chosen ? null : "Choose a colleague first.");
	const act = html`<${Act} label="Hand over" kind="primary" locked=${why} method="PATCH" path=${path} body=${{ assigned_to_user_id: chosen }} done=${done} />`;
	return html`<${Dialog} title="Hand over" close=${close} actions=${act}>
		<label>Name of the colleague<input type="search" autocomplete="off" value=${search} onInput=${(event) => setSearch(event.target.value)} /></label>
		<${Pending} data=${users} what="the colleagues" />
		<fieldset>
			<legend class="hidden">Colleagues</legend>
			${(users.body || []).map(
				(user) => html`<label key=${user.user_id}>
					<input type="radio" name="colleague" checked=${chosen === user.user_id} onChange=${() => setChosen(user.user_id)} />${user.display_name} <span class="small">user ${user.user_id}</span>
				</label>`,
			)}
			${users.body?.length === 0 ? html`<p class="small">Nobody with this name has signed in yet.</p>` : null}
		</fieldset>
		<label><input type="checkbox" checked=${release} onChange=${(event) => setRelease(event.target.checked)} />Release the edit lock, so that the colleague can go on at once</label>
	<//>`;
}

export function AbandonDialog({ tenant, session, title, close }) {
	const path = ofTenant(tenant, `/session/${session.id}/abandon`);
	const call = ({ reason }) => ({ method: "POST", path, body: reason ? { reason } : {} });
	const fields = [["reason", "Reason", "", { required: false, maxlength: 4000 }]];
	return html`<${FormDialog} title="Abandon the onboarding of ${title}?" submit="Abandon" kind="danger" fields=${fields} call=${call} close=${close}>
		<p>It cannot be opened again. Evidence and history stay. A new onboarding starts in step 1.</p>
	<//>`;
}

export function RenameDialog({ tenant, title, close }) {
	const call = ({ name }) => ({ method: "PUT", path: ofTenant(tenant, "/name"), body: { display_name: name } });
	return html`<${FormDialog} title="Rename the customer" submit="Save" fields=${[["name", "Name", title]]} call=${call} close=${close} />`;
}
