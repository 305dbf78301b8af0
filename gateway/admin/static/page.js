// What the pages do beyond HTML: they stay up to date, search tables, copy, print, and let a message be seen travelling.
// Everything can be read and done without it.
import { able, scan } from "./camera.js";
import { follow } from "./live.js";
import { travel } from "./map.js";

function local(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  }
}

function search(root) {
  for (const field of root.querySelectorAll("input[data-search]")) {
    const table = document.getElementById(field.dataset.search);
    const wanted = field.value.trim().toLocaleLowerCase();
    for (const row of table?.tBodies[0]?.rows ?? []) {
      row.hidden = wanted !== "" && !row.textContent.toLocaleLowerCase().includes(wanted);
    }
  }
}

function refresh() {
  for (const part of document.querySelectorAll("[data-scripted]")) part.hidden = "camera" in part.dataset && !able;
  local(document);
  search(document);
  travel(document.getElementById("map"));
}

document.addEventListener("input", (event) => {
  if (event.target.matches("input[data-search]")) search(document);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copy) {
    const text = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(text); // without TLS a page may not copy, and people can
    }
  } else if (button?.dataset.camera) {
    await scan(button);
  } else if (button && "print" in button.dataset) {
    print();
  }
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button) setTimeout(() => (button.disabled = true)); // once is enough
});

const menu = document.querySelector("nav");
menu?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
menu?.addEventListener("focusin", (event) => event.target.scrollIntoView({ block: "nearest", inline: "nearest" }));

refresh();
document.querySelector(".notice")?.focus();
follow(document.getElementById("live"), refresh);
