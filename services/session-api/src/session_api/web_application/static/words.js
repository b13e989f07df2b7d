// Verdicts, states and actions in words. A verdict is never colour alone: symbol, word and colour.
const VERDICTS = {
	ok: ["✓", "Ok", "ok"],
	warn: ["!", "Warning", "warn"],
	fail: ["✕", "Failed", "fail"],
	unknown: ["?", "Unknown", "none"],
	not_run: ["—", "Not run", "none"],
	queued: ["◔", "Queued", "busy"],
	running: ["▶", "Running", "busy"],
	waiting: ["◔", "Waiting", "busy"],
	cancelling: ["◔", "Cancelling", "none"],
	succeeded: ["✓", "Ended", "ok"],
	failed: ["✕", "Failed", "fail"],
	cancelled: ["—", "Cancelled", "none"],
	timed_out: ["✕", "Timed out", "fail"],
	ready: ["✓", "Ready", "ok"],
	not_ready: ["✕", "Not ready", "fail"],
	not_reached: ["?", "Not reached", "fail"],
	open: ["◔", "Open", "busy"],
	reported: ["▶", "Being checked", "busy"],
	verified: ["✓", "Verified", "ok"],
	declined: ["✕", "Declined", "fail"],
	wrong_tenant: ["✕", "Other organisation", "fail"],
	expired: ["—", "Expired", "none"],
	draft: ["◔", "Opened", "busy"],
	in_progress: ["▶", "In onboarding", "busy"],
	completed: ["✓", "Completed", "ok"],
	abandoned: ["—", "Abandoned", "none"],
};

export const wordOf = (verdict) => {
	const [symbol, word, tone] = VERDICTS[verdict] || ["?", verdict, "none"];
	return { symbol, word, tone };
};

export const ACTIVE = ["queued", "running", "waiting", "cancelling"];
export const isActive = (state) => ACTIVE.includes(state);

/** How a task stands: its run under way before its last verdict. */
export function standing(task) {
	if (task.active_run) return task.active_run.state;
	return task.status === "unknown" && task.reason_code === "NEVER_RUN" ? "not_run" : task.status;
}

const HISTORY = {
	session_started: () => "started the onboarding",
	lock_taken: () => "began to edit",
	lock_released: () => "stopped editing",
	taken_over: (entry, name) => `took over from ${name(entry.from?.locked_by_user_id)}`,
	step_changed: (entry, _, step) => `went to step ${step(entry.to?.current_step)}`,
	assigned: (entry, name) =>
		entry.to?.assigned_to_user_id ? `handed over to ${name(entry.to.assigned_to_user_id)}` : "removed the assignment",
	connection_chosen: (entry) =>
		entry.to?.provider_connection_id ? `chose connection ${entry.to.provider_connection_id}` : "chose no connection",
	status_changed: (entry) => `changed the status to ${wordOf(entry.to?.status).word.toLowerCase()}`,
	session_completed: () => "completed the onboarding",
	session_abandoned: (entry) => `abandoned the onboarding${entry.to?.reason ? `: ${entry.to.reason}` : ""}`,
	run_started: (entry, _, __, title) => `started “${title(entry.to?.task_type)}”`,
	run_cancel_requested: (entry, _, __, title) => `cancelled “${title(entry.to?.task_type)}”`,
};

/** What a person did, without their name. Changes that this version does not know keep their own name. */
export function historyText(entry, name, step, title) {
	const say = HISTORY[entry.action];
	return say ? say(entry, name, step, title) : entry.action.replaceAll("_", " ");
}

/** A remediation for people: addresses of the API in it are for programs. */
export const remedyText = (text) => (text || "").replace(/ \(`[^`]*`\)/g, "").replaceAll("`", "");

export const linksIn = (text) => ((text || "").match(/https?:\/\/[^\s“”"<>]+/g) || []).map((url) => url.replace(/[.,;)]+$/, ""));

export const initials = (name) =>
	(name || "")
		.split(/\s+/)
		.filter(Boolean)
		.slice(0, 2)
		.map((word) => word[0].toUpperCase())
		.join("");

export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
