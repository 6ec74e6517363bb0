// The checkout works without this file. With it, what is typed is sent along while it is typed, and what it makes is
// put into the page; pages around a frame are told how it goes; the page waits for the outcome by itself.

const PAUSE = 500;
const PATIENCE = 3000;

const place = document.querySelector("[data-checkout], [data-outcome]");
const isEmbedded = place?.hasAttribute("data-embedded") && parent !== window;
const origin = place?.dataset.embedOrigin;

// What happens is told to the page around this one, and to that of the checkout's seller only.
function tell(event, more = {}) {
  if (isEmbedded && origin) parent.postMessage({ type: "POLAR_CHECKOUT", event, ...more }, origin);
}

// Tells that this page is there, and whether it may be closed: not while a payment is under way.
function tellLoaded() {
  const isIdle = place.hasAttribute("data-checkout") || place.dataset.outcome === "failed";
  tell("loaded", isIdle ? { closable: true } : {});
}

function frame() {
  if (!isEmbedded) return;
  const button = document.querySelector("[data-close]");
  if (button) {
    button.hidden = !origin;
    button.addEventListener("click", () => tell("close"));
  }
  addEventListener("click", (event) => {
    if (event.target === document.body || event.target === document.documentElement) tell("close");
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") tell("close"); });
  tellLoaded();
}

// Where something is wrong, there the reader is.
function focusProblems() {
  document.querySelector("[data-focus]")?.focus();
}

function live(page, name) {
  return page.querySelector(`[data-live="${name}"]`);
}

function put(page, name) {
  const [from, to] = [live(page, name), live(document, name)];
  const isNew = from && to && from.innerHTML !== to.innerHTML;
  if (isNew) to.innerHTML = from.innerHTML;
  return isNew;
}

// The lines of another country. Whoever has opened or gone on to something finds it so, and what was typed since was sent.
function putAddress(page, typedSince) {
  const place = live(document, "address");
  const typed = new Map([...place?.querySelectorAll("input, select") ?? []].filter(({ name }) => typedSince.has(name)).map(({ name, value }) => [name, value]));
  const [isOpen, held] = [place?.querySelector("details")?.open, document.activeElement];
  const isHeld = place?.contains(held);
  if (!put(page, "address")) return;
  for (const input of place.querySelectorAll("input, select")) if (typed.has(input.name)) input.value = typed.get(input.name);
  if (isOpen) place.querySelector("details")?.setAttribute("open", "");
  if (!isHeld) return;
  const again = held.id && document.getElementById(held.id);
  (again || place.querySelector(held.tagName))?.focus();
}

// What is wrong with a field that was touched. What was typed into it stays.
function putProblem(page, name) {
  const find = (root) => [...root.querySelectorAll("[data-field]")].find((field) => field.dataset.field === name);
  const [from, to] = [find(page), find(document)];
  if (!from || !to) return;
  const input = (field) => field.querySelector("input, select, textarea");
  to.querySelector(".problem")?.remove();
  const problem = from.querySelector(".problem");
  if (problem) to.append(problem.cloneNode(true));
  for (const attribute of ["aria-invalid", "aria-describedby"]) {
    const value = input(from).getAttribute(attribute);
    if (value === null) input(to).removeAttribute(attribute);
    else input(to).setAttribute(attribute, value);
  }
}

function checkout(form) {
  const touched = new Set();
  let timer, running, last, isPaying = false, payment;
  const stripe = document.getElementById("stripe");
  const whichForm = (page) => [page.querySelector(".card-fields") !== null, page.querySelector("#stripe")?.dataset.mode].join();

  // Whether a card pays that was saved before; then nothing is typed in.
  const isSaved = () => form.querySelector("[name=saved_card]:checked:not([value=another])") !== null;

  if (stripe) payment = MerakStripe.mount(stripe);

  async function send(action) {
    const body = new URLSearchParams(new FormData(form));
    // The card is nobody's business before the button is pressed.
    for (const name of [...body.keys()]) if (name.startsWith("card.") || name === "confirmation_token_id") body.delete(name);
    body.set("action", action);
    const names = [...touched];
    touched.clear();
    live(document, "totals").setAttribute("aria-busy", "true");
    try {
      const response = await fetch(form.getAttribute("action"), { method: "POST", body, credentials: "omit" });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      // It went on meanwhile, in another window perhaps.
      if (!page.querySelector("[data-checkout]")) { location.assign(response.url); return; }
      const [now, then] = [whichForm(page), whichForm(document)];
      if (now !== then) { location.reload(); return; }
      if (names.includes("product_price_id") && page.querySelector(`[data-field="chosen_amount"]`) === null
        !== (document.querySelector(`[data-field="chosen_amount"]`) === null)) { location.reload(); return; }
      for (const name of ["price", "totals", "pay"]) put(page, name);
      if (action !== "update" || names.includes("product_price_id")) put(page, "discount");
      // Of a country that is not chosen any more nothing is put: the next answer is on its way.
      const country = "customer_billing_address.country";
      if (names.includes(country) && !touched.has(country)) putAddress(page, touched);
      last = page;
      for (const name of names) {
        // An address that is still being typed is not wrong yet.
        if (name !== "customer_email" || document.activeElement?.name !== name) putProblem(page, name);
      }
      payment?.update(page.getElementById("stripe").dataset);
    } catch {
      // Without a network nothing changes; the button says so when it is pressed.
    } finally {
      live(document, "totals").removeAttribute("aria-busy");
    }
  }

  function soon(action = "update", pause = PAUSE) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      running = (running ?? Promise.resolve()).then(() => send(action));
    }, pause);
  }

  form.addEventListener("input", (event) => {
    const { name, type } = event.target;
    if (!name || name.startsWith("card.") || name === "saved_card" || name === "discount_code" || name.startsWith("custom_field_data.")) return;
    touched.add(name);
    const isChosen = type === "radio" || event.target.tagName === "SELECT";
    soon("update", isChosen ? 0 : PAUSE);
  });

  form.addEventListener("focusout", (event) => {
    if (last && event.target.name === "customer_email") putProblem(last, "customer_email");
  });

  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    if (event.target.name === "discount_code") form.querySelector("button[value=apply]").click();
    else form.requestSubmit(form.querySelector("button[value=pay]"));
  });

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=action]");
    if (!button || button.value === "pay") return;
    event.preventDefault();
    if (button.value === "apply") touched.add("discount_code");
    soon(button.value, 0);
  });

  form.addEventListener("submit", async (event) => {
    if (isPaying) return;
    // shop.js has noted that the form is sent; it is sent once everything is there.
    event.preventDefault();
    isPaying = true;
    const button = form.querySelector("button[value=pay]");
    button.setAttribute("aria-busy", "true");
    if (timer) { clearTimeout(timer); timer = undefined; await send("update"); }
    await running;
    tell("confirmed");
    if (payment && !isSaved()) {
      let problem = "The payment service does not answer. Please try again.";
      try { problem = await payment.token(form, payer(form)); } catch { }
      if (problem) {
        tellLoaded();
        isPaying = false;
        delete form.dataset.sent;
        for (const other of form.querySelectorAll("button")) other.removeAttribute("aria-busy");
        live(document, "told").innerHTML = "";
        const told = document.createElement("p");
        told.className = "told bad";
        told.setAttribute("role", "alert");
        told.textContent = problem;
        live(document, "told").append(told);
        return;
      }
    }
    const action = document.createElement("input");
    Object.assign(action, { type: "hidden", name: "action", value: "pay" });
    form.append(action);
    form.submit();
  });

  addEventListener("pageshow", () => {
    isPaying = false;
    form.querySelector("input[type=hidden][name=action]")?.remove();
  });

  if (form.hasAttribute("data-prefilled")) {
    if (form.elements.discount_code?.value) soon("apply", 0);
    else soon("update", 0);
  }
}

