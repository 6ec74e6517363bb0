"""Somebody who buys: with a browser, a mailbox, and the cards of the sandbox."""

from email.message import EmailMessage

from playwright.sync_api import Browser, ConsoleMessage, Locator

from harness.mail import Catcher

GOOD_CARD = "4242 4242 4242 4242"
OTHER_CARD = "5555 5555 5555 4444"
DECLINED_CARD = "4000 0000 0000 0002"
# Its bank wants to hear from the buyer when it is used first.
ASKING_CARD = "4000 0025 0000 3155"
# Good while the buyer is there, declined when it is charged later.
CARD_DECLINED_LATER = "4000 0000 0000 0341"

PATIENCE_MS = 40_000


class Buyer:
    """A buyer, who has never been to the shop before."""

    def __init__(self, chromium: Browser, catcher: Catcher, name: str) -> None:
        self.name = name
        self.email = f"{name.split()[0].lower()}@example.com"
        self.mailbox = catcher.mailbox
        # Errors of scripts, and what the rules of a page forbid.
        self.faults: list[str] = []
        self._context = chromium.new_context()
        self.page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(message.text)

    def leave(self) -> None:
        assert self.faults == []
        self._context.close()

    def open_checkout(self, url: str) -> None:
        """Goes to the page of a checkout and says who buys."""
        self.page.goto(url)
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Name", exact=True).fill(self.name)
        self.page.get_by_label("Country").select_option("FR")

    def pay(self, card: str) -> None:
        """Types a card into the page of a checkout and pays."""
        self.type_card(self.page.locator("form#checkout"), card)
        self.page.locator("button[value=pay]").click()

    def type_card(self, form: Locator, card: str) -> None:
        form.get_by_label("Card number").fill(card)
        form.get_by_label("Expires").fill("12 / 40")
        form.get_by_label("Security code").fill("123")

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()

    def bought_key(self) -> str:
        """The license key on the page that thanks for a purchase."""
        self.page.get_by_role("heading", name="Thank you").wait_for()
        return self.page.locator(".key code").inner_text()

    def letter(self, subject: str, count: int = 1) -> EmailMessage:
        """The last mail whose subject begins so, once there are so many."""
        return self.mailbox.find(self.email, subject, count)

    def letters(self, subject: str) -> int:
        """How many mails came whose subject begins so."""
        return sum(message["subject"].startswith(subject) for message in self.mailbox.to(self.email))

    def sign_in(self, portal: str) -> None:
        """Signs in to a portal by the code that comes by mail."""
        codes = self.letters("Your sign-in code")
        self.page.goto(f"{portal}/request")
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_role("button", name="Send me a code").click()
        lines = text_of(self.letter("Your sign-in code", codes + 1)).splitlines()
        self.page.get_by_label("Code").fill(next(line for line in lines if len(line) == 6 and line.isalnum()))
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Your purchases").wait_for()

    def open_subscription(self, portal: str, product: str) -> None:
        """Goes to the page of a subscription, as somebody who is signed in."""
        self.page.goto(portal)
        self.page.get_by_label("Subscriptions").get_by_role("link", name=product).click()
        self.page.get_by_role("heading", name=product).wait_for()

    def unfold(self, summary: str) -> Locator:
        """Opens a part of a page that is folded."""
        part = self.page.locator("details").filter(has=self.page.locator("summary", has_text=summary))
        part.locator("summary", has_text=summary).click()
        return part


def text_of(message: EmailMessage) -> str:
    """What a mail says to a reader without HTML."""
    return message.get_body(("plain",)).get_content()
