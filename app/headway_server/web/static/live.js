// Keeps a study's page up to date: at each event, fetch the page again and swap its <main>.
"use strict";
(() => {
  const source = () => document.getElementById("live");
  const url = source().dataset.events;
  if (!url) return;
  let busy = false;
  let again = false;

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      source().replaceWith(document.adoptNode(page.getElementById("live")));
    } finally {
      // Several events within 300 ms cost one more fetch, not several.
      setTimeout(() => { busy = false; if (again) { again = false; refresh(); } }, 300);
    }
  }

  const events = new EventSource(url);
  for (const kind of ["study.completed", "trial.leased", "trial.completed", "trial.infeasible", "trial.failed",
    "trial.stopped", "trial.abandoned", "trial.released", "trial.changed", "lease.expired", "best.improved", "model.fitted",
    "audit.started", "audit.completed"]) {
    events.addEventListener(kind, refresh);
  }
  // The page may be older than the stream's beginning.
  events.addEventListener("open", refresh);
})();
