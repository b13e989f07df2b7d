// Who edits: the holder of the edit lock, the time that is left, and what can be done about it.
import { Act, Clock, Dialog, Time, html, lacks, now, ofTenant, reloadAll, useNames, useNow, useState } from "./kit.js";

export function LockBanner({ tenant, session, open, locked, me }) {
	const [asking, setAsking] = useState(false);
	const name = useNames();
	useNow(1000);
	const may = (permission) => (me.may(tenant, permission) ? null : lacks(permission));
	const banner = (tone, said, act) => html`<section class="banner ${tone}" aria-label="Who edits"><p>${said}</p>${act}</section>`;
	if (!open) {
		const end = session?.completed_at ? html`: <${Time} at=${session.completed_at} />` : null;
		const said = session ? html`This onboarding is ${session.status}${end}.` : "No onboarding of this customer has begun.";
		const label = session ? "Start a new onboarding" : "Start the onboarding";
		return banner("", said, html`<${Act} label=${label} kind="primary" locked=${may("write")} path=${ofTenant(tenant, "/session")} said="The onboarding has begun. You edit it." />`);
	}
	const path = ofTenant(tenant, `/session/${session.id}`);
	const holder = session.locked_by_user_id;
	if (!holder || Date.parse(session.locked_until) <= now()) {
		const assigned = session.assigned_to_user_id ? ` It is assigned to ${name(session.assigned_to_user_id)}.` : "";
		return banner("", `Nobody edits this onboarding.${assigned}`, html`<${Act} label="Edit" locked=${locked} method="PATCH" path=${path} body=${{}} said="You edit this onboarding." />`);
	}
	const until = html`<${Time} at=${session.locked_until} /> (<${Clock} at=${session.locked_until} /> left)`;
	if (holder === me.user_id) {
		return banner("warn", html`✎ You edit this onboarding until ${until}. Others can look, and take over.`, html`<${Act} label="Release" kind="text" path="${path}/release" said="You released the edit lock." />`);
	}
	const taken = () => {
		setAsking(false);
		reloadAll();
	};
	const act = html`<button aria-disabled=${Boolean(may("takeover"))} title=${may("takeover")} onClick=${() => may("takeover") || setAsking(true)}>Take over</button>`;
	const takeOver = html`<${Act} label="Take over" kind="primary" method="PATCH" path=${path} body=${{ takeover: true }} said="You took over. You edit this onboarding." done=${taken} />`;
	return html`${banner("warn", html`✎ ${name(holder)} edits this onboarding until ${until}. You can look, and start checks.`, act)}
		${asking
			? html`<${Dialog} title="Take over the onboarding?" close=${() => setAsking(false)} actions=${takeOver}>
					<p>${name(holder)} loses the edit lock at once and sees on the page that you took over. Checks that run go on. The takeover is kept in the history.</p>
				<//>`
			: null}`;
}
