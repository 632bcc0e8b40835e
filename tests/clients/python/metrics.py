"""Reads /metrics as the strict parser of OpenMetrics does: python metrics.py URL"""

import sys
from urllib.parse import urljoin
from urllib.request import urlopen

from prometheus_client.openmetrics.parser import text_string_to_metric_families

EXPECTED = {"mcp_server_requests", "mcp_server_operation_duration_seconds", "mcp_server_build"}

with urlopen(urljoin(sys.argv[1], "/metrics")) as response:
    families = list(text_string_to_metric_families(response.read().decode()))
named = {family.name for family in families if family.samples}
assert EXPECTED <= named, EXPECTED - named
print(f"metrics: {len(families)} families, {len(named)} of them with samples")
