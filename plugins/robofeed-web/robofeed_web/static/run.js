// The run view: how training goes, from the run's own events.

import { get } from "./api.js";
import { chart, percent } from "./chart.js";
import { element } from "./element.js";

const EVERY_MS = 2_000;

export class RunView {
  constructor() {
    this.root = element("section.figures", {}, element("p.quiet", {}, "Loading ..."));
    this.timer = setInterval(() => this.load(), EVERY_MS);
    this.load();
  }

  close() {
    clearInterval(this.timer);
  }

  async load() {
    try {
      this.draw(await get("/api/run"));
    } catch (error) {
      this.root.replaceChildren(element("p.waiting", {}, `The server does not answer: ${error.message}`));
    }
  }

  draw({ about, curves, latest, agreement }) {
    const over = (points, value = (point) => point.value) =>
      points.map((point) => ({ x: point.steps, y: value(point), low: point.low, high: point.high }));
    // The last evaluation has other seeds than those during the run: no point of the same curve.
    const during = curves.success.filter((point) => point.moment !== "final");
    const final = curves.success.find((point) => point.moment === "final");
    const answers = [{ x: 0, y: 0 }, ...over(curves.answers, (point) => point.answers)];
    const facts = {
      Status: about.status,
      Task: about.task || "-",
      Steps: latest.steps.toLocaleString("en"),
      "Time of training": duration(latest.wall_s),
      Answers: latest.answers.toLocaleString("en"),
      "Open questions": latest.open_queries ?? 0,
      "Policy evaluated last": latest.policy_version == null ? "none yet" : `version ${latest.policy_version}`,
      "Success at the end": final ? percent(final.value) : "not measured yet",
      "Agreement (alpha)": agreement === null ? "no question answered twice" : agreement.toFixed(2),
    };
    this.root.replaceChildren(
      element("dl.facts", {}, ...Object.entries(facts).flatMap(([name, value]) => [
        element("div", {}, element("dt", {}, name), element("dd", {}, String(value))),
      ])),
      element("div.charts", {},
        chart({ title: "Success (simulator's truth)", points: over(during), range: [0, 1], format: percent }),
        chart({ title: "Held-out accuracy", points: over(curves.accuracy), range: [0, 1], format: percent }),
        chart({ title: "Answers used", points: answers }),
        chart({ title: "Steps a second", points: over(curves.speed), format: (value) => Math.round(value) }),
      ),
    );
  }
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.round(seconds)} s`;
}
