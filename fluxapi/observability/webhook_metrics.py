"""Metrics of webhooks, read at each scrape; no label names a webhook or a target."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fluxapi.webhooks.webhooks import Webhooks

__all__ = ["WebhookCollector"]


class WebhookCollector(Collector):
    """A collector of the metrics of all webhooks together."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family once."""
        hooks = list(self._webhooks.hooks)
        states = GaugeMetricFamily("fluxapi_webhooks", "Webhooks by state.", labels=["state"])
        disabled = sum(hook.webhook.disabled is not None for hook in hooks)
        failing = sum(bool(hook.failures) for hook in hooks if hook.webhook.disabled is None)
        states.add_metric(["ok"], len(hooks) - disabled - failing)
        states.add_metric(["failing"], failing)
        states.add_metric(["disabled"], disabled)
        yield states
        attempts = CounterMetricFamily(
            "fluxapi_webhook_attempts", "Messages sent to webhooks, by result.", labels=["result"]
        )
        for result, count in self._webhooks.dispatcher.outcomes.items():
            attempts.add_metric([result], count)
        yield attempts
        for name, text, value in (
            (
                "fluxapi_webhook_pending",
                "Messages that wait to be sent to webhooks.",
                sum(hook.pending + hook.queued for hook in hooks),
            ),
            (
                "fluxapi_webhook_behind_jobs",
                "Jobs whose events are read again when their webhooks have room.",
                sum(len(hook.dirty) for hook in hooks),
            ),
            (
                "fluxapi_webhook_sending",
                "Messages under way to webhooks.",
                self._webhooks.dispatcher.sending,
            ),
            (
                "fluxapi_webhook_store_failing",
                "1 while webhooks cannot be stored.",
                self._webhooks.outbox.problem is not None,
            ),
            (
                "fluxapi_webhook_lost",
                "Events and dead letters of the present webhooks that were lost.",
                sum(hook.webhook.lost for hook in hooks),
            ),
        ):
            yield GaugeMetricFamily(name, text, value=value)
