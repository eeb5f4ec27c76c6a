// The label view: clips side by side, one key an answer.

import { uuid } from "./api.js";
import { $, element } from "./element.js";
import { showHelp } from "./help.js";
import { Keys, PLACES, keyName, meantElsewhere } from "./keys.js";
import { Questions, nameOf } from "./questions.js";
import { Ranking } from "./ranking.js";

const PROMPTS = {
  rank: (clips) => (clips > 2 ? "Rank the clips, best first" : "Which clip shows better behaviour?"),
  rate: () => "How good is this? 1 (bad) to 5 (good)",
  judge: () => "Did the arm succeed?",
};
const NOTHING = {
  rank: "Every question is answered, or being answered by others. The next one appears here by itself while the run goes on.",
  rate: "You have rated every clip that was asked about so far.",
  judge: "You have judged every episode so far.",
};
const MODES = { rank: "Compare", rate: "Rate", judge: "Success?" };
const UNDOABLE = 20;
const PAIR_ARROWS = { ArrowLeft: "first", ArrowRight: "second", ArrowUp: "equal", ArrowDown: "skip" };

// A button that was clicked with a pointer would get the next space or Enter.
const unfocus = (event) => event.detail && document.activeElement?.blur();

export class LabelView {
  constructor(outbox, news) {
    this.outbox = outbox;
    this.news = news;
    this.keys = new Keys();
    this.said = []; // what can be undone, the newest last
    this.answered = 0;
    this.mode = "rank";
    this.root = element("section.label");
    this.pressed = (event) => this.press(event);
    addEventListener("keydown", this.pressed);
    this.begin("rank");
  }

  close() {
    removeEventListener("keydown", this.pressed);
    this.questions.close();
    this.stage?.close();
    for (const { stage } of this.said) stage.close();
  }

  begin(mode) {
    this.questions?.close();
    this.stage?.close();
    this.stage = null;
    this.mode = mode;
    const trouble = (error) => this.trouble(error);
    this.questions = new Questions(mode, trouble);
    this.questions.unsent = () => this.outbox.waiting;
    this.next();
  }

  // What goes wrong while looking for questions matters only to somebody who waits for one.
  trouble(error) {
    this.hindrance = error;
    if (!this.stage) this.drawWaiting();
  }

  async next(asked = performance.now()) {
    const questions = this.questions;
    if (questions.empty) this.drawWaiting();
    const stage = await questions.next();
    if (questions.closed) return stage.close();
    this.show(stage);
    document.body.dataset.shownMs = (performance.now() - asked).toFixed(1);
  }

  show(stage) {
    this.stage = stage;
    this.ranking = new Ranking(stage.question.clips.length);
    this.focus = 0;
    this.draw();
    stage.start();
    document.body.dataset.question = nameOf(stage.question);
  }

  draw() {
    const { stage, mode } = this;
    const clips = stage.question.clips.length;
    this.badges = [];
    const shots = stage.shots.map((shot, place) => this.drawShot(shot, place));
    const tall = stage.shots.some(({ canvas }) => canvas.height > canvas.width) ? ".tall" : "";
    const broken =
      stage.broken && element("p.broken", {}, `This clip cannot be shown: ${stage.broken}`);
    this.root.replaceChildren(
      this.drawModes(),
      element("h1", {}, PROMPTS[mode](clips)),
      element(`div.clips.of${clips}${tall}`, {}, ...shots, broken),
      this.drawActions(),
    );
    this.mark();
  }

  drawShot(shot, place) {
    const badge = element("span.rank", { "aria-live": "polite" });
    if (this.mode === "rank") this.badges.push(badge);
    shot.canvas.dataset.place = place;
    const onclick = (event) => {
      unfocus(event);
      this.choose(place);
    };
    const choose = { title: "Choose this clip", onclick };
    const { missing } = shot;
    return element(
      "figure",
      {},
      shot.canvas,
      missing.length > 0 &&
        element("p.missing", {}, `${missing.length} pictures of this clip are missing (striped)`),
      this.mode === "rank" &&
        element("button.choose", choose, element("kbd", {}, this.key(PLACES[place])), badge),
    );
  }

  drawModes() {
    const tabs = Object.entries(MODES).map(([mode, name]) => {
      const press = { "aria-pressed": String(mode === this.mode), onclick: () => this.begin(mode) };
      return element("button.tab", press, name);
    });
    return element("div.modes", { role: "group", "aria-label": "What to do" }, ...tabs);
  }

  drawActions() {
    const clips = this.stage?.question.clips.length ?? 2;
    const button = (action, text) =>
      element("button", { onclick: () => this.act(action) }, element("kbd", {}, this.key(action)), text);
    const answers = {
      rank: () => [
        button("equal", clips > 2 ? "Tie" : "Equal"),
        clips > 2 && button("rest", "Rest equal"),
        button("skip", "Can't tell"),
      ],
      rate: () => PLACES.map((action, index) => button(action, "★".repeat(index + 1))),
      judge: () => [button("first", "Success"), button("second", "Failure")],
    }[this.mode]();
    return element(
      "div.actions",
      { onclick: unfocus },
      ...answers,
      button("undo", "Undo"),
      button("note", "Note"),
      button("pause", "Pause"),
      button("help", "Keys"),
      element("span.count", {}, `${this.answered} answered`),
    );
  }

