// The text about what is kept: shown before a person's first answer, and agreed to once.

import { post, uuid } from "./api.js";
import { $ } from "./element.js";

// Resolves once the server has stored that this person agreed.
export async function askConsent({ version, text }) {
  const dialog = $("consent");
  $("consent-text").textContent = text;
  const shown = Date.now();
  dialog.oncancel = (event) => event.preventDefault();
  if (!dialog.open) dialog.showModal();
  $("agree").focus();
  for (;;) {
    await new Promise((resolve) => $("agree").addEventListener("click", resolve, { once: true }));
    try {
      const stamp = { uuid: uuid(), shown_at_ms: shown, answered_at_ms: Date.now() };
      await post("/api/feedback", { kind: "consent", version, ...stamp });
      dialog.close();
      return;
    } catch (error) {
      $("consent-text").textContent = `${text} (Not stored yet: ${error.message}. Try again.)`;
    }
  }
}
