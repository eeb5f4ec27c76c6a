"""From the key that answers to the first pictures of the next pair, in a real Chromium.

The page of `robofeed label RUN` in headless Chromium, clips of the so101 at 320 x 240 that are
made beforehand; a script answers every two seconds. The time goes from the browser's time stamp of
the key press to the task after the frame in which the next question's canvases were drawn. The
answer is on this machine's disk by then (IndexedDB, strict). `prefetched` counts questions of which
the last byte of every clip was there before the key was pressed; `black` those of which a canvas
was empty when it counted as shown. Wanted: median at most 200 ms, all prefetched, none black.

Says so and measures nothing where there is no Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from answers import summary
from label_pages import film_episodes, make_clips, questions
from playwright.sync_api import Page, sync_playwright
from served_run import Server, make_run

FLAGS = ("--disable-dev-shm-usage", "--disable-gpu", "--no-sandbox")
"""As root Chromium runs only without its sandbox; a container's /dev/shm is small."""
WATCH = """() => {
  performance.setResourceTimingBufferSize(100000);
  window.shown = [];
  let pressed = null;
  addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true });
  const empty = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return !data.some((value, at) => at % 4 < 3 && value > 0);
  };
  new MutationObserver(() => {
    const question = document.body.dataset.question;
    if (pressed === null || !question) return;
    const since = pressed;
    pressed = null;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        const ms = performance.now() - since;
        const black = [...document.querySelectorAll(".clips canvas")].some(empty);
        window.shown.push({ question, pressed: since, ms, black });
      };
      channel.port2.postMessage(null);
    });
  }).observe(document.body, { attributeFilter: ["data-question"] });
}"""
FETCHED = """async (question) => {
  const { clips } = await (await fetch(`/api/questions/${question}`)).json();
  const ends = clips.map((id) => {
    const [first] = performance.getEntriesByName(new URL(`/clips/${id}`, location).href);
    return first ? first.responseEnd : Infinity;
  });
  return Math.max(...ends);
}"""


def answer(page: Page, answers: int, every_ms: float, rng: random.Random) -> list[dict[str, Any]]:
    """Press keys; what was shown after each."""
    page.set_default_timeout(60_000)
    page.wait_for_selector("#agree:visible, body[data-question]")
    if page.is_visible("#agree"):
        page.keyboard.press("Enter")
    page.wait_for_selector("body[data-question]")
    page.evaluate(WATCH)
    for number in range(answers):
        page.wait_for_timeout(every_ms)
        page.keyboard.press(rng.choice("12=s"))
        page.wait_for_function("count => window.shown.length > count", arg=number)
    shown: list[dict[str, Any]] = page.evaluate("window.shown")
    for each in shown:
        each["fetched"] = page.evaluate(FETCHED, each["question"])
    return shown


def measure(answers: int, every_s: float, chromium: str, folder: Path) -> dict[str, Any]:
    """Serve, open the page, answer."""
    run_dir = folder / "run"
    count = answers + 5
    helper, person = make_run(run_dir, questions(count, random.Random(0)), 2)
    film_episodes(run_dir)
    with Server(run_dir) as server, sync_playwright() as playwright:
        make_clips(server, helper, count)
        load = [os.getloadavg()[0]]
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{server.port}/?token={person}#label")
        shown = answer(page, answers, 1e3 * every_s, random.Random(0))
        browser.close()
    load.append(os.getloadavg()[0])
    times_ms = sorted(each["ms"] for each in shown)
    return {
        "answers": len(shown),
        **summary([each / 1e3 for each in times_ms]),
        "p95_ms": round(times_ms[int(0.95 * len(times_ms))], 2),
        "prefetched": sum(each["fetched"] < each["pressed"] for each in shown),
        "black": sum(each["black"] for each in shown),
        "load_average_before_and_after": load,
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--answers", type=int, default=40)
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print(json.dumps({"not_measured": "there is no chromium; scripts/debian.sh installs it"}))
        return
    with tempfile.TemporaryDirectory(dir=".", prefix="benchmark-") as folder:
        result = measure(options.answers, options.every, chromium, Path(folder))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
