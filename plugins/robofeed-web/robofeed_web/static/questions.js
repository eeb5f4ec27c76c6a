// Questions ahead of the person: loaded to their first picture before they are needed.

import { get, post } from "./api.js";
import { Stage } from "./stage.js";

const AHEAD = 2;
const LOOK_EVERY_MS = 1_500;

const SOURCES = {
  rank: (count) => post("/api/questions", { count }),
  rate: (count) => get(`/api/to-rate?count=${count}`),
  judge: (count) => get(`/api/to-judge?count=${count}`),
};

export function nameOf(question) {
  return question.id ?? question.episode ?? `${question.query}/${question.place}`;
}

export class Questions {
  // `mode` is rank, rate or judge; `trouble` hears an error, or null once all is well again.
  constructor(mode, trouble) {
    this.mode = mode;
    this.trouble = trouble;
    this.ready = [];
    this.seen = new Set(); // on the screen, or answered
    this.waiting = null;
    this.closed = false;
    this.unsent = () => 0;
    this.filling = false;
    this.timer = setInterval(() => this.fill(), LOOK_EVERY_MS);
    this.fill();
  }

  // The next stage, now if one is ready.
  async next() {
    const stage =
      this.ready.shift() ?? (await new Promise((resolve) => (this.waiting = resolve)));
    this.seen.add(nameOf(stage.question));
    this.count();
    this.fill();
    return stage;
  }

  // On the page too: so many can be answered without the network.
  count() {
    document.body.dataset.ahead = this.ready.length;
  }

  get empty() {
    return this.ready.length === 0;
  }

  // An answer was taken back: its question may come again, first of all.
  again(stage) {
    this.ready.unshift(stage);
  }

  async fill() {
    if (this.filling || this.closed || this.ready.length >= AHEAD) return;
    this.filling = true;
    try {
      // What was answered but not yet stored is still open to the server.
      const count = Math.min(20, AHEAD + 1 + this.unsent());
      const { questions } = await SOURCES[this.mode](count);
      const known = new Set([...this.seen, ...this.ready.map((one) => nameOf(one.question))]);
      for (const question of questions.filter((one) => !known.has(nameOf(one)))) {
        if (this.ready.length >= AHEAD || this.closed) break;
        const stage = await this.load(question);
        if (this.closed) stage.close();
        else if (this.waiting) {
          const give = this.waiting;
          this.waiting = null;
          give(stage);
        } else this.ready.push(stage);
        this.count();
      }
      this.trouble(null);
    } catch (error) {
      this.trouble(error);
    } finally {
      this.filling = false;
    }
  }

  // A clip that cannot be had is no reason to lose the question: it can be skipped.
  async load(question) {
    try {
      return await Stage.load(question);
    } catch (error) {
      if (!error.status || error.status === 401 || error.status === 503) throw error;
      const stage = new Stage(question, []);
      stage.broken = error.message;
      return stage;
    }
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    for (const stage of this.ready) stage.close();
    this.ready = [];
  }
}
