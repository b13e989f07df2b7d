// The token of this tab, and who wants to know when it changes or is refused.
const KEY = "onboarding.token";
const listeners = new Set();
const ofPerson = [];
let kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
let refused = false;

export const currentToken = () => kept?.token || "";
export const keptSignIn = () => kept;
export const isSignedIn = () => Boolean(kept) && !refused;
export const wasRefused = () => refused;

/** Keep a token with what its provider said about it, for this tab only. */
export function keepToken(given) {
	kept = given;
	refused = false;
	sessionStorage.setItem(KEY, JSON.stringify(given));
	listeners.forEach((tell) => tell());
}

/** The server does not accept this token any more; a newer one may be in use already. */
export function tokenRefused(authorization) {
	if (authorization !== `Bearer ${currentToken()}` || refused) return;
	refused = true;
	listeners.forEach((tell) => tell());
}

/** Call `forget` when this person signs out, or another one may come: what it keeps is theirs. */
export const onLeave = (forget) => ofPerson.push(forget);
export const forgetPerson = () => ofPerson.forEach((forget) => forget());

export function forgetToken() {
	forgetPerson();
	kept = null;
	sessionStorage.removeItem(KEY);
	listeners.forEach((tell) => tell());
}

export function onToken(tell) {
	listeners.add(tell);
	return () => listeners.delete(tell);
}
