// The page: asks the server for everything one person sees, draws what changed, sends what the person does.
import { el, call } from "./dom.js";
import { render } from "./blocks.js";
import { avatar, context, drawMessages, followEnd } from "./messages.js";
import { closeNow, showModal } from "./modal.js";
import { composer } from "./composer.js";
import { hintPanel } from "./hint.js";
import { faultPanel } from "./faults.js";
import { stage } from "./stage.js";
import { theme } from "./theme.js";

const $ = (id) => document.getElementById(id);
const page = {
  me: sessionStorage.getItem("me") ?? "alice", channel: "C0UPDATES", thread: null, home: false,
  state: null, seen: JSON.parse(sessionStorage.getItem("seen") ?? "{}"), inputs: {},
  deed, load, openThread,
};

// A permalink names a channel, a message and perhaps its thread. Its host may be another name of this page.
function follow(address) {
  const url = new URL(address, location);
  const link = url.pathname.match(/^\/archives\/(\w+)\/p(\d+)$/);
  if (!link) return false;
  page.channel = link[1];
  page.home = false;
  page.focus = `${link[2].slice(0, -6)}.${link[2].slice(-6)}`;
  page.thread = url.searchParams.get("thread_ts");
  return true;
}
if (follow(location.href)) history.replaceState(null, "", "/");
document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  if (anchor && follow(anchor.href)) { event.preventDefault(); load(); }
});

// --- talking to the server ------------------------------------------------------------------------------------

let loading = false;
let again = false;

async function load() {
  if (loading) { again = true; return; }
  loading = true;
  try {
    do {
      again = false;
      const query = new URLSearchParams({ user: page.me, channel: page.channel });
      if (page.thread) query.set("thread", page.thread);
      page.state = await call(`/control/slack/state?${query}`);
      draw();
    } while (again);
  } catch (error) {
    say(`The lab does not answer: ${error.message}`, true);
  } finally {
    loading = false;
  }
}

async function deed(path, body) {
  try {
    const answer = await call(path, { as: page.me, wait: 0, ...body });
    if (answer.timed_out || answer.error) say(`No acknowledgement: ${answer.error}`, true);
    else if (typeof answer.ack_ms === "number") say(`Acknowledged in ${Math.max(1, Math.round(answer.ack_ms))} ms`);
    load();
    return answer;
  } catch (error) {
    say(error.message, true);
    load();
    return null;
  }
}

function say(sentence, bad = false) {
  $("ack").textContent = sentence;
  $("ack").classList.toggle("bad", bad);
}

function listen() {
  const source = new EventSource("/events");
  source.addEventListener("change", load);
  source.onopen = () => { connection(); load(); };
  source.onerror = () => connection(true);
}

function connection(lost = false) {
  const app = page.state?.connected ?? 0;
  const told = lost ? "The lab is away; trying again…" : app ? "The bot is connected" : "The bot is not connected";
  // A status that is written anew is read anew, whether it says something else or not.
  if ($("connection").textContent !== told) $("connection").textContent = told;
  $("connection").className = `link-state ${lost ? "bad" : app ? "good" : "idle"}`;
}

// --- drawing --------------------------------------------------------------------------------------------------

function draw() {
  const { state } = page;
  drawPeople();
  drawChannels();
  connection();
  const channel = state.channels.find((c) => c.id === page.channel);
  $("title").textContent = page.home ? "xsbot" : (channel.is_im ? "xsbot" : `# ${channel.name}`);
  $("purpose").textContent = page.home ? "Home" : (channel.is_im ? "Direct messages" : channel.purpose);
  $("composer").hidden = page.home;
  $("line").placeholder = channel.is_im ? "Message xsbot" : `Message #${channel.name}, or type / for commands`;
  if (page.home) drawHome();
  else drawMessages(page, $("messages"), $("scroll"), state.messages, true);
  hintPanel($("hint"), page, setLine);
  const parent = state.thread.find((m) => m.ts === page.thread);
  const open = Boolean(page.thread && parent);
  $("thread").hidden = !open;
  $("frame").classList.toggle("with-thread", open);
  if (open) drawMessages(page, $("replies"), $("thread-scroll"), state.thread, false);
  showModal(state.modal, { names: state.names, people: state.people, me: page.me, deed });
}

