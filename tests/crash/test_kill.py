"""`kill -9` and SIGTERM under load: what was acknowledged is kept, and no limit is passed."""

from crash.load import CLIENTS, Load, assert_kept
from harness import Server, Shop

ROUNDS = 4


def test_everything_acknowledged_survives_kill_9(server: Server, shop: Shop) -> None:
    roomy = [shop.key(activations=1_000, usage=1_000_000) for _ in range(4)]
    tight = [shop.key(activations=limit, usage=limit) for limit in (1, 3, 50)]
    keys = roomy + tight
    loads = []
    for seed in range(ROUNDS):
        loads.append(load := Load(shop, keys, seed))
        load.wait_for(60 + 17 * seed)
        server.kill()
        load.join()
        shop.move_to(server.start())
        assert_kept(keys, loads, unanswered=CLIENTS * len(loads))


def test_sigterm_under_load_ends_well(server: Server, shop: Shop) -> None:
    keys = [shop.key(activations=1_000, usage=1_000_000) for _ in range(4)]
    load = Load(shop, keys, seed=0)
    load.wait_for(60)
    assert server.terminate() == 0
    load.join()
    shop.move_to(server.start())
    assert_kept(keys, [load], unanswered=CLIENTS)
