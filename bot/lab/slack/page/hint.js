// The newcomer's panel: what to do first, and what comes next. The lab's own; Slack has no such thing.
import { el } from "./dom.js";

let drawn = "";

export function hintPanel(panel, page, setLine) {
  const { state } = page;
  const hidden = sessionStorage.getItem("hint") === "hidden" || page.home || page.channel !== "C0UPDATES";
  const usage = (start) => state.hints.find((h) => h.usage.startsWith(start))?.usage;
  const ask = usage("/xs update ") ?? usage("/xs update") ?? "/xs update <pool>";
  const flat = JSON.stringify(state.messages);
  const asked = /"text":"Approve"/.test(flat);
  const running = state.messages.some((m) => m.replies > 0);
  const step = running ? 2 : asked ? 1 : 0;
  const signature = JSON.stringify([hidden, ask, step, page.me]);
  if (signature === drawn) return;
  drawn = signature;
  panel.hidden = hidden;
  if (hidden) return;
  const put = (command) => el("button", { class: "chip", onclick: () => setLine(command.split(/[<[]/)[0]) }, command);
  const steps = [
    ["Ask", ["As Alice, press Plan update… (or type ", put(ask), "), then Request approval in the form. ", usage("/xs pools") ? ["Not sure which pool? ", put("/xs pools")] : null]],
    ["Approve", ["Switch to Bob at the top and press Approve on the card; then the same as Carol. Alice cannot approve her own request."]],
    ["Watch", ["Open the replies under the card and follow every host. The record is in # xs-audit."]],
  ];
  panel.replaceChildren(
    el("p", { class: "hint-name" }, "The lab’s guide"),
    el("ol", {}, steps.map(([name, what], n) => el("li", { class: n < step ? "done" : n === step ? "now" : null,
      "aria-current": n === step ? "step" : null }, el("b", {}, `${n < step ? "✓" : n + 1} ${name}`), el("span", {}, what)))),
    el("button", { class: "plain", "aria-label": "Hide this help", onclick: () => {
      sessionStorage.setItem("hint", "hidden");
      panel.hidden = true;
    } }, "✕"));
}