// Who pays, as the form says it, for the form of Stripe.
function payer(form) {
  const text = (name) => form.elements[name]?.value || undefined;
  const line = (name) => text(`customer_billing_address.${name}`);
  return {
    name: text("customer_name"), email: text("customer_email"),
    address: {
      country: line("country"), postal_code: line("postal_code") ?? "", line1: line("line1") ?? "",
      line2: line("line2") ?? "", city: line("city") ?? "", state: line("state")?.replace(/^..-/, "") ?? "",
    },
  };
}

// The bank sends people back without the token of their session, so it is kept in this window meanwhile.
function keepToken() {
  const parameters = new URLSearchParams(location.search);
  const name = `merak ${location.pathname}`;
  try {
    const token = parameters.get("customer_session_token");
    const embed = parameters.get("embed"), theme = parameters.get("theme");
    if (token) {
      sessionStorage.setItem(name, JSON.stringify({ token, embed, theme }));
      return false;
    }
    const kept = JSON.parse(sessionStorage.getItem(name));
    if (!kept) return false;
    if (kept.embed) parameters.set("embed", kept.embed);
    if (kept.theme) parameters.set("theme", kept.theme);
    parameters.set("customer_session_token", kept.token);
    location.replace(`${location.pathname}?${parameters}`);
    return true;
  } catch {
    return false;
  }
}

