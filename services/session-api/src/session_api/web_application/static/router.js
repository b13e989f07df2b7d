// The address: its fragment names the page and holds its filters, so that the server knows one page only.
import { useEffect, useState } from "./preact.js";

export function parseRoute(hash) {
	const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
	return { parts: path.split("/").filter(Boolean), query: new URLSearchParams(search), path };
}

export function useRoute() {
	const [route, setRoute] = useState(() => parseRoute(location.hash));
	useEffect(() => {
		const read = () => setRoute(parseRoute(location.hash));
		addEventListener("hashchange", read);
		return () => removeEventListener("hashchange", read);
	}, []);
	return route;
}

export const go = (address) => {
	location.hash = address;
};

/** Change the filters in the address without a new entry in the history. */
export function filter(route, changes) {
	const query = new URLSearchParams(route.query);
	for (const [name, value] of Object.entries(changes)) {
		query.delete(name);
		[].concat(value).forEach((text) => text && query.append(name, text));
	}
	const search = query.toString();
	history.replaceState(null, "", `#/${route.path}${search ? `?${search}` : ""}`);
	dispatchEvent(new HashChangeEvent("hashchange"));
}
