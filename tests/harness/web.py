"""Single requests with nobody's rights. They wait as long as a busy machine with a slow disk may take."""

from functools import partial

import httpx

get = partial(httpx.get, timeout=60)
post = partial(httpx.post, timeout=60)
put = partial(httpx.put, timeout=60)
