// Keeps an open page current: on each change the server reports, fetch the same page and swap its live regions.
// Nothing depends on it: without script, pages with an open request reload by themselves.
"use strict";

let busy = false;
let again = false;

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", redirect: "error" });
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { /* the sandbox is gone or restarting: the event stream reconnects */ }
  busy = false;
  if (again) { again = false; refresh(); }
}

function swap(fresh) {
  document.title = fresh.title;
  for (const region of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(region.id);
    if (!next || next.isEqualNode(region) || region.contains(document.activeElement)) continue;
    for (const block of next.querySelectorAll("details[id]")) {
      const now = document.getElementById(block.id);
      if (now) block.open = now.open;
    }
    region.replaceWith(document.adoptNode(next));
  }
}

// Counts down between two changes by this machine's steady clock: the sandbox's own may be set off on purpose.
function tick() {
  for (const left of document.querySelectorAll("[data-left]")) {
    left.end ??= performance.now() + Number(left.dataset.left) * 1000;
    const seconds = Math.max(0, Math.round((left.end - performance.now()) / 1000));
    left.textContent = seconds ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left` : "ending";
  }
}

new EventSource("/events").addEventListener("change", refresh);
setInterval(tick, 1000);
