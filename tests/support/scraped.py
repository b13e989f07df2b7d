"""A metrics page as Prometheus reads it."""

from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """The samples of one scrape."""

    def __init__(self, page: str) -> None:
        families = list(text_string_to_metric_families(page))
        self.names = {_full_name(family.name, family.type) for family in families}
        self.help = {_full_name(family.name, family.type): family.documentation for family in families}
        self.types = {_full_name(family.name, family.type): family.type for family in families}
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the samples of this name that have these labels; ``None`` when there is none."""
        values = [
            sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None

    def count(self, name: str, **labels: str) -> float:
        """The same of a counter, for which none yet is 0."""
        return self.value(name, **labels) or 0.0


async def scrape(app: Any) -> Scraped:
    """Scrape an application in this process, as anybody without a token."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://metrics") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return Scraped(answer.text)


def _full_name(family: str, kind: str) -> str:
    return f"{family}_total" if kind == "counter" else family
