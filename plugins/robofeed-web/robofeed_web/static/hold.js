// Hold to move: what the held keys ask for, sent 20 times a second, and nothing once in doubt.

const BEAT_MS = 50;
// By the name of an action's number, the key that raises it and the key that lowers it. They are those of a
// terminal (robofeed-keyboard): on one arm, one key does one thing.
const BY_NAME = {
  x: ["w", "s"], y: ["a", "d"], z: ["r", "f"], dx: ["d", "a"], dy: ["w", "s"], gripper: ["o", "c"],
};
// For numbers of other names, joints for instance, in their order.
const OTHERS = [["w", "s"], ["a", "d"], ["r", "f"], ["t", "g"], ["y", "h"], ["u", "j"], ["i", "k"]];

// For each of these names its two keys, none where no keys are left.
export function axisKeys(names) {
  const taken = names.flatMap((name) => BY_NAME[name] ?? []);
  const free = OTHERS.filter((pair) => !pair.some((key) => taken.includes(key)));
  return names.map((name) => BY_NAME[name] ?? free.shift() ?? []);
}

export class Hold {
  // `send` passes a command to the arm; `dropped` hears why the controls were given back here.
  constructor(send, dropped) {
    this.send = send;
    this.dropped = dropped;
    this.axes = null;
    this.keys = []; // of each axis
    this.held = new Set();
    this.scale = 0.5;
    this.steering = false;
    this.asking = false; // for the controls, which are not here yet
    this.active = false; // they are
    this.timer = 0;
    this.listening = new AbortController();
    const { signal } = this.listening;
    addEventListener("keydown", (event) => this.key(event, true), { signal });
    addEventListener("keyup", (event) => this.key(event, false), { signal });
    addEventListener("blur", () => this.drop("this window lost the focus"), { signal });
    addEventListener("pagehide", () => this.drop("the page was left"), { signal });
    const hidden = () => document.hidden && this.drop("the page was hidden");
    document.addEventListener("visibilitychange", hidden, { signal });
  }

  // From asking for the controls on the heart beats: an answer may come late.
  ask() {
    this.end();
    this.asking = true;
    this.timer = setInterval(() => this.beat(), BEAT_MS);
  }

  // The controls are here. The arm's action: names, low, high.
  begin(axes) {
    this.axes = axes;
    this.keys = axisKeys(axes.names);
    this.asking = false;
    this.active = true;
    this.beat();
  }

  end() {
    clearInterval(this.timer);
    this.timer = 0;
    this.asking = this.active = false;
    this.held.clear();
    this.steering = false;
  }

  drop(why) {
    if (!this.timer) return;
    this.held.clear();
    if (this.active) this.send({ do: "move", action: this.action() });
    this.send({ do: "release" });
    this.end();
    this.dropped(why);
  }

  // Says something after which the arm is not steered until the next key; the heart goes on beating.
  say(command) {
    this.steering = false;
    this.held.clear();
    this.send(command);
  }

  press(key, down) {
    if (!this.active || !this.known(key)) return false;
    if (down) this.held.add(key);
    else this.held.delete(key);
    this.steering ||= down;
    this.beat();
    return true;
  }

  key(event, down) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (!this.active || !this.known(key)) return;
    event.preventDefault();
    if (!event.repeat) this.press(key, down);
  }

  known(key) {
    return this.keys.flat().includes(key);
  }

  // A change from holding still, in the action's own units; zeros hold still.
  action() {
    return this.axes.names.map((_, axis) => {
      const [up, down] = this.keys[axis];
      const value =
        (this.held.has(up) ? this.axes.high[axis] : 0) + (this.held.has(down) ? this.axes.low[axis] : 0);
      return value * this.scale;
    });
  }

  beat() {
    this.send(this.steering ? { do: "move", action: this.action() } : { do: "alive" });
  }

  close() {
    this.drop("the view was left");
    this.listening.abort();
  }
}
