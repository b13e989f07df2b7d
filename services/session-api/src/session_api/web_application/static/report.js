// The report of an onboarding: to look at, to print, and to save in each of its forms.
import { Crumbs, Curl, Pending, Title, html, ofTenant, save, send, useCustomerName, useEffect, useRef, useState } from "./kit.js";

const FORMS = [
	["html", "text/html", "Page"],
	["json", "application/json", "JSON"],
	["csv", "text/csv", "CSV"],
	["oscal", "application/json", "OSCAL"],
];

export function ReportPage({ tenant, id }) {
	const title = useCustomerName(tenant);
	const [page, setPage] = useState({});
	const call = (form, type) => ({ path: ofTenant(tenant, `/session/${id}/report?format=${form}`), accept: type });
	const read = () => send(call("html", "text/html")).then(({ text }) => setPage({ body: text }), (problem) => setPage({ problem }));
	useEffect(() => void read(), []);
	return html`<${Crumbs} tenant=${tenant} title=${title} last="Report" />
		<div class="head">
			<${Title} text="Report of ${title}" />
			<div class="row">
				<button class="primary" onClick=${() => print()}>Print</button>
				${FORMS.map(([form, type, name]) => html`<span class="act"><button onClick=${() => save(call(form, type), `report-${tenant}-${id}.${form === "oscal" ? "oscal.json" : form}`, type)}>Save as ${name}</button><${Curl} call=${call(form, type)} name=${name} /></span>`)}
			</div>
		</div>
		<${Pending} data=${{ ...page, reload: read }} what="the report" />
		${page.body ? html`<${Document} text=${page.body} />` : null}`;
}

/** The report's own page with its own style, apart from the style of this one. No script of it runs. */
function Document({ text }) {
	const place = useRef();
	useEffect(() => {
		const root = place.current.shadowRoot || place.current.attachShadow({ mode: "open" });
		// The styles are taken out before the page is read: the policy of this one forbids them inside.
		const styles = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, style]) => style);
		const page = new DOMParser().parseFromString(text.replace(/<style>[\s\S]*?<\/style>/g, ""), "text/html");
		root.adoptedStyleSheets = styles.map((style) => {
			const sheet = new CSSStyleSheet();
			sheet.replaceSync(style.replace(/(^|[\s,}])(?:html|body|:root)(?=[\s,{])/g, "$1:host"));
			return sheet;
		});
		page.querySelectorAll("script, style, link, meta").forEach((element) => element.remove());
		// This page has a main part and a header of its own.
		page.querySelectorAll("main, header, footer").forEach((element) => element.replaceWith(...element.childNodes));
		root.replaceChildren(...page.body.childNodes);
	}, [text]);
	return html`<div class="card report" ref=${place} />`;
}
