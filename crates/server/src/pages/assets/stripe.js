// What Stripe does on pages: its form, which gives a token for what was typed into it, and its bank. The checkout calls it;
// in the portal it does what stands on the page.

const MerakStripe = (() => {
  const isLoaded = () => typeof Stripe === "function";

  function isDark() {
    const { theme } = document.documentElement.dataset;
    return getComputedStyle(document.documentElement).colorScheme.includes("dark")
      && (theme === "dark" || (!theme && matchMedia("(prefers-color-scheme: dark)").matches));
  }

  // Puts the form into its place. A page that asks who pays tells it with the token; else the form asks for what it needs.
  function mount(place) {
    if (!isLoaded()) return undefined;
    const { key, mode, amount, currency, email, name, country, postalCode } = place.dataset;
    const processor = Stripe(key);
    const options = { mode, currency, appearance: { theme: isDark() ? "night" : "stripe" } };
    if (mode === "payment") options.amount = Number(amount);
    if (place.hasAttribute("data-kept")) options.setupFutureUsage = "off_session";
    const elements = processor.elements(options);
    const asked = { name: "never", email: "never", address: { country: "never", postalCode: "never" } };
    const known = {
      email, name: name || undefined, address: { country: country || undefined, postal_code: postalCode || undefined },
    };
    const given = email === undefined
      ? { fields: { billingDetails: asked } } : { defaultValues: { billingDetails: known } };
    elements.create("payment", given).mount(place);
    return {
      update(dataset) {
        if (mode === "payment") elements.update({ amount: Number(dataset.amount) });
      },
      // Puts the token into the form around; says what is wrong if there is none.
      async token(form, details) {
        const submitted = await elements.submit();
        if (submitted.error) return submitted.error.message;
        const data = {
          ...(details && { billing_details: details }),
          ...(place.hasAttribute("data-offered") && { allow_redisplay: "always" }),
        };
        const params = Object.keys(data).length > 0 && { params: { payment_method_data: data } };
        const made = await processor.createConfirmationToken({ elements, ...params });
        if (made.error) return made.error.message;
        form.elements.confirmation_token_id.value = made.confirmationToken.id;
        return undefined;
      },
    };
  }

  // The bank, in a window over the page.
  const approve = (key, clientSecret) => isLoaded()
    ? Stripe(key).handleNextAction({ clientSecret })
    : Promise.resolve({ error: { message: "The payment service could not be loaded. Please load this page again." } });

  function tell(before, sentence) {
    document.getElementById("stripe-problem")?.remove();
    const told = document.createElement("p");
    Object.assign(told, { id: "stripe-problem", className: "told bad", textContent: sentence });
    told.setAttribute("role", "alert");
    before.before(told);
  }

  function inForm(place) {
    const form = place.closest("form");
    const details = place.closest("details");
    let payment, isBusy = false;
    const busy = (is) => {
      isBusy = is;
      for (const button of form.querySelectorAll("button")) {
        if (is) button.setAttribute("aria-busy", "true"); else button.removeAttribute("aria-busy");
      }
    };
    const open = () => { payment ??= mount(place); };
    // Where it cannot be seen it cannot be laid out.
    if (!details || details.open) open(); else details.addEventListener("toggle", open, { once: true });
    form.addEventListener("submit", async (event) => {
      // It is sent once the token is there, and not noted as sent before.
      event.preventDefault();
      event.stopImmediatePropagation();
      if (isBusy) return;
      busy(true);
      let problem = "The form of the payment service could not be loaded. Please load this page again.";
      try { if (payment) problem = await payment.token(form); }
      catch { problem = "The payment service does not answer. Please try again."; }
      if (problem === undefined) { form.submit(); return; }
      busy(false);
      tell(form, problem);
    });
    addEventListener("pageshow", () => {
      busy(false);
      form.elements.confirmation_token_id.value = "";
    });
  }

  function atBank(place) {
    const { key, secret, url, back } = place.dataset;
    const go = async () => {
      // Who goes back from the bank comes to the page before this one, and not to the bank again.
      if (url) { location.replace(url); return; }
      const done = await approve(key, secret).catch(() => ({ error: { message: "The payment service does not answer." } }));
      // What became of it is asked of the server, whatever the script says.
      if (done.error && !isLoaded()) tell(place, done.error.message);
      else location.replace(back);
    };
    const button = place.querySelector("button");
    if (button) { button.hidden = false; button.addEventListener("click", go); }
    if (place.hasAttribute("data-at-once")) go();
  }

  const form = document.querySelector("form:not([data-checkout]) #stripe");
  if (form) inForm(form);
  const bank = document.querySelector("[data-approve]");
  if (bank) atBank(bank);

  return { approve, isLoaded, mount };
})();
