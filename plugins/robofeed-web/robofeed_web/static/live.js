// The live view: the arm as it is now, who has the controls, and driving it.

import { element } from "./element.js";
import { AXIS_KEYS, Hold } from "./hold.js";

const AGAIN_MS = 1_000;
const degrees = (rad) => `${((rad * 180) / Math.PI).toFixed(1)}°`;
const millimetres = (m) => `${(1000 * m).toFixed(0)} mm`;

export class LiveView {
  constructor(news) {
    this.news = news;
    this.mayDrive = false;
    this.welcome = null;
    this.hold = new Hold(
      (command) => this.send(command),
      (why) => {
        news(`Controls given back: ${why}.`);
        this.drawControls();
      },
    );
    this.canvas = element("canvas", { width: 320, height: 240 });
    this.pen = this.canvas.getContext("2d");
    this.state = element("div.state");
    this.controls = element("div.controls");
    this.root = element(
      "section.live",
      {},
      element("div.picture", {}, this.canvas, this.controls),
      this.state,
    );
    this.drawGone();
    this.connect();
  }

  close() {
    this.closed = true;
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
    this.pen.drawImage(picture, 0, 0);
    picture.close();
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
      taken: () => {
        this.hold.begin(this.welcome.action);
        this.drawControls();
      },
      refused: () => {
        this.hold.end();
        this.refusal = message.reason;
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
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.state.replaceChildren(element("p.waiting", {}, why));
    this.drawControls();
  }

  drawState(state) {
    this.root.dataset.mode = state.mode;
    this.root.dataset.holder = state.holder?.person ?? "";
    const holder = state.holder ? `${state.holder.person} (${state.holder.source})` : "the policy";
    const { latency } = state;
    const facts = {
      Mode: state.mode,
      "In control": holder,
      "Policy version": state.policy_version,
      Episode: `${state.episode_id} · step ${state.step}`,
      Doing: state.phase,
      Tool: (state.tool_m ?? []).map(millimetres).join("  "),
      Gripper: state.gripper == null ? "-" : Number(state.gripper).toFixed(2),
      "Key to action": latency?.count ? `${latency.median_ms.toFixed(0)} ms (median of ${latency.count})` : "-",
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

  drawControls() {
    if (!this.welcome) return this.controls.replaceChildren();
    if (!this.mayDrive) {
      return this.controls.replaceChildren(element("p.quiet", {}, `You may watch and stop. ${this.whyNot}`));
    }
    const does = (text, command) => element("button", { onclick: () => this.send(command) }, text);
    if (!this.hold.active) {
      const over = this.refusal
        ? element("button.danger", { id: "take-over", onclick: () => this.send({ do: "take", over: true }) }, "Take over")
        : null;
      this.refusal = null;
      const take = element("button.primary", { id: "take", onclick: () => this.send({ do: "take" }) }, "Take the controls");
      return this.controls.replaceChildren(take, over ?? "");
    }
    const release = () => {
      this.send({ do: "release" });
      this.hold.end();
      this.drawControls();
    };
    return this.controls.replaceChildren(
      element("div.row", {},
        element("button.primary", { id: "release", onclick: release }, "Give back"),
        element("button", { id: "let-go", onclick: () => this.hold.letGo() }, "Let the policy act"),
        does("Pause", { do: "pause" }),
        does("Go on", { do: "resume" }),
        does("End as success", { do: "mark", success: true }),
        does("End as failure", { do: "mark", success: false }),
        does("Discard", { do: "discard" }),
      ),
      this.drawSpeed(),
      element("div.pads", {}, ...this.welcome.action.names.map((name, axis) => this.drawPad(name, axis))),
      element("p.quiet", {}, "Hold a key to move; letting go holds still. Leaving the window gives the controls back."),
    );
  }

  drawSpeed() {
    const slider = element("input", { type: "range", min: 5, max: 100, value: 100 * this.hold.scale, id: "speed" });
    slider.oninput = () => (this.hold.scale = slider.value / 100);
    return element("label.row", {}, "Speed", slider);
  }

  drawPad(name, axis) {
    const pads = (AXIS_KEYS[axis] ?? []).map((key, index) => {
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
