// The list of messages in a channel or thread.
import { el } from "./dom.js";
import { entryValue, render } from "./blocks.js";
import { emoji, mrkdwn } from "./mrkdwn.js";

const COLOURS = ["#7a5195", "#2f6f8f", "#3d7a4f", "#a0563b", "#5b6b8c"];

// What blocks need to be drawn and used: names, what was put into fields, where deeds go.
export function context(page, where, key, values) {
  const inputs = (page.inputs[key] ??= {});
  const id = (block, e) => `${block.block_id}/${e.action_id}`;
  const initial = (e) => e.initial_option?.value ?? e.initial_options?.map((o) => o.value) ?? e.initial_date ?? null;
  return {
    names: page.state.names, people: page.state.people,
    get: (block, e) => inputs[id(block, e)] ?? entryValue(values?.[block.block_id]?.[e.action_id]) ?? initial(e),
    set: (block, e, value) => { inputs[id(block, e)] = value; },
    act: (block, e, value) => page.deed("/control/slack/action", {
      ...where, block_id: block.block_id, action_id: e.action_id, value,
    }),
    redraw: page.load,
  };
}

// Cards keep their head, so that each is seen as one thing with an author and a time.
const isCard = (message) => message.blocks.length > 1 || message.blocks.some((b) => b.type === "plan" || b.type === "table");

// A list that was at its end stays there when messages come or its size changes.
export function followEnd(scroll, list) {
  scroll.atEnd = true;
  scroll.addEventListener("scroll", () => {
    scroll.atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  });
  const follow = new ResizeObserver(() => { if (scroll.atEnd) scroll.scrollTop = scroll.scrollHeight; });
  follow.observe(scroll);
  follow.observe(list);
}

export function drawMessages(page, list, scroll, messages, main) {
  if (list.childElementCount === 0) scroll.atEnd = true;
  const old = new Map([...list.children].map((node) => [node.dataset.ts, node]));
  const nodes = [];
  let before = null;
  for (const message of messages) {
    const day = new Date(message.ts * 1000).toDateString();
    const close = before && before.user === message.user && before.ephemeral === message.ephemeral
      && !before.replies && message.ts - before.ts < 300 && !isCard(message) && !isCard(before);
    const signature = JSON.stringify([message, close, page.me, page.state.names[message.user]]);
    let node = old.get(message.ts);
    if (!node || node.dataset.signature !== signature) {
      node = drawMessage(page, message, close, main);
      node.dataset.ts = message.ts;
      node.dataset.signature = signature;
      node.dataset.day = day;
    }
    nodes.push(node);
    before = message;
  }
  place(list, nodes);
  if (!messages.length && main) list.replaceChildren(el("li", { class: "empty" }, "Nothing here yet."));
  if (page.focus && main) {
    const node = nodes.find((n) => n.dataset.ts === page.focus);
    if (node) { node.scrollIntoView({ block: "center" }); node.classList.add("found"); page.focus = null; }
  } else if (scroll.atEnd) scroll.scrollTop = scroll.scrollHeight;
}

// Puts the nodes in order with as few moves as possible: what stays in place keeps focus and open menus.
function place(list, nodes) {
  const focus = document.activeElement;
  const held = list.contains(focus) ? [focus.closest("[data-ts]")?.dataset.ts, focus.dataset.key] : null;
  const wanted = new Set(nodes);
  for (const node of [...list.children]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  if (held?.[1] && !list.contains(document.activeElement)) {
    list.querySelector(`[data-ts="${held[0]}"] [data-key="${CSS.escape(held[1])}"]`)?.focus();
  }
}

export function avatar(page, user) {
  if (user === "U0XSBOT") return el("span", { class: "avatar bot", "aria-hidden": "true" }, "xs");
  if (user === "USLACKBOT") return el("span", { class: "avatar system", "aria-hidden": "true" }, "!");
  const at = page.state.people.findIndex((p) => p.id === user);
  const name = page.state.names[user] ?? "?";
  return el("span", { class: "avatar", style: `background:${COLOURS[at] ?? "#777"}`, "aria-hidden": "true" }, name[0]);
}

function drawMessage(page, message, close, main) {
  const { names } = page.state;
  const when = new Date(message.ts * 1000);
  const clock = el("time", { datetime: when.toISOString(), title: when.toLocaleString() },
    when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  const body = message.blocks.length ? render(message.blocks, context(page, { channel: message.channel, ts: message.ts }, message.ts))
    : el("div", { class: "b-section-text" }, mrkdwn(message.text, names));
  const edited = message.edited ? el("span", { class: "edited" }, "(edited)") : null;
  return el("li", { class: `message${message.ephemeral ? " ephemeral" : ""}${close ? " close" : ""}` },
    close ? el("span", { class: "gutter" }, clock) : avatar(page, message.user),
    el("div", { class: "body" },
      message.ephemeral ? el("p", { class: "only-you" }, "Only visible to you") : null,
      message.broadcast && main ? el("p", { class: "only-you" }, "Also sent to the channel from a thread") : null,
      close ? null : el("p", { class: "who" }, el("b", {}, names[message.user] ?? message.user),
        message.bot_id ? el("span", { class: "badge" }, "APP") : null, clock, edited),
      message.pinned ? el("p", { class: "only-you" }, "📌 Pinned") : null,
      el("div", { class: "blocks" }, body, close ? edited : null),
      (message.files ?? []).map(file),
      message.reactions.length ? el("p", { class: "reactions" }, message.reactions.map((r) => el("span", {}, `${emoji(r)} 1`))) : null,
      main && message.replies ? el("button", { class: "replies", onclick: () => page.openThread(message.ts) },
        el("b", {}, `${message.replies} ${message.replies === 1 ? "reply" : "replies"}`),
        el("span", {}, ` last at ${new Date(message.last_reply * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`)) : null,
      main && message.broadcast && message.thread_ts ? el("button", { class: "replies", onclick: () => page.openThread(message.thread_ts) }, el("b", {}, "Open thread")) : null));
}

function file(f) {
  const where = new URL(f.url_private).pathname;
  if (f.mimetype?.startsWith("image/")) {
    return el("a", { class: "picture", href: where, target: "_blank", title: f.title }, el("img", { src: where, alt: f.alt_txt || f.title }));
  }
  return el("a", { class: "file", href: where, download: f.name }, `📄 ${f.title}`, el("small", {}, `${f.size} bytes`));
}
