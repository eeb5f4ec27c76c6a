// The live view: the arm as it is now, who has the controls, and driving it.

import { element } from "./element.js";
import { axisKeys, Hold } from "./hold.js";

const AGAIN_MS = 1_000;
const MANNED = ["recording", "steering", "live"]; // without somebody at the controls nothing moves
const degrees = (rad) => `${((rad * 180) / Math.PI).toFixed(1)}°`;
const millimetres = (place) => `${place.map((m) => (1000 * m).toFixed(0)).join(", ")} mm`;

export class LiveView {
  // `agreed` resolves once the person has agreed to the text about what is kept.
  constructor(news, agreed) {
    this.news = news;
    this.agreed = agreed;
    this.mayDrive = false;
    this.welcome = null;
    this.hold = new Hold(
      (command) => this.send(command),
      (why) => {
        news(`Controls given back: ${why}.`);
        this.drawControls();
      },
    );
    this.stopped = "";
    this.pressed = (event) => this.press(event);
    addEventListener("keydown", this.pressed);
    this.canvas = element("canvas", { width: 320, height: 240 });
    this.pen = this.canvas.getContext("2d");
    this.blind = element("p.blind", { role: "status", hidden: true });
    this.doing = element("p.doing", { role: "status" });
    this.state = element("div.state");
    this.controls = element("div.controls");
    this.root = element(
      "section.live",
      {},
      element("div.picture", {}, this.canvas, this.blind, this.doing, this.controls),
      this.state,
    );
    this.drawGone();
    this.connect();
  }

  close() {
    this.closed = true;
    removeEventListener("keydown", this.pressed);
    this.hold.close();
    this.socket?.close();
  }

