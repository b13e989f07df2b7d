"""The settings of the providers, from those of the service."""

from task_runner.providers.settings import ProviderSettings
from task_runner.settings import GdapSettings, OutsideSettings
from task_runner.tasks.gdap_profile import GdapProfile


def provider_settings(outside: OutsideSettings, gdap: GdapSettings, concurrency: int) -> ProviderSettings:
    """The settings of the providers. Their connection pool has room for every run: a slow tenant cannot exhaust it."""
    return ProviderSettings(
        max_connections=max(100, 2 * concurrency),
        graph_url=outside.graph_url,
        login_url=outside.login_url,
        tenant_requests=outside.tenant_requests,
        tenant_request_rate=outside.tenant_request_rate,
        shared_reading_seconds=outside.shared_reading_seconds,
        answer_memory=outside.answer_memory_mb * 1024**2,
        max_reading_bytes=outside.answer_memory_mb * 1024**2 // 4,
        partner_tenant_id=outside.partner_tenant_id,
        emergency_access=outside.emergency_access or {},
        gdap=GdapProfile(
            required_roles=gdap.roles or {},
            duration_days=gdap.duration_days,
            auto_extend=gdap.auto_extend,
            service_account=gdap.service_account,
        ),
        proxy=outside.proxy,
        credentials=outside.credentials or {},
        bindings_path=outside.bindings_path,
        credential_prefix=outside.credential_prefix,
        credential_directory=outside.credential_directory,
    )
