"""The page in a real browser: while a run goes on, when it ends, and from its event log later.

Usage: page_test.py MILLRACE [unittest arguments]
"""
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase
from browser import Browser
from live_run import LiveRun

MILLRACE = os.path.abspath(sys.argv.pop(1))


class PageTest(ScratchCase):
    def setUp(self):
        super().setUp()
        self.browser = Browser(self.path / "profile")
        self.addCleanup(self.browser.close)

    def text(self, element):
        return self.browser.value(f'document.getElementById("{element}").innerText')

    def check_whole(self):
        """All sections of a page of a run that succeeded have something to say, and nothing came from elsewhere."""
        self.browser.wait_for('document.body.dataset.state === "succeeded"')
        jobs = self.text("jobs")
        for part in ("Job 0", "succeeded", "finished"):
            self.assertIn(part, jobs)
        self.assertGreaterEqual(self.browser.value('document.querySelectorAll("#jobs tbody tr").length'), 2)
        self.assertGreater(int(self.browser.value("document.body.dataset.bars")), 6)
        self.assertIn("this process", self.text("executors"))
        self.assertIn("None.", self.text("failures"))
        self.assertIn("Computing", self.text("time"))
        self.assertIn("threads", self.text("options"))
        # The timeline is drawn: more than the background's and the labels' colours are on it.
        colours = self.browser.value("""(() => {
            const canvas = document.querySelector("#timeline canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Map();
            for (let i = 0; i < data.length; i += 4) {
              const colour = data[i] + "," + data[i + 1] + "," + data[i + 2];
              seen.set(colour, (seen.get(colour) || 0) + 1);
            }
            const stage = getComputedStyle(document.documentElement).getPropertyValue("--s0").trim();
            const rgb = [1, 3, 5].map((at) => parseInt(stage.slice(at, at + 2), 16)).join(",");
            return seen.get(rgb) || 0;
        })()""")
        self.assertGreater(colours, 20)
        self.assertEqual(self.browser.errors, [])

    def test_a_run_from_its_beginning_to_its_end(self):
        run = LiveRun(MILLRACE, self.path, self.environment)
        self.addCleanup(run.stop)
        self.browser.open(run.address)
        self.browser.wait_for('document.body.dataset.state === "running" && document.querySelectorAll("#jobs tbody tr").length >= 2')
        self.browser.wait_for('document.getElementById("jobs").innerText.includes("wait for a slot: all 2 are busy")')
        self.assertIn("waits for stage", self.text("jobs"))
        self.assertIn("running 2", self.text("executors"))
        self.assertEqual(run.finish(), (0, ""))
        self.browser.wait_for('document.getElementById("connection").innerText.includes("the run is over")')
        self.check_whole()
        for request in self.browser.requests:
            self.assertTrue(request.startswith(run.address) or request == "about:blank", request)

    def test_the_report_is_the_same_page(self):
        (self.path / "text").write_text("".join(f"word{i % 97} {i}\n" for i in range(60000)))
        run = [MILLRACE, "wordcount", "text", "--split", "64K", "--events", "log", "--threads", "2", "-o", "out"]
        subprocess.run(run, cwd=self.path, env=self.environment, check=True)
        subprocess.run([MILLRACE, "report", "log", "--html", "page.html"], cwd=self.path, check=True)
        self.browser.open((self.path / "page.html").as_uri())
        self.check_whole()
        self.assertEqual([request for request in self.browser.requests if not request.startswith(("file:", "data:"))], [])


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        print("SKIPPED: the page is tested in Chromium, which is not installed (apt-get install chromium)", file=sys.stderr)
        sys.exit(77)
    unittest.main()
