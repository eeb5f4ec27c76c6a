// The dialog of keys, in which they can be changed.

import { $, element } from "./element.js";
import { ACTIONS, keyName } from "./keys.js";

export function showHelp(keys, changed) {
  const draw = () => {
    const rows = Object.entries(ACTIONS).map(([action, [, what]]) => {
      const button = element("button.key", { title: "Change this key" }, keyName(keys.of(action)));
      button.onclick = () => ask(action, button);
      return element("tr", {}, element("td", {}, button), element("td", {}, what));
    });
    const arrows = "For two clips: ← first, → second, ↑ equal, ↓ can't tell. For more: ← → move, ↑ picks";
    rows.push(element("tr", {}, element("td", {}, "arrows"), element("td", {}, arrows)));
    $("help-keys").replaceChildren(...rows);
    changed();
  };
  const ask = (action, button) => {
    button.textContent = "press a key";
    button.addEventListener(
      "keydown",
      (event) => {
        event.preventDefault();
        event.stopPropagation();
        if (event.key !== "Escape" && !keys.set(action, event.key)) {
          button.textContent = `${keyName(event.key)} is taken`;
          return;
        }
        draw();
      },
      { once: true },
    );
  };
  $("help-close").onclick = () => $("help").close();
  $("help-reset").onclick = () => {
    keys.reset();
    draw();
  };
  draw();
  $("help").showModal();
}
