"""The settings file of tenant bindings."""

import json
from typing import Any

import pytest

from onboarding_shared.contracts.bindings import MicrosoftTenant, parse_bindings

CONTOSO = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
ENTRY = {"tenant_id": 42, "external_tenant_id": CONTOSO, "client_id": CONTOSO, "credential": "graph-main"}


def test_guids_are_in_lower_case_and_the_cloud_is_public() -> None:
    (binding,) = parse_bindings(json.dumps([ENTRY])).values()

    assert binding.microsoft_tenant == MicrosoftTenant("public", CONTOSO.lower())
    assert (binding.tenant_id, binding.client_id, binding.credential) == (42, CONTOSO.lower(), "graph-main")


@pytest.mark.parametrize(
    "changed",
    [
        {"tenant_id": 0},
        {"tenant_id": "42"},
        {"external_tenant_id": "contoso.com"},
        {"external_tenant_id": f"{CONTOSO}\n"},
        {"client_id": ""},
        {"credential": "S3cret~Value"},
        {"cloud": "mars"},
        {"tenants": "all"},
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cloud|list of tenant bindings"):
        parse_bindings(json.dumps([ENTRY | changed]))


def test_the_partners_own_tenant_is_never_bound() -> None:
    with pytest.raises(ValueError, match="entry 1: the Microsoft tenant is the partner's own"):
        parse_bindings(json.dumps([ENTRY]), partner_tenant_id=CONTOSO)
    assert len(parse_bindings(json.dumps([ENTRY]))) == 1


def test_a_microsoft_tenant_is_bound_once() -> None:
    same = ENTRY | {"tenant_id": 43, "external_tenant_id": CONTOSO.lower()}
    with pytest.raises(ValueError, match="entry 2"):
        parse_bindings(json.dumps([ENTRY, same]))

    assert len(parse_bindings(json.dumps([ENTRY, same | {"cloud": "china"}]))) == 2
