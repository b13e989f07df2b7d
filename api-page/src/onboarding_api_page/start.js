// Starts Scalar on the description of the service that serves this file. Nothing here may ask another host.
"use strict";
Scalar.createApiReference("#api", {
  url: "/schema/openapi.json",
  baseServerURL: window.location.origin,
  proxyUrl: "",
  externalUrls: { dashboardUrl: "", registryUrl: "", proxyUrl: "", apiBaseUrl: "" },
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  persistAuth: false,
  authentication: { preferredSecurityScheme: "token" },
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  operationTitleSource: "summary",
  documentDownloadType: "json",
  metaData: {},
});
