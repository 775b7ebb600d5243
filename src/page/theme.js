// Light or dark: the system's choice, until the button says otherwise.

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

const isDark = () =>
  (document.documentElement.dataset.theme || (systemIsDark.matches ? "dark" : "light")) === "dark";

// Wires the button; `onChange` is called after the colours have changed.
function startTheme(onChange) {
  const root = document.documentElement, button = byId("theme");
  const apply = () => {
    root.toggleAttribute("data-dark", isDark());
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  };
  const change = () => {
    apply();
    onChange();
  };
  // Where a file's page may not store anything, the choice lasts as long as the page.
  try {
    const stored = localStorage.getItem("theme");
    if (stored === "dark" || stored === "light") root.dataset.theme = stored;
  } catch { /* not stored */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not stored */ }
    change();
  });
  systemIsDark.addEventListener("change", change);
  apply();
}
