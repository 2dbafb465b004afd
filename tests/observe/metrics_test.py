"""The metrics of a live run: promtool likes them, a real Prometheus scrapes them, and only those with the token get them.

Usage: metrics_test.py MILLRACE [unittest arguments]
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase
from live_run import LiveRun

MILLRACE = os.path.abspath(sys.argv.pop(1))
TOKEN = "a-token-of-the-test-0123"


class MetricsTest(ScratchCase):
    def setUp(self):
        super().setUp()
        self.environment["MILLRACE_UI_TOKEN"] = TOKEN
        self.run_of_job = LiveRun(MILLRACE, self.path, self.environment)
        self.addCleanup(self.run_of_job.stop)

    def get(self, path, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.run_of_job.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def metrics_with(self, line, path, **headers):
        """The metrics once they have the line: executors and tasks come a moment after the page."""
        end = time.monotonic() + 30
        while line not in (metrics := self.get(path, **headers)) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn(line, metrics)
        return metrics

    def test_promtool_likes_them(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed (apt-get install prometheus)")
        metrics = self.metrics_with("millrace_tasks_running 2\n", f"/{TOKEN}/metrics")
        result = subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True, capture_output=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))

    def test_only_those_with_the_token_get_them(self):
        self.assertEqual(self.run_of_job.token, TOKEN)
        self.metrics_with("millrace_slots 2\n", "/metrics", Authorization=f"Bearer {TOKEN}")
        for path in ("/metrics", "/wrong/metrics"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.get(path)
            self.assertEqual(refused.exception.code, 403)

    def test_a_prometheus_scrapes_them(self):
        if shutil.which("prometheus") is None:
            self.skipTest("prometheus is not installed (apt-get install prometheus)")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (self.path / "token").write_text(TOKEN)
        (self.path / "prometheus.yml").write_text(
            "scrape_configs:\n- job_name: millrace\n  scrape_interval: 1s\n  authorization:\n    credentials_file: token\n"
            f"  static_configs:\n  - targets: ['127.0.0.1:{self.run_of_job.port}']\n")
        prometheus = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"],
            cwd=self.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.kill)

        def query(expression):
            address = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
            try:
                with urllib.request.urlopen(address, timeout=5) as answer:
                    result = json.load(answer)["data"]["result"]
            except OSError:
                return None  # it has not started yet
            return float(result[0]["value"][1]) if result else None

        def wait_for(expression, right):
            deadline = time.monotonic() + 120
            while (found := query(expression)) is None or not right(found):
                self.assertLess(time.monotonic(), deadline, f"{expression} is {found}")
                time.sleep(0.2)

        wait_for("up", lambda value: value == 1)
        wait_for("millrace_tasks_running", lambda value: value == 2)
        wait_for('millrace_jobs{state="running"}', lambda value: value == 1)
        wait_for("millrace_tasks_pending", lambda value: value > 0)


if __name__ == "__main__":
    if shutil.which("prometheus") is None:
        print("SKIPPED: Prometheus and promtool are not installed (apt-get install prometheus); the rest is tested", file=sys.stderr)
    unittest.main()
