// Keeps a page up to date: fetches it anew whenever something happens (or every five seconds where nobody tells), and changes
// what has changed, so that the focus, open details and what somebody is writing stay.
const EVERY_MS = 5000;
const CALM_MS = 20000; // where events tell; times and counters go on all the same
const SOON_MS = 700; // many things happen at once
const KINDS = ["peer.seen", "peer.updated", "peer.lost", "message.received", "message.queued", "message.sent", "message.delivered",
  "message.dropped", "message.expired", "transport.up", "transport.down", "transport.degraded", "policy.changed",
  "adapter.recovering", "adapter.recovered", "alert.raised", "alert.cleared", "gap"];
const KEPT = new Set(["INPUT", "TEXTAREA", "SELECT"]);

function same(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
}

export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (KEPT.has(old.nodeName)) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(old.nodeName === "DETAILS" && name === "open")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  let place = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    if (place && same(place, child)) {
      const next = place.nextSibling;
      morph(place, child);
      place = next;
    } else {
      old.insertBefore(child, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    if (!place.dataset?.passing) place.remove();
    place = next;
  }
}

export function follow(live, changed) {
  if (!live || !("live" in live.dataset)) return;
  const pulse = document.getElementById("pulse");
  const calm = pulse.textContent;
  let timer = 0;
  let busy = false;
  let every = EVERY_MS;

  async function look() {
    clearTimeout(timer);
    timer = setTimeout(look, every);
    if (busy || document.hidden) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.redirected) location.reload(); // nobody is logged in any more
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      morph(live, page.getElementById("live"));
      morph(document.querySelector("header"), page.querySelector("header"));
      if (pulse.textContent !== calm) pulse.textContent = calm;
      changed();
    } catch {
      if (pulse.textContent === calm) pulse.textContent = document.body.dataset.stale;
    } finally {
      busy = false;
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(look, SOON_MS);
  }

  function listen() {
    const events = new EventSource("/api/v1/events");
    events.onopen = () => (every = CALM_MS);
    events.onerror = () => (every = EVERY_MS);
    for (const kind of KINDS) events.addEventListener(kind, soon);
    addEventListener("pagehide", () => events.close());
  }

  document.addEventListener("visibilitychange", () => document.hidden || look());
  timer = setTimeout(look, EVERY_MS);
  if (document.body.dataset.events) listen();
}
