// Which key does what; a person may change it, and this browser remembers.

export const ACTIONS = {
  first: ["1", "First clip is better (or next best)"],
  second: ["2", "Second clip"],
  third: ["3", "Third clip"],
  fourth: ["4", "Fourth clip"],
  fifth: ["5", "Fifth clip"],
  equal: ["=", "Equal; between two picks: these tie"],
  skip: ["s", "Can't tell"],
  undo: ["u", "Undo the last answer"],
  note: ["n", "Write a note"],
  pause: [" ", "Pause and go on"],
  back: ["Backspace", "Take the last pick back"],
  rest: ["Enter", "The clips that are left are equally worst"],
  mode: ["m", "Rank, rate or judge"],
  help: ["?", "Keys"],
};
export const PLACES = ["first", "second", "third", "fourth", "fifth"];
const KEPT = "robofeed keys";

export class Keys {
  constructor(storage = localStorage) {
    this.storage = storage;
    this.changed = JSON.parse(storage.getItem(KEPT) ?? "{}");
  }

  of(action) {
    return this.changed[action] ?? ACTIONS[action][0];
  }

  action(key) {
    const name = key.length === 1 ? key.toLowerCase() : key;
    return Object.keys(ACTIONS).find((action) => this.of(action) === name) ?? null;
  }

  // False where another action has that key.
  set(action, key) {
    const name = key.length === 1 ? key.toLowerCase() : key;
    const taken = this.action(name);
    if (taken && taken !== action) return false;
    this.changed[action] = name;
    this.storage.setItem(KEPT, JSON.stringify(this.changed));
    return true;
  }

  reset() {
    this.changed = {};
    this.storage.removeItem(KEPT);
  }
}

export function keyName(key) {
  return { " ": "space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" }[key] ?? key;
}

// Whether a key was meant for a field or a dialog, or belongs to the browser.
export function meantElsewhere(event) {
  return (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.closest?.("input, textarea, select, dialog") !== null
  );
}
