// Block Kit as DOM nodes. `ctx` gives names, the values typed so far, and what to do when somebody acts:
//   ctx.names, ctx.get(block, element), ctx.set(block, element, value), ctx.act(block, element, value), ctx.errors
import { el, safeLink } from "./dom.js";
import { markdown, richText, text, shortcodes } from "./mrkdwn.js";
import { ask } from "./confirm.js";

const STATUS = {
  pending: ["○", "Waiting"], in_progress: ["◐", "Working"], complete: ["✓", "Done"], error: ["✕", "Failed"],
};

export const render = (blocks, ctx) => blocks.map((block) => one(block, ctx));

function one(block, ctx) {
  const names = ctx.names;
  switch (block.type) {
    case "header": return el("h3", { class: "b-header" }, shortcodes(block.text.text));
    case "divider": return el("hr");
    case "section": return section(block, ctx);
    case "context": return el("div", { class: "b-context" }, block.elements.map((e) =>
      e.type === "image" ? picture(e) : el("span", {}, text(e, names))));
    case "actions": return el("div", { class: "b-actions" }, block.elements.map((e) => element(block, e, ctx)));
    case "input": return input(block, ctx);
    case "image": return el("figure", {}, block.title ? el("figcaption", {}, block.title.text) : null, picture(block));
    case "rich_text": return el("div", { class: "b-rich" }, richText(block, names));
    case "markdown": return el("div", { class: "b-markdown" }, markdown(block.text, names));
    case "plan": return plan(block, names);
    case "task_card": return el("ul", { class: "b-plan" }, task(block, names));
    case "table": return table(block, names);
    case "alert": return el("div", { class: `b-alert ${block.level ?? "default"}`, role: "note" }, text(block.text, names));
    default: return el("p", { class: "quiet" }, `(${block.type})`);
  }
}

// Nothing is fetched from elsewhere: a picture is shown by its description.
const picture = (image) => {
  const own = image.image_url && new URL(image.image_url, location);
  if (own && own.pathname.startsWith("/files/")) {
    return el("img", { class: "inline-picture", src: own.pathname, alt: image.alt_text });
  }
  return el("span", { class: "picture", role: "img", "aria-label": image.alt_text, title: image.alt_text }, `🖼 ${image.alt_text}`);
};

function section(block, ctx) {
  const body = el("div", { class: "b-section-text" },
    block.text ? el("div", {}, text(block.text, ctx.names)) : null,
    block.fields ? el("div", { class: "b-fields" }, block.fields.map((f) => el("div", {}, text(f, ctx.names)))) : null);
  const accessory = block.accessory;
  return el("div", { class: "b-section" }, body, accessory
    ? el("div", { class: "b-accessory" }, accessory.type === "image" ? picture(accessory) : element(block, accessory, ctx))
    : null);
}

function plan(block, names) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((t) => t.status === "complete").length;
  return el("section", { class: "b-plan-box", "aria-label": block.title },
    el("div", { class: "b-plan-head" }, el("strong", {}, block.title)),
    el("div", { class: "b-plan-bar", "aria-hidden": "true" },
      el("i", { style: `width:${tasks.length ? Math.round((done / tasks.length) * 100) : 0}%` })),
    el("ul", { class: "b-plan" }, tasks.map((t) => task(t, names))));
}

function task(item, names) {
  const status = item.status ?? "pending";
  const [sign, word] = STATUS[status];
  return el("li", { class: `task ${status}` },
    el("span", { class: "task-sign", "aria-hidden": "true" }, sign),
    el("div", { class: "task-body" },
      el("div", { class: "task-line" }, el("b", {}, shortcodes(item.title)), el("span", { class: "task-word" }, word)),
      item.details ? el("div", { class: "task-details" }, richText(item.details, names)) : null,
      item.output ? el("div", { class: "task-output" }, richText(item.output, names)) : null));
}

function table(block, names) {
  const cell = (c) => c.type === "rich_text" ? richText(c, names) : String(c.text ?? c.value ?? "");
  const [head, ...rows] = block.rows;
  return el("div", { class: "b-table" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((c) => el("th", {}, cell(c))))),
    el("tbody", {}, rows.map((r) => el("tr", {}, r.map((c) => el("td", {}, cell(c))))))));
}

function input(block, ctx) {
  const error = ctx.errors?.[block.block_id];
  const id = `f-${block.block_id}-${block.element.action_id}`;
  const group = ["radio_buttons", "checkboxes", "multi_static_select", "multi_users_select"].includes(block.element.type);
  const label = [block.label.text, block.optional ? el("span", { class: "quiet" }, " (optional)") : null];
  return el(group ? "fieldset" : "div", { class: `b-input${error ? " wrong" : ""}` },
    group ? el("legend", {}, label) : el("label", { for: id }, label),
    described(element(block, block.element, ctx, id), id, error, block.hint),
    error ? el("p", { class: "complaint", role: "alert", id: `${id}-error` }, error) : null,
    block.hint ? el("p", { class: "quiet", id: `${id}-hint` }, text(block.hint, ctx.names)) : null);
}

// What stands below a field is read out with it.
function described(node, id, error, hint) {
  const by = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean);
  if (by.length) node.setAttribute("aria-describedby", by.join(" "));
  if (error) node.setAttribute("aria-invalid", "true");
  return node;
}

const options = (e) => [...(e.options ?? []), ...(e.option_groups ?? []).flatMap((g) => g.options)];