  connect() {
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/live`);
    socket.binaryType = "blob";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.hear(JSON.parse(data));
      else this.show(data);
    };
    socket.onclose = () => {
      this.hold.end();
      this.drawGone("The server does not answer.");
      setTimeout(() => this.connect(), AGAIN_MS);
    };
    this.socket = socket;
  }

  send(command) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command));
  }

  async show(jpeg) {
    const picture = await createImageBitmap(jpeg);
    if (this.canvas.width !== picture.width) {
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
    }
    if (this.blind.hidden) this.pen.drawImage(picture, 0, 0);
    picture.close();
  }

  // A picture that is no longer true is worse than none to somebody who drives by it.
  drawBlind(why) {
    this.blind.hidden = !why;
    this.blind.textContent = why && `No picture: ${why}`;
    if (why) this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  hear(message) {
    const heard = {
      hello: () => {
        this.mayDrive = message.may_drive;
        this.whyNot = message.why_not;
        this.drawControls();
      },
      welcome: () => {
        this.welcome = message;
        this.drawControls();
      },
      state: () => this.drawState(message),
      picture: () => this.drawBlind(message.why_not),
      busy: () => this.drawBusy(message),
      taken: () => {
        // Not asked for any longer: the page was left meanwhile.
        if (!this.hold.asking || !this.welcome) return this.send({ do: "release" });
        this.hold.begin(this.welcome.action);
        return this.drawControls();
      },
      stopping: () => {
        this.stopped = `Stopped by ${message.person}: nothing moves any more, and the run ends.`;
        this.hold.end();
        this.drawDoing(this.stopped);
        this.drawControls();
      },
      refused: () => {
        // Else it is about something that was on its way when the controls were lost.
        if (!this.hold.asking) return;
        this.hold.end();
        this.holder = message.holder;
        this.news(message.reason);
        this.drawControls();
      },
      lost: () => {
        this.hold.end();
        this.news(`You no longer have the controls: ${message.reason}`);
        this.drawControls();
      },
      error: () => this.news(message.reason),
      gone: () => this.drawGone(),
    }[message.is];
    heard?.();
  }

  drawGone(why = "No arm is there: the run is not going on. This view waits for it.") {
    this.welcome = null;
    delete this.root.dataset.mode;
    this.drawBlind(""); // of an arm that is there again it is said again
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.state.replaceChildren(element("p.waiting", {}, why));
    this.drawDoing(this.stopped);
    this.drawControls();
  }

  drawDoing(text) {
    if (this.doing.textContent !== text) this.doing.textContent = text;
    this.doing.hidden = !text;
  }

  // No step is made just now: why, and who will have the arm in the next one.
  drawBusy({ doing, moves, holder }) {
    this.root.dataset.busy = doing;
    this.moves = moves; // on its way to where an episode begins it does, whatever its mode was before
    this.root.dataset.holder = holder?.person ?? "";
    const then = this.hold.active ? " You have the controls and move it as soon as that is done." : "";
    this.drawDoing(this.stopped || `The arm ${moves ? "moves by itself" : "holds still"}: ${doing}.${then}`);
  }

  drawState(state) {
    const watched = state.phase === "evaluation"; // whoever has the controls, the policy moves it
    this.root.dataset.mode = watched ? "autonomous" : state.mode;
    this.mode = state.mode;
    delete this.root.dataset.busy;
    this.moves = false;
    this.drawDoing(this.stopped || this.hint(state));
    const alone = MANNED.includes(state.phase) ? "nobody" : "the policy";
    const holder = state.holder ? `${state.holder.person} (${state.holder.source})` : alone;
    this.root.dataset.phase = state.phase;
    const { latency } = state;
    const still = MANNED.includes(state.phase) && !state.holder; // no policy has it either
    const facts = {
      Mode: still && state.mode === "autonomous" ? "holds" : this.root.dataset.mode,
      "In control": holder,
      ...(state.policy_version < 0 ? {} : { "Policy version": state.policy_version }),
      Episode: `${state.episode_id} · step ${state.step}`,
      Doing: state.phase,
      "Tool x, y, z": millimetres(state.tool_m ?? []),
      Gripper: state.gripper == null ? "none" : `${Math.round(100 * state.gripper)} % open`,
      "Key to action": latency?.count ? `${latency.median_ms.toFixed(0)} ms, median of ${latency.count}` : "-",
      Overruns: state.overruns ?? 0,
    };
    const rows = Object.entries(facts).map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, String(value))),
    );
    const joints = (state.joint_rad ?? []).map((rad, index) =>
      element("li", {}, element("span", {}, `joint ${index + 1}`), element("meter", {
        min: -Math.PI, max: Math.PI, value: rad, "aria-label": `joint ${index + 1}`,
      }), element("span", {}, degrees(rad))),
    );
    this.state.replaceChildren(element("dl.facts", {}, ...rows), element("ul.joints", {}, ...joints));
  }

  // What somebody at the controls, or about to take them, should know of this state.
  hint({ mode, phase, kept }) {
    if (phase === "steering" && mode !== "paused") {
      return this.hold.active ? "" : "The arm holds until somebody takes the controls.";
    }
    if (phase === "recording" && mode !== "paused") {
      const how = this.hold.active
        ? "Move the arm through the task, then End as success; Discard throws the episode away."
        : "The scene waits for somebody to take the controls.";
      return `Recording: ${kept} kept. ${how}`;
    }
    if (phase === "evaluation" && this.hold.active) return "An evaluation, which nobody steers: you have the arm after it.";
    if (phase === "live" && mode !== "paused") return `Live: ${kept} done. A key takes the arm over, space pauses it.`;
    if (mode !== "paused") return "";
    if (phase === "steering") return "Paused: the arm holds. Space or a key goes on.";
    return this.hold.active
      ? "Paused: the arm holds. Space lets the policy go on, a key moves the arm."
      : "Paused: the arm holds until somebody takes the controls and lets it go on.";
  }

  drawControls() {
    if (!this.welcome) return this.controls.replaceChildren();
    if (!this.mayDrive) {
      return this.controls.replaceChildren(element("p.quiet", {}, `You may watch and stop. ${this.whyNot}`));
    }
    const does = (text, command) => element("button.judging", { onclick: () => this.hold.say(command) }, text);
    if (this.hold.asking) {
      const cancel = element("button", { id: "cancel", onclick: () => this.giveBack() }, "Leave it");
      return this.controls.replaceChildren(element("p.quiet", {}, "Asking for the controls ..."), cancel);
    }
    if (!this.hold.active) {
      const over = this.holder
        ? element("button.danger", { id: "take-over", onclick: () => this.ask(true) }, "Take over")
        : null;
      this.holder = null;
      const take = element("button.primary", { id: "take", onclick: () => this.ask(false) }, "Take the controls");
      return this.controls.replaceChildren(take, over ?? "");
    }
    return this.controls.replaceChildren(
      element("div.row", {},
        element("button.primary", { id: "release", onclick: () => this.giveBack() }, "Give back", element("kbd", {}, "Esc")),
        element("button.judging", { id: "let-go", onclick: () => this.hold.say({ do: "let_go" }) }, "Let the policy act"),
        element("button", { id: "pause", onclick: () => this.pause() }, "Pause, go on", element("kbd", {}, "space")),
        does("End as success", { do: "mark", success: true }),
        does("End as failure", { do: "mark", success: false }),
        does("Discard", { do: "discard" }),
      ),
      this.drawSpeed(),
      element("div.pads", {}, ...this.drawPads(this.welcome.action.names)),
      element("p.quiet", {}, "Hold a key to move; letting go holds still. Leaving the window gives the controls back."),
    );
  }

  async ask(over) {
    await this.agreed();
    this.hold.ask();
    this.send({ do: "take", over });
    this.drawControls();
  }

  giveBack() {
    this.send({ do: "release" });
    this.hold.end();
    this.drawControls();
  }

  pause() {
    this.hold.say({ do: this.mode === "paused" && !this.moves ? "resume" : "pause" });
  }

  press(event) {
    if (!this.hold.active || event.repeat || event.target.closest?.("button, input, dialog")) return;
    if (event.key === "Escape") this.giveBack();
    else if (event.key === " ") this.pause();
    else return;
    event.preventDefault();
  }

  drawSpeed() {
    const slider = element("input", { type: "range", min: 5, max: 100, value: 100 * this.hold.scale, id: "speed" });
    slider.oninput = () => (this.hold.scale = slider.value / 100);
    return element("label.row", {}, "Speed", slider);
  }

  drawPads(names) {
    const keys = axisKeys(names);
    return names.map((name, axis) => this.drawPad(name, keys[axis]));
  }

  drawPad(name, keys) {
    const pads = keys.map((key, index) => {
      const held = (down) => (event) => {
        event.preventDefault();
        this.hold.press(key, down);
      };
      const pad = element("button.pad", { title: `${name} ${index ? "down" : "up"}` }, index ? "− " : "+ ", element("kbd", {}, key));
      pad.onpointerdown = held(true);
      pad.onpointerup = pad.onpointerleave = pad.onpointercancel = held(false);
      return pad;
    });
    return element("div.axis", {}, element("span", {}, name), ...pads);
  }
}
