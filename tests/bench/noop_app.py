"""The smallest Litestar service on the server that ours run on: POST, a JSON body, 201. Prints its port."""

import asyncio
import sys

import uvicorn
from litestar import Litestar, post


@post("/tenants/{tenant_id:int}/runs")
async def start(tenant_id: int) -> dict[str, int]:
    """Answer at once."""
    return {"run_id": tenant_id}


async def serve() -> None:
    """Serve on a free port until stopped."""
    app = Litestar([start], openapi_config=None)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False, lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await running


if __name__ == "__main__":
    if sys.platform != "win32":
        import uvloop

        uvloop.run(serve())
    else:
        asyncio.run(serve())
