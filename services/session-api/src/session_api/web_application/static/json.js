// Ids reach 2^63 - 1, more than a JavaScript number holds: here they are text, on the wire numbers.
// In JSON a quotation mark inside a text has a backslash before it, so the pattern matches names of members only.
const ID_MEMBER = /"((?:[a-z]+_)*id)":\s*(\d+)/g;
const SENT_IDS = new Set(["provider_connection_id", "assigned_to_user_id", "tenant_id", "run_id"]);

export const parseJson = (text) => JSON.parse(text.replace(ID_MEMBER, '"$1":"$2"'));

/** A body whose lists are of objects. */
export function toJson(body) {
	const written = (name, value) => {
		if (Array.isArray(value)) return `[${value.map(toJson)}]`;
		return SENT_IDS.has(name) && value !== null ? BigInt(value) : JSON.stringify(value);
	};
	return `{${Object.entries(body).map(([name, value]) => `${JSON.stringify(name)}:${written(name, value)}`)}}`;
}
