// The confirm dialog of a button or menu.
import { el } from "./dom.js";
import { text } from "./mrkdwn.js";

export function ask(dialog, names) {
  const box = document.getElementById("confirm");
  return new Promise((resolve) => {
    const finish = (yes) => { box.close(); resolve(yes); };
    box.oncancel = (event) => { event.preventDefault(); finish(false); };
    box.replaceChildren(
      el("h2", {}, dialog.title.text),
      el("div", { class: "confirm-text" }, text(dialog.text, names)),
      el("div", { class: "dialog-foot" },
        el("button", { type: "button", class: "plain", onclick: () => finish(false) }, dialog.deny.text),
        el("button", { type: "button", class: dialog.style ?? "primary", onclick: () => finish(true), autofocus: true },
          dialog.confirm.text)));
    box.showModal();
  });
}
