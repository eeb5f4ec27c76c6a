// What a person said, kept in this browser until the server says that it is stored.
//
// Each answer has a uuid made here, so sending it twice stores it once. They go out one by one, in
// the order in which they were given: an undo never overtakes what it undoes.

import { Refused, post } from "./api.js";

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 4_000;
// Sending the same again would get the same refusal.
const FOR_GOOD = new Set([400, 404, 409, 413, 415, 422]);

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

export class Outbox {
  // `changed` hears {waiting, trouble} after each change, `refused` hears (entry, error).
  static async open(name, changed, refused) {
    const request = indexedDB.open(`robofeed ${name}`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("waiting", { autoIncrement: true });
      request.result.createObjectStore("refused", { autoIncrement: true });
    };
    const outbox = new Outbox(await done(request), changed, refused);
    outbox.waiting = await done(outbox.store("waiting").count());
    outbox.run();
    return outbox;
  }

  constructor(database, changed, refused) {
    this.database = database;
    this.changed = changed;
    this.refused = refused;
    this.waiting = 0;
    this.trouble = null;
    this.wake = () => {};
    addEventListener("online", () => this.wake());
  }

  store(name) {
    return this.database.transaction(name).objectStore(name);
  }

  // Resolves once the entry is on this machine's disk; from then on it cannot be lost.
  async put(entry) {
    const change = this.database.transaction("waiting", "readwrite", { durability: "strict" });
    change.objectStore("waiting").add(entry);
    await committed(change);
    this.waiting += 1;
    this.tell(this.trouble);
    this.wake();
  }

  async remove(key, entry, error = null) {
    const change = this.database.transaction(["waiting", "refused"], "readwrite");
    change.objectStore("waiting").delete(key);
    if (error) change.objectStore("refused").add({ entry, message: error.message });
    await committed(change);
    this.waiting = await done(this.store("waiting").count());
  }

  tell(trouble) {
    this.trouble = trouble;
    this.changed({ waiting: this.waiting, trouble });
  }

  async run() {
    let wait = FIRST_WAIT_MS;
    for (;;) {
      const cursor = await done(this.store("waiting").openCursor());
      if (!cursor) {
        this.waiting = 0;
        this.tell(null);
        await this.pause(60_000);
        continue;
      }
      const { key, value: entry } = cursor;
      try {
        await post("/api/feedback", entry);
        await this.remove(key, entry);
        this.tell(null);
        wait = FIRST_WAIT_MS;
      } catch (error) {
        if (error instanceof Refused && FOR_GOOD.has(error.status)) {
          await this.remove(key, entry, error);
          this.refused(entry, error);
          this.tell(null);
          continue;
        }
        this.tell(error);
        await this.pause(wait);
        wait = Math.min(2 * wait, LONGEST_WAIT_MS);
      }
    }
  }

  // Until woken, or for so long.
  pause(longest) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, longest);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
