// A start with inputs, made from the schema of the task type; as a dry run, or only as a forecast.
import { Act, Badge, Dialog, html, ofTenant, reloadAll, send, tellProblem, useState } from "./kit.js";

/** The type of a field, without null, and with what it refers to. */
function plain(schema, root) {
	const options = schema.anyOf || schema.oneOf || [schema];
	const field = { ...schema, ...options.find((option) => option.type !== "null") };
	const referred = field.$ref ? { ...root.$defs?.[field.$ref.split("/").pop()], ...field } : field;
	return { ...referred, type: [].concat(referred.type || "object").find((type) => type !== "null") };
}

function valueOf(text, field) {
	if (field.type === "boolean") return text === "true";
	if (field.type === "integer" || field.type === "number") return Number(text);
	if (field.type === "array" && field.items?.type === "string") return text.split("\n").filter(Boolean);
	return field.type === "string" ? text : JSON.parse(text);
}

export function StartDialog({ type, tenant, locked, close }) {
	const schema = type.inputs_schema || {};
	const fields = Object.entries(schema.properties || {}).map(([name, field]) => [name, plain(field, schema)]);
	const [texts, setTexts] = useState({});
	const [dry, setDry] = useState(type.supports_dry_run);
	const [forecast, setForecast] = useState(null);
	const path = ofTenant(tenant, `/tasks/${type.name}/runs`);
	const body = dry ? { dry_run: true } : {};
	let wrong = null;
	for (const [name, field] of fields) {
		if (!texts[name]) continue;
		try {
			(body.inputs ??= {})[name] = valueOf(texts[name], field);
		} catch {
			wrong = `${field.title || name} is not JSON.`;
		}
	}
	const look = () =>
		send({ method: "POST", path, body: { ...body, validate_only: true } }).then((answer) => setForecast(answer.body), (problem) => tellProblem(problem, "Forecast"));
	const done = () => {
		close();
		reloadAll();
	};
	const label = dry ? "Start the dry run" : "Start";
	const actions = html`<${Act} label=${label} kind="primary" locked=${locked || wrong} path=${path} body=${body} done=${done} said="“${type.title}” was started." />
		<button onClick=${look}>What would happen</button>`;
	return html`<${Dialog} title=${type.title} close=${close} actions=${actions}>
		<p>${type.description}</p>
		${fields.map(([name, field]) => html`<${Field} name=${name} field=${field} required=${schema.required?.includes(name)} set=${(text) => setTexts({ ...texts, [name]: text })} />`)}
		${type.supports_dry_run ? html`<label><input type="checkbox" checked=${dry} onChange=${(event) => setDry(event.target.checked)} /> Dry run: read only, and list what would be changed</label>` : null}
		${wrong ? html`<p class="fail">${wrong}</p>` : null}
		<div role="status">
			${forecast
				? html`<p><strong>A start would be ${forecast.would}.</strong></p>
						<ul class="plain">${forecast.findings.map((finding) => html`<li><${Badge} of=${finding.status} /> ${finding.message} ${finding.remediation}</li>`)}</ul>`
				: null}
		</div>
	<//>`;
}

function Field({ name, field, required, set }) {
	const input = (event) => set(event.target.value);
	const choices = field.enum || (field.type === "boolean" ? ["true", "false"] : null);
	const control = choices
		? html`<select onChange=${input}><option value="">not given</option>${choices.map((choice) => html`<option>${choice}</option>`)}</select>`
		: field.type === "array" || field.type === "object"
			? html`<textarea rows="3" onInput=${input} />`
			: html`<input type=${field.type === "string" ? "text" : "number"} autocomplete="off" onInput=${input} />`;
	return html`<label>${field.title || name}${required ? " (required)" : ""}${control}<span class="small">${field.description}</span></label>`;
}
