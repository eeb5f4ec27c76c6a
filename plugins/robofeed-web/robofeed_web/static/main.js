// The page: who is here, which view is open, what waits in the outbox, and Stop for everybody.

import { Refused, get, post } from "./api.js";
import { askConsent } from "./consent.js";
import { $ } from "./element.js";
import { LabelView } from "./label.js";
import { LiveView } from "./live.js";
import { Outbox } from "./outbox.js";
import { PeopleView } from "./people.js";
import { RunView } from "./run.js";

const NEWS_MS = 6_000;
const UNHEARD = "Stop was sent, but the run has not said that it heard. Cut the power of an arm that moves.";
let newsTimer = 0;

function news(text) {
  $("news").textContent = text;
  $("news").hidden = !text;
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => ($("news").hidden = true), NEWS_MS);
}

function drawOutbox({ waiting, trouble }) {
  const box = $("outbox");
  box.dataset.waiting = waiting;
  box.classList.toggle("trouble", trouble !== null);
  if (!waiting) box.textContent = "all stored";
  else if (!trouble) box.textContent = `${waiting} on the way`;
  else box.textContent = `${waiting} kept here until the server answers`;
  box.title = trouble ? trouble.message : "";
  if (trouble instanceof Refused && trouble.code === "consent") get("/api/me").then(agree, () => {});
}

async function agree(me) {
  if (me.consent.agreed || !me.may.includes("label") || $("consent").open) return;
  await askConsent(me.consent);
  me.consent.agreed = true;
}

async function stop() {
  news("Stopping ...");
  try {
    const { heard } = await post("/api/stop", {});
    news(heard ? "Stopped: nothing moves any more, and the run ends." : UNHEARD);
  } catch (error) {
    news(`Stop: ${error.message}`);
  }
}

async function start() {
  const me = await get("/api/me");
  document.title = `${me.run} · robofeed`;
  $("run-name").textContent = me.run;
  $("run-name").title = `You are ${me.person} (${me.role})`;
  $("stop").onclick = stop;
  const refused = (entry, error) => news(`Not taken (${entry.kind}): ${error.message}`);
  let outbox;
  try {
    outbox = await Outbox.open(`${me.run} ${me.person}`, drawOutbox, refused);
  } catch (error) {
    news(`Answers cannot be kept in this browser (${error}). Use a window that is not private.`);
    return;
  }
  const views = {
    "#label": () => new LabelView(outbox, news),
    "#live": () => new LiveView(news, () => agree(me)),
    "#run": () => new RunView(),
    "#people": () => new PeopleView(me),
  };
  if (!me.may.includes("label")) {
    delete views["#label"];
    delete views["#people"];
  }
  for (const link of document.querySelectorAll("nav a")) {
    link.hidden = !(link.getAttribute("href") in views);
  }
  let view = null;
  const wanted = () => (location.hash in views ? location.hash : Object.keys(views)[0]);
  const open = async () => {
    const hash = wanted();
    for (const link of document.querySelectorAll("nav a")) {
      const here = link.getAttribute("href") === hash;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    view?.close();
    view = null;
    delete document.body.dataset.question;
    if (hash === "#label") await agree(me);
    if (view || hash !== wanted()) return; // another view was gone to meanwhile
    view = views[hash]();
    document.body.dataset.view = hash.slice(1);
    $("view").replaceChildren(view.root);
  };
  addEventListener("hashchange", open);
  await open();
}

start().catch((error) => news(`The page cannot start: ${error.message}`));
