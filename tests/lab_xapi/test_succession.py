"""Another host becomes the coordinator: by designation, or because the old one is lost."""

from __future__ import annotations

import pytest

from .client import AWAY, Client, refused


def moved_to(client: Client, name: str) -> Client:
    """A client of the new coordinator, once every host answers again."""
    client.close()
    client.passes(60)
    other = Client(client.pool, client.clock, url=client.pool.host(name).url).login()
    other.until_enabled("xs-01", "xs-02", "xs-03")
    return other


def assert_member(client: Client, name: str, coordinator: str) -> None:
    """The host sends everybody to the coordinator."""
    asked = Client(client.pool, client.clock, url=client.pool.host(name).url)
    with refused("HOST_IS_SLAVE", client.pool.host(coordinator).address):
        asked("pool.get_all")
    asked.close()


def last_sync(client: Client) -> str:
    return str(client("pool.get_last_update_sync", client.pool_ref()))


def test_a_designated_coordinator_answers_for_the_pool_and_has_no_packages(small: Client) -> None:
    checksum = small.checksum()
    small("pool.designate_new_master", small.host("xs-02"))
    small.passes(3)
    with pytest.raises(AWAY):
        small("pool.get_all")
    new = moved_to(small, "xs-02")
    assert new("pool.get_master", new.pool_ref()) == new.host("xs-02")
    assert last_sync(new).startswith("19700101T")
    assert new.checksum() == checksum
    assert_member(new, "xs-01", coordinator="xs-02")
    assert new.get(f"/updates?session_id={new.ref}", host=1)[0] == 404
    new("host.disable", new.host("xs-03"))
    assert new.fails("host.apply_updates", new.host("xs-03"), checksum)[0] == "INVALID_UPDATEINFO_XML"

    new.do("pool.sync_updates", new.pool_ref(), False)
    assert new.checksum() == checksum
    new.do("host.evacuate", new.host("xs-03"))
    new.do("host.apply_updates", new.host("xs-03"), checksum)
    new.close()


def test_it_is_refused_while_ha_is_on(small: Client) -> None:
    small("pool.enable_ha", [small("pool.get_default_SR", small.pool_ref())], {})
    assert small.fails("pool.designate_new_master", small.host("xs-02")) == ["HA_IS_ENABLED"]


def test_a_member_takes_over_from_a_coordinator_that_is_gone(small: Client) -> None:
    before = last_sync(small)
    small("host.disable", small.host("xs-01"))
    small.do("host.evacuate", small.host("xs-01"))
    small.pool.host("xs-01").never_returns()
    small("host.reboot", small.host("xs-01"))
    small.close()
    small.passes(60)
    assert small.pool.host("xs-02").state == "emergency"
    small.pool.host("xs-02").takes_over()
    small.passes(240)
    new = Client(small.pool, small.clock, url=small.pool.host("xs-02").url).login()
    assert new("pool.get_master", new.pool_ref()) == new.host("xs-02")
    assert last_sync(new) == before, "nothing tells that the packages are gone"
    assert small.pool.host("xs-03").state == "up"
    small.passes(600)
    assert not new("host_metrics.get_live", new("host.get_metrics", new.host("xs-01")))
    small.pool.host("xs-01").never_returns(False)
    new.until_enabled("xs-01")
    assert_member(new, "xs-01", coordinator="xs-02")
    new.close()
