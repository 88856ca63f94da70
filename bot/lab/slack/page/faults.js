// What can go wrong, by name: on the simulated pool and in the local Slack. The lab's own; nothing of it is in Slack.
import { el, call } from "./dom.js";

const $ = (id) => document.getElementById(id);

export async function faultPanel() {
  const known = { slack: await call("/control/slack/fault"), pool: {} };
  // Where Slack stands alone there is no pool to disturb.
  const pool = await fetch("/control/pool/fault");
  if (pool.ok) known.pool = await pool.json();
  else $("fault-where").replaceChildren(el("option", { value: "slack" }, "In Slack"));
  const say = (sentence, bad = false) => {
    $("fault-said").textContent = sentence;
    $("fault-said").classList.toggle("bad", bad);
  };
  const where = () => $("fault-where").value;
  const describe = () => { $("fault-told").textContent = known[where()][$("fault-name").value] ?? ""; };
  const list = () => {
    $("fault-form").dataset.where = where();
    $("fault-name").replaceChildren(...Object.keys(known[where()]).sort().map((name) => el("option", { value: name }, name)));
    describe();
  };
  $("fault-where").addEventListener("change", list);
  $("fault-name").addEventListener("change", describe);
  $("faults").addEventListener("toggle", async () => {
    if (!$("faults").open || !pool.ok) return;
    const state = await call("/control/pool/state");
    const choice = (names) => [el("option", { value: "" }, "none"), ...names.map((name) => el("option", { value: name }, name))];
    $("fault-host").replaceChildren(...choice(state.hosts.map((host) => host.name)));
    $("fault-vm").replaceChildren(...choice(state.vms.map((vm) => vm.name)));
  });
  $("fault-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    let name = $("fault-name").value;
    if (name === "error:<code>") {
      const code = window.prompt("Which of Slack's error codes?", "channel_not_found");
      if (!code) return;
      name = `error:${code}`;
    }
    const times = Number($("fault-times").value) || 1;
    const given = where() === "slack"
      ? { method: $("fault-method").value.trim() || null, times, seconds: Number($("fault-seconds").value) || 0 }
      : { ...($("fault-host").value && { host: $("fault-host").value }), ...($("fault-vm").value && { vm: $("fault-vm").value }),
        ...(/`times`/.test(known.pool[name]) && { times }) };
    try {
      await call(`/control/${where()}/fault`, { name, ...given });
      say(`It will: ${known[where()][$("fault-name").value]}.`);
    } catch (error) {
      say(error.message, true);
    }
  });
  $("fault-clear").addEventListener("click", async () => {
    await call("/control/slack/fault", { clear: true });
    say("Slack works again. What was done to the pool stays.");
  });
  list();
}
