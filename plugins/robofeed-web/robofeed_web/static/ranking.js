// A ranking in the making: places on the screen, best first, with ties.

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

  // `place` is the next best. Of two clips the other is then second; of more each one is picked,
  // so that the last two can be tied too.
  pick(place) {
    if (!this.left.includes(place)) return;
    if (this.tie && this.groups.length) this.groups.at(-1).push(place);
    else this.groups.push([place]);
    this.tie = false;
    if (this.clips === 2 && this.left.length) this.groups.push(this.left);
  }

  // Before any pick: all are equal. After one: the next pick ties with it.
  equal() {
    if (!this.groups.length) this.groups = [this.left];
    else this.tie = !this.tie;
  }

  back() {
    this.tie = false;
    const last = this.groups.at(-1);
    if (!last) return;
    last.pop();
    if (!last.length) this.groups.pop();
  }

  // Rank of a place from 1 on, null while it has none; tied places share one.
  rank(place) {
    const index = this.groups.findIndex((group) => group.includes(place));
    return index < 0 ? null : index + 1;
  }
}
