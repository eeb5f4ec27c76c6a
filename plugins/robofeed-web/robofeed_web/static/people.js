// The people view: who gave how much, how quickly, how consistently, and what they agreed to.

import { get } from "./api.js";
import { percent } from "./chart.js";
import { element } from "./element.js";

const EVERY_MS = 3_000;

export class PeopleView {
  constructor(me) {
    this.me = me;
    this.root = element("section.people", {}, element("p.quiet", {}, "Loading ..."));
    this.timer = setInterval(() => this.load(), EVERY_MS);
    this.load();
  }

  close() {
    clearInterval(this.timer);
  }

  async load() {
    try {
      this.draw(await get("/api/people"));
    } catch (error) {
      this.root.replaceChildren(element("p.waiting", {}, `The server does not answer: ${error.message}`));
    }
  }

  draw({ people, taken_back: takenBack }) {
    const head = ["Person", "Labels", "Can't tell", "Other", "Median s", "Consistency", "Consent"];
    const rows = Object.entries(people).map(([person, row]) => {
      const cells = [
        person === this.me.person ? `${person} (you)` : person,
        row.labels,
        row.skips,
        row.others,
        row.median_s ?? "-",
        row.consistency === null ? "not asked twice" : `${percent(row.consistency)} of ${row.repeats}`,
        row.consent ?? "none",
      ];
      const named = cells.map((cell, index) => element("td", { "data-head": head[index] }, String(cell)));
      return element("tr", {}, ...named);
    });
    const table = element(
      "table.people",
      {},
      element("thead", {}, element("tr", {}, ...head.map((name) => element("th", {}, name)))),
      element("tbody", {}, ...rows),
    );
    this.root.replaceChildren(
      element("h1", {}, "People"),
      rows.length ? table : element("p.waiting", {}, "Nobody has said anything yet."),
      element("p.quiet", {}, `${takenBack} answers were taken back.`),
      element("p.quiet", {}, "Consistency: the same clips shown again, in another order, got the same answer."),
    );
  }
}
