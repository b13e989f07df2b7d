"""Calls the API through the generated package."""

import sys

from onboarding_client import AuthenticatedClient
from onboarding_client.api.evidence import list_evidence
from onboarding_client.api.sessions import get_session_report, open_session
from onboarding_client.models import CheckStatus, OnboardingSession, SessionReport

url, token, tenant = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = AuthenticatedClient(base_url=url, token=token)

session = open_session.sync(tenant, client=client)
assert isinstance(session, OnboardingSession), session
evidence = list_evidence.sync(tenant, client=client, status=CheckStatus.FAIL, limit=5, session=session.id)
assert isinstance(evidence, list), evidence
report = get_session_report.sync(tenant, session.id, client=client)
assert isinstance(report, SessionReport), report
print(session.status.value, len(evidence), report.counts.not_checked)
