// A ranking in the making: places on the screen, best first, with ties. The rules are the terminal's
// (robofeed/feedback/answering.py): one clip that is left over is the worst by itself.

export class Ranking {
  constructor(clips) {
    this.clips = clips;
    this.groups = [];
    this.tie = false; // the next pick ties with the last one
  }

  get picked() {
    return this.groups.flat();
  }

  get left() {
    const picked = new Set(this.picked);
    return [...Array(this.clips).keys()].filter((place) => !picked.has(place));
  }

  // The whole order once there is one, else null.
  get order() {
    return this.left.length ? null : this.groups;
  }

  // `place` is the next best.
  pick(place) {
    if (!this.left.includes(place)) return;
    if (this.tie) this.groups.at(-1).push(place);
    else this.groups.push([place]);
    this.tie = false;
    if (this.left.length === 1) this.groups.push(this.left);
  }

  // Before any pick: all are equal. After one: the next pick ties with it.
  equal() {
    if (this.groups.length) this.tie = true;
    else this.groups = [this.left];
  }

  // All that are left are equally worst, or tie with the last pick where that was said.
  rest() {
    if (!this.groups.length) return;
    if (this.tie) this.groups.at(-1).push(...this.left);
    else this.groups.push(this.left);
  }

  // One step back.
  back() {
    const last = this.groups.at(-1);
    if (this.tie || !last) {
      this.tie = false;
      return;
    }
    last.pop();
    // A pick that was tied leaves the tie behind, as it was before it.
    if (last.length) this.tie = true;
    else this.groups.pop();
  }

  // Rank of a place from 1 on, null while it has none; tied places share one.
  rank(place) {
    const index = this.groups.findIndex((group) => group.includes(place));
    return index < 0 ? null : index + 1;
  }
}