function drawPeople() {
  if ($("people").childElementCount !== page.state.people.length) {
    $("people").replaceChildren(...page.state.people.map((person) => el("button", {
      role: "radio", type: "button", "data-name": person.name, onclick: () => become(person.name), title: `${person.real_name} — ${person.title}`,
    }, avatar(page, person.id), el("span", {}, el("b", {}, person.real_name.split(" ")[0]), el("small", {}, person.title)))));
  }
  for (const button of $("people").children) {
    const mine = button.dataset.name === page.me;
    button.setAttribute("aria-checked", String(mine));
    // One stop on the way of the Tab key, as radio buttons have it; the arrows go from one to the next.
    button.tabIndex = mine ? 0 : -1;
  }
}

$("people").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...$("people").children];
  const next = all[(all.findIndex((b) => b.dataset.name === page.me) + step + all.length) % all.length];
  become(next.dataset.name);
  next.focus();
});

function become(name) {
  page.me = name;
  page.inputs = {};
  sessionStorage.setItem("me", name);
  const channel = page.state.channels.find((c) => c.id === page.channel);
  if (channel?.is_im) page.channel = `D${page.state.people.find((p) => p.name === name).id.slice(1)}`;
  closeNow();
  say("");
  load();
  if (page.home) deed("/control/slack/home", {});
}

function drawChannels() {
  const here = (c) => !page.home && c.id === page.channel;
  const item = (c, label) => {
    if (here(c)) page.seen[c.id] = c.last_ts;
    const fresh = c.last_ts > (page.seen[c.id] ?? "");
    return el("li", {}, el("button", { "aria-current": here(c) ? "page" : null, class: fresh ? "fresh" : null,
      onclick: () => go(c.id) }, label, fresh ? el("span", { class: "dot", "aria-label": "new messages" }) : null));
  };
  const shown = page.state.channels.filter((c) => c.shown);
  $("channels").replaceChildren(...shown.filter((c) => !c.is_im).map((c) => item(c, `# ${c.name}`)));
  $("apps").replaceChildren(
    el("li", {}, el("button", { "aria-current": page.home ? "page" : null, onclick: home }, "⌂ Home")),
    ...shown.filter((c) => c.is_im).map((c) => item(c, "✉ Messages")));
  sessionStorage.setItem("seen", JSON.stringify(page.seen));
}

function go(channel) {
  page.channel = channel;
  page.home = false;
  page.thread = null;
  $("messages").replaceChildren();
  menu(false);
  load();
}

function home() {
  page.home = true;
  page.thread = null;
  menu(false);
  draw();
  deed("/control/slack/home", {});
}

function drawHome() {
  const view = page.state.home;
  // Drawn anew only when the app published something else: what has the focus keeps it.
  const signature = JSON.stringify([page.me, view?.id, view?.hash]);
  const shown = $("messages").firstElementChild;
  if (shown?.dataset.signature === signature) return;
  const held = document.activeElement?.closest(".home") ? document.activeElement.dataset.key : null;
  const where = view ? { view_id: view.id } : {};
  const blocks = view ? render(view.blocks, context(page, where, view.id, view.state.values))
    : el("p", { class: "empty" }, "The app has not published a Home tab for you.");
  const fresh = !shown?.classList.contains("home");
  $("messages").replaceChildren(el("li", { class: "home", "data-signature": signature }, blocks));
  // A page is read from its top, a conversation from its end.
  $("scroll").atEnd = false;
  if (fresh) $("scroll").scrollTop = 0;
  if (held) $("messages").querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
}

async function openThread(ts) {
  page.thread = ts;
  $("replies").replaceChildren();
  await load();
  $("thread-close").focus();
}

// --- doing ----------------------------------------------------------------------------------------------------

const setLine = composer(page, (text) => deed("/control/slack/say", { channel: page.channel, text }));

$("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("reply-line").value.trim();
  if (!text) return;
  $("reply-line").value = "";
  deed("/control/slack/say", { channel: page.channel, text, thread_ts: page.thread });
});
const closeThread = () => {
  const back = document.querySelector(`#messages [data-ts="${page.thread}"] .replies`);
  page.thread = null;
  draw();
  (back ?? $("line")).focus();
};
$("thread-close").addEventListener("click", closeThread);
$("thread").addEventListener("keydown", (event) => { if (event.key === "Escape") closeThread(); });

function menu(open) {
  $("frame").classList.toggle("with-side", open);
  $("menu").setAttribute("aria-expanded", String(open));
}
$("menu").addEventListener("click", () => {
  const open = !$("frame").classList.contains("with-side");
  menu(open);
  if (open) $("side").querySelector("button")?.focus();
});
$("side").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("frame").classList.contains("with-side")) { menu(false); $("menu").focus(); }
});

followEnd($("scroll"), $("messages"));
followEnd($("thread-scroll"), $("replies"));
theme();
faultPanel();
stage(say, () => { page.thread = null; page.home = false; load(); });
load().then(listen);
