"""Which logs of which scenarios are kept as sample-logs, to be recorded anew by `run.py --samples`."""

import pathlib
import shutil

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "sample-logs"

# File: scenario, whose proxy, format.
FILES = {
    "istio-text/rollout.log": ("rollout", "outbound", "text"),
    "istio-text/canary-refused.log": ("canary_refused", "outbound", "text"),
    "istio-text/three-faults.log": ("three_faults", "outbound", "text"),
    "istio-text/grpc-no-endpoints.log": ("grpc_no_endpoints", "outbound", "text"),
    "istio-text/listener-removed.log": ("drained", "outbound", "text"),
    "istio-text/tls-silent-close.log": ("tls_silent_close", "outbound", "text"),
    "istio-text/retry-storm-caller.log": ("pair_retry_storm", "outbound", "text"),
    "istio-text/retry-storm-callee.log": ("pair_retry_storm", "inbound", "text"),
    "istio-json/authorizer-slow.jsonl": ("ext_authz_slow", "outbound", "json"),
    "istio-json/caller-gives-up.jsonl": ("client_timeout", "outbound", "json"),
    "envoy-default/refused-and-overflow.log": ("refused_plain_envoy", "outbound", "default"),
}


def keep(scenario, folder):
    """Copies what a scenario has recorded for the samples."""
    for path, (name, vantage, kind) in FILES.items():
        if name == scenario:
            (SAMPLES / path).parent.mkdir(exist_ok=True)
            shutil.copy(folder / f"{vantage}.{kind}.log", SAMPLES / path)
