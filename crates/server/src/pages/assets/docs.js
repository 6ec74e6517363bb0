// The pages work without this file. It adds: the theme switch, the copy buttons, the filter of the navigation and
// the state of the node on the first page.

const THEME = "merak-theme";

// Storage can be forbidden by the browser; the switch then lasts for one page.
const remembered = () => {
  try { return localStorage.getItem(THEME); } catch { return null; }
};
const remember = (theme) => {
  try { localStorage.setItem(THEME, theme); } catch { /* it lasts for this page */ }
};

// Runs before the first paint, so that nobody sees the other theme flash by.
const root = document.documentElement;
if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();

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

async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no clipboard: select the text, so that one keystroke copies it.
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return false;
  }
}

function copyButtons() {
  for (const button of document.querySelectorAll("button.copy")) {
    const code = button.closest(".body, .code").querySelector("pre code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.textContent = await copy(code.textContent, code) ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}

function filterContents() {
  const input = document.querySelector(".find input");
  if (!input) return;
  const sections = [...document.querySelectorAll(".contents details")];
  const wasOpen = new Map(sections.map((section) => [section, section.open]));
  const found = document.querySelector(".found");

  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const section of sections) {
      let any = false;
      for (const entry of section.querySelectorAll("li")) {
        const text = entry.dataset.find;
        const spaced = text.replace(/[-_]/g, " ");
        entry.hidden = !words.every((word) => text.includes(word) || spaced.includes(word.replace(/[-_]/g, " ")));
        if (!entry.hidden) { any = true; count += 1; }
      }
      section.hidden = !any;
      section.open = words.length ? any : wasOpen.get(section);
    }
    for (const group of document.querySelectorAll(".contents section")) {
      group.hidden = !group.querySelector("details:not([hidden])");
    }
    found.textContent = words.length ? `${count} ${count === 1 ? "operation" : "operations"}` : "";
  };

  input.addEventListener("input", filter);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    event.preventDefault();
    document.querySelector(".menu").open = true;
    input.focus();
    input.select();
  });
}

function showCurrent() {
  const side = document.querySelector(".side");
  const current = side?.querySelector("[aria-current]");
  if (!current) return;
  const below = current.getBoundingClientRect().bottom - side.getBoundingClientRect().bottom;
  if (below > 0) side.scrollTop = below + side.clientHeight / 2;
}

async function showHealth() {
  const link = document.querySelector("[data-health]");
  if (!link) return;
  try {
    const healthy = (await fetch("/healthz")).ok;
    link.textContent = healthy ? "Healthy" : "Not healthy";
    link.dataset.health = healthy ? "good" : "bad";
  } catch {
    link.textContent = "Not answering";
    link.dataset.health = "bad";
  }
}

document.addEventListener("DOMContentLoaded", () => {
  switchTheme();
  copyButtons();
  filterContents();
  showCurrent();
  showHealth();
});
