// The modal on top of the user's screen. What was typed stays while the app updates the view under it.
import { el } from "./dom.js";
import { entryValue, render } from "./blocks.js";

const box = document.getElementById("modal");
let shown = null; // {id, hash, values, errors}

export function showModal(view, ctx) {
  if (!view) {
    if (box.open) box.close();
    shown = null;
    return;
  }
  if (shown?.id === view.id && shown.hash === view.hash && shown.me === ctx.me) return;
  const values = shown?.id === view.id ? shown.values : {};
  shown = { id: view.id, hash: view.hash, me: ctx.me, values, errors: {}, view, ctx };
  draw();
  if (!box.open) box.showModal();
}

function draw() {
  const { view, values, errors, ctx } = shown;
  const active = document.activeElement?.dataset?.key;
  const key = (block, e) => `${block.block_id}/${e.action_id}`;
  const inner = {
    names: ctx.names, people: ctx.people, errors, redraw: draw,
    get: (block, e) => key(block, e) in values ? values[key(block, e)]
      : entryValue(view.state.values[block.block_id]?.[e.action_id]),
    set: (block, e, value) => { values[key(block, e)] = value; },
    act: (block, e, value) => ctx.deed("/control/slack/action", {
      view_id: view.id, block_id: block.block_id, action_id: e.action_id, value, values,
    }),
  };
  const known = new Set(view.blocks.map((b) => b.block_id));
  const others = Object.entries(errors).filter(([id]) => !known.has(id)).map(([, sentence]) => sentence);
  const scrolled = box.querySelector(".dialog-body")?.scrollTop ?? 0;
  const foot = el("div", { class: "dialog-foot" },
    el("button", { type: "button", class: "plain", onclick: close }, view.close?.text ?? (view.submit ? "Cancel" : "Close")),
    view.submit ? el("button", { class: "primary", id: "modal-submit" }, view.submit.text) : null);
  box.replaceChildren(el("form", { novalidate: true, autocomplete: "off", onsubmit: submit },
    el("div", { class: "dialog-head" },
      view.previous_view_id ? el("button", { type: "button", class: "plain", "aria-label": "Back to the dialog below", onclick: close }, "‹") : null,
      el("h2", { id: "modal-title", tabindex: "-1" }, view.title.text),
      el("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, "✕")),
    el("div", { class: "dialog-body" },
      others.length ? el("p", { class: "complaint", role: "alert" }, [...new Set(others)].join(" ")) : null,
      render(view.blocks, inner)),
    foot));
  box.querySelector(".dialog-body").scrollTop = scrolled;
  const again = active ? box.querySelector(`[data-key="${CSS.escape(active)}"]`) : box.querySelector("[data-autofocus]");
  again?.focus();
  // What had the focus is gone with what the view showed before: it stays in the dialog, where its title is read out.
  if (box.open && !box.contains(document.activeElement)) document.getElementById("modal-title").focus();
}

async function submit(event) {
  event.preventDefault();
  const button = document.getElementById("modal-submit");
  if (!button || button.disabled) return;
  button.disabled = true;
  const mine = shown;
  const known = new Set(mine.view.blocks.flatMap((b) => [b.element, b.accessory, ...(b.elements ?? [])]
    .filter((e) => e?.action_id).map((e) => `${b.block_id}/${e.action_id}`)));
  const values = Object.fromEntries(Object.entries(mine.values).filter(([key]) => known.has(key)));
  const done = await mine.ctx.deed("/control/slack/submit", { values });
  button.disabled = false;
  if (shown !== mine || !done) return;
  mine.errors = done.errors;
  draw();
  const wrong = box.querySelector(".wrong input, .wrong textarea, .wrong select");
  wrong?.focus();
}

function close() {
  shown.ctx.deed("/control/slack/close", {});
}

box.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

export async function closeNow() {
  if (box.open) box.close();
  shown = null;
}

