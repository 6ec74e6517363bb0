"""What the black-box suites share: databases, the real program, and a shop to test with."""

from harness.database import ENGINES, Database
from harness.server import Server
from harness.shop import Shop
from harness.storage import Storage
from harness.stripe import Stripe
from harness.wire import Wire

__all__ = ["ENGINES", "Database", "Server", "Shop", "Storage", "Stripe", "Wire"]
