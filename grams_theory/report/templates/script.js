"use strict";
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const stored = (value) => {  // a browser may forbid storage to files
  try {
    if (value) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch { return null; }
};
if (["light", "dark"].includes(stored())) root.dataset.theme = stored();

document.addEventListener("DOMContentLoaded", () => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  for (const control of all("[data-script]")) control.hidden = false;

  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const tell = () => one("theme").setAttribute("aria-pressed", isDark());
  one("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored(root.dataset.theme);
    tell();
  });
  dark.addEventListener("change", tell);
  tell();

  const claims = all("section.claim").map((section) => ({
    section,
    verdict: section.dataset.verdict,
    row: one(`row-${section.id}`),
    node: one(`node-${section.id}`),
    text: null,
  }));
  const words = (claim) => claim.text ??= `${claim.row.textContent} ${claim.section.textContent}`.toLowerCase();
  const buttons = all("button[data-verdict]");
  const pressed = (button) => button.getAttribute("aria-pressed") === "true";
  const filter = () => {
    const verdicts = buttons.filter(pressed).map((button) => button.dataset.verdict);
    const sought = one("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const claim of claims) {
      const wanted = (!verdicts.length || verdicts.includes(claim.verdict))
        && sought.every((word) => words(claim).includes(word));
      claim.section.hidden = claim.row.hidden = !wanted;
      claim.node.classList.toggle("away", !wanted);
      shown += wanted;
    }
    one("shown").textContent = `${shown} of ${claims.length} claims shown`;
    one("clear").disabled = !verdicts.length && !sought.length;
  };
  const clear = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", false);
    one("search").value = "";
    filter();
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", !pressed(button));
      filter();
    });
  }
  one("filters").addEventListener("submit", (event) => event.preventDefault());
  one("search").addEventListener("input", filter);
  one("clear").addEventListener("click", () => { clear(); one("search").focus(); });

  const land = () => {  // a link to a claim that is filtered away shows it
    const target = one(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest("[hidden]")) return;
    clear();
    target.scrollIntoView();
  };
  addEventListener("hashchange", land);

  const edges = all(".edge");
  for (const node of all("svg a[data-claim]")) {
    const near = (on) => () => edges
      .filter((edge) => [edge.dataset.tail, edge.dataset.head].includes(node.dataset.claim))
      .forEach((edge) => edge.classList.toggle("near", on));
    for (const event of ["focus", "mouseenter"]) node.addEventListener(event, near(true));
    for (const event of ["blur", "mouseleave"]) node.addEventListener(event, near(false));
    node.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      location.hash = node.getAttribute("href");
    });
  }
  filter();
  land();
});
