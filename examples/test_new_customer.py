"""A test of another team, on the whole product: docs/how-to/test-against-onboarding.md says how to run it."""


def test_a_check_of_a_new_customer_is_published(onboarding):
    customer = onboarding.tenant()
    customer.connect("healthy")
    session = customer.open_session()

    run = customer.start("graph.connectivity")

    finished = onboarding.events.wait_for("RunFinished", tenant=customer.id, run_id=run)
    assert finished["data"]["status"] == "ok"
    assert finished["data"]["session_id"] == session["id"]
    assert onboarding.events.wait_for("EvidenceRecorded", tenant=customer.id, run_id=run)
