// The frame of every page: sign-in, navigation, the state of the connection, and what is said to the person.
import { CustomerPage } from "./customer.js";
import { CustomersPage } from "./customers.js";
import { EvidenceItemPage, EvidencePage } from "./evidence.js";
import { ExpiriesPage } from "./expiries.js";
import {
	Empty, MeProvider, Notices, ProblemBox, Time, Title,
	follow, html, initials, reloadAll, render, useData, useEffect, useErrorBoundary, useLive, useRef, useRoute, useState,
} from "./kit.js";
import { OperationsPage } from "./operations.js";
import { ReportPage } from "./report.js";
import { RunPage } from "./run.js";
import { RunsPage } from "./runs.js";
import { comeBack, renewInTime, SignIn, signOut } from "./sign_in.js";
import { keptSignIn, onToken, wasRefused } from "./token.js";

const NAVIGATION = [
	["customers", "Customers"],
	["runs", "Runs"],
	["expiries", "Expiries"],
];
const FOR_OPERATORS = ["operations", "Operations"];

function pageOf({ parts, query }) {
	const [place = "customers", tenant, what, id] = parts;
	if (place === "runs") return html`<${RunsPage} />`;
	if (place === "expiries") return html`<${ExpiriesPage} />`;
	if (place === "operations") return html`<${OperationsPage} />`;
	if (place === "customers" && tenant === undefined) return html`<${CustomersPage} />`;
	if (place === "customers" && /^[1-9]\d{0,18}$/.test(tenant)) {
		const key = `${tenant}/${what}/${id}`;
		if (what === undefined) return html`<${CustomerPage} key=${key} tenant=${tenant} chosen=${query.get("session")} />`;
		if (what === "evidence" && !id) return html`<${EvidencePage} key=${key} tenant=${tenant} />`;
		if (/^[1-9]\d{0,18}$/.test(id)) {
			if (what === "runs") return html`<${RunPage} key=${key} tenant=${tenant} id=${id} />`;
			if (what === "evidence") return html`<${EvidenceItemPage} key=${key} tenant=${tenant} id=${id} />`;
			if (what === "report") return html`<${ReportPage} key=${key} tenant=${tenant} id=${id} />`;
		}
	}
	return html`<${Title} text="Page not found" />
		<${Empty} title="Nothing is at this address."><a href="#/customers">Show the customers</a><//>`;
}

/** A page, or what is said in its place where this application has a fault. */
function Page({ route }) {
	const [fault, again] = useErrorBoundary();
	if (!fault) return pageOf(route);
	const problem = { message: `This page cannot be shown: ${fault.message}`, code: "PAGE_FAILED", next: "Load it again. If it stays, tell the operator." };
	return html`<${ProblemBox} problem=${problem} again=${again} />`;
}

function Connection() {
	const { live, lastAt } = useLive();
	if (live) return html`<span class="live"><span class="dot" aria-hidden="true" />Live</span>`;
	return html`<span class="live lost" role="status">
		${lastAt ? html`Not connected · last event <${Time} at=${new Date(lastAt).toISOString()} precise />` : "Connecting"}
	</span>`;
}

function Header({ place, me }) {
	return html`<header>
		<a class="skip" href="#main" onClick=${(event) => {
			event.preventDefault();
			document.getElementById("main").focus();
		}}>Skip to the content</a>
		<a class="brand" href="#/customers">Onboarding</a>
		<nav aria-label="Pages">
			${[...NAVIGATION, ...(me?.operates_platform ? [FOR_OPERATORS] : [])].map(([name, title]) => html`<a href="#/${name}" aria-current=${place === name ? "page" : null}>${title}</a>`)}
		</nav>
		<div class="who">
			<${Connection} />
			${me ? html`<span class="avatar" aria-hidden="true">${initials(me.display_name || "U")}</span><span class="name">${me.display_name || `User ${me.user_id}`}</span>` : null}
			<button class="text" onClick=${signOut}>Sign out</button>
		</div>
	</header>`;
}

/** Signs in again over the page, which keeps its place and what was typed. */
function SignInAgain() {
	const element = useRef();
	useEffect(() => element.current.showModal(), []);
	return html`<dialog ref=${element} aria-label="Sign in again" onCancel=${(event) => event.preventDefault()}><${SignIn} again /></dialog>`;
}

function SignedIn({ refused }) {
	const route = useRoute();
	const me = useData("/me");
	const place = route.parts[0] || "customers";
	const tenant = place === "customers" && route.parts[1];
	useEffect(() => follow(tenant ? `/tenants/${tenant}/onboarding/events` : "/onboarding/events"), [tenant]);
	useEffect(() => scrollTo(0, 0), [route.path]);
	useEffect(() => void (refused || reloadAll()), [refused]);
	return html`<${MeProvider} value=${me.body || null}>
		<${Header} place=${place} me=${me.body} />
		<main id="main" tabindex="-1">
			${me.body ? html`<${Page} key=${route.path} route=${route} />` : null}
			${!me.body && me.problem && !refused ? html`<${ProblemBox} problem=${me.problem} again=${me.reload} />` : null}
		</main>
		<${Notices} />
		${refused ? html`<${SignInAgain} />` : null}
	<//>`;
}

function Application({ failed }) {
	const [, turn] = useState(0);
	useEffect(() => onToken(() => turn((count) => count + 1)), []);
	if (!keptSignIn()) return html`<main id="main"><${SignIn} failed=${failed} /></main>`;
	return html`<${SignedIn} refused=${wasRefused()} />`;
}

const failed = await comeBack().then(
	() => null,
	(error) => error.message,
);
renewInTime();
const place = document.getElementById("app");
place.replaceChildren();
render(html`<${Application} failed=${failed} />`, place);
