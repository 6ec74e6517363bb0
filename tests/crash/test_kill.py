"""`kill -9` and SIGTERM under load: what was acknowledged is kept, and no limit is passed."""

import time

from crash.load import CLIENTS, Load, assert_kept
from harness import Server, Shop

ROUNDS = 4


def wait_for(load: Load, more: int) -> None:
    """Waits until some more answers have come, so that the end comes in the middle of work on any machine."""
    enough = load.acknowledged() + more
    deadline = time.monotonic() + 60
    while load.acknowledged() < enough:
        assert time.monotonic() < deadline, f"only {load.acknowledged()} answers: {load.unexpected}"
        time.sleep(0.001)


def test_everything_acknowledged_survives_kill_9(server: Server, shop: Shop) -> None:
    roomy = [shop.key(activations=1_000, usage=1_000_000) for _ in range(4)]
    tight = [shop.key(activations=limit, usage=limit) for limit in (1, 3, 50)]
    keys = roomy + tight
    loads = []
    for seed in range(ROUNDS):
        loads.append(load := Load(shop, keys, seed))
        wait_for(load, 60 + 17 * seed)
        server.kill()
        load.join()
        shop.move_to(server.start())
        assert_kept(keys, loads, unanswered=CLIENTS * len(loads))


def test_sigterm_under_load_ends_well(server: Server, shop: Shop) -> None:
    keys = [shop.key(activations=1_000, usage=1_000_000) for _ in range(4)]
    load = Load(shop, keys, seed=0)
    wait_for(load, 60)
    assert server.terminate() == 0
    load.join()
    shop.move_to(server.start())
    assert_kept(keys, [load], unanswered=CLIENTS)
