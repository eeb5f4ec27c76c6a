// The clips of one question, each on a canvas of its own, playing in step and over again.

import { clip } from "./api.js";

const PAUSE_S = 0.6; // the last picture stands for so long
const DRIFT_S = 0.1; // a clip further off than this is put right
const LOAD_MS = 60_000; // the server itself waits half as long for a clip to be drawn

function loaded(video) {
  return new Promise((resolve, reject) => {
    video.onloadeddata = resolve;
    video.onerror = () => reject(new Error("this browser cannot play the clip (H.264 in MP4)"));
  });
}

export class Stage {
  // Loads every clip to its first picture; rejects with the server's words where one cannot be had,
  // and where one neither comes nor fails: whoever waits for it would wait for ever.
  static async load(question) {
    const coming = question.clips.map((id) => Shot.load(id));
    const gaveUp = new Error("a clip did not load; the page asks for it again");
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(gaveUp), LOAD_MS)));
    try {
      return new Stage(question, await Promise.race([Promise.all(coming), late]));
    } catch (error) {
      for (const shot of coming) shot.then((there) => there.close()).catch(() => {});
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  constructor(question, shots) {
    this.question = question;
    this.shots = shots;
    this.length = Math.max(...shots.map((shot) => shot.video.duration));
    this.playing = false;
    this.at = 0;
    this.shown = null;
  }

  // Shows the first pictures at once and plays; `shown` is then the wall clock in ms.
  start() {
    for (const shot of this.shots) shot.draw();
    this.shown ??= Date.now();
    this.play();
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.since = performance.now() - 1000 * this.at;
    for (const shot of this.shots) shot.run(this.at);
    requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    this.playing = false;
    for (const shot of this.shots) shot.video.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
    return this.playing;
  }

  tick(now) {
    if (!this.playing) return;
    this.at = Math.max(0, (now - this.since) / 1000);
    if (this.at >= this.length + PAUSE_S) {
      this.at = 0;
      this.since = now;
      for (const shot of this.shots) shot.run(0);
    }
    for (const shot of this.shots) shot.follow(this.at);
    requestAnimationFrame((then) => this.tick(then));
  }

  close() {
    this.pause();
    for (const shot of this.shots) shot.close();
  }
}

class Shot {
  static async load(id) {
    const { blob, fps, missing } = await clip(id);
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    const url = URL.createObjectURL(blob);
    const ready = loaded(video);
    video.src = url;
    await ready;
    return new Shot(video, url, fps, missing);
  }

  constructor(video, url, fps, missing) {
    this.video = video;
    this.url = url;
    this.fps = fps;
    this.missing = missing;
    this.canvas = document.createElement("canvas");
    this.canvas.width = video.videoWidth;
    this.canvas.height = video.videoHeight;
    this.pen = this.canvas.getContext("2d");
    this.draw();
  }

  run(at) {
    if (this.video.currentTime !== at) this.video.currentTime = at;
    if (at < this.video.duration) this.video.play().catch(() => {}); // not before a first touch
  }

  follow(at) {
    const video = this.video;
    const target = Math.min(at, video.duration);
    if (!video.seeking && Math.abs(video.currentTime - target) > DRIFT_S) video.currentTime = target;
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.draw();
  }

  draw() {
    this.pen.drawImage(this.video, 0, 0);
  }

  close() {
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.url);
  }
}
