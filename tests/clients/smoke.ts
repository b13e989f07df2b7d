// Calls the API through the generated types. A line after "@ts-expect-error" must not compile.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[]; exitCode: number };

const [baseUrl = "", token = "", tenant = ""] = process.argv.slice(2);
const path = { tenantId: Number(tenant) };
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

type Evidence = components["schemas"]["OnboardingEvidence"];
const sealOf = (item: Evidence): string => `${item.position} ${item.seal} ${item.run_state}`;

const session = await client.POST("/tenants/{tenantId}/onboarding/session", { params: { path } });
if (session.error !== undefined) {
  const code: components["schemas"]["Problem"]["code"] = session.error.code;
  throw new Error(`${code}: ${session.error.next}`);
}
const status: "draft" | "in_progress" | "completed" | "abandoned" = session.data.status;

const evidence = await client.GET("/tenants/{tenantId}/onboarding/evidence", {
  params: { path, query: { status: "fail", limit: 5, session: session.data.id } },
});
const report = await client.GET("/tenants/{tenantId}/onboarding/session/{sessionId}/report", {
  params: { path: { ...path, sessionId: session.data.id }, query: { format: "json" } },
});
// The report has several forms, of which this is the one that was asked for.
const counts = (report.data as components["schemas"]["SessionReport"] | undefined)?.counts;

export const refused = [
  // @ts-expect-error: a status is one of four
  client.GET("/tenants/{tenantId}/onboarding/evidence", { params: { path, query: { status: "fine" } } }),
  // @ts-expect-error: no parameter takes null
  client.GET("/tenants/{tenantId}/onboarding/evidence", { params: { path, query: { taskType: null } } }),
  // @ts-expect-error: a limit is a number
  client.GET("/tenants/{tenantId}/onboarding/evidence", { params: { path, query: { limit: "5" } } }),
].length;

console.log(status, (evidence.data ?? []).map(sealOf).length, counts?.not_checked);
