// The lab's own controls: scenario, speed, reset. Absent where nobody serves /control/demo.
import { el, call } from "./dom.js";

const $ = (id) => document.getElementById(id);

export async function stage(say, changed) {
  const response = await fetch("/control/demo");
  if (!response.ok) return;
  const demo = await response.json();
  let current = demo.current;
  $("stage").hidden = false;
  $("scenario").replaceChildren(...demo.scenarios.map((s) =>
    el("option", { value: s.name, selected: s.name === current, title: s.title || s.name }, s.name)));
  // A whole title is wider than the column: the list has the short names, the line below says what the chosen one is.
  const describe = () => { $("scenario-title").textContent = demo.scenarios.find((s) => s.name === current)?.title || ""; };
  describe();
  $("speed").textContent = demo.speed ? `One simulated minute takes ${seconds(60 / demo.speed)}. Times inside messages are simulated.` : "";

  const start = async (name) => {
    $("scenario").disabled = $("reset").disabled = true;
    say("Setting the stage…");
    try {
      await call("/control/demo", { scenario: name });
      current = name;
      describe();
      sessionStorage.removeItem("hint");
      say("The stage is set.");
    } catch (error) {
      say(error.message, true);
    } finally {
      $("scenario").value = current;
      $("scenario").disabled = $("reset").disabled = false;
    }
    changed();
  };
  $("scenario").addEventListener("change", () => start($("scenario").value));
  $("reset").addEventListener("click", () => start(current));
}

const seconds = (n) => (n >= 1 ? `${Math.round(n * 10) / 10} s` : `${Math.round(n * 1000)} ms`);
