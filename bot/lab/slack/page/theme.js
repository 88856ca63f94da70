// Light or dark: as the system has it, or as somebody chose here.
const root = document.documentElement;

export function theme() {
  const list = document.getElementById("theme");
  const apply = (chosen) => {
    if (chosen) root.dataset.theme = chosen;
    else delete root.dataset.theme;
  };
  list.value = localStorage.getItem("theme") ?? "";
  apply(list.value);
  list.addEventListener("change", () => {
    localStorage.setItem("theme", list.value);
    apply(list.value);
  });
}
