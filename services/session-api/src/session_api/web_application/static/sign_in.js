// Sign-in with OpenID Connect: authorization code with PKCE. Without a provider a token is pasted.
import { forgetAnswers, ROOT } from "./api.js";
import { Pending, ProblemBox } from "./ui.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { forgetPerson, forgetToken, keepToken, keptSignIn } from "./token.js";

const PENDING = "onboarding.sign-in";
const RENEW_BEFORE_MS = 60000;
const REDIRECT = `${ROOT}/app/`;

const base64Url = (bytes) =>
	btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64Url(crypto.getRandomValues(new Uint8Array(32)));
const digest = (text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

export async function readProvider() {
	const answer = await fetch(`${ROOT}/onboarding/sign-in`, { cache: "no-store", credentials: "omit" });
	if (answer.ok) return answer.json();
	if (answer.status < 500) return { enabled: false };
	throw new Error(`The server answered ${answer.status}.`);
}

/** Send the browser to the sign-in page of the provider; it comes back to the page that is left. */
export async function begin(provider) {
	const asked = { verifier: random(), state: random(), nonce: random(), back: location.hash };
	sessionStorage.setItem(PENDING, JSON.stringify(asked));
	const address = new URL(provider.authorization_endpoint);
	const parameters = {
		client_id: provider.client_id,
		response_type: "code",
		redirect_uri: REDIRECT,
		scope: [].concat(provider.scopes).join(" "),
		state: asked.state,
		nonce: asked.nonce,
		code_challenge: base64Url(await digest(asked.verifier)),
		code_challenge_method: "S256",
	};
	Object.entries(parameters).forEach(([name, value]) => address.searchParams.set(name, value));
	location.assign(address);
}

/** Where the provider has sent the browser back: redeem the code. False where this is no such address. */
export async function comeBack() {
	const given = new URLSearchParams(location.search);
	if (!given.has("state")) return false;
	const asked = JSON.parse(sessionStorage.getItem(PENDING) || "null");
	sessionStorage.removeItem(PENDING);
	history.replaceState(null, "", `${location.pathname}${asked?.back || ""}`);
	if (!asked || asked.state !== given.get("state")) throw new Error("The answer belongs to another sign-in.");
	if (given.has("error")) throw new Error(given.get("error_description") || given.get("error"));
	const provider = await readProvider();
	const tokens = await redeem(provider, {
		grant_type: "authorization_code",
		code: given.get("code"),
		redirect_uri: REDIRECT,
		code_verifier: asked.verifier,
	});
	if (tokens.id_token && claimsOf(tokens.id_token).nonce !== asked.nonce) {
		throw new Error("The token belongs to another sign-in.");
	}
	keep(tokens);
	return true;
}

async function redeem(provider, form) {
	const answer = await fetch(provider.token_endpoint, {
		method: "POST",
		body: new URLSearchParams({ client_id: provider.client_id, ...form }),
		credentials: "omit",
	});
	const tokens = await answer.json();
	if (!answer.ok || !tokens.access_token) throw new Error(tokens.error_description || tokens.error || "No token came.");
	return tokens;
}

function claimsOf(token) {
	const text = atob((token.split(".")[1] || "").replaceAll("-", "+").replaceAll("_", "/"));
	return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
}

function keep(tokens) {
	forgetAnswers();
	keepToken({
		token: tokens.access_token,
		renewal: tokens.refresh_token || keptSignIn()?.renewal || null,
		idToken: tokens.id_token || keptSignIn()?.idToken || null,
		until: tokens.expires_in ? Date.now() + tokens.expires_in * 1000 : null,
	});
	renewInTime();
}

let timer = null;
/** Get a new token shortly before the end of this one, where the provider gave the right to. */
export function renewInTime() {
	clearTimeout(timer);
	const { until, renewal } = keptSignIn() || {};
	if (!until || !renewal) return;
	timer = setTimeout(renew, Math.max(0, Math.min(until - Date.now() - RENEW_BEFORE_MS, 2 ** 31 - 1)), renewal);
}

/** Renew this sign-in, unless the person has signed out meanwhile, or in again. */
async function renew(renewal) {
	const isKept = () => keptSignIn()?.renewal === renewal;
	if (!isKept()) return;
	try {
		const tokens = await redeem(await readProvider(), { grant_type: "refresh_token", refresh_token: renewal });
		if (isKept()) keep(tokens);
	} catch {
		// The token ends in its time, and the person signs in again.
	}
}

export async function signOut() {
	const idToken = keptSignIn()?.idToken;
	forgetToken();
	const provider = await readProvider().catch(() => null);
	if (!idToken || !provider?.end_session_endpoint) return;
	const address = new URL(provider.end_session_endpoint);
	address.searchParams.set("id_token_hint", idToken);
	address.searchParams.set("post_logout_redirect_uri", REDIRECT);
	location.assign(address);
}

/** The form to sign in: a page of its own, or a dialog over the page that is kept. */
export function SignIn({ again, failed }) {
	const [provider, setProvider] = useState({});
	const [refused, setRefused] = useState(failed);
	const read = () => readProvider().then((body) => setProvider({ body }), (problem) => setProvider({ problem }));
	useEffect(() => void read(), []);
	const heading = again ? "Your sign-in has ended" : "Sign in";
	return html`<div class="card sign-in">
		<h1 tabindex="-1">${heading}</h1>
		${again ? html`<p>Sign in again to go on. This page stays as it is.</p>` : null}
		${refused ? html`<${ProblemBox} problem=${{ message: refused, code: "SIGN_IN_FAILED", next: "Sign in again." }} />` : null}
		<${Pending} data=${{ ...provider, reload: read }} what="how to sign in" />
		${provider.body?.enabled
			? html`<button class="primary" onClick=${() => begin(provider.body).catch((error) => setRefused(error.message))}>
					Sign in
				</button>`
			: null}
		${provider.body && !provider.body.enabled ? html`<${PasteToken} />` : null}
	</div>`;
}

function PasteToken() {
	const field = useRef();
	const use = (event) => {
		event.preventDefault();
		const token = field.current.value.trim().replace(/^Bearer\s+/i, "");
		if (!token) return;
		forgetPerson();
		keepToken({ token });
	};
	return html`<form onSubmit=${use}>
		<label for="token">Token</label>
		<input id="token" ref=${field} type="password" autocomplete="off" spellcheck="false" required />
		<p class="small">The operator has set up no sign-in provider. A token with your tenants and permissions opens the application; it stays in this tab.</p>
		<button type="submit" class="primary">Use the token</button>
	</form>`;
}
