"""The lists of published ids."""

from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.gdap_roles import ROLES
from task_runner.checks.lists import ADMIN_ROLES, GDAP_ROLES, MANIFEST, PLANS
from task_runner.tasks import discover


def test_the_ids_are_the_published_ones() -> None:
    assert ADMIN_ROLES.global_administrator == "62e90394-69f5-4237-9190-012177145e10"
    assert PLANS.premium_p1 == "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
    assert PLANS.premium_p2 == "eec0eb4f-6444-4f95-aba0-50c24d67f998"
    assert PLANS.privileged_identity == (PLANS.premium_p2, "e866a266-3cff-43a3-acca-0c90a7e00c8b")
    assert MANIFEST.app_roles["Organization.Read.All"] == "498476ce-e0fe-48b0-b801-37ba7e2685c6"


def test_fourteen_roles_are_those_of_administrators() -> None:
    assert len(set(ADMIN_ROLES.administrators.values())) == len(ADMIN_ROLES.administrators) == 14
    assert ADMIN_ROLES.administrators["Global Administrator"] == ADMIN_ROLES.global_administrator
    assert ADMIN_ROLES.administrators["Privileged Role Administrator"] == "e8611ab8-c189-46e8-94e1-60213ab1f814"


def test_every_list_names_its_source() -> None:
    assert all(
        published_list.source.startswith("https://learn.microsoft.com/")
        for published_list in (ADMIN_ROLES, MANIFEST, PLANS)
    )


def test_the_manifest_has_exactly_the_permissions_of_reading_tasks() -> None:
    needed = {name for task in discover().values() if task.mode == "shared" for name in task.declaration.permissions}

    assert set(MANIFEST.app_roles) == needed


def test_registrations_of_the_emulator_require_exactly_the_manifest() -> None:
    granted = {name: APP_ROLES.app_roles[name] for name in APP_ROLES.required_by_default}

    assert granted == MANIFEST.app_roles


def test_the_manifest_hash_does_not_depend_on_the_order() -> None:
    turned = dict(reversed(MANIFEST.app_roles.items()))

    assert type(MANIFEST)(source="", version="", resource_app_id="", app_roles=turned).sha256 == MANIFEST.sha256


def test_a_relationship_has_two_required_roles_and_an_optional_one() -> None:
    assert (len(GDAP_ROLES.required), len(GDAP_ROLES.optional)) == (2, 1)
    assert GDAP_ROLES.required["Cloud Application Administrator"] == "158c047a-c907-4556-b7ef-446551a6b5f7"
    assert GDAP_ROLES.required["Privileged Role Administrator"] == "e8611ab8-c189-46e8-94e1-60213ab1f814"
    assert GDAP_ROLES.optional["Global Reader"] == "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
    assert ADMIN_ROLES.global_administrator not in GDAP_ROLES.names


def test_the_emulator_has_the_expected_roles_under_the_same_ids() -> None:
    expected = {**GDAP_ROLES.required, **GDAP_ROLES.optional}

    assert expected.items() <= ROLES.items()
