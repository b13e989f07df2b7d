"""Variables that begin as settings do, but are none: a misspelt setting would be ignored silently."""

import difflib
from collections.abc import Collection, Iterator, Mapping

PREFIX = "ONBOARDING_"
OTHER_VARIABLES = "ONBOARDING_OTHER_VARIABLES"
"""The variable with further names, separated by commas, that are no mistake."""
OF_TESTS = "ONBOARDING_TEST_"
OF_TASKS = "ONBOARDING_TASK_"
"""The settings of task packages, whose names only the packages know; task-runner names those that no task has."""
RESERVED_OF_TASKS = "ONBOARDING_TASK_RUNNER_"
"""Settings of the product that begin as if they were of a task package."""

OF_SERVICES = frozenset(
    {
        "ONBOARDING_ACCEPT_WITHOUT_MAC",
        "ONBOARDING_ALLOW_ROOT",
        "ONBOARDING_ANSWER_MEMORY_MB",
        "ONBOARDING_CALLER_REQUESTS_PER_MINUTE",
        "ONBOARDING_COMMAND_SECRETS",
        "ONBOARDING_CONCURRENCY",
        "ONBOARDING_CONFIRM_SECONDS",
        "ONBOARDING_CONSENT_CLIENT_IDS",
        "ONBOARDING_CONSENT_REDIRECT_URL",
        "ONBOARDING_CONSENT_REQUEST_SECONDS",
        "ONBOARDING_CORS_ORIGINS",
        "ONBOARDING_CREDENTIALS",
        "ONBOARDING_CREDENTIAL_DIRECTORY",
        "ONBOARDING_CREDENTIAL_PREFIX",
        "ONBOARDING_CREDENTIAL_REFERENCES",
        "ONBOARDING_DATABASE_POOL_SIZE",
        "ONBOARDING_DEAD_LETTERS_KEPT",
        "ONBOARDING_DEAD_LETTER_DAYS",
        "ONBOARDING_DRAIN_SECONDS",
        "ONBOARDING_EDIT_LOCK_SECONDS",
        "ONBOARDING_EMERGENCY_ACCESS",
        "ONBOARDING_EVIDENCE_STORE_HEALTH_URL",
        "ONBOARDING_EVIDENCE_STORE_URL",
        "ONBOARDING_EVIDENCE_TIMEOUT_SECONDS",
        "ONBOARDING_FETCH_MAX_WAIT_MS",
        "ONBOARDING_GDAP_AUTO_EXTEND",
        "ONBOARDING_GDAP_DURATION_DAYS",
        "ONBOARDING_GDAP_REQUIRED",
        "ONBOARDING_GDAP_ROLES",
        "ONBOARDING_GDAP_SERVICE_ACCOUNT",
        "ONBOARDING_GRAPH_URL",
        "ONBOARDING_HEALTH_PORT",
        "ONBOARDING_HISTORY_DAYS",
        "ONBOARDING_HOST",
        "ONBOARDING_HTTP_HEADER_SECONDS",
        "ONBOARDING_HTTP_KEEP_ALIVE_SECONDS",
        "ONBOARDING_HTTP_MAX_CONNECTIONS",
        "ONBOARDING_HTTP_MAX_CONNECTIONS_PER_ADDRESS",
        "ONBOARDING_HTTP_WRITE_SECONDS",
        "ONBOARDING_IDEMPOTENCY_KEY_SECONDS",
        "ONBOARDING_JWKS",
        "ONBOARDING_JWKS_MAX_AGE_SECONDS",
        "ONBOARDING_JWT_ALGORITHMS",
        "ONBOARDING_JWT_AUDIENCE",
        "ONBOARDING_JWT_ISSUER",
        "ONBOARDING_JWT_NAME_CLAIMS",
        "ONBOARDING_JWT_ROLES",
        "ONBOARDING_JWT_ROLE_CLAIMS",
        "ONBOARDING_JWT_TENANTS_CLAIM",
        "ONBOARDING_JWT_USER_CLAIM",
        "ONBOARDING_LEASE_SECONDS",
        "ONBOARDING_LOGIN_URL",
        "ONBOARDING_LOG_FORMAT",
        "ONBOARDING_LOG_LEVEL",
        "ONBOARDING_OIDC_AUTHORITY",
        "ONBOARDING_OIDC_CLIENT_ID",
        "ONBOARDING_OIDC_SCOPES",
        "ONBOARDING_PARTNER_TENANT_ID",
        "ONBOARDING_POLL_SECONDS",
        "ONBOARDING_PORT",
        "ONBOARDING_PROVIDER_PROXY",
        "ONBOARDING_PUBLIC_URL",
        "ONBOARDING_QUEUE_SECONDS",
        "ONBOARDING_RELEASED_TASK_TYPES",
        "ONBOARDING_RUN_DAYS",
        "ONBOARDING_RUN_SECRETS",
        "ONBOARDING_SEQUENCE_WINDOW",
        "ONBOARDING_SHARED_READING_SECONDS",
        "ONBOARDING_SILENCE_SECONDS",
        "ONBOARDING_STREAMS",
        "ONBOARDING_STREAMS_PER_CALLER",
        "ONBOARDING_STREAM_EVENTS",
        "ONBOARDING_STREAM_EVENTS_MB",
        "ONBOARDING_SWEEP_SECONDS",
        "ONBOARDING_TENANT_ACTIVE_RUNS",
        "ONBOARDING_TENANT_CONNECTIONS",
        "ONBOARDING_TENANT_SESSIONS_PER_DAY",
        "ONBOARDING_TASKS_LEFT_OUT",
        "ONBOARDING_TASK_RUNNER_HEALTH_URL",
        "ONBOARDING_TENANT_BINDINGS",
        "ONBOARDING_TENANT_CONCURRENCY",
        "ONBOARDING_TENANT_REQUESTS",
        "ONBOARDING_TENANT_REQUEST_RATE",
        "ONBOARDING_TOPIC_PARTITIONS",
        "ONBOARDING_TOPIC_REPLICATION_FACTOR",
    }
)
"""The settings of all services, which may share an environment."""
OF_TOOLS = frozenset(
    {
        "ONBOARDING_ADDRESS",
        "ONBOARDING_ADMINER_PORT",
        "ONBOARDING_API_PORT",
        "ONBOARDING_DEMO_CLIENT_SECRET",
        "ONBOARDING_GRAFANA_PORT",
        "ONBOARDING_GRAPH_PORT",
        "ONBOARDING_HOME",
        "ONBOARDING_KAFKA_UI_PORT",
        "ONBOARDING_MAVEN_URL",
        "ONBOARDING_OTHER_VARIABLES",
        "ONBOARDING_REVISION",
        "ONBOARDING_TOKEN",
        "ONBOARDING_VERSION",
    }
)
"""The variables of the `onboarding` command and of docker-compose.yml."""


def unknown_variables(environment: Mapping[str, str], own: Collection[str]) -> Iterator[str]:
    """One line for each variable that is unknown, with the nearest right name; ``own`` are settings of this service."""
    others = {name.strip() for name in environment.get(OTHER_VARIABLES, "").split(",")}
    known = OF_SERVICES | OF_TOOLS | others | set(own)
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(OF_TESTS) or {name, name.removesuffix("_FILE")} & known:
            continue
        if name.startswith(OF_TASKS) and not name.startswith(RESERVED_OF_TASKS):
            continue
        candidates = sorted({setting.removeprefix(PREFIX) for setting in (*own, *OF_SERVICES)})
        nearest = difflib.get_close_matches(name.removeprefix(PREFIX).removesuffix("_FILE"), candidates, n=1)
        hint = (
            f"did you mean {PREFIX}{nearest[0]}?"
            if nearest
            else f"list it in {OTHER_VARIABLES} if it is of something else"
        )
        yield f"{name} is no setting: {hint}"
