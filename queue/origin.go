package queue

import "net/netip"

// AddressOf is what of an address stands for one connection: an IPv4 address whole,
// of an IPv6 address the 64 bits that a provider gives to one home or phone.
func AddressOf(a netip.Addr) netip.Prefix { return cut(a, 32, 64) }

// NetworkOf is the neighbourhood of an address: 256 addresses of IPv4, and of IPv6
// the 48 bits that one site gets.
func NetworkOf(a netip.Addr) netip.Prefix { return cut(a, 24, 48) }

// cut is the zero prefix for no address.
func cut(a netip.Addr, bits4, bits6 int) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	prefix, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