function outcome(place) {
  const kind = place.dataset.outcome;
  if (keepToken()) return;
  const goOn = (url) => location.replace(url);
  if (kind === "bank") goOn(place.querySelector("[data-bank]").href);
  if (kind === "stripe") {
    const { key, secret } = document.getElementById("stripe-action").dataset;
    if (MerakStripe.isLoaded()) MerakStripe.approve(key, secret).then(() => wait(place), () => wait(place));
  }
  if (kind === "waiting") wait(place);
  if (kind === "bought") {
    tell("success", { successURL: place.dataset.successUrl, redirect: false });
    if (place.hasAttribute("data-pending")) setTimeout(refresh, 1000, 1);
  }
  if (kind === "leaving") {
    tell("success", { successURL: place.dataset.successUrl, redirect: true });
    if (!isEmbedded || !origin) goOn(place.querySelector("[data-onward]").href);
  }
}

const read = async () => {
  // The cookie of this page tells who has bought, where the address does not.
  const response = await fetch(location.href, { credentials: "same-origin" });
  return new DOMParser().parseFromString(await response.text(), "text/html");
};

// Listens first and looks afterwards, so that nothing happens unseen in between; and looks now and then, in case
// nothing is heard. A payment that is on its way may still come to ask the buyer's bank.
function wait(place) {
  const before = place.dataset.outcome;
  let isOver = false;
  const look = async () => {
    try {
      const now = (await read()).querySelector("[data-outcome]")?.dataset.outcome;
      if (!isOver && now !== before && now !== "waiting") { isOver = true; location.reload(); }
    } catch { /* it is looked again */ }
  };
  const events = new EventSource(place.dataset.events);
  events.addEventListener("open", look);
  events.addEventListener("message", (message) => {
    if (JSON.parse(message.data).key === "checkout.updated") look();
  });
  setInterval(look, PATIENCE);
}

// Keys are made right after the purchase; they are put in as they come.
async function refresh(tries) {
  try {
    const page = await read();
    if (put(page, "bought")) {
      for (const button of document.querySelectorAll("button[data-copy]")) copying(button);
    }
    if (!page.querySelector("[data-pending]") || tries >= 20) return;
  } catch { /* it is tried again */ }
  setTimeout(refresh, Math.min(1000 * tries, 5000), tries + 1);
}

function copying(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const from = document.getElementById(button.dataset.copy);
    try { await navigator.clipboard.writeText(from.textContent.trim()); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(from); }
  });
}

frame();
focusProblems();
if (place?.hasAttribute("data-checkout")) checkout(place);
if (place?.hasAttribute("data-outcome")) outcome(place);
