from __future__ import annotations

from .conftest import Service


async def test_a_long_command_fits_the_query(service: Service) -> None:
    response = await service.client.post("/v1/jobs", params={"command": "echo " + "x" * 20_000})
    assert response.status == 201