  drawWaiting() {
    this.stage = null;
    delete document.body.dataset.question;
    const why = this.hindrance
      ? `The server does not answer (${this.hindrance.message}). What you said is kept here.`
      : NOTHING[this.mode];
    this.root.replaceChildren(
      this.drawModes(),
      element("h1", {}, "Nothing to answer"),
      element("p.waiting", {}, why),
      this.drawActions(),
    );
  }

  mark() {
    const many = this.badges.length > 2;
    this.badges.forEach((badge, place) => {
      const rank = this.ranking.rank(place);
      badge.textContent = rank ? (rank === 1 ? "best" : `rank ${rank}`) : "";
      badge.closest("figure").classList.toggle("focused", many && place === this.focus);
      badge.closest("figure").classList.toggle("ranked", rank !== null);
    });
    this.root.classList.toggle("tie", this.ranking.tie);
  }

  key(action) {
    return keyName(this.keys.of(action));
  }

  press(event) {
    if (meantElsewhere(event) || document.querySelector("dialog[open]")) return;
    const action = this.keys.action(event.key) ?? this.arrow(event.key);
    const button = [" ", "Enter"].includes(event.key) && event.target.closest?.("button");
    if (!action || button) return;
    event.preventDefault();
    if (!event.repeat) this.act(action);
  }

  // Arrows answer a pair; among more clips they move, and ↑ picks.
  arrow(key) {
    if (this.mode !== "rank" || !this.stage) return null;
    const clips = this.stage.question.clips.length;
    if (clips === 2) return PAIR_ARROWS[key] ?? null;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step) {
      this.focus = (this.focus + step + clips) % clips;
      this.mark();
    }
    return key === "ArrowUp" ? PLACES[this.focus] : null;
  }

  act(action) {
    if (action === "help") return showHelp(this.keys, () => this.stage && this.draw());
    if (action === "undo") return this.undo();
    if (action === "mode") return this.begin({ rank: "rate", rate: "judge", judge: "rank" }[this.mode]);
    if (!this.stage) return undefined;
    if (action === "pause") return this.stage.toggle();
    if (action === "note") return this.note();
    return this.answerBy(action);
  }

  answerBy(action) {
    const { question } = this.stage;
    const place = PLACES.indexOf(action);
    if (this.mode === "rate" && place >= 0) {
      return this.say({ kind: "rating", query: question.query, place: question.place, stars: place + 1 });
    }
    if (this.mode === "judge" && (place === 0 || place === 1)) {
      return this.say({ kind: "outcome", episode: question.episode, success: place === 0 });
    }
    if (this.mode !== "rank") return undefined;
    if (action === "skip") return this.say({ kind: "skip", query: question.id });
    if (this.stage.broken) return undefined;
    if (action === "equal") this.ranking.equal();
    if (action === "rest") this.ranking.rest();
    if (action === "back") this.ranking.back();
    if (place >= 0) this.ranking.pick(place);
    return this.ranked();
  }

  choose(place) {
    this.ranking.pick(place);
    this.ranked();
  }

  ranked() {
    this.mark();
    const { order } = this.ranking;
    return order ? this.say({ kind: "ranking", query: this.stage.question.id, places: order }) : undefined;
  }

  // Into the outbox first; the next question follows once this one is safe on this machine.
  async say(answer) {
    const { stage } = this;
    if (stage.answered) return;
    stage.answered = true;
    const asked = performance.now();
    const entry = { uuid: uuid(), ...answer, shown_at_ms: stage.shown, answered_at_ms: Date.now() };
    try {
      await this.outbox.put(entry);
    } catch (error) {
      stage.answered = false;
      this.news(`This browser could not keep the answer (${error.message}); it was not given.`);
      return;
    }
    this.answered += 1;
    stage.pause();
    this.said.push({ uuid: entry.uuid, stage, mode: this.mode });
    if (this.said.length > UNDOABLE) this.said.shift().stage.close();
    this.stage = null;
    await this.next(asked);
  }

  async undo() {
    const last = this.said.at(-1);
    if (!last) return this.news("There is nothing to undo.");
    this.said.pop();
    const now = Date.now();
    const stamp = { uuid: uuid(), shown_at_ms: last.stage.shown, answered_at_ms: now };
    await this.outbox.put({ kind: "retraction", retracts: last.uuid, ...stamp });
    this.answered -= 1;
    if (last.mode !== this.mode) return undefined;
    if (this.stage) {
      this.stage.pause();
      this.stage.shown = null;
      this.questions.again(this.stage);
    } else {
      // Somebody waits for the next question: this one comes first, and the next one after it.
      this.questions.waiting = null;
    }
    Object.assign(last.stage, { answered: false, shown: null, at: 0 });
    return this.show(last.stage);
  }

  note() {
    const dialog = $("note");
    const about = nameOf(this.stage.question);
    const shown = this.stage.shown;
    $("note-text").value = "";
    dialog.returnValue = "";
    $("note-text").onkeydown = (event) => {
      if (event.key === "Enter" && event.ctrlKey) dialog.close("keep");
    };
    dialog.onclose = async () => {
      const text = $("note-text").value.trim();
      if (dialog.returnValue !== "keep" || !text) return;
      const stamp = { uuid: uuid(), shown_at_ms: shown, answered_at_ms: Date.now() };
      await this.outbox.put({ kind: "remark", text, about, ...stamp });
      this.news("Note kept.");
    };
    dialog.showModal();
    $("note-text").focus();
  }
}
