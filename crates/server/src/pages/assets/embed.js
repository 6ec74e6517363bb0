// Shows the checkout over a page. Elements with data-polar-checkout (or data-merak-checkout) open it, as does
// Polar.EmbedCheckout.create(url, theme).
(() => {
  const ALLOWED = "MERAK_ORIGIN";
  const TYPE = "POLAR_CHECKOUT";
  const TRIGGERS = ["data-polar-checkout", "data-merak-checkout"];
  const script = document.currentScript;

  class EmbedCheckout {
    constructor(iframe, spinner) {
      this.iframe = iframe;
      this.spinner = spinner;
      this.closable = true;
      this.eventTarget = new EventTarget();
      this.listen = (message) => this.hear(message);
      addEventListener("message", this.listen);
      // Who waits in vain, for a link that leads nowhere perhaps, leaves as from the checkout itself.
      this.leave = ({ type, key }) => { if (type === "click" || key === "Escape") this.emit({ type: TYPE, event: "close" }); };
      spinner.addEventListener("click", this.leave);
      addEventListener("keydown", this.leave);
      this.react("loaded", ({ closable }) => {
        this.spinner?.remove();
        // The payment that was under way came to nothing.
        if (closable) this.closable = true;
      });
      this.react("close", () => { if (this.closable) this.close(); });
      this.react("confirmed", () => { this.closable = false; });
      this.react("success", ({ successURL, redirect }) => {
        this.closable = true;
        if (redirect) location.href = successURL;
      });
    }

    /** Opens the checkout at this address, and gives it once it is there. */
    static create(url, theme) {
      const address = new URL(url, location.href);
      address.searchParams.set("embed", "true");
      address.searchParams.set("embed_origin", location.origin);
      if (theme) address.searchParams.set("theme", theme);
      const cover = "position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647;";
      const spinner = document.createElement("div");
      spinner.setAttribute("role", "status");
      spinner.setAttribute("aria-label", "The checkout opens");
      spinner.style.cssText = `${cover}cursor:progress`;
      const iframe = document.createElement("iframe");
      iframe.title = "Checkout";
      iframe.allow = `payment 'self' ${ALLOWED}`;
      iframe.style.cssText = `${cover}background:rgba(0,0,0,.5);color-scheme:auto`;
      iframe.src = address.href;
      document.body.append(iframe, spinner);
      const overflow = document.body.style.overflow;
      document.body.style.overflow = "hidden";
      const checkout = new EmbedCheckout(iframe, spinner);
      checkout.overflow = overflow;
      checkout.before = document.activeElement;
      return new Promise((resolve) => {
        checkout.addEventListener("loaded", () => { iframe.focus(); resolve(checkout); }, { once: true });
      });
    }

    /** Opens the checkout when elements that ask for it are pressed. */
    static init() {
      for (const attribute of TRIGGERS) {
        for (const element of document.querySelectorAll(`[${attribute}]`)) {
          element.removeEventListener("click", EmbedCheckout.pressed);
          element.addEventListener("click", EmbedCheckout.pressed);
        }
      }
    }

    static pressed(event) {
      event.preventDefault();
      const element = event.currentTarget;
      const attribute = TRIGGERS.find((name) => element.hasAttribute(name));
      const url = element.getAttribute("href") || element.getAttribute(attribute);
      EmbedCheckout.create(url, element.getAttribute(`${attribute}-theme`) || undefined);
    }

    /** Takes the checkout away. */
    close() {
      removeEventListener("message", this.listen);
      removeEventListener("keydown", this.leave);
      this.spinner?.remove();
      this.iframe.remove();
      document.body.style.overflow = this.overflow ?? "";
      this.before?.focus?.();
    }

    addEventListener(type, listener, options) { this.eventTarget.addEventListener(type, listener, options); }

    removeEventListener(type, listener) { this.eventTarget.removeEventListener(type, listener); }

    // What is done about an event unless the page prevents it. Its listeners come first.
    react(type, reaction) { (this.reactions ??= {})[type] = reaction; }

    hear({ origin, source, data }) {
      if (origin !== ALLOWED || source !== this.iframe.contentWindow || data?.type !== TYPE) return;
      this.emit(data);
    }

    emit(data) {
      const event = new CustomEvent(data.event, { detail: data, cancelable: true });
      this.eventTarget.dispatchEvent(event);
      if (!event.defaultPrevented) this.reactions[data.event]?.(data);
    }
  }

  window.Polar = { ...window.Polar, EmbedCheckout };
  window.Merak = { ...window.Merak, EmbedCheckout };

  if (script?.hasAttribute("data-auto-init")) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", EmbedCheckout.init);
    else EmbedCheckout.init();
  }
})();
