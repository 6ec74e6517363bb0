// The pages of a shop work without this file. It adds: the theme switch, and what data-* attributes ask for.

const THEME = "merak-theme";
const root = document.documentElement;

// Storage can be forbidden by the browser; the switch then lasts for one page.
const remembered = () => {
  try { return localStorage.getItem(THEME); } catch { return null; }
};
const remember = (theme) => {
  try { localStorage.setItem(THEME, theme); } catch { /* it lasts for this page */ }
};

// Before the first paint, so that nobody sees the other theme flash by. What the address asks for goes first.
if (!root.dataset.theme && ["light", "dark"].includes(remembered())) root.dataset.theme = remembered();

const isDark = () => root.dataset.theme
  ? root.dataset.theme === "dark"
  : matchMedia("(prefers-color-scheme: dark)").matches;

function switchTheme() {
  const button = document.querySelector(".theme");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
  });
}

// A button with data-copy copies the text of the element that it names.
function copyButtons() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const from = document.getElementById(button.dataset.copy);
      let told = "Copied";
      try {
        await navigator.clipboard.writeText(from.textContent.trim());
      } catch {
        // Without https there is no clipboard: select the text, so that one keystroke copies it.
        getSelection().selectAllChildren(from);
        told = "Selected";
      }
      button.textContent = told;
      setTimeout(() => { button.textContent = label; }, 1500);
    });
  }
}

// A form is sent once, however often its button is pressed.
function sendOnce() {
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
    });
    // Coming back by the browser's own button finds the form ready again.
    addEventListener("pageshow", () => {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
    });
  }
}

// A form with data-confirm asks first. It listens before all others, so that nothing is sent without a yes.
function askFirst() {
  for (const form of document.querySelectorAll("form[data-confirm]")) {
    form.addEventListener("submit", (event) => {
      if (confirm(form.dataset.confirm)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    });
  }
}

// An element with data-watch listens to data-events, and to whom nothing is told looks at data-watch now and then. The page is
// loaded anew when another text stands there than in data-state. Not while somebody types, and not for ever.
function watch() {
  const watched = document.querySelector("[data-watch]");
  if (!watched) return;
  let looks = 60, isHeard = false, isDue = true;
  const events = new EventSource(watched.dataset.events);
  const look = async () => {
    if (!isDue || document.hidden || document.activeElement?.matches("input, textarea, select")) return;
    isDue = !isHeard;
    if (!isHeard && --looks === 0) stop();
    try {
      const answer = await fetch(watched.dataset.watch, { redirect: "error" });
      if (answer.ok && (await answer.text()) !== watched.dataset.state) location.reload();
    } catch { stop(); }
  };
  const timer = setInterval(look, 5000);
  const stop = () => { clearInterval(timer); events.close(); };
  const hear = () => { isHeard = isDue = true; look(); };
  // Whatever happened before the stream began is not told by it.
  events.addEventListener("open", hear);
  events.addEventListener("message", hear);
  events.addEventListener("error", () => { isHeard = false; isDue = true; });
}

addEventListener("DOMContentLoaded", () => {
  askFirst();
  watch();
  switchTheme();
  copyButtons();
  sendOnce();
});
