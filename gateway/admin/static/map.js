// Lets a message be seen travelling on the map when one has crossed since the last look.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let before = null;

export function travel(map) {
  if (!map) return;
  const now = { out: Number(map.dataset.out), in: Number(map.dataset.in) };
  if (before && !calm.matches) {
    for (const line of map.querySelectorAll(".site:not(.lost) .way")) {
      if (now.out > before.out) send(map, line, false);
      if (now.in > before.in) send(map, line, true);
    }
  }
  before = now;
}

function send(map, line, inward) {
  const at = (name) => Number(line.getAttribute(name));
  const dot = document.createElementNS(map.namespaceURI, "circle");
  dot.setAttribute("r", 5);
  dot.setAttribute("class", "message");
  dot.dataset.passing = "yes";
  map.append(dot);
  const ends = [`translate(${at("x1")}px, ${at("y1")}px)`, `translate(${at("x2")}px, ${at("y2")}px)`];
  if (inward) ends.reverse();
  dot.animate({ transform: ends }, { duration: 1400, easing: "ease-in-out" }).finished.finally(() => dot.remove());
}