function element(block, e, ctx, id) {
  const dispatches = block.type !== "input" || block.dispatch_action;
  const value = ctx.get(block, e);
  const change = async (next) => {
    if (dispatches && e.confirm && !(await ask(e.confirm, ctx.names))) { ctx.redraw?.(); return; }
    ctx.set(block, e, next);
    if (dispatches) ctx.act(block, e, next);
  };
  const common = { id: id ?? null, "data-key": `${block.block_id}/${e.action_id}`, "aria-label": id ? null : e.placeholder?.text };
  switch (e.type) {
    case "button": return button(block, e, ctx);
    case "overflow": return overflow(block, e, ctx);
    case "static_select": case "users_select": return select(e, value, common, change, ctx);
    case "radio_buttons": return choices(block, e, "radio", [value], ctx, (picked) => change(picked[0] ?? null));
    case "multi_users_select": return choices(block, { ...e, options: ctx.people.map((p) => ({ value: p.id, text: { type: "plain_text", text: p.real_name } })) },
      "checkbox", value ?? [], ctx, change);
    case "checkboxes": case "multi_static_select": return choices(block, e, "checkbox", value ?? [], ctx, change);
    case "plain_text_input": {
      const node = el(e.multiline ? "textarea" : "input", { ...common, value: value ?? "", rows: e.multiline ? 3 : null,
        placeholder: e.placeholder?.text, maxlength: e.max_length ?? 3000, "data-autofocus": e.focus_on_load });
      node.addEventListener("input", () => ctx.set(block, e, node.value));
      if (block.dispatch_action) {
        node.addEventListener("change", () => ctx.act(block, e, node.value));
        // Enter tells the app what was typed; it does not send the form.
        if (!e.multiline) node.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); node.blur(); node.focus(); } });
      }
      return node;
    }
    case "number_input": return typed("number", value, common, change, (v) => v);
    case "datepicker": return typed("date", value, common, change, (v) => v);
    case "timepicker": return typed("time", value, common, change, (v) => v);
    case "datetimepicker": return typed("datetime-local", local(value), common, change,
      (v) => (v ? Math.floor(new Date(v).getTime() / 1000) : null));
    default: return el("span", { class: "quiet" }, `(${e.type})`);
  }
}

function local(seconds) {
  if (!seconds) return "";
  const d = new Date(seconds * 1000);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function typed(type, value, common, change, read) {
  const node = el("input", { ...common, type, value: value ?? "" });
  node.addEventListener("change", () => change(read(node.value)));
  return node;
}

function button(block, e, ctx) {
  const node = el("button", { type: "button", class: e.style ?? "plain", "aria-label": e.accessibility_label,
    "data-key": `${block.block_id}/${e.action_id}` }, shortcodes(e.text.text));
  node.addEventListener("click", async () => {
    if (e.confirm && !(await ask(e.confirm, ctx.names))) return;
    node.disabled = true;
    node.classList.add("busy");
    try { await ctx.act(block, e, null); } finally { node.disabled = false; node.classList.remove("busy"); }
  });
  return e.url ? el("span", { class: "with-link" }, node, safeLink(e.url, "↗")) : node;
}

function overflow(block, e, ctx) {
  const menu = el("details", { class: "overflow" }, el("summary", { "aria-label": "More actions",
    "data-key": `${block.block_id}/${e.action_id}` }, "⋯"));
  menu.append(el("div", { class: "overflow-menu" }, e.options.map((o) => el("button", { type: "button", onclick: async () => {
    menu.open = false;
    if (e.confirm && !(await ask(e.confirm, ctx.names))) return;
    await ctx.act(block, e, o.value);
  } }, shortcodes(o.text.text)))));
  menu.addEventListener("toggle", () => {
    const room = menu.closest(".scroll, .dialog-body")?.getBoundingClientRect().bottom ?? innerHeight;
    menu.classList.toggle("up", room - menu.getBoundingClientRect().bottom < 40 * e.options.length + 20);
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) { event.stopPropagation(); menu.open = false; menu.querySelector("summary").focus(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !menu.open) return;
    event.preventDefault();
    const all = [...menu.querySelectorAll("button")];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  });
  menu.addEventListener("focusout", (event) => { if (!menu.contains(event.relatedTarget)) menu.open = false; });
  return menu;
}

function select(e, value, common, change, ctx) {
  const list = e.type === "users_select"
    ? ctx.people.map((p) => ({ value: p.id, text: { text: p.real_name } })) : options(e);
  const entry = (o) => el("option", { value: o.value, selected: o.value === value }, shortcodes(o.text.text));
  const node = el("select", common,
    el("option", { value: "", disabled: true, selected: !value }, e.placeholder?.text ?? "Choose…"),
    e.option_groups
      ? e.option_groups.map((g) => el("optgroup", { label: g.label.text }, g.options.map(entry)))
      : list.map(entry));
  node.addEventListener("change", () => change(node.value));
  return node;
}

function choices(block, e, type, picked, ctx, change) {
  const name = `${block.block_id}/${e.action_id}`;
  const box = el("div", { class: "choices", "data-key": name, role: type === "radio" ? "radiogroup" : "group" });
  box.append(...options(e).map((o) => el("label", {},
    el("input", { type, name, value: o.value, checked: picked.includes(o.value) }),
    el("span", {}, text(o.text, ctx.names), o.description
      ? el("small", { class: "quiet" }, text(o.description, ctx.names)) : null))));
  box.addEventListener("change", () =>
    change([...box.querySelectorAll("input:checked")].map((node) => node.value)));
  return box;
}

// The value of a field from an entry of Slack's `state.values`.
export function entryValue(entry) {
  if (!entry) return null;
  const found = Object.entries(entry).find(([key]) => key !== "type")?.[1] ?? null;
  if (Array.isArray(found)) return found.map((o) => o.value ?? o);
  return found !== null && typeof found === "object" ? found.value : found;
}
