// The line people type into, with type-ahead for commands.
import { el } from "./dom.js";

const $ = (id) => document.getElementById(id);
// What can be taken over as it stands: everything before the first placeholder.
const literal = (usage) => usage.split(/[<[]/)[0];

export function composer(page, send) {
  const line = $("line");
  const list = $("suggest");
  let active = -1;

  const matches = () => {
    const typed = line.value;
    if (!typed.startsWith("/")) return [];
    return (page.state?.hints ?? []).filter((h) => {
      const fixed = literal(h.usage);
      return fixed.startsWith(typed) || (typed.startsWith(fixed) && fixed.trim() !== "/xs");
    }).slice(0, 12);
  };

  const take = (hint) => {
    line.value = literal(hint.usage);
    hide();
    line.focus();
  };
  const hide = () => { list.hidden = true; active = -1; line.removeAttribute("aria-activedescendant"); };
  const show = () => {
    const found = matches();
    if (!found.length) { hide(); return; }
    active = Math.min(active, found.length - 1);
    list.replaceChildren(...found.map((h, n) => el("li", { role: "option", id: `hint-${n}`,
      "aria-selected": String(n === active), onmousedown: (event) => { event.preventDefault(); take(h); } },
    el("code", {}, h.usage), el("span", {}, h.does))));
    list.hidden = false;
    if (active >= 0) {
      line.setAttribute("aria-activedescendant", `hint-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
  };

  line.addEventListener("input", () => { active = -1; show(); });
  line.addEventListener("focus", show);
  line.addEventListener("blur", hide);
  line.addEventListener("keydown", (event) => {
    const found = matches();
    if (list.hidden || !found.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      active = (active + (event.key === "ArrowDown" ? 1 : found.length + (active < 0 ? 0 : -1))) % found.length;
      show();
    } else if (event.key === "Tab" && !event.shiftKey && line.value !== literal(found[Math.max(0, active)].usage)) {
      event.preventDefault();
      take(found[Math.max(0, active)]);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(found[active]);
    } else if (event.key === "Escape") hide();
  });
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = line.value.trim();
    if (!text) return;
    line.value = "";
    hide();
    $("ack").textContent = "…";
    $("ack").classList.remove("bad");
    send(text);
  });

  return (text) => { line.value = text; line.focus(); show(); };
}
