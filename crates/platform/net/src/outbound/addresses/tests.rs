//! Every special range from its first to its last address, and the neighbours on both sides.

use super::*;

fn is_permitted(address: &str, allowed: &[&str]) -> bool {
    let allowed = allowed.iter().map(|network| network.parse().expect("a network")).collect();
    AddressRules::new(allowed).permits(address.parse().expect("an address"))
}

#[test]
fn global_addresses_may_be_called() {
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2001:ffff::1",
        "2003::",
        "2606:4700:4700::1111",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
    ] {
        assert!(is_permitted(address, &[]), "{address}");
    }
}

#[test]
fn special_addresses_may_not() {
    for address in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::127.0.0.1",
        "100::1",
        "64:ff9b:1::1",
        "1fff:ffff::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:20::1",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::1",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(!is_permitted(address, &[]), "{address}");
    }
}

#[test]
fn ipv4_inside_ipv6_counts_as_ipv4() {
    for (address, expected) in [
        ("::ffff:127.0.0.1", false),
        ("::ffff:10.1.2.3", false),
        ("::ffff:169.254.169.254", false),
        ("::ffff:8.8.8.8", true),
        ("64:ff9b::127.0.0.1", false),
        ("64:ff9b::a9fe:a9fe", false),
        ("64:ff9b::10.0.0.1", false),
        ("64:ff9b::8.8.8.8", true),
    ] {
        assert_eq!(is_permitted(address, &[]), expected, "{address}");
    }
}

#[test]
fn named_networks_are_added_and_nothing_else() {
    for (address, allowed, expected) in [
        ("127.0.0.1", ["127.0.0.0/8"], true),
        ("::ffff:127.0.0.1", ["127.0.0.0/8"], true),
        ("64:ff9b::7f00:1", ["127.0.0.0/8"], true),
        ("::1", ["127.0.0.0/8"], false),
        ("::1", ["::1/128"], true),
        ("::1", ["::1"], true),
        ("::2", ["::1"], false),
        ("10.1.2.3", ["10.1.2.0/24"], true),
        ("10.1.3.3", ["10.1.2.0/24"], false),
        ("fd12::1", ["fd00::/8"], true),
        ("fe80::1", ["fd00::/8"], false),
        ("192.168.1.1", ["0.0.0.0/0"], true),
        ("fe80::1", ["0.0.0.0/0"], false),
        ("fe80::1", ["::/0"], true),
        ("10.0.0.1", ["::/0"], false),
        ("8.8.8.8", ["10.0.0.0/8"], true),
    ] {
        assert_eq!(is_permitted(address, &allowed), expected, "{address} {allowed:?}");
    }
}

#[test]
fn what_is_no_network_is_refused() {
    for text in
        ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host", "10.0.0.0/-1", "10.0.0.0/+8", "/8", "10.0.0.0/"]
    {
        assert_eq!(text.parse::<IpNetwork>(), Err(IpNetworkError), "{text}");
    }
}
