"""The findings expected of the twelve checks in the recorded tenants: status and reason code."""

HEALTHY = {
    "gdap.relationship": "ok GDAP_ACTIVE",
    "gdap.roles": "ok GDAP_ROLES_OK",
    "gdap.group_mapping": "ok MAPPING_OK",
    "app.consent": "ok CONSENT_OK",
    "graph.connectivity": "ok GRAPH_OK",
    "license.inventory": "ok LICENSE_P1",
    "identity.baseline": "ok BASELINE_CA",
    "identity.admin_mfa": "ok ADMIN_MFA_ENFORCED",
    "identity.legacy_auth": "ok LEGACY_BLOCKED",
    "identity.global_admins": "ok GA_OK",
    "identity.emergency_access": "ok BREAKGLASS_OK",
    "identity.user_consent": "ok CONSENT_USER_BLOCKED",
}
ON_P2 = {**HEALTHY, "license.inventory": "ok LICENSE_P2"}
EXPECTED = {
    "healthy": HEALTHY,
    "free-tier": {
        **HEALTHY,
        "license.inventory": "warn LICENSE_FREE",
        "identity.baseline": "ok BASELINE_SECURITY_DEFAULTS",
        "identity.emergency_access": "unknown NOT_LICENSED",
    },
    "expired-relationship": {
        **ON_P2,
        "gdap.relationship": "fail GDAP_EXPIRED",
        "gdap.roles": "fail GDAP_EXPIRED",
        "gdap.group_mapping": "fail GDAP_EXPIRED",
    },
    "half-mapped-groups": {**ON_P2, "gdap.group_mapping": "warn MAPPING_PARTIAL"},
    "report-only-policies": {
        **ON_P2,
        "identity.baseline": "warn BASELINE_CA_REPORT_ONLY",
        "identity.admin_mfa": "warn ADMIN_MFA_REPORT_ONLY",
        "identity.legacy_auth": "warn LEGACY_REPORT_ONLY",
        "identity.emergency_access": "warn BREAKGLASS_NO_POLICY",
    },
    "broken-consent": {
        **ON_P2,
        "app.consent": "waiting CONSENT_PERMISSIONS_MISSING",
        "identity.baseline": "unknown GRAPH_FORBIDDEN",
        "identity.admin_mfa": "unknown GRAPH_FORBIDDEN",
        "identity.legacy_auth": "unknown GRAPH_FORBIDDEN",
        "identity.emergency_access": "unknown GRAPH_FORBIDDEN",
        "identity.user_consent": "unknown GRAPH_FORBIDDEN",
    },
    "throttled": {
        name: verdict if name.startswith("gdap.") else "unknown GRAPH_THROTTLED" for name, verdict in HEALTHY.items()
    },
}
