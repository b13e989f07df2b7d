// Times in words. The server's clock counts: where this machine's differs by seconds, it is corrected.
const TOLERATED_MS = 3000;
const UNITS = [
	["day", 86400],
	["hour", 3600],
	["minute", 60],
	["second", 1],
];
let offset = 0;

export function noteServerTime(header) {
	const server = Date.parse(header || "");
	if (Number.isNaN(server)) return;
	const differs = server - Date.now();
	offset = Math.abs(differs) > TOLERATED_MS ? differs : 0;
}

export const now = () => Date.now() + offset;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

/** "09:41", "tomorrow 09:41", "3 Dec 09:41". */
export function clockTime(iso, precise = false) {
	const time = new Date(iso);
	const away = Math.round((midnight(time) - midnight(now())) / 86400000);
	const text = (precise ? seconds : clock).format(time);
	if (!away) return text;
	if (away === 1) return `tomorrow ${text}`;
	if (away === -1) return `yesterday ${text}`;
	return `${(Math.abs(away) < 180 ? day : dayOfYear).format(time)} ${text}`;
}

export const fullTime = (iso) => full.format(new Date(iso));

/** "2 hours" for a time before or after now, whole units only. */
export function distance(iso) {
	const away = Math.abs(Date.parse(iso) - now()) / 1000;
	const [unit, size] = UNITS.find(([, length]) => away >= length) || UNITS.at(-1);
	const count = Math.floor(away / size);
	return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** "00:04:12" since a time, or until it. */
export function elapsed(iso, until = now()) {
	const total = Math.max(0, Math.floor(Math.abs(until - Date.parse(iso)) / 1000));
	const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
	return (parts[0] ? parts : parts.slice(1)).map((part) => String(part).padStart(2, "0")).join(":");
}
