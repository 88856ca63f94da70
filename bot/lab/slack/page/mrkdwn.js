// Slack's mrkdwn and rich text, as DOM nodes.
import { el, safeLink } from "./dom.js";

const DAY = { year: "numeric", month: "long", day: "numeric" };
const TOKENS = {
  date_num: (d) => d.toISOString().slice(0, 10),
  date: (d) => d.toLocaleDateString([], DAY),
  date_pretty: (d) => d.toLocaleDateString([], DAY),
  date_short: (d) => d.toLocaleDateString([], { ...DAY, month: "short" }),
  date_short_pretty: (d) => d.toLocaleDateString([], { ...DAY, month: "short" }),
  date_long: (d) => d.toLocaleDateString([], { ...DAY, weekday: "long" }),
  date_long_pretty: (d) => d.toLocaleDateString([], { ...DAY, weekday: "long" }),
  time: (d) => d.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  time_secs: (d) => d.toLocaleTimeString([]),
  ago: (d) => `${Math.max(0, Math.round((Date.now() - d) / 60000))} minutes ago`,
};
const EMOJI = {
  white_check_mark: "✅", x: "❌", warning: "⚠️", rocket: "🚀", eyes: "👀", lock: "🔒", bell: "🔔",
  hourglass_flowing_sand: "⏳", hourglass: "⌛", arrows_counterclockwise: "🔄", no_entry: "⛔", tada: "🎉",
  information_source: "ℹ️", double_vertical_bar: "⏸️", black_square_for_stop: "⏹️", memo: "📝",
  rotating_light: "🚨", question: "❓", hammer_and_wrench: "🛠️", thumbsup: "👍", "+1": "👍", pushpin: "📌",
};

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export const emoji = (name) => EMOJI[name] ?? `:${name}:`;

function date(seconds, format) {
  const moment = new Date(Number(seconds) * 1000);
  const text = format.replace(/\{(\w+)\}/g, (whole, token) => TOKENS[token]?.(moment) ?? whole);
  return el("time", { datetime: moment.toISOString(), title: moment.toString() }, text);
}

const mention = (sign, id, names) => el("span", { class: "mention" }, sign + (names[id] ?? id));

function angle(inner, names) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? "" : plain(inner.slice(bar + 1));
  if (target.startsWith("@")) return mention("@", target.slice(1), names);
  if (target.startsWith("#")) return mention("#", target.slice(1), names);
  if (target.startsWith("!subteam^")) return mention("@", target.slice(9), names);
  if (target.startsWith("!date^")) {
    const [, seconds, format] = target.split("^");
    return Number.isFinite(Number(seconds)) && format ? date(seconds, format) : label;
  }
  if (target.startsWith("!")) return mention("@", target.slice(1), names);
  return safeLink(plain(target), label || plain(target));
}

// One line: code first (nothing inside is formatted), then <…>, emphasis and emoji.
const INLINE = /`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])|(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])|:([a-z0-9_+-]+):/g;

export function inline(text, names) {
  const nodes = [];
  let end = 0;
  for (const m of text.matchAll(INLINE)) {
    if (m.index > end) nodes.push(plain(text.slice(end, m.index)));
    if (m[1] !== undefined) nodes.push(el("code", {}, plain(m[1])));
    else if (m[2] !== undefined) nodes.push(angle(m[2], names));
    else if (m[3] !== undefined) nodes.push(el("b", {}, inline(m[3], names)));
    else if (m[4] !== undefined) nodes.push(el("i", {}, inline(m[4], names)));
    else if (m[5] !== undefined) nodes.push(el("s", {}, inline(m[5], names)));
    else nodes.push(emoji(m[6]));
    end = m.index + m[0].length;
  }
  if (end < text.length) nodes.push(plain(text.slice(end)));
  return nodes;
}

export function mrkdwn(text, names) {
  const out = [];
  text.split("```").forEach((part, index) => {
    if (index % 2) { out.push(el("pre", {}, plain(part.replace(/^\n|\n$/g, "")))); return; }
    let quote = null;
    part.split("\n").forEach((line, n) => {
      if (line.startsWith("&gt;") || line.startsWith(">")) {
        const body = inline(line.replace(/^(&gt;|>)\s?/, ""), names);
        if (quote) quote.append(el("br"), ...body);
        else { quote = el("blockquote", {}, body); out.push(quote); }
        return;
      }
      if (n > 0 && !quote) out.push(el("br"));
      quote = null;
      out.push(...inline(line, names));
    });
  });
  return out;
}

// The `markdown` block: headings and **bold** on top of what mrkdwn knows.
export function markdown(text, names) {
  const links = text.replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>").replace(/\*\*([^*\n]+)\*\*/g, "*$1*");
  return links.split("\n").map((line) => {
    const heading = line.match(/^#{1,6}\s+(.*)/);
    const item = line.match(/^\s*(?:[-*]|\d+\.)\s+(.*)/);
    if (heading) return el("h4", {}, inline(heading[1], names));
    if (item) return el("div", { class: "item" }, "• ", inline(item[1], names));
    return el("div", {}, inline(line, names));
  });
}

export function text(object, names) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : [shortcodes(object.text)];
}

export const shortcodes = (words) => words.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);

function leaf(item, names) {
  let node;
  if (item.type === "text") node = item.text;
  else if (item.type === "link") node = safeLink(item.url, item.text || item.url);
  else if (item.type === "user") node = mention("@", item.user_id, names);
  else if (item.type === "usergroup") node = mention("@", item.usergroup_id, names);
  else if (item.type === "channel") node = mention("#", item.channel_id, names);
  else if (item.type === "broadcast") node = mention("@", item.range, names);
  else if (item.type === "emoji") node = emoji(item.name);
  else if (item.type === "date") node = date(item.timestamp, item.format);
  else node = "";
  const style = item.style ?? {};
  for (const [name, tag] of [["bold", "b"], ["italic", "i"], ["strike", "s"], ["code", "code"]]) {
    if (style[name]) node = el(tag, {}, node);
  }
  return node;
}

export function richText(block, names) {
  return (block?.elements ?? []).map((part) => {
    const inner = part.elements ?? [];
    if (part.type === "rich_text_list") {
      const items = inner.map((section) => el("li", {}, section.elements.map((i) => leaf(i, names))));
      return el(part.style === "ordered" ? "ol" : "ul", { class: `rich indent-${part.indent ?? 0}` }, items);
    }
    const tag = { rich_text_preformatted: "pre", rich_text_quote: "blockquote" }[part.type] ?? "div";
    return el(tag, { class: "rich" }, inner.map((i) => leaf(i, names)));
  });
}
