// Requests to the server, with its errors as they are: status, a word for programs, a message.

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TIMEOUT_MS = 30_000;

async function answer(response) {
  if (response.ok) return response;
  let said = {};
  try {
    said = await response.json();
  } catch {
    // Not from our server: a proxy, or a page of its own.
  }
  throw new Refused(
    response.status,
    said.error ?? "http",
    said.message ?? `the server said ${response.status}`,
  );
}

export async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return (await answer(response)).json();
}

export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return (await answer(response)).json();
}

// A clip: its data, pictures a second, and which of them are missing.
export async function clip(id) {
  const response = await answer(await fetch(`/clips/${id}`));
  const missing = response.headers.get("X-Clip-Missing") ?? "";
  return {
    blob: await response.blob(),
    fps: Number(response.headers.get("X-Clip-Fps")) || 25,
    missing: missing ? missing.split(",").map(Number) : [],
  };
}

// A version 4 UUID; crypto.randomUUID exists only where the page came over TLS or loopback.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
