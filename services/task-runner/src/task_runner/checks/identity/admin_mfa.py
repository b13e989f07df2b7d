"""``identity.admin_mfa``: multifactor authentication (MFA) of administrators, and their registration for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from task_runner.checks.identity.audience import ROLE, USER, Principal, Tolerated
from task_runner.checks.identity.controls import Demand
from task_runner.checks.identity.coverage import Coverage, Gap, GapKind, best_coverage
from task_runner.checks.identity.mfa import mfa_of, mfa_policies, policy_payloads, with_blocks
from task_runner.checks.identity.policies import READ_POLICIES, AccessPolicy, enforced_of, possible_policy
from task_runner.checks.identity.protection import Protection, defaults_needed, read_protection, tolerated_by
from task_runner.checks.identity.registration import (
    READ_REPORTS,
    Registration,
    Report,
    could_be,
    read_registration,
)
from task_runner.checks.judging import settled
from task_runner.checks.lists import ADMIN_ROLES
from task_runner.checks.subscriptions import READ_ORGANIZATION
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import CannotTell, Result

_NO_REPORT: dict[str, Any] = {"registration_read": False, "registration_reason": None}


def decide(protection: Protection, report: Report | None, tolerated: Tolerated, roles: Mapping[str, str]) -> Result:
    """Return the result for security defaults, the policies and the registration report.

    The report is None if security defaults are enabled. ``roles`` is name to role template id of the administrator
    roles. Policies without a readable report are ``unknown``, never ``ok``.
    """
    if protection.security_defaults:
        message = "Security defaults are enabled; they require multifactor authentication for administrators."
        payload = {"security_defaults_enabled": True, **_NO_REPORT}
        return Result.ok("ADMIN_MFA_ENFORCED", message, payload)
    if not protection.licensed:
        return defaults_needed()
    policies, not_judged = protection.policies.policies, list(protection.policies.not_judged)
    alternatives = [policies, (*policies, possible_policy(Demand.MFA))] if not_judged else [policies]
    reports: Sequence[Report | None] = (report,)
    if isinstance(report, Registration):
        reports, not_judged = could_be(report), [*not_judged, *report.not_judged]
    possible = [
        _Decision(alternative, possible_report, tolerated, roles).result()
        for alternative in alternatives
        for possible_report in reports
    ]
    return settled(possible, not_judged)


class _Decision:
    """One decision: the policies, the report, and the coverage of each role by them."""

    def __init__(
        self, policies: Sequence[AccessPolicy], report: Report | None, tolerated: Tolerated, roles: Mapping[str, str]
    ) -> None:
        self._policies = policies
        self._report = report
        self._tolerated = tolerated
        self._roles = roles
        self._coverages = self._by_role(enforced_of(policies))
        self._uncovered = sorted(set(roles) - self._coverages.keys())

    def result(self) -> Result:
        gaps = _gaps(self._coverages)
        if not self._uncovered and not gaps:
            return self._by_registration()
        if not self._uncovered and all(gap.exclusion for gap in gaps):
            return self._with_exclusions(gaps)
        eventual = self._by_role(self._policies)
        if eventual.keys() == self._roles.keys() and all(gap.exclusion for gap in _gaps(eventual)):
            message = "The policies that would require multifactor authentication for administrators are report-only."
            return Result.warn("ADMIN_MFA_REPORT_ONLY", message, self._payload())
        return self._incomplete(gaps)

    def _by_role(self, policies: Sequence[AccessPolicy]) -> dict[str, Coverage]:
        """Return role name to its best coverage; a role that no policy includes is left out."""
        candidates, others = mfa_policies(policies), with_blocks(policies)
        by_role = {
            name: best_coverage(candidates, others, mfa_of(Principal(ROLE, role)), self._tolerated)
            for name, role in self._roles.items()
        }
        return {name: coverage for name, coverage in by_role.items() if coverage is not None}

    def _incomplete(self, gaps: Sequence[Gap]) -> Result:
        if self._uncovered:
            message = (
                f"No enabled policy requires multifactor authentication for {len(self._uncovered)} of"
                f" {len(self._roles)} administrator roles."
            )
            return Result.fail("ADMIN_MFA_MISSING", message, self._payload())
        texts = "; ".join(dict.fromkeys(gap.text for gap in gaps if not gap.exclusion))
        names = ", ".join(dict.fromkeys(f"“{coverage.policy.name}”" for coverage in self._coverages.values()))
        if all(gap.exclusion or gap.kind is GapKind.EXTERNAL for gap in gaps):
            message = f"For administrators, {names} {texts}."
            return Result.warn("ADMIN_MFA_EXTERNAL", message, self._payload())
        message = f"{names} requires multifactor authentication for administrators only in part: {texts}."
        return Result.fail("ADMIN_MFA_PARTIAL", message, self._payload())

    def _with_exclusions(self, gaps: Sequence[Gap]) -> Result:
        excluded = {gap.principal for gap in gaps if gap.principal is not None}
        users = {principal.id for principal in excluded if principal.kind == USER}
        administrators = self._administrators()
        known = sorted(users & administrators)
        texts = ", ".join(str(principal) for principal in sorted(excluded)[:10])
        named = f" Of these, {', '.join(known[:10])} are administrators." if known else ""
        message = f"Multifactor authentication is required for administrators, with exclusions: {texts}.{named}"
        payload = {**self._payload(), "excluded_administrators": known}
        if administrators and administrators <= users:
            return Result.fail("ADMIN_MFA_EXCLUSIONS", f"{message} No administrator is left.", payload)
        return Result.warn("ADMIN_MFA_EXCLUSIONS", message, payload)

    def _administrators(self) -> frozenset[str]:
        known = self._report.administrators if isinstance(self._report, Registration) else ()
        return frozenset(user.id for user in known)

    def _by_registration(self) -> Result:
        everybody = all(coverage.policy.audience.everybody for coverage in self._coverages.values())
        administrators = (
            "all administrators" if everybody else f"the {len(self._roles)} administrator roles that Microsoft names"
        )
        enforced, payload, report = (
            f"Multifactor authentication is required for {administrators}",
            self._payload(),
            self._report,
        )
        if not isinstance(report, Registration):
            reason = report.reason_code if report else "DATA_INCOMPLETE"
            cause = report.message if report else "The report was not read."
            evidence = {**(report.payload if report else {}), **payload}
            return Result.unknown(
                reason, f"{enforced}, but the registration of administrators could not be read. {cause}", evidence
            )
        if report.unregistered:
            message = (
                f"{enforced}, but {len(report.unregistered)} of {len(report.administrators)} administrators have not"
                " registered an authentication method."
            )
            return Result.warn("ADMIN_MFA_UNREGISTERED", message, payload)
        message = f"{enforced}, and all {len(report.administrators)} administrators have registered."
        return Result.ok("ADMIN_MFA_ENFORCED", message, payload)

    def _payload(self) -> dict[str, Any]:
        report = dict(_NO_REPORT)
        if isinstance(self._report, CannotTell):
            report["registration_reason"] = self._report.reason_code
        elif self._report is not None:
            report = self._report.payload()
        return {
            "security_defaults_enabled": False,
            "policies": policy_payloads(mfa_policies(self._policies), self._tolerated),
            "roles_not_covered": self._uncovered,
            "role_gaps": {
                name: [gap.text for gap in coverage.gaps] for name, coverage in self._coverages.items() if coverage.gaps
            },
            **report,
        }


def _gaps(coverages: Mapping[str, Coverage]) -> list[Gap]:
    return [gap for coverage in coverages.values() for gap in coverage.gaps]


@task(
    "identity.admin_mfa",
    step=5,
    title="Multifactor authentication is required for administrators",
    permissions=(READ_POLICIES, READ_REPORTS, READ_ORGANIZATION),
)
async def identity_admin_mfa(context: TaskContext) -> Result:
    """Reads security defaults and, if they are disabled, the policies and the MFA registration of administrators."""
    await context.progress(0, 2, "Reading security defaults and Conditional Access policies")
    protection, tolerated, roles = await read_protection(context), tolerated_by(context), ADMIN_ROLES.administrators
    if protection.security_defaults or not protection.licensed:
        await context.progress(2, 2, "Done")
        return decide(protection, None, tolerated, roles)
    await context.progress(1, 2, "Reading the registration of administrators")
    report = await read_registration(context)
    await context.progress(2, 2, "Done")
    return decide(protection, report, tolerated, roles)
