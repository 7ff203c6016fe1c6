"""A client of redis and of PostgreSQL, as people write them: it writes much, to servers that may not read.

python stores.py redis PORT
python stores.py postgres FOLDER
"""

from __future__ import annotations

import asyncio
import os
import sys

import asyncpg
import redis.asyncio


async def to_redis(port: str) -> None:
    client = redis.asyncio.Redis(host="127.0.0.1", port=int(port))
    print(os.getpid(), flush=True)

    async def fill(key: str) -> None:
        while True:
            await client.set(key, b"x" * 20_000_000)

    await asyncio.gather(*map(fill, "abcd"))  # one of them is always on its way


async def to_postgres(folder: str) -> None:
    owner = await asyncpg.connect(host=folder, user="postgres", database="postgres")
    await owner.execute("create table if not exists lines (line text)")
    begun = owner.transaction()
    await begun.start()
    await owner.execute("lock table lines in access exclusive mode")  # who writes to it waits, and reads no more
    writer = await asyncpg.connect(host=folder, user="postgres", database="postgres")
    print(os.getpid(), flush=True)

    async def much() -> object:
        while True:
            yield b"x" * 1000 + b"\n"

    await writer.copy_to_table("lines", source=much())


if __name__ == "__main__":
    asyncio.run({"redis": to_redis, "postgres": to_postgres}[sys.argv[1]](sys.argv[2]))
