"""Valid chardevs of every type, from what the option sets declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.rules import make
from muxcore.options.schema import OptionInfo, option_infos
from muxcore.options.sets import (
    CONFIGURABLE,
    ChardevOptions,
    ChardevSpec,
    HubOptions,
    ProcessOptions,
    RingbufOptions,
    SocketOptions,
    UdpOptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
ids = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,8}", fullmatch=True)


def values(info: OptionInfo) -> st.SearchStrategy[Any]:
    """Any value that is in the option's own range."""
    if info.kind == "bool":
        return st.booleans()
    if info.kind == "choice":
        return st.sampled_from(info.choices)
    if info.kind == "list":
        return st.lists(ids, min_size=1, unique=True).map(tuple)
    if info.kind == "str":
        return texts
    return st.integers(info.minimum, info.maximum)


def complaint(use: Callable[[], object]) -> str:
    """What `use` complains of, empty when it does not; any other exception passes."""
    try:
        use()
    except OptionError as error:
        return f"{error} {error.hint}".replace("\n", " ")
    return ""


@st.composite
def specs(draw: st.DrawFn) -> ChardevSpec:
    """A chardev that breaks no rule, with or without an id."""
    options = CONFIGURABLE[draw(st.sampled_from(sorted(CONFIGURABLE)))]
    given = {}
    for info in option_infos(options):
        if info.required or draw(st.booleans()):
            given[info.attribute] = draw(values(info))
    _obey_rules(draw, options, given)
    return ChardevSpec(draw(st.none() | ids), make(options, given))


SOCKET_ADDRESS = ("path", "abstract", "tight", "host", "port", "to", "ipv4", "ipv6", "fd", "cid")


def _obey_socket_rules(draw: st.DrawFn, given: dict[str, Any]) -> None:
    for name in SOCKET_ADDRESS:
        given.pop(name, None)
    given |= draw(
        st.one_of(
            st.fixed_dictionaries(
                {"path": texts}, optional={"abstract": st.booleans(), "tight": st.booleans()}
            ),
            st.fixed_dictionaries(
                {"port": st.just("ssh")},
                optional={"host": texts, "to": st.integers(1, 65535), "ipv4": st.just(True)},
            ),
            st.fixed_dictionaries({"fd": st.just("7")}),
            st.fixed_dictionaries({"cid": st.just("2"), "port": st.just("4294967295")}),
        )
    )
    if not (given.get("tls_creds") and ("host" in given or "fd" in given)):
        given.pop("tls_creds", None)
        given.pop("tls_authz", None)
    given.pop("reconnect_ms" if "reconnect" in given else "reconnect", None)
    if given.get("server"):
        given.pop("reconnect", None)
        given.pop("reconnect_ms", None)
    else:
        given.pop("wait", None)
        given.pop("websocket", None)
        given.pop("rfc2217", None)
    if given.get("rfc2217"):
        given["telnet"] = True
    if given.get("telnet"):
        given.pop("echr", None)
    if "fd" in given:
        given.pop("reconnect", None)
        given.pop("reconnect_ms", None)


def _obey_rules(draw: st.DrawFn, options: type[ChardevOptions], given: dict[str, Any]) -> None:
    if options is SocketOptions:
        _obey_socket_rules(draw, given)
    elif options is RingbufOptions:
        given["size"] = 1 << draw(st.integers(0, 30))
    elif options is ProcessOptions:
        given["env"] = draw(st.sampled_from(["", "A=1", "A=1 B='x y'"]))
    elif options is UdpOptions:
        given["port"] = draw(st.sampled_from(["5555", "tftp"]))
        given.pop("localport", None)
        given.pop("ipv6" if draw(st.booleans()) else "ipv4", None)
    elif options is HubOptions:
        given["chardevs"] = given["chardevs"][:20]
