"""Where requests of ours may go. People type these addresses, so none of them may lead into the office's own network."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from models.settings import MAIL_ADDRESS, Reach

ROBOT_PLACES = {
    "wecom": (("qyapi.weixin.qq.com", "/cgi-bin/webhook/send"),),
    "dingtalk": (("oapi.dingtalk.com", "/robot/send"),),
    "feishu": (("open.feishu.cn", "/open-apis/bot/"), ("open.larksuite.com", "/open-apis/bot/")),
}
TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
PLAIN = re.compile(r"[\x21-\x7e]+")


def parts_of(url: str, reach: Reach) -> SplitResult | None:
    """The parts of an address we may send to, or nothing: https (or http where a setting allows it), a host, no password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    schemes = ("https", "http") if reach.plain else ("https",)
    whole = parts.scheme in schemes and parts.hostname and not parts.username and not parts.password
    return parts if whole and port != 0 and PLAIN.fullmatch(url) and len(url) <= 500 else None


def robot_address(kind: str, url: str, reach: Reach) -> bool:
    """Whether this is the address of a group robot of this kind: at its maker, or at an office's own host that is allowed."""
    parts = parts_of(url, reach)
    if parts is None:
        return False
    own = host_allowed(parts.hostname or "", reach)
    made = any(parts.hostname == host and parts.path.startswith(path) for host, path in ROBOT_PLACES[kind])
    return own or (made and parts.scheme == "https" and parts.port in (None, 443))


def mail_address(text: str) -> bool:
    """Whether this can be an e-mail address of somebody."""
    return MAIL_ADDRESS.fullmatch(text) is not None and len(text) <= 200


def host_allowed(host: str, reach: Reach) -> bool:
    """Whether an office allows this host of its own by name."""
    return host.lower() in reach.internal


def outward(address: str) -> bool:
    """Whether an address of the network lies outside: not private, loopback, link-local, shared, reserved or multicast, nor
    an IPv6 one that stands for an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return outward(str(ip.ipv4_mapped))
        if any(ip in net for net in TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
